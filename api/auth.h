/* auth.h - who is calling: credentials are read here and verified by the database. */
#ifndef PORTICO_AUTH_H
#define PORTICO_AUTH_H

#include "rq.h"

/*
 * Read the credential of the request (Bearer or cookie, never both) and the ids that it claims. 0,
 * also when there is none on a public route; -1 with unauthenticated or malformed_request.
 */
int auth_claim(struct rq *rq);

/*
 * Refuse what another site made the browser send with the user's cookie: a writing request with a
 * cookie, or one that asks for a cookie, whose Origin or Sec-Fetch-Site is foreign.
 */
int auth_origin(struct rq *rq);

/*
 * On a public call that came with a session: whose is it? 1 and *who_r when it is a live one, 0
 * when there is none, -1 with err. A unit of its own.
 */
may_wait int auth_optional(struct rq *rq, struct who *who_r);

/*
 * Refuse with recent_sign_in_required a session whose person has not proved who they are in the
 * last 15 minutes: for calls whose effect outlives the session. Signing in again makes a session
 * that may.
 */
may_wait int auth_recent(struct rq *rq);

/*
 * What the caller's own session rests on was not found: it has ended since authenticate() ran.
 * Turns not_found into unauthenticated, leaves other faults. Always -1.
 */
int auth_gone(struct rq *rq);

/* Queue authenticate(), or its twin for keys, before the first statement, with the route's rule. */
void auth_prelude(struct rq *rq);

/* Fill rq->who from what authenticate() answered; runs it when nothing else did. */
may_wait int auth_known(struct rq *rq);

/*
 * Note that the caller's session or key was used, where that is due: once a minute, as the last
 * before the commit, so that a transaction does not wait while it holds it. Does not wait for it.
 */
may_wait int auth_used(struct rq *rq);

/* Set, or clear with `token` NULL, the session cookie. */
void auth_cookie(struct rq *rq, const char *token, int64_t max_age_s);

/*
 * Is it the installation's secret? Both are hashed first, so that neither length nor place of a
 * difference shows in the time it takes. False where none is set.
 */
bool auth_secret_is(const char *wanted, const char *given);

/* Does the request carry PORTICO_METRICS_TOKEN? */
bool auth_operator(const struct rq *rq);

#endif
