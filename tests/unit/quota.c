/* quota.c - tests of shared/base/quota.h. */
#include "unit.h"

#include "quota.h"

#include <stdlib.h>

#define SECOND INT64_C(1000000)

static const struct quota six = {6, 60000}; /* one comes back every ten seconds */
static const int64_t start = 1795300828 * SECOND;

static void test_quota_uses(void **state)
{
	static const struct {
		const char *name;
		int64_t tat_s; /* state and time, from the start */
		int64_t now_s;
		enum quota_cost cost;
		bool allowed;
		int64_t left, full_s, wait_s;
	} cases[] = {
		{"the first", 0, 0, QUOTA_TAKE, true, 5, 10, 0},
		{"the last", 50, 0, QUOTA_TAKE, true, 0, 60, 10},
		{"one too many", 60, 0, QUOTA_TAKE, false, 0, 60, 10},
		{"almost come back", 60, 9, QUOTA_TAKE, false, 0, 51, 1},
		{"come back", 60, 10, QUOTA_TAKE, true, 0, 60, 10},
		{"a look at the last", 50, 0, QUOTA_LOOK, true, 1, 50, 0},
		{"a look at nothing", 60, 0, QUOTA_LOOK, false, 0, 60, 10},
		{"given back", 60, 0, QUOTA_GIVE, true, 1, 50, 0},
		{"given back, of none taken", 0, 0, QUOTA_GIVE, true, 6, 0, 0},
		{"half a unit is none", 5, 0, QUOTA_LOOK, true, 5, 5, 0},
		{"long ago", -1000000, 0, QUOTA_TAKE, true, 5, 10, 0},
		{"an erring clock's", 1000000, 0, QUOTA_TAKE, false, 0, 60, 10},
		{"... is over as soon as any", 1000000, 0, QUOTA_GIVE, true, 1, 50, 0},
	};

	(void)state;
	for (size_t i = 0; i < lengthof(cases); i++) {
		struct quota_left got;
		int64_t tat = quota_use(&six, cases[i].cost, start + cases[i].now_s * SECOND,
		                        start + cases[i].tat_s * SECOND, &got);

		if (got.allowed != cases[i].allowed || got.left != cases[i].left ||
		    got.full_ms != cases[i].full_s * 1000 || got.wait_ms != cases[i].wait_s * 1000)
			fail_msg("%s: %d, %lld left, full in %lld, wait %lld", cases[i].name,
			         got.allowed, (long long)got.left, (long long)got.full_ms,
			         (long long)got.wait_ms);
		assert_int_equal(tat, start + cases[i].now_s * SECOND + got.full_ms * 1000);
	}
}

/* Whatever is asked when: in no window more than the limit and what came back meanwhile. */
static void test_quota_never_more(void **state)
{
	static const struct quota quotas[] = {
		{1, 60000}, {6, 60000}, {7, 60000}, {1200, 60000}, {1000000, 60000}};

	(void)state;
	srand(7);
	for (size_t i = 0; i < lengthof(quotas); i++) {
		const struct quota *q = &quotas[i];
		int64_t now = start, tat = 0, granted = 0, passed;
		struct quota_left left;

		for (int n = 0; n < 20000; n++) {
			int64_t expected;

			tat = quota_use(q, QUOTA_LOOK, now, tat, &left);
			expected = left.left;
			tat = quota_use(q, QUOTA_TAKE, now, tat, &left);
			assert_int_equal(left.allowed, expected > 0);
			assert_int_equal(left.left, expected > 0 ? expected - 1 : 0);
			granted += left.allowed;
			passed = now - start;
			assert_true(granted <= q->limit + passed / quota_step_us(q));
			now += rand() % (int)(2 * quota_step_us(q));
		}
		assert_true(granted >= (now - start) / quota_step_us(q) / 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quota_uses),
		cmocka_unit_test(test_quota_never_more),
	};

	return cmocka_run_group_tests_name("quota", tests, NULL, NULL);
}
