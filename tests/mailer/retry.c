/* retry.c - back-off, expiry, bounces and dead letters, as tables. */
#include "retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND };

static const int64_t day = (int64_t)24 * 60 * MINUTE;

static void test_retry_delay_grows_to_half_an_hour(void **state)
{
	static const int64_t want[] = {15, 45, 135, 405, 1215, 1800, 1800};
	int64_t sum = 0;

	(void)state;
	for (int i = 0; i < (int)lengthof(want); i++) {
		assert_int_equal(retry_delay_ms(i + 1, 0), want[i] * SECOND);
		sum += want[i];
	}
	assert_true(sum - 1800 * 2 <= 3600); /* six waits, seven attempts in the first hour */
	assert_int_equal(retry_delay_ms(1000000, 0), 30 * MINUTE);
}

static void test_retry_delay_spread_adds_at_most_a_tenth(void **state)
{
	(void)state;
	for (uint32_t spread = 0; spread < 5000; spread += 7) {
		int64_t delay = retry_delay_ms(3, spread);

		assert_true(delay >= 135 * SECOND && delay < 135 * SECOND * 11 / 10);
		assert_int_equal(delay, retry_delay_ms(3, spread));
	}
}

static void test_retry_host_pause_is_short(void **state)
{
	static const int64_t want[] = {1, 2, 4, 8, 16, 16};

	(void)state;
	for (unsigned i = 0; i < lengthof(want); i++)
		assert_int_equal(retry_host_pause_ms(i + 1), want[i] * SECOND);
	assert_int_equal(retry_host_pause_ms(1000000), 16 * SECOND);
}

struct row {
	const char *name;
	struct attempt attempt;
	int attempts;
	int64_t expires_ms;
	enum fate_state state;
	int64_t due_ms;
	bool suppress;
};

#define TEMPORARY OUTCOME_TEMPORARY, BLAME_MAIL
#define PERMANENT OUTCOME_PERMANENT, BLAME_MAIL

static const struct row rows[] = {
	{"sent", {OUTCOME_SENT, BLAME_NONE, 250, "2.0.0 Ok"}, 1, 4, FATE_SENT, 0, false},
	{"sent after its time", {OUTCOME_SENT, BLAME_NONE, 250, ""}, 9, 0, FATE_SENT, 0, false},
	{"busy", {TEMPORARY, 450, "4.2.1 busy"}, 1, 4, FATE_DEFERRED, 15 * SECOND, false},
	{"busy again", {TEMPORARY, 450, "4.2.1 busy"}, 2, 4, FATE_DEFERRED, 45 * SECOND, false},
	{"busy too long", {TEMPORARY, 450, "busy"}, 9, 0, FATE_FAILED, 0, false},
	{"cut after the dot",
         {OUTCOME_AMBIGUOUS, BLAME_MAIL, 354, "gone"},
         1,
         4,
         FATE_DEFERRED,
         15 * SECOND,
         false},
	{"cut after the dot, too old",
         {OUTCOME_AMBIGUOUS, BLAME_MAIL, 354, ""},
         5,
         0,
         FATE_FAILED,
         0,
         false},
	{"host is away",
         {OUTCOME_TEMPORARY, BLAME_HOST, 0, "refused"},
         7,
         4,
         FATE_DEFERRED,
         0,
         false},
	{"host is away too long",
         {OUTCOME_TEMPORARY, BLAME_HOST, 0, ""},
         7,
         0,
         FATE_FAILED,
         0,
         false},
	{"no such mailbox", {PERMANENT, 550, "5.1.1 who?"}, 1, 4, FATE_BOUNCED, 0, true},
	{"no such domain", {PERMANENT, 550, "5.1.2 where?"}, 1, 4, FATE_BOUNCED, 0, true},
	{"null MX", {PERMANENT, 556, "5.1.10 no mail"}, 3, 4, FATE_BOUNCED, 0, true},
	{"refused", {PERMANENT, 554, "no"}, 1, 4, FATE_BOUNCED, 0, false},
	{"refused, late", {PERMANENT, 554, "no"}, 1, 0, FATE_BOUNCED, 0, false},
	{"full", {PERMANENT, 552, "5.2.2 full"}, 1, 4, FATE_DEFERRED, 15 * SECOND, false},
	{"full still", {PERMANENT, 552, "5.2.2 full"}, 2, 4, FATE_BOUNCED, 0, false},
	{"policy", {PERMANENT, 550, "5.7.1 policy"}, 1, 4, FATE_DEFERRED, 15 * SECOND, false},
	{"policy still", {PERMANENT, 550, "5.7.1 policy"}, 2, 4, FATE_BOUNCED, 0, false},
	{"odd text", {PERMANENT, 550, "5.1 no"}, 1, 4, FATE_BOUNCED, 0, false},
};

static void test_retry_fate(void **state)
{
	const int64_t now = 1000 * day;

	(void)state;
	for (size_t i = 0; i < lengthof(rows); i++) {
		const struct row *r = &rows[i];
		struct fate fate =
			retry_fate(&r->attempt, r->attempts, 0, now, now + r->expires_ms * day);

		if (fate.state != r->state || fate.suppress != r->suppress)
			fail_msg("%s: %s", r->name, fate_text(fate.state));
		if (fate.state == FATE_DEFERRED && fate.due_ms != now + r->due_ms)
			fail_msg("%s: due in %lld", r->name, (long long)(fate.due_ms - now));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_retry_delay_grows_to_half_an_hour),
		cmocka_unit_test(test_retry_delay_spread_adds_at_most_a_tenth),
		cmocka_unit_test(test_retry_host_pause_is_short),
		cmocka_unit_test(test_retry_fate),
	};

	return cmocka_run_group_tests_name("retry", tests, NULL, NULL);
}
