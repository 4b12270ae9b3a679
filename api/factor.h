/* factor.h - the second factor of a person: codes of an authenticator app, and recovery codes. */
#ifndef PORTICO_FACTOR_H
#define PORTICO_FACTOR_H

#include "crypt.h"
#include "guess.h"
#include "rq.h"

enum { RECOVERY_CODES = 10 };

/* The second factor of an identity, as it is now. */
struct factor {
	struct id identity;
	bool known, confirmed; /* is there a secret, and does it count? */
	uint8_t secret[TOTP_SECRET_SIZE];
	int64_t started_at, last_step;
};

/* Look it up, in a unit of its own. 0, also when there is none; -1 with err. */
may_wait int factor_load(struct rq *rq, const struct id *identity, struct factor *f_r);

/* A secret as it is stored, for a parameter: sealed with the server's key. */
const char *factor_seal(struct rq *rq, const uint8_t secret[TOTP_SECRET_SIZE]);

/*
 * Begin a try at a code of the factor: firm, membership and action are those of `who`. Counts it,
 * or refuses it with too_many_attempts. In units of their own, before the request's has begun.
 */
may_wait int factor_try(struct rq *rq, const struct factor *f, const struct who *who,
                        const char *action, struct guess *g_r);

/*
 * Use the code up, of the app or for recovery, in the request's unit. 0; -1 with invalid_code when
 * it is wrong, was used before, or is of a secret that another has replaced since it was loaded,
 * which is then on record, or with err.
 */
may_wait int factor_use(struct rq *rq, const struct factor *f, const char *code,
                        const struct guess *g);

/* New recovery codes as texts, and their hashes as a parameter: a text array. */
const char *factor_codes(struct rq *rq, const struct id *identity, struct texts *codes_r);

#endif
