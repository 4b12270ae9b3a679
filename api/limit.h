/* limit.h - how many requests a caller may send in a minute, by what they cost us. */
#ifndef PORTICO_LIMIT_H
#define PORTICO_LIMIT_H

#include "rq.h"

struct conf;

/* Classes of calls, each with a limit of its own: limit_class_name() is its policy's name. */
enum limit_class {
	LIMIT_READS,   /* a person's or a key's */
	LIMIT_WRITES,  /* ... */
	LIMIT_UPLOADS, /* ... */
	LIMIT_PUBLIC,  /* an address's, where nobody is known: also with a credential not yet
	                  verified */
	LIMIT_SIGN_IN, /* an address's: passwords and mailed tokens */
	LIMIT_CLASSES
};

/* The counters of this worker, for whoever shows them. */
struct limit_stats {
	uint64_t taken[LIMIT_CLASSES], refused[LIMIT_CLASSES];
	uint64_t shared, local; /* uses counted in Redis, and here because it did not answer */
};

/* Open the worker's tally, and keep it in a fiber of its own. `conf` must live on. */
void limit_start(const struct conf *conf);
void limit_stop(void);

/*
 * Take one of the caller's requests, before anything else is done for it. The route is found and
 * the credential read, though not verified: one that this worker has not verified lately counts for
 * the address that it comes from, so that nobody uses up the limit of another. 0, or -1 with
 * rate_limited. Waits for Redis for a moment only, and never fails because of it.
 */
may_wait int limit_take(struct rq *rq);

/*
 * The edge asks why it was refused an upload, and no other reason was found: -1 with rate_limited
 * when it is the limit, else 0.
 */
int limit_reason(struct rq *rq);

/*
 * The answer is there: a 304 is given back, the credential is remembered or forgotten, and the
 * RateLimit headers are set (draft-ietf-httpapi-ratelimit-headers-10).
 */
void limit_close(struct rq *rq);

/*
 * Where the request comes from, as far as counting goes: the address, or the first half of an IPv6
 * one, since whoever has one has all behind it; "?", one place, where that cannot be told. Owned by
 * the request.
 */
const char *limit_place(const struct rq *rq);

/* "reads" …: the name of a class in headers, log and metrics. */
const char *limit_class_name(enum limit_class c);

/* The class that refused this request, NULL: none did. */
const char *limit_refused(const struct rq *rq);

struct limit_stats limit_stats(void);

#endif
