/* denial.h - what was refused, on record in a transaction of its own. */
#ifndef PORTICO_DENIAL_H
#define PORTICO_DENIAL_H

#include "audit.h"
#include "rq.h"

/*
 * The request has failed with rq->err, and its unit is over: write it into the audit log when it
 * was denied to somebody whose credential is one of ours. That is each 403, a guarded act such as
 * the last owner's (409), and once an hour the use of a session that has ended or of an API key
 * that is good no more, or not from there (401). What is not there, for this caller or for all
 * (404), is no denial, and neither is rate_limited: the limits in front of it bound what one caller
 * can make us write. The answer stays as it is; when the entry cannot be written the log of the
 * server says so. Promise P19.
 */
may_wait void denial_note(struct rq *rq);

/* The same for an attempt to sign in at `firm`, while nobody is known. */
may_wait void denial_attempt(struct rq *rq, const struct id *firm, const struct audit_entry *entry);

#endif
