/* gate.h - between the two files that know Kore: gate.c, where requests run, and main.c, which sets
 * up. */
#ifndef PORTICO_GATE_H
#define PORTICO_GATE_H

#include "door.h"

struct connection;
struct http_request;

/* In the parent, before workers are forked: make what they share. 0, or -1 with errno. */
int gate_open(void);

/* In a worker, before worker_start(): put the Kore driver behind the seam. `public_url` begins the
 * type of the problems that are answered here. 0, or -1 with errno. */
int gate_start(const char *public_url);

/*
 * In a worker that is to end: take no new connection, let the requests under way finish for up to
 * GATE_DRAIN_MS, cancel what is left, then the background fibers. Nothing runs in a fiber
 * afterwards.
 */
enum { GATE_DRAIN_MS = 10000 };
void gate_drain(void);

/* Kore calls these by name. */
void gate_connect(struct connection *c);
int gate_request(struct http_request *req);

#endif
