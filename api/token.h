/* token.h - the tokens of a session: what a device holds, derived from the session's row. */
#ifndef PORTICO_TOKEN_H
#define PORTICO_TOKEN_H

#include "base.h"
#include "crypt.h"
#include "id.h"

/* One session as its tokens know it. */
struct device {
	struct id firm, membership, session;
	uint8_t nonce[NONCE_SIZE]; /* of the row: with the server's key it makes the tokens */
	bool second_factor;        /* was it given? */
	int64_t generation;        /* of the refresh token, and of the access token beside it */
	const char *proved;        /* the password hash that was proved; NULL: another way */
};

/*
 * The access token of a device's generation, "cps_…" with the three ids in clear; the same each
 * time it is asked for, so that a repeated refresh is answered alike and nothing has to be stored.
 * *hash_r is the hash for the row. Texts owned by `a`.
 */
const char *token_access(struct arena *a, const struct device *d, const char **hash_r);

/* The ids that an access token claims: 0, or -1 when it is none. Nothing is verified yet. */
int token_access_claims(struct arena *a, const char *token, struct device *d_r);

/* The refresh token of a device's generation, "cpr_…", as token_access. */
const char *token_refresh(struct arena *a, const struct device *d);

/* Firm, session and generation that a refresh token claims: 0, or -1 when it is none. */
int token_refresh_claims(struct arena *a, const char *token, struct device *d_r);

/* Is `token` the very one that the device had at its generation? */
bool token_refresh_fits(struct arena *a, const char *token, const struct device *d);

/* The token of a question for the second factor, "mfa_…" with firm and row in clear and the rest
 * random; *hash_r as above. */
const char *token_challenge(struct arena *a, const struct id *firm, const struct id *row,
                            const char **hash_r);

/* The ids that it claims and its hash: 0, or -1 when it is none. */
int token_challenge_claims(struct arena *a, const char *token, struct id *firm_r, struct id *row_r,
                           const char **hash_r);

#endif
