/* crypt.c - tests of shared/io/crypt.h. */
#include "unit.h"

#include "crypt_private.h"
#include "io.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>

static uint8_t master[KEY_SIZE] = {1, 2, 3};

static void test_crypt_sha256(void **state)
{
	struct arena a;
	uint8_t hash[HASH_SIZE], piece[HASH_SIZE];
	struct sha256 h;

	(void)state;
	arena_init(&a, TEST_ARENA_MAX);
	crypt_sha256("abc", 3, hash);
	assert_string_equal(crypt_hex(&a, hash, HASH_SIZE),
	                    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha256_start(&h);
	sha256_add(&h, "a", 1);
	sha256_add(&h, "", 0);
	sha256_add(&h, "bc", 2);
	sha256_end(&h, piece);
	assert_memory_equal(piece, hash, HASH_SIZE);
	sha256_start(&h);
	sha256_end(&h, piece);
	assert_string_equal(crypt_hex(&a, piece, HASH_SIZE),
	                    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	arena_release(&a);
}

static void test_crypt_mac_differs_by_key(void **state)
{
	uint8_t one[HASH_SIZE], two[HASH_SIZE], again[HASH_SIZE];

	(void)state;
	crypt_mac(KEY_MAIL_TOKEN, "text", 4, one);
	crypt_mac(KEY_CURSOR, "text", 4, two);
	crypt_mac(KEY_MAIL_TOKEN, "text", 4, again);
	assert_true(crypt_equal(one, again, HASH_SIZE));
	assert_false(crypt_equal(one, two, HASH_SIZE));
	master[0]++;
	assert_int_equal(crypt_init(master), 0);
	crypt_mac(KEY_MAIL_TOKEN, "text", 4, again);
	assert_false(crypt_equal(one, again, HASH_SIZE));
	master[0]--;
	assert_int_equal(crypt_init(master), 0);
	crypt_mac(KEY_MAIL_TOKEN, "text", 4, again);
	assert_true(crypt_equal(one, again, HASH_SIZE));
}

static void test_crypt_base64(void **state)
{
	static const char *const bad[] = {"A",   "AA==",  "A+A", "A/A",
	                                  "A A", "AAA\n", "AB",  "\xc3\xa9"};
	uint8_t bytes[70];
	const uint8_t *back;
	struct arena a;
	size_t len;

	(void)state;
	arena_init(&a, TEST_ARENA_MAX);
	assert_string_equal(crypt_base64(&a, "\xfb\xff\xfe", 3), "-__-");
	assert_string_equal(crypt_base64(&a, "", 0), "");
	for (size_t n = 0; n < sizeof(bytes); n++) {
		crypt_random(bytes, n);
		assert_int_equal(crypt_unbase64(&a, crypt_base64(&a, bytes, n), &back, &len), 0);
		assert_int_equal(len, n);
		assert_memory_equal(back, bytes, n);
	}
	for (size_t i = 0; i < lengthof(bad); i++) {
		if (crypt_unbase64(&a, bad[i], &back, &len) == 0)
			fail_msg("%s was taken", bad[i]);
	}
	arena_release(&a);
}

static void test_crypt_seal(void **state)
{
	const uint8_t *sealed, *again, *back;
	size_t len, again_len, back_len;
	uint8_t forged[200];
	struct arena a;

	(void)state;
	arena_init(&a, TEST_ARENA_MAX);
	crypt_seal(&a, KEY_IDEMPOTENCY, "the answer", 10, &sealed, &len);
	crypt_seal(&a, KEY_IDEMPOTENCY, "the answer", 10, &again, &again_len);
	assert_int_equal(len, again_len);
	assert_memory_not_equal(sealed, again, len);
	assert_int_equal(crypt_open(&a, KEY_IDEMPOTENCY, sealed, len, &back, &back_len), 0);
	assert_int_equal(back_len, 10);
	assert_memory_equal(back, "the answer", 10);
	assert_int_equal(crypt_open(&a, KEY_CURSOR, sealed, len, &back, &back_len), -1);
	for (size_t i = 0; i < len; i++) {
		memcpy(forged, sealed, len);
		forged[i] ^= 1;
		assert_int_equal(crypt_open(&a, KEY_IDEMPOTENCY, forged, len, &back, &back_len),
		                 -1);
		assert_int_equal(crypt_open(&a, KEY_IDEMPOTENCY, sealed, i, &back, &back_len), -1);
	}
	crypt_seal(&a, KEY_CURSOR, "", 0, &sealed, &len);
	assert_int_equal(crypt_open(&a, KEY_CURSOR, sealed, len, &back, &back_len), 0);
	assert_int_equal(back_len, 0);
	arena_release(&a);
}

/* ---- passwords ---- */

static void test_password_hash_and_verify(void **state)
{
	char hash[PASSWORD_HASH_SIZE], other[PASSWORD_HASH_SIZE];
	struct arena a;
	struct err e;

	(void)state;
	arena_init(&a, TEST_ARENA_MAX);
	err_init(&e, &a);
	assert_int_equal(password_hash("correct horse", hash, &e), 0);
	assert_int_equal(password_hash("correct horse", other, &e), 0);
	assert_string_not_equal(hash, other);
	assert_int_equal(strncmp(hash, "$argon2id$v=19$m=19456,t=2,p=1$", 31), 0);
	assert_int_equal(password_verify("correct horse", hash, &e), 1);
	assert_int_equal(password_verify("correct Horse", hash, &e), 0);
	assert_int_equal(password_verify("", hash, &e), 0);
	assert_int_equal(password_verify("correct horse", "no hash at all", &e), 0);
	assert_int_equal(password_verify("correct horse", NULL, &e), 0);
	assert_int_equal(e.problem, PROBLEM_NONE);
	arena_release(&a);
}

/* Counts what is hashed, and may refuse. */
static unsigned runs;
static int refuse_with;

static int counting_run(void (*work)(void *data), void *data, size_t size)
{
	runs++;
	if (refuse_with)
		return errno = refuse_with, -1;
	return io_poll_driver.run(work, data, size);
}

static const struct io_driver counting = {.run = counting_run};

static void test_password_costs_the_same_for_nobody(void **state)
{
	char hash[PASSWORD_HASH_SIZE];
	struct arena a;
	struct err e;

	(void)state;
	arena_init(&a, TEST_ARENA_MAX);
	err_init(&e, &a);
	assert_int_equal(password_hash("correct horse", hash, &e), 0);
	io_driver = &counting;
	runs = 0;
	assert_int_equal(password_verify("wrong", hash, &e), 0);
	assert_int_equal(runs, 1);
	assert_int_equal(password_verify("wrong", NULL, &e), 0);
	assert_int_equal(runs, 2); /* exactly one each, P10; the time is no matter of a unit test */
	refuse_with = EAGAIN;
	assert_int_equal(password_verify("wrong", NULL, &e), -1);
	assert_int_equal(e.problem, PROBLEM_unavailable);
	assert_int_equal(e.retry_after_s, 1);
	err_clear(&e);
	refuse_with = ECANCELED;
	assert_int_equal(password_hash("wrong", hash, &e), -1);
	assert_int_equal(e.problem, PROBLEM_internal_error);
	refuse_with = 0;
	io_driver = &io_poll_driver;
	arena_release(&a);
}

/* Otherwise the kernel clears 19 MiB for each; and nobody finds there what was hashed before. */
static void test_password_memory_is_kept_and_wiped(void **state)
{
	(void)state;
#if SANITIZED
	skip();
#else
	static const uint8_t nothing[HASH_MEMORY];
	char hash[PASSWORD_HASH_SIZE];
	struct rusage before, after;
	void *kept, *others;
	struct arena a;
	struct err e;

	arena_init(&a, TEST_ARENA_MAX);
	err_init(&e, &a);
	assert_int_equal(password_hash("correct horse", hash, &e), 0);
	getrusage(RUSAGE_SELF, &before);
	assert_int_equal(password_verify("correct horse", hash, &e), 1);
	assert_int_equal(password_verify("correct horse", NULL, &e), 0);
	getrusage(RUSAGE_SELF, &after);
	assert_true(after.ru_minflt - before.ru_minflt < HASH_MEMORY / 4096 / 4);

	others = hash_memory_map(NULL, HASH_MEMORY, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	hash_memory_begin();
	kept = hash_memory_map(NULL, HASH_MEMORY, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(kept, others);
	assert_memory_equal(kept, nothing, HASH_MEMORY);
	hash_memory_end();
	assert_int_equal(hash_memory_unmap(others, HASH_MEMORY), 0);
	arena_release(&a);
#endif
}

static void test_password_check(void **state)
{
	static const char *const words[] = {"Example Law Firm", "ada@example.com", NULL};
	static const struct {
		const char *password;
		bool good;
	} cases[] = {
		{"", false},
		{"short", false},
		{"password1", false},
		{"qwertyuiop", false},
		{"aaaaaaaaaaaaaaaa", false},
		{"example law firm", false},
		{"ada@example.com", false},
		{"correct horse battery staple", true},
		{"xkq7wz!pLm", true},
		{"gr\xc3\xbc\xc3\x9f dich gott tante erna", true},
	};
	char longest[600];
	struct arena a;
	struct err e;

	(void)state;
	arena_init(&a, TEST_ARENA_MAX);
	for (size_t i = 0; i < lengthof(cases); i++) {
		err_init(&e, &a);
		if (password_check(cases[i].password, false, words, "/password", &e) !=
		    (cases[i].good ? 0 : -1))
			fail_msg("%s", cases[i].password);
		if (!cases[i].good) {
			assert_int_equal(e.problem, PROBLEM_password_too_weak);
			assert_int_equal(e.fault_count, 1);
			assert_string_equal(e.faults[0].pointer, "/password");
		}
	}
	for (size_t i = 0; i < 128; i++)
		memcpy(longest + 4 * i, "\xf0\x9f\x90\x8e", 4); /* 128 horses, 512 bytes */
	longest[512] = '\0';
	memcpy(longest, "Tr0ub4dor and 3x", 16);
	err_init(&e, &a);
	assert_int_equal(password_check(longest, true, NULL, "/p", &e), -1); /* 12 more than 128 */
	err_init(&e, &a);
	assert_int_equal(password_check("xkq7wz!pLm-4Qd", true, NULL, "/p", &e), -1);
	assert_int_equal(password_check("xkq7wz!pLm-4Qdv", true, NULL, "/p", &e), 0);
	longest[512 - 48] = '\0';
	err_init(&e, &a);
	assert_int_equal(password_check(longest, true, NULL, "/p", &e), 0);
	arena_release(&a);
}

/* ---- tokens in mails ---- */

static void test_mail_token(void **state)
{
	struct id firm = id_new(), row = id_new(), claimed_firm, claimed_row;
	uint8_t nonce[NONCE_SIZE];
	struct arena a;
	const char *token;
	char *forged;

	(void)state;
	arena_init(&a, TEST_ARENA_MAX);
	crypt_random(nonce, sizeof(nonce));
	token = mail_token(&a, "invitation", &firm, &row, nonce);
	assert_int_equal(strlen(token), 86);
	assert_string_equal(token, mail_token(&a, "invitation", &firm, &row, nonce));
	assert_int_equal(mail_token_claims(&a, token, &claimed_firm, &claimed_row), 0);
	assert_true(id_equal(&claimed_firm, &firm) && id_equal(&claimed_row, &row));
	assert_true(mail_token_verify(&a, token, "invitation", &firm, &row, nonce));
	assert_false(mail_token_verify(&a, token, "reset", &firm, &row, nonce));
	assert_false(mail_token_verify(&a, token, "invitation", &row, &firm, nonce));
	nonce[3] ^= 1;
	assert_false(mail_token_verify(&a, token, "invitation", &firm, &row, nonce));
	nonce[3] ^= 1;
	for (size_t i = 0; i < 86; i++) {
		forged = arena_strdup(&a, token);
		forged[i] = forged[i] == 'A' ? 'E' : 'A';
		assert_false(mail_token_verify(&a, forged, "invitation", &firm, &row, nonce));
		forged[i] = '\0';
		assert_int_equal(mail_token_claims(&a, forged, &claimed_firm, &claimed_row), -1);
	}
	assert_int_equal(
		mail_token_claims(&a, arena_printf(&a, "%sA", token), &claimed_firm, &claimed_row),
		-1);
	arena_release(&a);
}

static void test_mail_code(void **state)
{
	struct id one = id_new(), two = id_new();
	uint8_t nonce[NONCE_SIZE] = {1};
	unsigned seen[10] = {0};
	struct arena a;
	const char *code;

	(void)state;
	arena_init(&a, TEST_ARENA_MAX);
	code = mail_code(&a, "sign_in_code", &one, nonce);
	assert_int_equal(strlen(code), 6);
	assert_int_equal(strspn(code, "0123456789"), 6);
	assert_string_equal(code, mail_code(&a, "sign_in_code", &one, nonce));
	assert_string_not_equal(code, mail_code(&a, "sign_in_code", &two, nonce));
	assert_string_not_equal(code, mail_code(&a, "other", &one, nonce));
	for (int i = 0; i < 1000; i++) {
		nonce[0] = (uint8_t)i;
		nonce[1] = (uint8_t)(i >> 8);
		seen[mail_code(&a, "sign_in_code", &one, nonce)[0] - '0']++;
	}
	for (size_t i = 0; i < 10; i++) /* the first digit too: 100 each, give or take */
		assert_in_range(seen[i], 40, 180);
	arena_release(&a);
}

static void test_key_secret(void **state)
{
	const struct id firm = id_new(), key = id_new();
	struct id claimed_firm, claimed_key;
	uint8_t random[KEY_RANDOM_SIZE];
	const char *secret;
	struct arena a;

	(void)state;
	arena_init(&a, TEST_ARENA_MAX);
	crypt_random(random, sizeof(random));
	secret = key_secret(&a, random, &firm, &key);
	assert_int_equal(strncmp(secret, "cpk_", 4), 0);
	assert_int_equal(key_secret_claims(&a, secret, &claimed_firm, &claimed_key), 0);
	assert_true(id_equal(&claimed_firm, &firm) && id_equal(&claimed_key, &key));
	for (size_t i = 0; secret[i] != '\0'; i++) {
		char *slip = arena_strdup(&a, secret);

		slip[i] = slip[i] == 'x' ? 'y' : 'x';
		assert_int_equal(key_secret_claims(&a, slip, &claimed_firm, &claimed_key), -1);
		slip[i] = '\0';
		assert_int_equal(key_secret_claims(&a, slip, &claimed_firm, &claimed_key), -1);
	}
	assert_int_equal(
		key_secret_claims(&a, arena_printf(&a, "%sA", secret), &claimed_firm, &claimed_key),
		-1);
	arena_release(&a);
}

static void test_totp(void **state)
{
	/* RFC 6238, appendix B, the last six of its eight digits */
	static const struct {
		int64_t at_s;
		const char *code;
	} cases[] = {
		{59, "287082"},         {1111111109, "081804"}, {1111111111, "050471"},
		{1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"},
	};
	static const uint8_t secret[TOTP_SECRET_SIZE + 1] = "12345678901234567890";
	struct arena a;

	(void)state;
	arena_init(&a, TEST_ARENA_MAX);
	for (size_t i = 0; i < lengthof(cases); i++) {
		int64_t at = cases[i].at_s * 1000, step = cases[i].at_s / 30;

		assert_int_equal(totp_step(secret, cases[i].code, at), step);
		assert_int_equal(totp_step(secret, cases[i].code, at - 30000), step);
		assert_int_equal(totp_step(secret, cases[i].code, at + 30000), step);
		assert_int_equal(totp_step(secret, cases[i].code, at + 60000), -1);
		if (at >= 60000)
			assert_int_equal(totp_step(secret, cases[i].code, at - 60000), -1);
	}
	for (size_t i = 0; i < 5; i++) {
		static const char *const none[] = {"", "28708", "2870820", "28708x", " 287082"};

		assert_int_equal(totp_step(secret, none[i], 59000), -1);
	}
	assert_string_equal(totp_text(&a, secret), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
	arena_release(&a);
}

static int setup(void **state)
{
	(void)state;
	return crypt_init(master);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crypt_sha256),
		cmocka_unit_test(test_crypt_mac_differs_by_key),
		cmocka_unit_test(test_crypt_base64),
		cmocka_unit_test(test_crypt_seal),
		cmocka_unit_test(test_password_hash_and_verify),
		cmocka_unit_test(test_password_costs_the_same_for_nobody),
		cmocka_unit_test(test_password_memory_is_kept_and_wiped),
		cmocka_unit_test(test_password_check),
		cmocka_unit_test(test_mail_token),
		cmocka_unit_test(test_mail_code),
		cmocka_unit_test(test_key_secret),
		cmocka_unit_test(test_totp),
	};

	return cmocka_run_group_tests_name("crypt", tests, setup, NULL);
}
