/* factor.c - the second factor of a person: codes of an authenticator app, and recovery codes. */
#include "factor.h"

#include "sql_factor.h"

#include <ctype.h>

/* Ten characters of 32: 50 bits, far beyond what may be tried; two groups, to be copied by hand. */
enum { CODE_LENGTH = 10, CODE_HALF = CODE_LENGTH / 2 };

static const char code_digits[] = "0123456789abcdefghjkmnpqrstvwxyz";

int factor_load(struct rq *rq, const struct id *identity, struct factor *f_r)
{
	const uint8_t *sealed, *secret;
	struct rows rows;
	size_t len;
	int size;

	*f_r = (struct factor){.identity = *identity};
	TRY(look(rq, NULL, &sql_factor_find, ARGS({"identity", arg_id(rq->arena, identity)}),
	         &rows));
	if (rows.n == 0)
		return 0;
	size = row_bytes(&rows, 0, "secret", rq->arena, &sealed);
	if (size < 0 ||
	    crypt_open(rq->arena, KEY_FACTOR, sealed, (size_t)size, &secret, &len) < 0 ||
	    len != TOTP_SECRET_SIZE)
		return err_internal(&rq->err,
		                    "a second factor was sealed with another PORTICO_SECRET_KEY");
	memcpy(f_r->secret, secret, TOTP_SECRET_SIZE);
	f_r->known = true;
	f_r->confirmed = row_bool(&rows, 0, "confirmed");
	f_r->started_at = row_time(&rows, 0, "started_at");
	f_r->last_step = row_int(&rows, 0, "last_step");
	return 0;
}

const char *factor_seal(struct rq *rq, const uint8_t secret[TOTP_SECRET_SIZE])
{
	const uint8_t *sealed;
	size_t len;

	crypt_seal(rq->arena, KEY_FACTOR, secret, TOTP_SECRET_SIZE, &sealed, &len);
	return arg_bytes(rq->arena, sealed, len);
}

int factor_try(struct rq *rq, const struct factor *f, const struct who *who, const char *action,
               struct guess *g_r)
{
	*g_r = (struct guess){.firm = who->firm,
	                      .membership = who->membership,
	                      .action = action,
	                      .wrong = PROBLEM_invalid_code};
	guess_begin(rq, "factor", crypt_hex(rq->arena, f->identity.b, sizeof(f->identity.b)), g_r);
	return guess_allowed(rq, g_r);
}

/* As it was meant: without blanks and hyphens, in small letters. */
static const char *code_plain(struct rq *rq, const char *code)
{
	char *plain = arena_alloc(rq->arena, CODE_LENGTH + 2), *at = plain;

	for (; *code != '\0' && at < plain + CODE_LENGTH + 1; code++)
		if (*code != ' ' && *code != '-')
			*at++ = (char)tolower((unsigned char)*code);
	*at = '\0';
	return plain;
}

static const char *code_hash(struct rq *rq, const struct id *identity, const char *plain)
{
	uint8_t text[16 + CODE_LENGTH], mac[HASH_SIZE];

	memcpy(text, identity->b, 16);
	memcpy(text + 16, plain, CODE_LENGTH);
	crypt_mac(KEY_FACTOR, text, sizeof(text), mac);
	return arg_bytes(rq->arena, mac, sizeof(mac));
}

int factor_use(struct rq *rq, const struct factor *f, const char *code, const struct guess *g)
{
	const char *plain = code_plain(rq, code), *recovery = NULL;
	int64_t step = totp_step(f->secret, plain, rq->now);
	struct rows rows;

	if (step < 0 && strlen(plain) == CODE_LENGTH)
		recovery = code_hash(rq, &f->identity, plain);
	TRY(db_query(&rq->db, &sql_factor_use,
	             ARGS({"identity", arg_id(rq->arena, &f->identity)},
	                  {"started_at", arg_time(rq->arena, f->started_at)},
	                  {"step", step < 0 ? NULL : arg_int(rq->arena, step)},
	                  {"recovery", recovery}),
	             &rows));
	if (!row_bool(&rows, 0, "done"))
		return guess_wrong(rq, g, "The code is wrong, or was used before.");
	return guess_right(rq, g);
}

/* "abcde-fghjk", and the same without the hyphen in `plain`. */
static const char *code_new(struct rq *rq, char plain[CODE_LENGTH + 1])
{
	uint8_t bytes[CODE_LENGTH];

	crypt_random(bytes, sizeof(bytes));
	for (unsigned i = 0; i < CODE_LENGTH; i++)
		plain[i] = code_digits[bytes[i] & 31];
	plain[CODE_LENGTH] = '\0';
	return arena_printf(rq->arena, "%.*s-%s", (int)CODE_HALF, plain, plain + CODE_HALF);
}

const char *factor_codes(struct rq *rq, const struct id *identity, struct texts *codes_r)
{
	char plain[CODE_LENGTH + 1];
	struct buf b;

	buf_init(&b, rq->arena, 4096);
	codes_r->v = arena_array(rq->arena, const char *, RECOVERY_CODES);
	for (codes_r->n = 0; codes_r->n < RECOVERY_CODES; codes_r->n++) {
		codes_r->v[codes_r->n] = code_new(rq, plain);
		/* an array's literal: a backslash in it is written twice */
		buf_printf(&b, "%s\"\\%s\"", codes_r->n == 0 ? "{" : ",",
		           code_hash(rq, identity, plain));
	}
	buf_char(&b, '}');
	return b.data;
}
