/* crypt_totp.c - codes of an authenticator app: RFC 6238 over RFC 4226. */
#include "crypt.h"

/* HMAC-SHA-1, which libsodium does not have and authenticator apps expect (lint:HOME) */
#include <openssl/hmac.h>

enum { COUNTER_SIZE = 8, SHA1_SIZE = 20, CODES = 1000000 };

uint32_t totp_code(const uint8_t secret[TOTP_SECRET_SIZE], int64_t step)
{
	uint8_t counter[COUNTER_SIZE], mac[EVP_MAX_MD_SIZE];
	unsigned at;

	for (unsigned i = 0; i < COUNTER_SIZE; i++)
		counter[i] = (uint8_t)((uint64_t)step >> (8 * (COUNTER_SIZE - 1 - i)));
	if (HMAC(EVP_sha1(), secret, TOTP_SECRET_SIZE, counter, sizeof(counter), mac, NULL) == NULL)
		abort(); /* out of memory, as in arena.c */
	at = mac[SHA1_SIZE - 1] & 0x0f;
	return ((uint32_t)(mac[at] & 0x7f) << 24 | (uint32_t)mac[at + 1] << 16 |
	        (uint32_t)mac[at + 2] << 8 | mac[at + 3]) %
	       CODES;
}

int64_t totp_step(const uint8_t secret[TOTP_SECRET_SIZE], const char *code, int64_t now_ms)
{
	int64_t now = now_ms / TOTP_STEP_MS, found = -1;
	uint32_t given = 0;

	if (strlen(code) != TOTP_DIGITS || strspn(code, "0123456789") != TOTP_DIGITS)
		return -1;
	for (const char *c = code; *c != '\0'; c++)
		given = given * 10 + (uint32_t)(*c - '0');
	for (int64_t step = now - 1; step <= now + 1; step++) {
		uint32_t wanted = totp_code(secret, step);

		if (crypt_equal(&wanted, &given, sizeof(given)))
			found = step;
	}
	return found;
}

const char *totp_text(struct arena *a, const uint8_t secret[TOTP_SECRET_SIZE])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	char *text = arena_alloc(a, TOTP_SECRET_SIZE * 8 / 5 + 1), *at = text;

	for (unsigned i = 0; i < TOTP_SECRET_SIZE; i += 5) {
		uint64_t group = 0;

		for (unsigned j = 0; j < 5; j++)
			group = group << 8 | secret[i + j];
		for (unsigned j = 0; j < 8; j++)
			*at++ = digits[group >> (35 - 5 * j) & 31];
	}
	*at = '\0';
	return text;
}
