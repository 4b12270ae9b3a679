/* mailed.c - doors that are opened by mail: what is asked for, and what is redeemed. */
#include "mailed.h"

#include "base.h"
#include "invitation.h"
#include "session.h"

enum { NEED = FIELD_CREATE | FIELD_REQUIRED, SLUG_MAX = 63, CODE_DIGITS = 6, CODE_TEXT_MAX = 20 };

static const char base64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* clang-format off */
static const struct field magic_link_in_fields[] = {
	F_TEXT(magic_link_in, firm, 1, SLUG_MAX, FIELD_CREATE),
	F_ENUM(magic_link_in, audience, audiences, NEED),
	F_EMAIL(magic_link_in, email, NEED),
	F_SECRET(magic_link_in, code_challenge, FIELD_CREATE),
	FIELD_END,
};

static const struct field magic_redeem_in_fields[] = {
	F_TEXT(magic_redeem_in, firm, 1, SLUG_MAX, FIELD_CREATE),
	F_SECRET(magic_redeem_in, token, FIELD_CREATE),
	F_EMAIL(magic_redeem_in, email, FIELD_CREATE),
	F_SECRET(magic_redeem_in, code, FIELD_CREATE),
	F_SECRET(magic_redeem_in, code_verifier, FIELD_CREATE),
	F_ENUM(magic_redeem_in, transport, transports, NEED),
	FIELD_END,
};

static const struct field reset_in_fields[] = {
	F_TEXT(reset_in, firm, 1, SLUG_MAX, FIELD_CREATE),
	F_ENUM(reset_in, audience, audiences, NEED),
	F_EMAIL(reset_in, email, NEED),
	FIELD_END,
};

static const struct field reset_redeem_in_fields[] = {
	F_SECRET(reset_redeem_in, token, NEED),
	F_SECRET(reset_redeem_in, new_password, NEED),
	FIELD_END,
};

static const struct field find_portals_in_fields[] = {
	F_EMAIL(find_portals_in, email, NEED),
	FIELD_END,
};
/* clang-format on */

const struct entity magic_link_in_entity = {"session", "ses", sizeof(struct magic_link_in),
                                            magic_link_in_fields};
const struct entity magic_redeem_in_entity = {"session", "ses", sizeof(struct magic_redeem_in),
                                              magic_redeem_in_fields};
const struct entity reset_in_entity = {"session", "ses", sizeof(struct reset_in), reset_in_fields};
const struct entity reset_redeem_in_entity = {"session", "ses", sizeof(struct reset_redeem_in),
                                              reset_redeem_in_fields};
const struct entity find_portals_in_entity = {"session", "ses", sizeof(struct find_portals_in),
                                              find_portals_in_fields};

void mailed_check_challenge(const struct magic_link_in *in, struct err *e)
{
	const char *text = in->code_challenge;

	if (text != NULL &&
	    (strlen(text) != CHALLENGE_LENGTH || strspn(text, base64url) != CHALLENGE_LENGTH))
		err_fault(e, "/code_challenge", "not_allowed",
		          "It is the SHA-256 of the verifier in base64url: %d characters.",
		          CHALLENGE_LENGTH);
}

void mailed_check_redeem(uint64_t sent, struct err *e)
{
	bool token = field_sent(magic_redeem_in_fields, sent, "token");
	bool email = field_sent(magic_redeem_in_fields, sent, "email");
	bool code = field_sent(magic_redeem_in_fields, sent, "code");

	if (token && (email || code))
		err_fault(e, code ? "/code" : "/email", "one_of",
		          "Send either token, or email and code.");
	else if (!token && !email && !code)
		err_fault(e, "/token", "one_of", "Send either token, or email and code.");
	else if (!token && !email)
		err_fault(e, "/email", "required", "Send the address that the code was mailed to.");
	else if (!token && !code)
		err_fault(e, "/code", "required", "Send the code that was mailed to the address.");
}

const char *mailed_code_read(struct arena *a, const char *text)
{
	char *code = arena_alloc(a, CODE_DIGITS + 1);
	size_t n = 0;

	if (strlen(text) > CODE_TEXT_MAX)
		return NULL;
	for (; *text != '\0'; text++) {
		if (*text == ' ' || *text == '-')
			continue;
		if (*text < '0' || *text > '9' || n == CODE_DIGITS)
			return NULL;
		code[n++] = *text;
	}
	code[n] = '\0';
	return n == CODE_DIGITS ? code : NULL;
}
