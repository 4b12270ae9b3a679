/*
 * tally.h - what callers have used of their quotas: counted in Redis for all workers, and here
 * while it does not answer.
 *
 * One question, one answer, on one connection that all fibers of the worker share. Nobody waits
 * longer than TALLY_WAIT_MS, and nothing fails because of Redis.
 */
#ifndef PORTICO_TALLY_H
#define PORTICO_TALLY_H

#include "base.h"
#include "quota.h"

struct tally;

enum { TALLY_WAIT_MS = 20, TALLY_KEY_MAX = 128 };

/* How often which of the two has counted, since the start. */
struct tally_stats {
	uint64_t shared, local;
};

/* What the program that keeps a tally is asked, and told when Redis goes (with a reason) or comes.
 */
struct tally_keeper {
	bool (*stopping)(void);
	void (*changed)(bool shared, const char *why);
};

/*
 * A tally in the Redis at `url`. While that is away, each of the `shares` workers grants its share
 * of a quota. Free it when no fiber uses it any more.
 */
struct tally *tally_new(const char *url, unsigned shares);
void tally_free(struct tally *t);

/* In a fiber of its own: connect, and again after a loss, and deal out the answers. Returns when
 * stopping() says so. */
may_wait void tally_keep(struct tally *t, const struct tally_keeper *k);

/*
 * Use the quota `q` of `key` (at most TALLY_KEY_MAX bytes, no NUL) at `now_ms`, Unix time. The
 * answer never fails; it is a guess from what this worker knows when Redis does not answer in time.
 */
may_wait struct quota_left tally_use(struct tally *t, const char *key, const struct quota *q,
                                     enum quota_cost cost, int64_t now_ms);

/* Give back a unit that was taken for nothing, without waiting for anything. */
void tally_give(struct tally *t, const char *key, const struct quota *q, int64_t now_ms);

/* Does Redis count at the moment? */
bool tally_shared(const struct tally *t);

/* The counters, for whoever shows them. */
struct tally_stats tally_stats(const struct tally *t);

#endif
