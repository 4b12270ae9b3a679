/* clock.c - tests of shared/base/clock.h. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

static void test_time_parse_taken(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} times[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"1970-01-01T00:00:00.001Z", 1},
		{"1969-12-31T23:59:59.999Z", -1},
		{"2026-11-21T22:40:28.123Z", 1795300828123},
		{"2026-11-21t22:40:28.123z", 1795300828123},
		{"2026-11-21T22:40:28.123999999Z", 1795300828123},
		{"2026-11-21T22:40:28.1Z", 1795300828100},
		{"2026-11-21T23:40:28.12+01:00", 1795300828120},
		{"2026-11-21T17:10:28-05:30", 1795300828000},
		{"2026-11-21T22:40:28-00:00", 1795300828000},
		{"2026-11-22T22:39:28+23:59", 1795300828000},
		{"2026-11-21 22:40:28+00", 1795300828000},
		{"2026-11-21 22:40:28.123456+00", 1795300828123},
		{"2026-11-22 04:10:28.5+05:30", 1795300828500},
		{"2026-11-21 17:40:28-05", 1795300828000},
		{"2000-02-29T00:00:00Z", 951782400000},
		{"2024-02-29T23:59:59Z", 1709251199000},
		{"0001-01-01T00:00:00Z", -62135596800000},
		{"9999-12-31T23:59:59.999Z", 253402300799999},
	};

	(void)state;
	for (size_t i = 0; i < lengthof(times); i++) {
		int64_t ms;

		if (time_parse(times[i].text, &ms) < 0)
			fail_msg("refused: %s", times[i].text);
		if (ms != times[i].ms)
			fail_msg("%s is %lld", times[i].text, (long long)ms);
	}
}

static void test_time_parse_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"now",
		"infinity",
		"2026-11-21",
		"2026-11-21T22:40Z",
		"2026-11-21T22:40:28",
		"2026-11-21T22:40:28+01",
		"2026-11-21T22:40:28+0100",
		"2026-11-21T22:40:28.Z",
		"2026-11-21T22:40:28,1Z",
		"2026-11-21T22:40:28ZZ",
		"2026-11-21T22:40:28Z ",
		" 2026-11-21T22:40:28Z",
		"2026-11-21T24:00:00Z",
		"2026-11-21T22:60:00Z",
		"2026-11-21T22:40:60Z",
		"2026-11-21T22:40:28+24:00",
		"2026-11-21T22:40:28+01:60",
		"2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z",
		"2026-01-00T00:00:00Z",
		"2026-01-32T00:00:00Z",
		"2026-04-31T00:00:00Z",
		"2026-02-29T00:00:00Z",
		"1900-02-29T00:00:00Z",
		"0000-01-01T00:00:00Z",
		"0001-01-01T00:00:00+00:01",
		"9999-12-31T23:59:59-00:01",
		"12026-11-21T22:40:28Z",
		"-026-11-21T22:40:28Z",
		"+026-11-21T22:40:28Z",
		"2026-11-21 22:40:28Z",
		"2026-11-21 22:40:28",
		"2026-11-21 22:40:28+00 BC",
		"2026-11-21 22:40:28+00:00:01",
		"2026-11-21_22:40:28Z",
	};
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < lengthof(bad); i++)
		if (time_parse(bad[i], &ms) != -1)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(time_parse(NULL, &ms), -1);
}

static void test_time_format_as_libc(void **state)
{
	uint64_t seed = 3;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		const int64_t s =
			((int64_t)unit_random(&seed, 1u << 31) << 9 | unit_random(&seed, 512)) %
				315537897599 -
			62135596800;
		const int64_t ms = s * 1000 + unit_random(&seed, 1000);
		char text[TIME_TEXT_SIZE], expected[64];
		const time_t t = (time_t)s;
		struct tm tm;
		int64_t back;

		assert_non_null(gmtime_r(&t, &tm));
		snprintf(expected, sizeof(expected), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
		         tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
		         tm.tm_sec, (int)(ms - s * 1000));
		time_format(ms, text);
		assert_string_equal(text, expected);
		assert_int_equal(time_parse(text, &back), 0);
		assert_int_equal(back, ms);
	}
}

static void test_time_format_out_of_range(void **state)
{
	char text[TIME_TEXT_SIZE];

	(void)state;
	time_format(INT64_MAX, text);
	assert_string_equal(text, "9999-12-31T23:59:59.999Z");
	time_format(INT64_MIN + 1, text);
	assert_string_equal(text, "0001-01-01T00:00:00.000Z");
}

static void test_clock_is_real(void **state)
{
	const int64_t now = (int64_t)time(NULL) * 1000;
	const int64_t mono = clock_mono_ms();

	(void)state;
	assert_in_range(clock_now_ms(), now - 1000, now + 2000);
	assert_true(clock_mono_ms() >= mono);
	assert_int_equal(clock_offset_ms(), 0);
}

static void test_clock_attach_no_directory(void **state)
{
	(void)state;
	assert_int_equal(clock_attach("/nonexistent/clock"), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(clock_offset_ms(), 0);
}

/* Both processes see the same offset, whichever sets it. */
static void test_clock_attach_shared(void **state)
{
	char dir[] = "/tmp/portico-clock-XXXXXX", path[64];
	const int64_t mono = clock_mono_ms();
	struct stat st;
	int64_t now;
	int status;
	pid_t pid;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/clock", dir);
	assert_int_equal(clock_attach(path), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 8);
	assert_int_equal(clock_offset_ms(), 0);
	now = clock_now_ms();
	pid = fork();
	if (pid == 0) {
		if (clock_attach(path) < 0)
			_exit(1);
		clock_set_offset_ms(86400000);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(clock_offset_ms(), 86400000);
	assert_in_range(clock_now_ms(), now + 86400000, now + 86400000 + 60000);
	assert_true(clock_mono_ms() - mono < 60000);
	assert_int_equal(clock_attach(path), 0); /* again: what is there stays */
	assert_int_equal(clock_offset_ms(), 86400000);
	clock_set_offset_ms(0);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_time_parse_taken),
		cmocka_unit_test(test_time_parse_refused),
		cmocka_unit_test(test_time_format_as_libc),
		cmocka_unit_test(test_time_format_out_of_range),
		cmocka_unit_test(test_clock_is_real),
		cmocka_unit_test(test_clock_attach_no_directory),
		cmocka_unit_test(test_clock_attach_shared),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
