/* crypt.h - hashes, tokens, passwords, sealing: libsodium's only home. */
#ifndef PORTICO_CRYPT_H
#define PORTICO_CRYPT_H

#include "base.h"

enum {
	HASH_SIZE = 32,
	KEY_SIZE = 32,
	NONCE_SIZE = 16,
	KEY_RANDOM_SIZE = 32,
	KEY_PREFIX_LENGTH = 4 + 8, /* of an API key: what may be shown of it */
	PASSWORD_HASH_SIZE = 128,
	PASSWORD_LENGTH_MIN = 8,    /* code points */
	PASSWORD_LENGTH_STAFF = 15, /* ... of who sees a firm's clients by this alone */
	PASSWORD_LENGTH_MAX = 128,
	PASSWORD_BYTES_MAX = 512 /* 128 code points of at most 4 bytes */
};

/* Numbers of the subkeys of PORTICO_SECRET_KEY. */
enum crypt_subkey {
	KEY_MAIL_TOKEN = 1,
	KEY_CURSOR = 2,
	KEY_IDEMPOTENCY = 3,
	KEY_DEMO = 4,
	KEY_SESSION = 5,
	KEY_FACTOR = 6
};

/* Call once at start, before anything else here. 0 or -1. `master` is copied. */
int crypt_init(const uint8_t master[KEY_SIZE]);

/* Random bytes; the SHA-256 of bytes. */
void crypt_random(void *bytes, size_t len);
void crypt_sha256(const void *bytes, size_t len, uint8_t hash[HASH_SIZE]);
/* HMAC-SHA256 under a subkey. */
void crypt_mac(enum crypt_subkey key, const void *bytes, size_t len, uint8_t mac[HASH_SIZE]);
bool crypt_equal(const void *a, const void *b, size_t len); /* in constant time */

/* Base64url without padding. encode: text owned by `a`. decode: bytes owned by `a`, or -1. */
const char *crypt_base64(struct arena *a, const void *bytes, size_t len);
int crypt_unbase64(struct arena *a, const char *text, const uint8_t **bytes_r, size_t *len_r);
const char *crypt_hex(struct arena *a, const void *bytes, size_t len);

/* Seal bytes under a subkey (XChaCha20-Poly1305, random nonce in front); open gives -1 when forged.
 */
void crypt_seal(struct arena *a, enum crypt_subkey key, const void *bytes, size_t len,
                const uint8_t **sealed_r, size_t *sealed_len_r);
int crypt_open(struct arena *a, enum crypt_subkey key, const uint8_t *sealed, size_t len,
               const uint8_t **bytes_r, size_t *len_r);

/*
 * Argon2id of a password (NFC, at most PASSWORD_BYTES_MAX bytes) away from the event loop. 0 and
 * the text for the database in `hash`; -1 with err: too_many_attempts-free `unavailable` when the
 * queue of hashes is full, internal_error when cancelled.
 */
may_wait int password_hash(const char *password, char hash[PASSWORD_HASH_SIZE], struct err *e);

/*
 * Does the password fit the hash? `hash` NULL: exactly one hash is computed against a dummy, and
 * the answer is no, so that an unknown person costs the same (promise P10). 1 yes, 0 no, -1 with
 * err.
 */
may_wait int password_verify(const char *password, const char *hash, struct err *e);

/* How many hashes of passwords this process has computed: each of the two calls above is one. */
uint64_t password_hashes(void);

/*
 * Is the password good enough: 8 to 128 code points, 15 where it is all that is asked of somebody
 * on a firm's staff (`alone`), zxcvbn score at least 3 with `words` (firm's name, address, person's
 * name; ends with NULL) known to the guesser. 0, or -1 with password_too_weak and a fault at
 * `pointer`.
 */
int password_check(const char *password, bool alone, const char *const *words, const char *pointer,
                   struct err *e);

/*
 * A token for a mail: base64url(firm ‖ row ‖ HMAC(mail key, purpose ‖ row ‖ nonce)). It is derived
 * when the mail is rendered and never stored. Text owned by `a`.
 */
const char *mail_token(struct arena *a, const char *purpose, const struct id *firm,
                       const struct id *row, const uint8_t nonce[NONCE_SIZE]);
/* The ids that a token claims; 0, or -1 when it is no token. Nothing is verified yet. */
int mail_token_claims(struct arena *a, const char *token, struct id *firm_r, struct id *row_r);
/* Was the token made for this purpose, row and nonce? */
bool mail_token_verify(struct arena *a, const char *token, const char *purpose,
                       const struct id *firm, const struct id *row,
                       const uint8_t nonce[NONCE_SIZE]);

/* The nonce of tokens that are good for one address alone: the start of its key's hash. */
void mail_nonce(const char *email_key, uint8_t nonce[NONCE_SIZE]);

/*
 * A code of six digits for a mail, derived like a token; owned by `a`. Short enough to be tried:
 * whoever takes it counts the tries.
 */
const char *mail_code(struct arena *a, const char *purpose, const struct id *row,
                      const uint8_t nonce[NONCE_SIZE]);

/*
 * The secret of an API key: "cpk_" and base64url(random ‖ firm ‖ key ‖ checksum), so that it tells
 * whose it is, and a slip of the hand or a random string shows without a look into the database.
 * Text owned by `a`.
 */
const char *key_secret(struct arena *a, const uint8_t random[KEY_RANDOM_SIZE],
                       const struct id *firm, const struct id *key);
/* The ids that a secret claims; 0, or -1 when it is none or its checksum is wrong. */
int key_secret_claims(struct arena *a, const char *secret, struct id *firm_r, struct id *key_r);

/* A second factor by time (RFC 6238): six digits of SHA-1, a step of 30 s. */
enum { TOTP_SECRET_SIZE = 20, TOTP_STEP_MS = 30 * 1000, TOTP_DIGITS = 6 };

/* The code of a step, from 0 to 999999. */
uint32_t totp_code(const uint8_t secret[TOTP_SECRET_SIZE], int64_t step);

/*
 * The step in which `code` is the secret's: that of `now_ms`, the one before or the one after, for
 * clocks that differ. -1: none of them, or not six digits. All three are compared, whichever fits.
 */
int64_t totp_step(const uint8_t secret[TOTP_SECRET_SIZE], const char *code, int64_t now_ms);

/* The secret as people type it into their app: base32 (RFC 4648) without padding, owned by `a`. */
const char *totp_text(struct arena *a, const uint8_t secret[TOTP_SECRET_SIZE]);

#endif
