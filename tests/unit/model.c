/* model.c - tests of the laws in shared/model: names, media types, what may be shared how. */
#include "fresh.h"

#include "document.h"
#include "folder.h"
#include "share.h"
#include "text.h"

static void test_document_name_nth(void **state)
{
	static const struct {
		const char *name;
		unsigned n;
		const char *wanted;
	} cases[] = {
		{"a.pdf", 0, "a.pdf"},
		{"a.pdf", 1, "a (1).pdf"},
		{"a.tar.gz", 12, "a.tar (12).gz"},
		{"README", 1, "README (1)"},
		{".profile", 1, ".profile (1)"},
		{"a.", 1, "a (1)."},
		{"a.this is no extension", 1, "a.this is no extension (1)"},
	};

	(void)state;
	for (size_t i = 0; i < lengthof(cases); i++)
		assert_string_equal(document_name_nth(&arena, cases[i].name, cases[i].n),
		                    cases[i].wanted);
}

/* However long the name, its nth has at most 255 bytes, is UTF-8, and keeps the extension. */
static void test_document_name_nth_cut(void **state)
{
	(void)state;
	for (unsigned shift = 0; shift < 4; shift++) {
		char name[256] = "";
		const char *got;

		memset(name, 'x', shift);
		while (strlen(name) + 4 + 4 <= 255)
			memcpy(name + strlen(name), "\xf0\x9f\xa7\xbe", 5);
		memcpy(name + strlen(name), ".pdf", 5);
		got = document_name_nth(&arena, name, 4000000000);
		assert_in_range(strlen(got), 240, 255);
		assert_true(text_utf8_valid(got, strlen(got)));
		assert_string_equal(got + strlen(got) - 17, " (4000000000).pdf");
	}
}

static void test_document_content_type(void **state)
{
	static const struct {
		const char *sent, *wanted;
	} cases[] = {
		{NULL, "application/octet-stream"},
		{"", "application/octet-stream"},
		{"text", "application/octet-stream"},
		{"text/", "application/octet-stream"},
		{"/plain", "application/octet-stream"},
		{"Text/Plain; charset=utf-8", "text/plain"},
		{"image/svg+xml", "image/svg+xml"},
		{"application/x-www-form-urlencoded", "application/octet-stream"},
		{"a/b\r\nX-Evil: 1", "a/b"},
		{"Multipart/Form-Data; boundary=x", NULL},
	};

	(void)state;
	for (size_t i = 0; i < lengthof(cases); i++) {
		const char *got = document_content_type(&arena, cases[i].sent);

		if (cases[i].wanted == NULL)
			assert_null(got);
		else
			assert_string_equal(got, cases[i].wanted);
	}
}

static void test_folder_check(void **state)
{
	static const char *const good[] = {NULL, "Tax 2025", "..."};
	static const char *const bad[] = {"",
	                                  ".",
	                                  "..",
	                                  "a/b",
	                                  "a\\b",
	                                  ("a\xe2\x80\xae" /* not \xaeb */
	                                   "b")};
	struct folder f = {0};

	(void)state;
	for (size_t i = 0; i < lengthof(good); i++) {
		f.name = good[i];
		assert_int_equal(folder_check(&f, &arena, &err), 0);
	}
	for (size_t i = 0; i < lengthof(bad); i++) {
		f.name = bad[i];
		err_clear(&err);
		assert_int_equal(folder_check(&f, &arena, &err), -1);
		assert_string_equal(err.faults[0].pointer, "/name");
	}
}

static void test_S3_17_share_in_check(void **state)
{
	static const struct {
		const char *type, *id, *access;
		enum problem problem;
	} cases[] = {
		{"folder", "fol_01kjpz7w3mfa6tq2c9x4n8d5he", "view_upload", PROBLEM_NONE},
		{"document", "doc_01kjpz7w3mfa6tq2c9x4n8d5he", "view", PROBLEM_NONE},
		{"document", "doc_01kjpz7w3mfa6tq2c9x4n8d5he", "view_upload",
	         PROBLEM_access_not_allowed_for_item},
		{"document", "fol_01kjpz7w3mfa6tq2c9x4n8d5he", "view", PROBLEM_validation_failed},
		{"folder", "nonsense", "view", PROBLEM_validation_failed},
		{NULL, "nonsense", "view_upload", PROBLEM_NONE}, /* told of already */
		{"folder", NULL, NULL, PROBLEM_NONE},
	};

	(void)state;
	for (size_t i = 0; i < lengthof(cases); i++) {
		struct share_in in = {.item_type = cases[i].type,
		                      .item_id = cases[i].id,
		                      .access = cases[i].access};

		err_clear(&err);
		assert_int_equal(share_in_check(&in, &err),
		                 cases[i].problem == PROBLEM_NONE ? 0 : -1);
		assert_int_equal(err.problem, cases[i].problem);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_document_name_nth),     TEST(test_document_name_nth_cut),
		TEST(test_document_content_type), TEST(test_folder_check),
		TEST(test_S3_17_share_in_check),
	};

	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
