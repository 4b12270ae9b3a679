/*
 * loop.h - a small event loop with fibers behind the seam, for tests: what gate.c does with Kore,
 * on poll(2).
 *
 * loop_start(fn, arg) makes a fiber, loop_turn() runs what is ready, loop_cancel() does what a
 * client does that goes away.
 */
#ifndef PORTICO_LOOP_H
#define PORTICO_LOOP_H

#include "fiber.h"
#include "io.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct strand {
	struct fiber *fiber;
	void (*fn)(void *arg);
	void *arg;
	struct pollfd *fds;
	unsigned n;
	int64_t until_ms; /* INT64_MAX: no time-out */
	bool ready, parked;
	struct strand *next;
};

static struct strand *loop_strands;
static bool loop_stopping;

static inline int loop_wait(struct pollfd *fds, unsigned n, int timeout_ms)
{
	struct fiber *f = fiber_current();
	struct strand *s = f ? fiber_data(f) : NULL;
	int ready = 0;

	if (!f)
		return io_poll_driver.wait(fds, n, timeout_ms);
	if (fiber_cancelled(f))
		return errno = ECANCELED, -1;
	s->fds = fds;
	s->n = n;
	s->until_ms = timeout_ms < 0 ? INT64_MAX : clock_mono_ms() + timeout_ms;
	s->parked = true;
	s->ready = false;
	fiber_park();
	s->parked = false;
	for (unsigned i = 0; i < n; i++)
		ready += fds[i].revents != 0;
	return fiber_cancelled(f) ? errno = ECANCELED, -1 : ready;
}

static inline void loop_wake(struct fiber *f)
{
	((struct strand *)fiber_data(f))->ready = true;
}

static inline struct strand *loop_start(void (*fn)(void *arg), void *arg)
{
	struct strand **at = &loop_strands, *s = calloc(1, sizeof(*s));

	assert(s);
	s->fn = fn;
	s->arg = arg;
	s->ready = true;
	while (*at)
		at = &(*at)->next;
	*at = s;
	return s;
}

static inline void loop_spawn(void (*fn)(void *arg), void *arg)
{
	loop_start(fn, arg);
}

static const struct io_driver loop_driver = {
	.wait = loop_wait, .run = NULL, .wake = loop_wake, .spawn = loop_spawn};

static struct io_driver loop_with_run;

static inline void loop_use(void)
{
	loop_with_run = loop_driver;
	loop_with_run.run = io_poll_driver.run;
	io_driver = &loop_with_run;
	loop_stopping = false;
}

static inline void loop_forget(struct strand *s)
{
	struct strand **at = &loop_strands;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	if (s->fiber)
		fiber_free(s->fiber);
	free(s);
}

/* Resume it; true when it has ended and is gone. */
static inline bool loop_run(struct strand *s)
{
	s->ready = false;
	if (!s->fiber) {
		s->fiber = fiber_new(s->fn, s->arg);
		assert(s->fiber);
		fiber_set_data(s->fiber, s);
		if (loop_stopping)
			fiber_cancel(s->fiber);
	}
	fiber_resume(s->fiber);
	if (!fiber_ended(s->fiber))
		return false;
	loop_forget(s);
	return true;
}

/* The client of this strand has gone. */
static inline void loop_cancel(struct strand *s)
{
	if (!s->fiber) {
		s->fiber = fiber_new(s->fn, s->arg);
		assert(s->fiber);
		fiber_set_data(s->fiber, s);
	}
	fiber_cancel(s->fiber);
	while (!loop_run(s)) {
	}
}

/* poll(2) all of them for at most `ms`, and say who is ready. */
static inline void loop_poll(int ms)
{
	static struct pollfd all[4096];
	unsigned n = 0, at = 0;
	int64_t now = clock_mono_ms();

	for (struct strand *s = loop_strands; s; s = s->next) {
		if (s->ready || !s->parked)
			ms = s->ready ? 0 : ms;
		else if (s->until_ms - now < ms)
			ms = s->until_ms > now ? (int)(s->until_ms - now) : 0;
		for (unsigned i = 0; s->parked && i < s->n; i++)
			all[n++] = s->fds[i];
	}
	poll(all, n, ms);
	now = clock_mono_ms();
	for (struct strand *s = loop_strands; s; s = s->next) {
		for (unsigned i = 0; s->parked && i < s->n; i++, at++) {
			s->fds[i].revents = all[at].revents;
			s->ready |= all[at].revents != 0;
		}
		s->ready |= s->parked && s->until_ms <= now;
	}
}

/* Wait for at most `ms`, run each ready strand once. True while there are strands. */
static inline bool loop_turn(int ms)
{
	struct strand *s, *next, *last = NULL;
	unsigned n = 0;

	loop_poll(ms);
	for (s = loop_strands; s; s = s->next)
		n++;
	(void)last;
	for (s = loop_strands; s && n > 0; s = next, n--) {
		next = s->next;
		if (s->ready)
			loop_run(s);
	}
	return loop_strands != NULL;
}

/* Run until all have ended. */
static inline void loop_finish(void)
{
	while (loop_turn(1000)) {
	}
}

#endif
