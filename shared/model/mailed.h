/* mailed.h - doors that are opened by mail: what is asked for, and what is redeemed. */
#ifndef PORTICO_MAILED_H
#define PORTICO_MAILED_H

#include "field.h"

/* Kinds of mailed tokens, which are also the purposes they are derived for and kinds of mails. */
#define MAILED_SIGN_IN "sign_in"
#define MAILED_RESET   "password_reset"
#define MAILED_CODE    "sign_in_code" /* purpose of the code beside the link */

enum {
	MAILED_TRIES_MAX = 5,           /* of the code, right or wrong (pitfall 43) */
	MAILED_RESET_SECONDS = 60 * 60, /* a link to choose another password */
	CHALLENGE_LENGTH = 43,          /* base64url of a SHA-256 (RFC 7636 4.2) */
	VERIFIER_MIN = 43,
	VERIFIER_MAX = 128
};

struct magic_link_in {
	const char *firm, *audience, *email;
	const char *code_challenge; /* NULL: whoever has the mail may redeem it */
};

/* Either token, or email and code. */
struct magic_redeem_in {
	const char *firm, *token, *email, *code, *code_verifier, *transport;
};

struct reset_in {
	const char *firm, *audience, *email;
};

struct reset_redeem_in {
	const char *token, *new_password;
};

struct find_portals_in {
	const char *email;
};

extern const struct entity magic_link_in_entity;
extern const struct entity magic_redeem_in_entity;
extern const struct entity reset_in_entity;
extern const struct entity reset_redeem_in_entity;
extern const struct entity find_portals_in_entity;

/* Add a fault where the challenge is no S256 one (RFC 7636 4.2). */
void mailed_check_challenge(const struct magic_link_in *in, struct err *e);

/* Add the faults of a redemption: neither or both of its two ways, by *sent_r of field_read. */
void mailed_check_redeem(uint64_t sent, struct err *e);

/* Six digits as somebody types them, blanks and hyphens left out; NULL when that is no code. */
const char *mailed_code_read(struct arena *a, const char *text);

#endif
