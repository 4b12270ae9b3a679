/* door.h - what passes between the network (gate.c, or a test) and the dispatcher. */
#ifndef PORTICO_DOOR_H
#define PORTICO_DOOR_H

#include "base.h"

enum { DOOR_HEADERS_MAX = 32 };

struct door_header {
	const char *name; /* lower case */
	const char *value;
};

/* One request. Everything is borrowed from whoever calls dispatch() until it returns. */
struct door_in {
	const char *method; /* upper case */
	const char *path;   /* still percent-encoded */
	const char *query;  /* after '?', still encoded; NULL when there is none */
	unsigned header_count;
	struct door_header headers[DOOR_HEADERS_MAX];
	const char *body;
	size_t body_len;
};

/* Its answer, owned by the arena given to dispatch(). */
struct door_out {
	int status;
	unsigned header_count;
	struct door_header headers[DOOR_HEADERS_MAX];
	const char *body;
	size_t body_len;
};

/* Answer one request. Runs in a fiber; when the client goes away its waits fail and it unwinds. */
may_wait void dispatch(const struct door_in *in, struct arena *a, struct door_out *out);

/* Once per worker, before the first request: open pools, start the relay. 0 or -1. */
int worker_start(void);

/* When the worker is to end, while requests are still under way: nobody may wait for something to
 * happen any longer. */
void worker_drain(void);

/* Once per worker, after the last request has ended. */
void worker_stop(void);

/* gate.c: run fn(arg) in a fiber of its own beside the requests, from the next turn of the loop. */
void gate_spawn(void (*fn)(void *arg), void *arg);

/* gate.c: true once the worker is to end; background fibers then return. Their waits fail too. */
bool gate_stopping(void);

/* gate.c: an eventfd shared by all workers, made before they were forked: written after each commit
 * that made events, read by the relay. */
int gate_event_fd(void);

/* gate.c: memory that all workers share, zeroed, made before they were forked. */
enum { GATE_SHARED_BYTES = 256 * 1024 };
void *gate_shared(void);

#endif
