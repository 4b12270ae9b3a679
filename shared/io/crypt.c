/* crypt.c - hashes, tokens, sealing: the only home of libsodium. */
#include "crypt.h"

#include "crypt_private.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>

static_assert((int)HASH_SIZE == (int)crypto_hash_sha256_BYTES, "sha256");
static_assert((int)HASH_SIZE == (int)crypto_auth_hmacsha256_BYTES, "hmac");
static_assert((int)KEY_SIZE == (int)crypto_kdf_KEYBYTES, "master key");
static_assert((int)PASSWORD_HASH_SIZE == (int)crypto_pwhash_STRBYTES, "password hash");

enum { SUBKEYS = 6, SEAL_NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES };

static uint8_t subkeys[SUBKEYS + 1][KEY_SIZE];

int crypt_init(const uint8_t master[KEY_SIZE])
{
	if (sodium_init() < 0)
		return -1;
	for (unsigned i = 1; i <= SUBKEYS; i++) {
		if (crypto_kdf_derive_from_key(subkeys[i], KEY_SIZE, i, "portico", master) != 0)
			return -1;
	}
	return 0;
}

const uint8_t *crypt_subkey(enum crypt_subkey key)
{
	assert(key >= 1 && (int)key <= SUBKEYS);
	return subkeys[key];
}

void crypt_random(void *bytes, size_t len)
{
	randombytes_buf(bytes, len);
}

void crypt_sha256(const void *bytes, size_t len, uint8_t hash[HASH_SIZE])
{
	crypto_hash_sha256(hash, bytes, len);
}

void crypt_mac(enum crypt_subkey key, const void *bytes, size_t len, uint8_t mac[HASH_SIZE])
{
	crypto_auth_hmacsha256(mac, bytes, len, crypt_subkey(key));
}

bool crypt_equal(const void *a, const void *b, size_t len)
{
	return sodium_memcmp(a, b, len) == 0;
}

/* ---- texts ---- */

const char *crypt_base64(struct arena *a, const void *bytes, size_t len)
{
	size_t size = sodium_base64_encoded_len(len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	char *text = arena_alloc(a, size);

	return sodium_bin2base64(text, size, bytes, len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

int crypt_unbase64(struct arena *a, const char *text, const uint8_t **bytes_r, size_t *len_r)
{
	size_t len = strlen(text);
	uint8_t *bytes = arena_alloc(a, len + 1);

	if (sodium_base642bin(bytes, len + 1, text, len, NULL, len_r, NULL,
	                      sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
		return -1;
	/* libsodium takes some bytes beyond ASCII for digits: only what we would write is one. */
	if (strcmp(crypt_base64(a, bytes, *len_r), text) != 0)
		return -1;
	*bytes_r = bytes;
	return 0;
}

const char *crypt_hex(struct arena *a, const void *bytes, size_t len)
{
	char *text = arena_alloc(a, 2 * len + 1);

	return sodium_bin2hex(text, 2 * len + 1, bytes, len);
}

/* ---- sealing ---- */

void crypt_seal(struct arena *a, enum crypt_subkey key, const void *bytes, size_t len,
                const uint8_t **sealed_r, size_t *sealed_len_r)
{
	uint8_t *sealed =
		arena_alloc(a, SEAL_NONCE + len + crypto_aead_xchacha20poly1305_ietf_ABYTES);
	unsigned long long written;

	randombytes_buf(sealed, SEAL_NONCE);
	crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + SEAL_NONCE, &written, bytes, len, NULL,
	                                           0, NULL, sealed, crypt_subkey(key));
	*sealed_r = sealed;
	*sealed_len_r = SEAL_NONCE + (size_t)written;
}

int crypt_open(struct arena *a, enum crypt_subkey key, const uint8_t *sealed, size_t len,
               const uint8_t **bytes_r, size_t *len_r)
{
	unsigned long long written;
	uint8_t *bytes;

	if (len < SEAL_NONCE + crypto_aead_xchacha20poly1305_ietf_ABYTES)
		return -1;
	bytes = arena_alloc(a, len);
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(bytes, &written, NULL, sealed + SEAL_NONCE,
	                                               len - SEAL_NONCE, NULL, 0, sealed,
	                                               crypt_subkey(key)) != 0)
		return -1;
	*bytes_r = bytes;
	*len_r = (size_t)written;
	return 0;
}

/* ---- tokens in mails ---- */

enum { TOKEN_BYTES = 16 + 16 + HASH_SIZE };

static void token_mac(struct arena *a, const char *purpose, const struct id *row,
                      const uint8_t nonce[NONCE_SIZE], uint8_t mac[HASH_SIZE])
{
	size_t len = strlen(purpose);
	uint8_t *text = arena_alloc(a, len + 1 + sizeof(row->b) + NONCE_SIZE);

	memcpy(text, purpose, len + 1);
	memcpy(text + len + 1, row->b, sizeof(row->b));
	memcpy(text + len + 1 + sizeof(row->b), nonce, NONCE_SIZE);
	crypt_mac(KEY_MAIL_TOKEN, text, len + 1 + sizeof(row->b) + NONCE_SIZE, mac);
}

const char *mail_token(struct arena *a, const char *purpose, const struct id *firm,
                       const struct id *row, const uint8_t nonce[NONCE_SIZE])
{
	uint8_t token[TOKEN_BYTES];

	memcpy(token, firm->b, 16);
	memcpy(token + 16, row->b, 16);
	token_mac(a, purpose, row, nonce, token + 32);
	return crypt_base64(a, token, sizeof(token));
}

void mail_nonce(const char *email_key, uint8_t nonce[NONCE_SIZE])
{
	uint8_t hash[HASH_SIZE];

	crypt_sha256(email_key, strlen(email_key), hash);
	memcpy(nonce, hash, NONCE_SIZE);
}

/* The token's bytes, or NULL when it is none. */
static const uint8_t *token_bytes(struct arena *a, const char *token)
{
	const uint8_t *bytes;
	size_t len;

	if (strnlen(token, 2 * TOKEN_BYTES) > (TOKEN_BYTES * 4 + 2) / 3 ||
	    crypt_unbase64(a, token, &bytes, &len) < 0 || len != TOKEN_BYTES)
		return NULL;
	return bytes;
}

int mail_token_claims(struct arena *a, const char *token, struct id *firm_r, struct id *row_r)
{
	const uint8_t *bytes = token_bytes(a, token);

	if (!bytes)
		return -1;
	memcpy(firm_r->b, bytes, 16);
	memcpy(row_r->b, bytes + 16, 16);
	return 0;
}

bool mail_token_verify(struct arena *a, const char *token, const char *purpose,
                       const struct id *firm, const struct id *row, const uint8_t nonce[NONCE_SIZE])
{
	const uint8_t *bytes = token_bytes(a, token);
	uint8_t mac[HASH_SIZE];

	if (!bytes)
		return false;
	token_mac(a, purpose, row, nonce, mac);
	return id_equal(firm, (const struct id *)bytes) &&
	       id_equal(row, (const struct id *)(bytes + 16)) &&
	       crypt_equal(bytes + 32, mac, sizeof(mac));
}

const char *mail_code(struct arena *a, const char *purpose, const struct id *row,
                      const uint8_t nonce[NONCE_SIZE])
{
	uint8_t mac[HASH_SIZE];
	uint64_t number = 0;

	token_mac(a, purpose, row, nonce, mac);
	for (size_t i = 0; i < sizeof(number); i++)
		number = number << 8 | mac[i];
	return arena_printf(a, "%06llu", (unsigned long long)(number % 1000000));
}
