/* head.c - tests of api/head.h. What Kore makes of the rest is tested through the gate. */
#include "unit.h"

#include "head.h"

static enum problem check(const char *text, size_t body_here, char *rewritten)
{
	char head[HEAD_BYTES_MAX + 1];
	const char *why = NULL;
	size_t len = strlen(text);
	enum problem p;

	memcpy(head, text, len);
	assert_int_equal(head_length(head, len), len);
	p = head_check(head, len, body_here, &why);
	assert_int_equal(p == PROBLEM_NONE, why == NULL);
	if (rewritten)
		memcpy(rewritten, head, len);
	return p;
}

static void test_head_length(void **state)
{
	static const char block[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\nbody";

	(void)state;
	for (size_t len = 0; len < sizeof(block); len++)
		assert_int_equal(head_length(block, len), len >= 27 ? 27 : 0);
	assert_int_equal(head_length("a\n\nb\r\r\n\n", 9), 0);
}

#define H "Host: h\r\n"

static void test_head_check(void **state)
{
	static const struct {
		const char *text;
		size_t body_here;
		enum problem problem;
	} cases[] = {
		{"GET / HTTP/1.1\r\n" H "\r\n", 0, PROBLEM_NONE},
		{"GET / HTTP/1.0\r\n" H "\r\n", 0, PROBLEM_NONE},
		{"GET http://h/ HTTP/1.1\r\n" H "\r\n", 0, PROBLEM_NONE},
		{"POST / HTTP/1.1\r\n" H "Content-Length: 1048576\r\n\r\n", 5, PROBLEM_NONE},
		{"POST / HTTP/1.1\r\n" H "content-length:0\r\n\r\n", 0, PROBLEM_NONE},
		{"DELETE / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", 0, PROBLEM_NONE},
		{"POST / HTTP/1.1\r\n" H "Content-Length: 1048577\r\n\r\n", 5, PROBLEM_too_large},
		{"POST / HTTP/1.1\r\n" H "\r\n", 0, PROBLEM_length_required},
		{"POST / HTTP/1.1\r\n" H "Content-Length: 4\r\n\r\n", 5, PROBLEM_malformed_request},
		{"GET / HTTP/1.1\r\n" H "\r\n", 1, PROBLEM_malformed_request},
		{"GET / HTTP/1.1\r\n\r\n", 0, PROBLEM_malformed_request},
		{"\r\n\r\n", 0, PROBLEM_malformed_request},
		{"GET / HTTP/1.1 \r\n" H "\r\n", 0, PROBLEM_malformed_request},
		{"BREW / HTTP/1.1\r\n" H "\r\n", 0, PROBLEM_method_not_allowed},
		{"GET / HTTP/1.1\r\n" H "Host: i\r\n\r\n", 0, PROBLEM_malformed_request},
		{"GET / HTTP/1.1\r\n" H "hostile: i\r\n\r\n", 0, PROBLEM_malformed_request},
		{"GET / HTTP/1.1\r\n" H "X-Host: i\r\n\r\n", 0, PROBLEM_NONE},
		{"GET / HTTP/1.1\r\n" H "TRANSFER-ENCODING: x\r\n\r\n", 0,
	         PROBLEM_malformed_request},
		{"GET / HTTP/1.1\r\n" H "X:  \r\n\r\n", 0, PROBLEM_malformed_request},
		{"GET / HTTP/1.1\r\n" H "X: a\nb\r\n\r\n", 0, PROBLEM_malformed_request},
		{"GET / HTTP/1.1\r\n" H "X: a\rb\r\n\r\n", 0, PROBLEM_malformed_request},
		{"GET / HTTP/1.1\r\n" H "X: \x7f"
	         "b\r\n\r\n",
	         0, PROBLEM_NONE},
	};

	(void)state;
	for (size_t i = 0; i < lengthof(cases); i++) {
		enum problem p = check(cases[i].text, cases[i].body_here, NULL);

		if (p != cases[i].problem)
			fail_msg("%s: %s", cases[i].text, problem_code(p));
	}
}

static void test_head_line_limit(void **state)
{
	char text[HEAD_BYTES_MAX] = "GET / HTTP/1.1\r\n" H;

	(void)state;
	for (int lines = 2; lines < 40; lines++) {
		char *end = text + strlen(text);

		memcpy(end, "\r\n", 3);
		assert_int_equal(check(text, 0, NULL), lines <= HEAD_LINES_MAX
		                                               ? PROBLEM_NONE
		                                               : PROBLEM_headers_too_large);
		memcpy(end, "X: y\r\n", 7);
	}
}

static void test_head_rewrites_values(void **state)
{
	char rewritten[200] = "";

	(void)state;
	assert_int_equal(
		check("GET / HTTP/1.1\r\n" H "User-Agent: a\tb\xc3\xa9\r\n\r\n", 0, rewritten),
		PROBLEM_NONE);
	assert_string_equal(rewritten, "GET / HTTP/1.1\r\n" H "User-Agent: a b??\r\n\r\n");
}

/* Whatever comes, it ends with an answer, and only values are changed. */
static void test_head_survives_noise(void **state)
{
	static const char seed_text[] =
		"POST /a?b=c HTTP/1.1\r\nHost: h\r\nContent-Length: 12\r\nX-Y: z\r\n\r\n";
	static const char alphabet[] = "\r\n :aZ0/?\t\x01\x80GETHost";
	uint64_t seed = 3;
	char head[sizeof(seed_text)];
	const char *why;
	size_t len;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		memcpy(head, seed_text, sizeof(head));
		for (uint32_t n = unit_random(&seed, 6); n > 0; n--)
			head[unit_random(&seed, sizeof(head) - 5)] =
				alphabet[unit_random(&seed, sizeof(alphabet) - 1)];
		len = head_length(head, sizeof(head) - 1);
		assert_true(len > 0);
		(void)head_check(head, len, 0, &why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_head_length),
		cmocka_unit_test(test_head_check),
		cmocka_unit_test(test_head_line_limit),
		cmocka_unit_test(test_head_rewrites_values),
		cmocka_unit_test(test_head_survives_noise),
	};

	return cmocka_run_group_tests_name("head", tests, NULL, NULL);
}
