/* token.c - the tokens of a session: what a device holds, derived from the session's row. */
#include "token.h"

#include "db.h"

#define ACCESS_PREFIX  "cps_"
#define REFRESH_PREFIX "cpr_"
#define MFA_PREFIX     "mfa_"

enum {
	ACCESS_SIZE = 3 * 16 + HASH_SIZE,
	NUMBER_SIZE = 4,
	REFRESH_SIZE = 2 * 16 + NUMBER_SIZE + HASH_SIZE,
	MFA_SIZE = 2 * 16 + HASH_SIZE
};

static void number_put(uint8_t bytes[NUMBER_SIZE], int64_t n)
{
	for (unsigned i = 0; i < NUMBER_SIZE; i++)
		bytes[i] = (uint8_t)(n >> (8 * (NUMBER_SIZE - 1 - i)));
}

static int64_t number_get(const uint8_t bytes[NUMBER_SIZE])
{
	int64_t n = 0;

	for (unsigned i = 0; i < NUMBER_SIZE; i++)
		n = n << 8 | bytes[i];
	return n;
}

/* HMAC of which token it is, whose, and of which generation. */
static void device_mac(const struct device *d, const char purpose[4], uint8_t mac[HASH_SIZE])
{
	uint8_t text[4 + 2 * 16 + NONCE_SIZE + NUMBER_SIZE];

	memcpy(text, purpose, 4);
	memcpy(text + 4, d->firm.b, 16);
	memcpy(text + 20, d->session.b, 16);
	memcpy(text + 36, d->nonce, NONCE_SIZE);
	number_put(text + 36 + NONCE_SIZE, d->generation);
	crypt_mac(KEY_SESSION, text, sizeof(text), mac);
}

/* The bytes behind the prefix, or NULL when it is no token of this kind and size. */
static const uint8_t *bytes_of(struct arena *a, const char *token, const char prefix[5],
                               size_t size)
{
	const uint8_t *bytes;
	size_t len;

	if (strncmp(token, prefix, 4) != 0 || strnlen(token, 2 * size + 5) > 2 * size ||
	    crypt_unbase64(a, token + 4, &bytes, &len) < 0 || len != size)
		return NULL;
	return bytes;
}

const char *token_access(struct arena *a, const struct device *d, const char **hash_r)
{
	uint8_t bytes[ACCESS_SIZE];
	const char *token;

	memcpy(bytes, d->firm.b, 16);
	memcpy(bytes + 16, d->membership.b, 16);
	memcpy(bytes + 32, d->session.b, 16);
	device_mac(d, ACCESS_PREFIX, bytes + 48);
	token = arena_printf(a, ACCESS_PREFIX "%s", crypt_base64(a, bytes, sizeof(bytes)));
	*hash_r = arg_sha256(a, token);
	return token;
}

int token_access_claims(struct arena *a, const char *token, struct device *d_r)
{
	const uint8_t *bytes = bytes_of(a, token, ACCESS_PREFIX, ACCESS_SIZE);

	if (bytes == NULL)
		return -1;
	*d_r = (struct device){0};
	memcpy(d_r->firm.b, bytes, 16);
	memcpy(d_r->membership.b, bytes + 16, 16);
	memcpy(d_r->session.b, bytes + 32, 16);
	return 0;
}

const char *token_refresh(struct arena *a, const struct device *d)
{
	uint8_t bytes[REFRESH_SIZE];

	memcpy(bytes, d->firm.b, 16);
	memcpy(bytes + 16, d->session.b, 16);
	number_put(bytes + 32, d->generation);
	device_mac(d, REFRESH_PREFIX, bytes + 32 + NUMBER_SIZE);
	return arena_printf(a, REFRESH_PREFIX "%s", crypt_base64(a, bytes, sizeof(bytes)));
}

int token_refresh_claims(struct arena *a, const char *token, struct device *d_r)
{
	const uint8_t *bytes = bytes_of(a, token, REFRESH_PREFIX, REFRESH_SIZE);

	if (bytes == NULL)
		return -1;
	*d_r = (struct device){0};
	memcpy(d_r->firm.b, bytes, 16);
	memcpy(d_r->session.b, bytes + 16, 16);
	d_r->generation = number_get(bytes + 32);
	return id_is_none(&d_r->firm) || id_is_none(&d_r->session) ? -1 : 0;
}

bool token_refresh_fits(struct arena *a, const char *token, const struct device *d)
{
	const uint8_t *bytes = bytes_of(a, token, REFRESH_PREFIX, REFRESH_SIZE);
	uint8_t mac[HASH_SIZE];

	if (bytes == NULL)
		return false;
	device_mac(d, REFRESH_PREFIX, mac);
	return crypt_equal(bytes + 32 + NUMBER_SIZE, mac, sizeof(mac));
}

const char *token_challenge(struct arena *a, const struct id *firm, const struct id *row,
                            const char **hash_r)
{
	uint8_t bytes[MFA_SIZE];
	const char *token;

	memcpy(bytes, firm->b, 16);
	memcpy(bytes + 16, row->b, 16);
	crypt_random(bytes + 32, HASH_SIZE);
	token = arena_printf(a, MFA_PREFIX "%s", crypt_base64(a, bytes, sizeof(bytes)));
	*hash_r = arg_sha256(a, token);
	return token;
}

int token_challenge_claims(struct arena *a, const char *token, struct id *firm_r, struct id *row_r,
                           const char **hash_r)
{
	const uint8_t *bytes = bytes_of(a, token, MFA_PREFIX, MFA_SIZE);

	if (bytes == NULL)
		return -1;
	memcpy(firm_r->b, bytes, 16);
	memcpy(row_r->b, bytes + 16, 16);
	*hash_r = arg_sha256(a, token);
	return id_is_none(firm_r) || id_is_none(row_r) ? -1 : 0;
}
