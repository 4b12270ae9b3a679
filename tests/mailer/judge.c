/* judge.c - what the end of an SMTP transaction means, as a table. */
#include "smtp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
	const char *name;
	bool ok;
	int code;
	enum smtp_phase phase;
	bool body_sent;
	enum outcome outcome;
	enum blame blame;
} rows[] = {
	{"taken", true, 250, SMTP_BODY, true, OUTCOME_SENT, BLAME_NONE},
	{"no host", false, 0, SMTP_CONNECT, false, OUTCOME_TEMPORARY, BLAME_HOST},
	{"greeting refused", false, 554, SMTP_CONNECT, false, OUTCOME_TEMPORARY, BLAME_HOST},
	{"no TLS", false, 220, SMTP_CONNECT, false, OUTCOME_TEMPORARY, BLAME_HOST},
	{"wrong password", false, 535, SMTP_CONNECT, false, OUTCOME_TEMPORARY, BLAME_HOST},
	{"sender refused", false, 550, SMTP_MAIL, false, OUTCOME_TEMPORARY, BLAME_HOST},
	{"sender refused for now", false, 451, SMTP_MAIL, false, OUTCOME_TEMPORARY, BLAME_HOST},
	{"AUTH wanted", false, 530, SMTP_MAIL, false, OUTCOME_TEMPORARY, BLAME_HOST},
	{"AUTH wanted for the recipient", false, 530, SMTP_RCPT, false, OUTCOME_TEMPORARY,
         BLAME_HOST},
	{"lost after MAIL", false, 250, SMTP_MAIL, false, OUTCOME_TEMPORARY, BLAME_HOST},
	{"no such person", false, 550, SMTP_RCPT, false, OUTCOME_PERMANENT, BLAME_MAIL},
	{"busy", false, 450, SMTP_RCPT, false, OUTCOME_TEMPORARY, BLAME_MAIL},
	{"closing", false, 421, SMTP_RCPT, false, OUTCOME_TEMPORARY, BLAME_HOST},
	{"lost after RCPT", false, 250, SMTP_RCPT, false, OUTCOME_TEMPORARY, BLAME_HOST},
	{"no valid recipients", false, 554, SMTP_DATA, false, OUTCOME_PERMANENT, BLAME_MAIL},
	{"no DATA for now", false, 451, SMTP_DATA, false, OUTCOME_TEMPORARY, BLAME_MAIL},
	{"lost in the body", false, 354, SMTP_BODY, false, OUTCOME_TEMPORARY, BLAME_MAIL},
	{"lost after the dot", false, 354, SMTP_BODY, true, OUTCOME_AMBIGUOUS, BLAME_MAIL},
	{"body refused", false, 554, SMTP_BODY, true, OUTCOME_PERMANENT, BLAME_MAIL},
	{"body refused early", false, 552, SMTP_BODY, false, OUTCOME_PERMANENT, BLAME_MAIL},
	{"body refused for now", false, 452, SMTP_BODY, true, OUTCOME_TEMPORARY, BLAME_MAIL},
	{"closing after the dot", false, 421, SMTP_BODY, true, OUTCOME_TEMPORARY, BLAME_HOST},
};

static void test_smtp_judge(void **state)
{
	(void)state;
	for (size_t i = 0; i < lengthof(rows); i++) {
		struct attempt a =
			smtp_judge(rows[i].ok, rows[i].code, rows[i].phase, rows[i].body_sent);

		if (a.outcome != rows[i].outcome || a.blame != rows[i].blame ||
		    a.code != rows[i].code)
			fail_msg("%s: %s", rows[i].name, outcome_text(a.outcome));
	}
}

static void test_smtp_new_refuses_settings_that_do_not_fit(void **state)
{
	static const struct {
		const char *url, *tls;
		bool fits;
	} settings[] = {
		{"smtp://127.0.0.1:25", "auto", true},   {"smtp://mail.example:587", "auto", true},
		{"smtps://mail.example", "auto", true},  {"smtp://[::1]:25", "required", true},
		{"smtp://mail.example", "off", true},    {"smtps://mail.example", "off", false},
		{"http://mail.example", "auto", false},  {"mail.example", "auto", false},
		{"smtp://mail.example", "maybe", false},
	};

	(void)state;
	for (size_t i = 0; i < lengthof(settings); i++) {
		const struct conf conf = {.smtp_url = settings[i].url, .smtp_tls = settings[i].tls};
		const char *why;
		struct smtp *s = smtp_new(&conf, &why);

		if (!s != !settings[i].fits)
			fail_msg("%s %s: %s", settings[i].url, settings[i].tls, why);
		smtp_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_smtp_judge),
		cmocka_unit_test(test_smtp_new_refuses_settings_that_do_not_fit),
	};

	return cmocka_run_group_tests_name("smtp", tests, NULL, NULL);
}
