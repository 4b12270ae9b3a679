/* guess.h - passwords that are tried: how many wrong ones an address and a place may send. */
#ifndef PORTICO_GUESS_H
#define PORTICO_GUESS_H

#include "rq.h"

/* One try at the password of an address, with the keys under which failures are counted. */
struct guess {
	struct id firm;             /* id_none: not known, and nothing is counted */
	struct id membership;       /* id_none: nobody has the address */
	const char *action;         /* for the audit log */
	enum problem wrong;         /* PROBLEM_NONE: invalid_credentials */
	const char *pair, *account; /* hashes: address and place, address */
};

/* Begin a try for `email_key` as `audience`; firm, membership and action are the caller's to set.
 */
void guess_begin(struct rq *rq, const char *audience, const char *email_key, struct guess *g);

/*
 * Count a try before it is made, or refuse it with too_many_attempts while this address is closed,
 * known or not: nothing is told by it. A refusal is on record, as denied. What follows is one of
 * the three below. A unit of its own, before the request's has begun.
 */
may_wait int guess_allowed(struct rq *rq, const struct guess *g);

/*
 * It was wrong: that is on record, as failed, although the request changes nothing else (promise
 * P19), and committed in the request's unit, which has claimed the firm. Always -1: g->wrong with
 * `text`, or why it could not be written.
 */
may_wait int guess_wrong(struct rq *rq, const struct guess *g, const char *text);

/* It was right, and does not count: this place may err again. In the request's unit, which has
 * claimed the firm. 0, or -1 with err. */
may_wait int guess_right(struct rq *rq, const struct guess *g);

/* It was not made, because of what rq->err says: it does not count. Always -1, and err stays. */
may_wait int guess_forget(struct rq *rq, const struct guess *g);

#endif
