/* mime.c - a mail's bytes: folding, encoding, and that nothing ends a header. */
#include "mime.h"

#include "../unit/fresh.h"

static struct mime_mail sample(void)
{
	return (struct mime_mail){
		.from_email = "no-reply@portal.example",
		.from_name = "Example & Co",
		.to_email = "ann@x.test",
		.to_name = "Ann",
		.subject = "Hello",
		.message_id = "eml_1@portal.example",
		.boundary = "part_eml_1",
		.date_ms = 1772532303123,
		.text = "Hello\n",
		.html = "<p>Hello</p>\n",
	};
}

static const char *written(const struct mime_mail *mail)
{
	struct buf b;

	buf_init(&b, &arena, 1 << 20);
	return mime_write(mail, &b) < 0 ? NULL : b.data;
}

/* Every line ends in CRLF, is ASCII and short, and does not open with a dot. */
static void check_lines(const char *mail, size_t max)
{
	while (*mail) {
		size_t n = strcspn(mail, "\r\n");

		assert_true(n <= max);
		assert_true(mail[0] != '.');
		assert_memory_equal(mail + n, "\r\n", 2);
		for (size_t i = 0; i < n; i++)
			assert_true((mail[i] >= ' ' && mail[i] <= '~') || mail[i] == '\t');
		mail += n + 2;
	}
}

static void test_mime_whole_mail(void **state)
{
	struct mime_mail mail = sample();
	const char *got = written(&mail);

	(void)state;
	assert_string_equal(got,
	                    "Date: Tue, 03 Mar 2026 10:05:03 +0000\r\n"
	                    "From: \"Example & Co\"\r\n <no-reply@portal.example>\r\n"
	                    "To: \"Ann\"\r\n <ann@x.test>\r\n"
	                    "Subject: Hello\r\n"
	                    "Message-ID: <eml_1@portal.example>\r\n"
	                    "MIME-Version: 1.0\r\n"
	                    "Auto-Submitted: auto-generated\r\n"
	                    "Content-Type: multipart/alternative;\r\n boundary=\"part_eml_1\"\r\n"
	                    "\r\n"
	                    "--part_eml_1\r\n"
	                    "Content-Type: text/plain; charset=utf-8\r\n"
	                    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	                    "Hello\r\n\r\n"
	                    "--part_eml_1\r\n"
	                    "Content-Type: text/html; charset=utf-8\r\n"
	                    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	                    "<p>Hello</p>\r\n\r\n"
	                    "--part_eml_1--\r\n");
	assert_string_equal(got, written(&mail));
}

