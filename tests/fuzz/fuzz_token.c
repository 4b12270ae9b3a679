/*
 * fuzz_token.c - credentials of requests, tokens of mails, sealed bytes: what is read claims what
 * was written, and what we did not make is not ours.
 */
#include "fuzz.h"

#include "auth.h"
#include "crypt.h"
#include "routes.h"

static void start(void)
{
	static const uint8_t key[KEY_SIZE] = {1};

	FUZZ_HOLDS(crypt_init(key) == 0);
}

void (*const fuzz_start)(void) = start;

/* What was claimed is what the secret holds, in the one way to write it. */
static void key_claimed(struct fuzz *f, const struct rq *rq)
{
	const uint8_t *bytes;
	size_t len;

	FUZZ_HOLDS(!rq->who.known && !rq->by_cookie && strncmp(rq->token, "cpk_", 4) == 0);
	FUZZ_HOLDS(crypt_unbase64(f->arena, rq->token + 4, &bytes, &len) == 0);
	FUZZ_HOLDS(strcmp(key_secret(f->arena, bytes, &rq->who.firm, &rq->who.membership),
	                  rq->token) == 0);
}

static void claim(struct fuzz *f, const char *authorization, const char *cookie)
{
	static const struct route route = {.method = "GET", .access = ANY};
	struct door_in in = {.method = "GET"};
	struct rq rq = {.arena = f->arena, .in = &in, .route = &route};
	uint8_t bytes[80] = {0};

	err_init(&rq.err, f->arena);
	if (*authorization)
		in.headers[in.header_count++] =
			(struct door_header){"authorization", authorization};
	if (*cookie)
		in.headers[in.header_count++] = (struct door_header){"cookie", cookie};
	if (auth_claim(&rq) < 0) {
		FUZZ_HOLDS(rq.err.problem == PROBLEM_unauthenticated ||
		           rq.err.problem == PROBLEM_malformed_request);
		return;
	}
	if (rq.by_key) {
		key_claimed(f, &rq);
		return;
	}
	memcpy(bytes, rq.who.firm.b, 16);
	memcpy(bytes + 16, rq.who.membership.b, 16);
	memcpy(bytes + 32, rq.who.session.b, 16);
	FUZZ_HOLDS(!rq.who.known && strstr(rq.token, "cps_") == rq.token);
	FUZZ_HOLDS(strncmp(rq.token + 4, crypt_base64(f->arena, bytes, 48), 64) == 0);
}

static void mail(struct fuzz *f, const char *text)
{
	static const uint8_t nonce[NONCE_SIZE] = {7};
	static const struct id row = {{1}}, firm = {{2}};
	const char *ours = mail_token(f->arena, "invitation", &firm, &row, nonce);
	struct id some_firm, some_row;

	FUZZ_HOLDS(mail_token_claims(f->arena, ours, &some_firm, &some_row) == 0);
	FUZZ_HOLDS(id_equal(&some_firm, &firm) && id_equal(&some_row, &row));
	FUZZ_HOLDS(mail_token_verify(f->arena, ours, "invitation", &firm, &row, nonce));
	FUZZ_HOLDS(!mail_token_verify(f->arena, ours, "password", &firm, &row, nonce));
	if (mail_token_claims(f->arena, text, &some_firm, &some_row) == 0)
		FUZZ_HOLDS(!mail_token_verify(f->arena, text, "invitation", &some_firm, &some_row,
		                              nonce) ||
		           strcmp(text, ours) == 0);
}

static void base64(struct fuzz *f, const char *text)
{
	const uint8_t *bytes;
	size_t len;

	if (crypt_unbase64(f->arena, text, &bytes, &len) == 0)
		FUZZ_HOLDS(strcmp(crypt_base64(f->arena, bytes, len), text) == 0);
}

static void seal(struct fuzz *f)
{
	const uint8_t *sealed, *plain;
	size_t sealed_len, len;

	FUZZ_HOLDS(crypt_open(f->arena, KEY_IDEMPOTENCY, f->bytes, f->len, &plain, &len) < 0);
	crypt_seal(f->arena, KEY_IDEMPOTENCY, f->bytes, f->len, &sealed, &sealed_len);
	FUZZ_HOLDS(crypt_open(f->arena, KEY_IDEMPOTENCY, sealed, sealed_len, &plain, &len) == 0);
	FUZZ_HOLDS(len == f->len && (len == 0 || memcmp(plain, f->bytes, len) == 0));
	FUZZ_HOLDS(crypt_open(f->arena, KEY_CURSOR, sealed, sealed_len, &plain, &len) < 0);
}

void fuzz_one(struct fuzz *f)
{
	const char *authorization, *cookie, *text;

	seal(f);
	authorization = fuzz_line(f);
	cookie = fuzz_line(f);
	text = fuzz_rest(f);
	claim(f, authorization, cookie);
	mail(f, text);
	base64(f, text);
}
