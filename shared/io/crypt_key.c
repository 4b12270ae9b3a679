/* crypt_key.c - the secret of an API key as text. */
#include "crypt.h"

#define PREFIX "cpk_"

enum {
	CHECK_SIZE = 4,
	CHECKED_SIZE = KEY_RANDOM_SIZE + 2 * 16,
	SECRET_SIZE = CHECKED_SIZE + CHECK_SIZE
};

/* The first bytes of the hash of all before it. It proves nothing; the hash in the key's row does.
 */
static void checksum(const uint8_t secret[CHECKED_SIZE], uint8_t check[CHECK_SIZE])
{
	uint8_t hash[HASH_SIZE];

	crypt_sha256(secret, CHECKED_SIZE, hash);
	memcpy(check, hash, CHECK_SIZE);
}

const char *key_secret(struct arena *a, const uint8_t random[KEY_RANDOM_SIZE],
                       const struct id *firm, const struct id *key)
{
	uint8_t secret[SECRET_SIZE];

	memcpy(secret, random, KEY_RANDOM_SIZE);
	memcpy(secret + KEY_RANDOM_SIZE, firm->b, 16);
	memcpy(secret + KEY_RANDOM_SIZE + 16, key->b, 16);
	checksum(secret, secret + CHECKED_SIZE);
	return arena_printf(a, PREFIX "%s", crypt_base64(a, secret, sizeof(secret)));
}

int key_secret_claims(struct arena *a, const char *secret, struct id *firm_r, struct id *key_r)
{
	uint8_t check[CHECK_SIZE];
	const uint8_t *bytes;
	size_t len;

	if (strncmp(secret, PREFIX, strlen(PREFIX)) != 0 ||
	    crypt_unbase64(a, secret + strlen(PREFIX), &bytes, &len) < 0 || len != SECRET_SIZE)
		return -1;
	checksum(bytes, check);
	if (memcmp(check, bytes + CHECKED_SIZE, CHECK_SIZE) != 0)
		return -1;
	memcpy(firm_r->b, bytes + KEY_RANDOM_SIZE, 16);
	memcpy(key_r->b, bytes + KEY_RANDOM_SIZE + 16, 16);
	return 0;
}
