/* crypt_password.c - passwords: hashing away from the event loop, and how good one is. */
#include "crypt_private.h"
#include "io.h"
#include "text.h"

#include <errno.h>
#include <sodium.h>
#include <zxcvbn.h>

/*
 * Argon2id with 19 MiB and 2 passes (OWASP's second choice of equals): some 10 ms on a quiet core
 * with memory that is kept (crypt_memory.c), and memory for a full queue stays small.
 */
enum { PASSES = 2 };

/* zxcvbn's score 3 of 4: at least 10^8 guesses, which is 26.6 bits. */
static const double bits_min = 26.575;

struct job {
	char password[PASSWORD_BYTES_MAX + 1];
	char hash[PASSWORD_HASH_SIZE];
	bool verify;
	int result; /* verify: 1 or 0; hash: 0 or -1 */
};

static void hash_work(void *data)
{
	struct job *j = data;

	hash_memory_begin();
	j->result = crypto_pwhash_str_alg(j->hash, j->password, strlen(j->password), PASSES,
	                                  HASH_MEMORY, crypto_pwhash_ALG_ARGON2ID13);
	hash_memory_end();
}

static int verify(const struct job *j)
{
	static const uint8_t salt[crypto_pwhash_SALTBYTES];
	uint8_t out[32];
	size_t len = strlen(j->password);

	if (j->hash[0])
		return crypto_pwhash_str_verify(j->hash, j->password, len) == 0;
	/* nobody: the same work, and no */
	return crypto_pwhash(out, sizeof(out), j->password, len, salt, PASSES, HASH_MEMORY,
	                     crypto_pwhash_ALG_ARGON2ID13);
}

static void verify_work(void *data)
{
	struct job *j = data;

	hash_memory_begin();
	j->result = verify(j);
	hash_memory_end();
}

static uint64_t hashes;

uint64_t password_hashes(void)
{
	return hashes;
}

static int run(struct job *j, void (*work)(void *), struct err *e)
{
	hashes++;
	if (io_run(work, j, sizeof(*j)) == 0 && j->result >= 0)
		return 0;
	if (errno == EAGAIN) {
		err_set(e, PROBLEM_unavailable, "Too many people are signing in; try again");
		e->retry_after_s = 1;
		return -1;
	}
	return err_internal(e, "no password hash: cancelled or out of memory");
}

/* Longer than any good one: it is cut, the same way each time, and then fits nothing. */
static void password_copy(struct job *j, const char *password)
{
	size_t len = strnlen(password, PASSWORD_BYTES_MAX);

	memcpy(j->password, password, len);
	j->password[len] = '\0';
}

int password_hash(const char *password, char hash[PASSWORD_HASH_SIZE], struct err *e)
{
	struct job j = {.result = -1};
	int r;

	password_copy(&j, password);
	errno = 0;
	r = run(&j, hash_work, e);
	if (r == 0)
		memcpy(hash, j.hash, PASSWORD_HASH_SIZE);
	sodium_memzero(&j, sizeof(j));
	return r;
}

int password_verify(const char *password, const char *hash, struct err *e)
{
	struct job j = {.result = -1};
	int r;

	password_copy(&j, password);
	if (hash && strlen(hash) < sizeof(j.hash))
		memcpy(j.hash, hash, strlen(hash) + 1);
	errno = 0;
	r = run(&j, verify_work, e);
	if (r == 0)
		r = j.result;
	sodium_memzero(&j, sizeof(j));
	return r;
}

static int too_weak(struct err *e, const char *pointer, const char *text)
{
	err_set(e, PROBLEM_password_too_weak, "%s", text);
	return err_fault(e, pointer, "password_too_weak", "%s", text);
}

int password_check(const char *password, bool alone, const char *const *words, const char *pointer,
                   struct err *e)
{
	const char *list[16] = {NULL};
	size_t length = text_length(password);

	if (length < PASSWORD_LENGTH_MIN)
		return too_weak(e, pointer, "At least 8 characters");
	if (alone && length < PASSWORD_LENGTH_STAFF)
		return too_weak(e, pointer,
		                "At least 15 characters, since nothing else is asked of you as one "
		                "of the staff; with a second factor (an authenticator app, POST "
		                "/v1/auth/totp) 8 are enough");
	if (length > PASSWORD_LENGTH_MAX || strlen(password) > PASSWORD_BYTES_MAX)
		return too_weak(e, pointer, "At most 128 characters");
	for (size_t i = 0; words && words[i] && i + 1 < lengthof(list); i++)
		list[i] = words[i];
	if (ZxcvbnMatch(password, list, NULL) < bits_min)
		return too_weak(e, pointer, "Too easy to guess; use several unrelated words");
	return 0;
}