static void test_mime_person(void **state)
{
	static const struct {
		const char *name, *header;
	} rows[] = {
		{"Ann", "\r\nTo: \"Ann\"\r\n <ann@x.test>\r\n"},
		{"", "\r\nTo: <ann@x.test>\r\n"},
		{NULL, "\r\nTo: <ann@x.test>\r\n"},
		{"ann@x.test", "\r\nTo: <ann@x.test>\r\n"},
		{"Ann@X.test", "\r\nTo: <ann@x.test>\r\n"},
		{"ann@x.test.", "\r\nTo: \"ann@x.test.\"\r\n <ann@x.test>\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < lengthof(rows); i++) {
		struct mime_mail mail = sample();
		const char *got;

		mail.to_name = rows[i].name;
		got = written(&mail);
		if (!got || !strstr(got, rows[i].header))
			fail_msg("row %zu: %s", i, got ? got : "(null)");
	}
}

static void test_mime_subject(void **state)
{
	static const struct {
		const char *subject, *header;
	} rows[] = {
		{"Plain", "\r\nSubject: Plain\r\n"},
		{"Zahlung f\xc3\xa4llig", "\r\nSubject: =?UTF-8?B?WmFobHVuZyBmw6RsbGln?=\r\n"},
		{"a\r\nBcc: evil@x.test",
	         "\r\nSubject: =?UTF-8?B?YSAgQmNjOiBldmlsQHgudGVzdA==?=\r\n"},
		{"=?UTF-8?B?SGk=?=", "\r\nSubject: =?UTF-8?B?PT9VVEYtOD9CP1NHaz0/PQ==?=\r\n"},
		{"", "\r\nSubject: \r\n"},
	};

	(void)state;
	for (size_t i = 0; i < lengthof(rows); i++) {
		struct mime_mail mail = sample();
		const char *got;

		mail.subject = rows[i].subject;
		got = written(&mail);
		if (!got || !strstr(got, rows[i].header))
			fail_msg("row %zu: %s", i, got ? got : "(null)");
		check_lines(got, 78);
	}
}

/* Long and foreign text everywhere, at every length: lines stay short and characters whole. */
static void test_mime_long_values(void **state)
{
	static const char *const units[] = {"a",  "\xc3\xa4", "\xe6\xbc\xa2", "\xf0\x9f\x93\x84",
	                                    "\"", "a b "};

	(void)state;
	for (size_t u = 0; u < lengthof(units); u++) {
		char text[1024] = "";

		for (int i = 0; i < 250; i++) {
			struct mime_mail mail = sample();

			strcat(text, units[u]);
			mail.subject = mail.to_name = mail.from_name = mail.text = mail.html = text;
			check_lines(written(&mail), 76);
		}
	}
}

static void test_mime_quoted_printable(void **state)
{
	static const struct {
		const char *text, *body;
	} rows[] = {
		{"a=b\n", "\r\n\r\na=3Db\r\n\r\n--"},
		{".\n..\n", "\r\n\r\n=2E\r\n=2E.\r\n\r\n--"},
		{"From me\nof From\n", "\r\n\r\n=46rom me\r\nof From\r\n\r\n--"},
		{"a \nb\t\nc\td\n", "\r\n\r\na=20\r\nb=09\r\nc\td\r\n\r\n--"},
		{"no end", "\r\n\r\nno end\r\n\r\n--"},
		{"\xe2\x82\xac\n\n1\n", "\r\n\r\n=E2=82=AC\r\n\r\n1\r\n\r\n--"},
		{"a\rb\x01", "\r\n\r\na=0Db=01\r\n\r\n--"},
	};

	(void)state;
	for (size_t i = 0; i < lengthof(rows); i++) {
		struct mime_mail mail = sample();
		const char *got;

		mail.text = rows[i].text;
		got = written(&mail);
		if (!got || !strstr(got, rows[i].body))
			fail_msg("row %zu: %s", i, got ? got : "(null)");
	}
}

static void test_mime_bad_address_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"a@x.test\r\nBcc: b@x.test",
		"a@x.test\nX: y",
		"a b@x.test",
		"a@x.test>",
		"<a@x.test",
		"a@x.test,b",
		"\xc3\xa4@x.test",
		"a@x.test\t",
		"a;b@x.test",
	};

	(void)state;
	for (size_t i = 0; i < lengthof(bad); i++) {
		struct mime_mail mail = sample();

		mail.to_email = bad[i];
		assert_null(written(&mail));
		mail = sample();
		mail.from_email = bad[i];
		assert_null(written(&mail));
		mail = sample();
		mail.reply_to = bad[i];
		assert_null(written(&mail));
		mail = sample();
		mail.message_id = bad[i];
		assert_null(written(&mail));
		mail = sample();
		mail.boundary = bad[i];
		assert_null(written(&mail));
	}
}

static void test_mime_names_cannot_inject(void **state)
{
	struct mime_mail mail = sample();
	const char *got;

	(void)state;
	mail.to_name = "Ann\" <evil@x.test>\r\nBcc: evil@x.test\r\n\r\n<script>";
	mail.from_name = "A\\\"B";
	mail.reply_to = "help@x.test";
	got = written(&mail);
	check_lines(got, 76);
	assert_null(strstr(got, "\r\nBcc"));
	assert_null(strstr(got, "evil@x.test"));
	assert_non_null(strstr(got, "From: \"A\\\\\\\"B\"\r\n <no-reply@portal.example>\r\n"));
	assert_non_null(strstr(got, "\r\nReply-To: <help@x.test>\r\n"));
}

static void test_mime_one_click_cannot_inject(void **state)
{
	static const char *const bad[] = {"https://x.test/a\r\nBcc: b@x.test", "https://x.test/a>",
	                                  "https://x.test/a b", "https://x.test/\xc3\xa4"};
	struct mime_mail mail = sample();

	(void)state;
	mail.one_click = "https://x.test/unsubscribe/a-b_c";
	assert_non_null(strstr(written(&mail),
	                       "List-Unsubscribe:\r\n <https://x.test/unsubscribe/a-b_c>\r\n"
	                       "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"));
	for (size_t i = 0; i < lengthof(bad); i++) {
		mail.one_click = bad[i];
		assert_null(written(&mail));
	}
}

static void test_mime_too_small_buffer(void **state)
{
	struct mime_mail mail = sample();
	struct buf b;

	(void)state;
	buf_init(&b, &arena, 100);
	assert_int_equal(mime_write(&mail, &b), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_mime_whole_mail, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_mime_subject, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_mime_person, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_mime_one_click_cannot_inject, set_up,
	                                        tear_down),
		cmocka_unit_test_setup_teardown(test_mime_long_values, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_mime_quoted_printable, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_mime_bad_address_is_refused, set_up,
	                                        tear_down),
		cmocka_unit_test_setup_teardown(test_mime_names_cannot_inject, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_mime_too_small_buffer, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("mime", tests, NULL, NULL);
}
