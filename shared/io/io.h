/*
 * io.h - the seam: everything that waits goes through here.
 *
 * In an API worker the driver parks the request's fiber and Kore's event loop resumes it; in the
 * mailer, the tools and the tests it is poll(2). So all code above is straight-line in all
 * programs.
 */
#ifndef PORTICO_IO_H
#define PORTICO_IO_H

#include "base.h"

#include <poll.h>

struct fiber;

struct io_driver {
	/* As io_wait() and io_run() below. */
	int (*wait)(struct pollfd *fds, unsigned n, int timeout_ms);
	int (*run)(void (*work)(void *data), void *data, size_t size);

	/* For drivers with fibers, else NULL: end the wait of `f` as if its time had passed. It
	 * goes on from the next turn of the loop, never at once. */
	void (*wake)(struct fiber *f);

	/* For drivers with fibers, else NULL: run fn(arg) in a fiber of its own from the next turn.
	 */
	void (*spawn)(void (*fn)(void *arg), void *arg);
};

/* The driver in use; io_poll_driver from the start. */
extern const struct io_driver *io_driver;
extern const struct io_driver io_poll_driver;

enum { IO_WAIT_FDS_MAX = 16 };

/*
 * Wait until one of `n` (0 to IO_WAIT_FDS_MAX) descriptors is ready or `timeout_ms` have passed
 * (-1: for ever). Returns the number of ready ones with revents set, 0 on time-out, -1 with errno
 * ECANCELED when whoever asked is gone: then unwind, every further wait fails likewise.
 */
may_wait int io_wait(struct pollfd *fds, unsigned n, int timeout_ms);

/* io_wait for one descriptor. Returns 1, 0 or -1. */
may_wait int io_wait_fd(int fd, short events, int timeout_ms);

/* Let `ms` pass. 0, or -1 when cancelled. */
may_wait int io_sleep(int ms);

/*
 * Do CPU-heavy `work` away from the event loop. It gets a private copy of the `size` bytes at
 * `data`, which is copied back when it is done, so that a cancelled caller may return at once: what
 * the work needs must be inside these bytes. 0; -1 with errno ECANCELED, or EAGAIN when the bounded
 * queue is full.
 */
may_wait int io_run(void (*work)(void *data), void *data, size_t size);

/* What one fiber waits for and another one brings about: zeroed at birth, one waiter at a time. */
struct io_event {
	struct fiber *waiter;
	bool raised;
};

/*
 * Wait until `ev` is raised, and lower it. 1; 0 on time-out; -1 when cancelled. Without fibers
 * nobody can raise it in the meantime, so it then lasts until the time-out.
 */
may_wait int io_event_wait(struct io_event *ev, int timeout_ms);

/* Raise it: its waiter goes on from the next turn of the loop. */
void io_event_raise(struct io_event *ev);

/* Counters that the tests read: fibers alive, waits begun. */
struct io_stats {
	uint64_t waits;
	uint64_t cancelled;
};
extern struct io_stats io_stats;

#endif
