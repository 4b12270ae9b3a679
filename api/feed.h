/*
 * feed.h - waiting for events: who waits in this worker, and what wakes them.
 *
 * The relay says in the very transaction that numbers a firm's events that it did (NOTIFY), so it
 * is heard by every worker of every API, with Redis or without. A wake-up may be missed, while the
 * connection that listens is being made again: who waits looks again after FEED_LOOK_MS anyway,
 * which also ends the wait of somebody whose rights are gone.
 */
#ifndef PORTICO_FEED_H
#define PORTICO_FEED_H

#include "id.h"
#include "io.h"

enum {
	FEED_SEATS = 400, /* who may wait in one worker; a fiber each, below its 1,024 requests */
	FEED_LOOK_MS = 1000
};

/* One who waits. It lies on the waiter's stack. */
struct feed_seat {
	struct id firm;
	struct io_event event;
	unsigned number;
};

/*
 * Listen for events of `firm` from now on: take the seat before looking for events, so that none
 * comes unheard in between. False when all are taken or the worker is to end: then do not wait.
 */
bool feed_sit(struct feed_seat *seat, const struct id *firm);

/* Give it back; also after a wait that was cancelled. */
void feed_rise(struct feed_seat *seat);

/*
 * Wait until events of the firm were numbered, `timeout_ms` at most. 1: some were; 0: the time is
 * over; -1 when cancelled.
 */
may_wait int feed_wait(struct feed_seat *seat, int timeout_ms);

/* Nobody may wait any longer: the worker is to end. All who do are woken. */
void feed_close(void);

/* Was feed_close called? */
bool feed_closed(void);

/* The background fiber that hears the relay. `conf` is the worker's struct conf. */
may_wait void feed_listen(void *conf);

#endif
