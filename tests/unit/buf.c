/* buf.c - tests of shared/base/buf.h. */
#include "unit.h"

static void test_buf_empty(void **state)
{
	struct arena a;
	struct buf b;

	(void)state;
	arena_init(&a, TEST_ARENA_MAX);
	buf_init(&b, &a, 0);
	assert_string_equal(b.data, "");
	buf_add(&b, "x", 0);
	buf_str(&b, "");
	buf_printf(&b, "%s", "");
	assert_false(b.over);
	buf_char(&b, 'x');
	assert_true(b.over);
	assert_string_equal(b.data, "");
	arena_release(&a);
}

static void test_buf_grows_to_maximum(void **state)
{
	struct arena a;
	struct buf b;

	(void)state;
	arena_init(&a, TEST_ARENA_MAX);
	for (size_t max = 1; max < 5000; max = max * 3 + 1) {
		buf_init(&b, &a, max);
		for (size_t i = 0; i < max; i++) {
			buf_char(&b, (char)('a' + i % 26));
			assert_int_equal(b.len, i + 1);
			assert_int_equal(b.data[b.len], '\0');
		}
		assert_false(b.over);
		buf_char(&b, '!');
		assert_true(b.over);
		assert_int_equal(b.len, max);
		for (size_t i = 0; i < max; i++)
			assert_int_equal(b.data[i], 'a' + i % 26);
	}
	arena_release(&a);
}

static void test_buf_over_adds_nothing(void **state)
{
	struct arena a;
	struct buf b;

	(void)state;
	arena_init(&a, TEST_ARENA_MAX);
	buf_init(&b, &a, 10);
	buf_str(&b, "12345");
	buf_str(&b, "678901");
	assert_true(b.over);
	buf_str(&b, "6"); /* would fit, but stands behind what was lost */
	buf_printf(&b, "%d", 6);
	buf_char(&b, '6');
	assert_string_equal(b.data, "12345");
	buf_clear(&b);
	assert_false(b.over);
	assert_string_equal(b.data, "");
	buf_str(&b, "1234567890");
	assert_false(b.over);
	assert_string_equal(b.data, "1234567890");
	arena_release(&a);
}

static void test_buf_printf_whole_or_not(void **state)
{
	struct arena a;
	struct buf b;

	(void)state;
	arena_init(&a, TEST_ARENA_MAX);
	buf_init(&b, &a, 300);
	buf_printf(&b, "%0150d", 0);
	buf_printf(&b, "%0150d", 0);
	assert_false(b.over);
	assert_int_equal(b.len, 300);
	buf_printf(&b, "%s", "");
	assert_false(b.over);
	buf_clear(&b);
	buf_printf(&b, "%0301d", 0);
	assert_true(b.over);
	assert_int_equal(b.len, 0);
	arena_release(&a);
}

static void test_buf_keeps_nul_bytes(void **state)
{
	struct arena a;
	struct buf b;

	(void)state;
	arena_init(&a, TEST_ARENA_MAX);
	buf_init(&b, &a, 300);
	buf_add(&b, "a\0b", 3);
	assert_int_equal(b.len, 3);
	assert_memory_equal(b.data, "a\0b", 4);
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buf_empty),
		cmocka_unit_test(test_buf_grows_to_maximum),
		cmocka_unit_test(test_buf_over_adds_nothing),
		cmocka_unit_test(test_buf_printf_whole_or_not),
		cmocka_unit_test(test_buf_keeps_nul_bytes),
	};

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
