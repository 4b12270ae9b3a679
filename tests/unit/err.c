/* err.c - tests of shared/base/err.h. */
#include "fresh.h"

#include <ctype.h>

static void test_err_first_problem_stays(void **state)
{
	char detail[] = "no such 7";

	(void)state;
	assert_int_equal(err.problem, PROBLEM_NONE);
	assert_int_equal(err_set(&err, PROBLEM_not_found, "%s", detail), -1);
	detail[0] = 'X'; /* texts are copies */
	assert_int_equal(err_set(&err, PROBLEM_in_use, "later"), -1);
	assert_int_equal(err.problem, PROBLEM_not_found);
	assert_string_equal(err.detail, "no such 7");
	err_clear(&err);
	assert_int_equal(err.problem, PROBLEM_NONE);
	assert_null(err.detail);
	assert_ptr_equal(err.arena, &arena);
}

static void test_err_fault_sets_problem(void **state)
{
	(void)state;
	assert_int_equal(err_fault(&err, "/name", "too_long", "at most %d", 5), -1);
	assert_int_equal(err.problem, PROBLEM_validation_failed);
	assert_non_null(err.detail);
	assert_int_equal(err.fault_count, 1);
	assert_string_equal(err.faults[0].pointer, "/name");
	assert_string_equal(err.faults[0].code, "too_long");
	assert_string_equal(err.faults[0].message, "at most 5");
}

static void test_err_fault_keeps_problem(void **state)
{
	(void)state;
	err_set(&err, PROBLEM_not_eligible, "reasons");
	err_fault(&err, "", "no_email", "no address");
	assert_int_equal(err.problem, PROBLEM_not_eligible);
	assert_int_equal(err.fault_count, 1);
}

static void test_err_fault_bounded(void **state)
{
	(void)state;
	for (int i = 0; i < 3 * ERR_FAULTS_MAX; i++)
		assert_int_equal(err_fault(&err, "/x", "bad", "%d", i), -1);
	assert_int_equal(err.fault_count, ERR_FAULTS_MAX);
	assert_string_equal(err.faults[ERR_FAULTS_MAX - 1].message, "63");
}

static void test_err_internal_not_shown(void **state)
{
	(void)state;
	assert_int_equal(err_internal(&err, "secret %d", 1), -1);
	assert_int_equal(err.problem, PROBLEM_internal_error);
	assert_string_equal(err.internal, "secret 1");
	assert_null(strstr(err.detail, "secret"));
}

static void test_err_internal_after_problem(void **state)
{
	(void)state;
	err_set(&err, PROBLEM_unavailable, "later");
	err_internal(&err, "first");
	err_internal(&err, "second");
	assert_int_equal(err.problem, PROBLEM_unavailable);
	assert_string_equal(err.internal, "first");
}

static void test_problem_table(void **state)
{
	(void)state;
	for (int i = PROBLEM_NONE + 1; i < PROBLEM_COUNT; i++) {
		const enum problem p = (enum problem)i;
		const char *code = problem_code(p);

		assert_int_equal(problem_find(code), p);
		assert_in_range(problem_status(p), 400, 507);
		assert_true(strlen(problem_title(p)) > 0);
		for (const char *c = code; *c; c++)
			assert_true(islower((unsigned char)*c) || *c == '_');
	}
	assert_int_equal(problem_status(PROBLEM_not_found), 404);
	assert_string_equal(problem_code(PROBLEM_quota_exceeded), "quota_exceeded");
}

static void test_problem_unknown(void **state)
{
	(void)state;
	assert_int_equal(problem_find("no_such"), PROBLEM_NONE);
	assert_int_equal(problem_find(""), PROBLEM_NONE);
	assert_string_equal(problem_code(PROBLEM_NONE), "none");
	assert_int_equal(problem_status(PROBLEM_COUNT), 0);
	assert_string_equal(problem_title((enum problem)9999), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_err_first_problem_stays), TEST(test_err_fault_sets_problem),
		TEST(test_err_fault_keeps_problem), TEST(test_err_fault_bounded),
		TEST(test_err_internal_not_shown),  TEST(test_err_internal_after_problem),
		TEST(test_problem_table),           TEST(test_problem_unknown),
	};

	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
