/* arena.c - tests of shared/base/arena.h. */
#include "unit.h"

static void test_arena_alloc_zeroed_and_aligned(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a, TEST_ARENA_MAX);
	for (size_t size = 0; size < 20000; size += 1 + size / 7) {
		unsigned char *p = arena_alloc(&a, size);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, size);
	}
	arena_release(&a);
}

static void test_arena_alloc_pieces_apart(void **state)
{
	enum { N = 3000 };
	static unsigned char *p[N];
	uint64_t seed = 1;
	static size_t size[N];
	struct arena a;

	(void)state;
	arena_init(&a, TEST_ARENA_MAX);
	for (int i = 0; i < N; i++) {
		size[i] = unit_random(&seed, i % 100 ? 200 : 20000);
		p[i] = arena_alloc(&a, size[i]);
		memset(p[i], i & 0xff, size[i]);
	}
	for (int i = 0; i < N; i++)
		for (size_t j = 0; j < size[i]; j++)
			assert_int_equal(p[i][j], i & 0xff);
	arena_release(&a);
}

static void test_arena_release_null(void **state)
{
	struct arena a;

	(void)state;
	arena_release(NULL);
	arena_init(&a, 100);
	arena_release(&a);
	arena_alloc(&a, 60); /* usable again, with the same maximum */
	arena_release(&a);
	assert_int_equal(a.used, 0);
	assert_int_equal(a.max, 100);
	assert_null(a.blocks);
}

static int order[8], ordered;

static void note(void *arg)
{
	order[ordered++] = *(int *)arg;
}

static void note_and_defer(void *arg)
{
	static int late = 99;
	struct arena *a = arg;

	arena_defer(a, note, &late);
}

static void test_arena_defer_last_first(void **state)
{
	struct arena a;
	int *n;

	(void)state;
	ordered = 0;
	arena_init(&a, TEST_ARENA_MAX);
	n = arena_array(&a, int, 3);
	for (int i = 0; i < 3; i++) {
		n[i] = i;
		arena_defer(&a, note, &n[i]); /* the arena's memory is still there when it runs */
	}
	arena_defer(&a, note_and_defer, &a);
	arena_release(&a);
	assert_int_equal(ordered, 4);
	assert_int_equal(order[0], 99);
	assert_int_equal(order[1], 2);
	assert_int_equal(order[3], 0);
	arena_release(&a);
	assert_int_equal(ordered, 4);
}

static void test_arena_texts(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a, TEST_ARENA_MAX);
	assert_null(arena_strdup(&a, NULL));
	assert_string_equal(arena_strdup(&a, ""), "");
	assert_string_equal(arena_strdup(&a, "abc"), "abc");
	assert_string_equal(arena_strndup(&a, "abc", 2), "ab");
	assert_string_equal(arena_strndup(&a, NULL, 0), "");
	assert_string_equal(arena_printf(&a, "%d-%s", 7, "x"), "7-x");
	assert_int_equal(strlen(arena_printf(&a, "%05000d", 1)), 5000);
	arena_release(&a);
}

static void pass_maximum(void)
{
	struct arena a;

	arena_init(&a, 1000);
	for (int i = 0; i < 100; i++)
		arena_alloc(&a, 16);
}

static void ask_for_all(void)
{
	struct arena a;

	arena_init(&a, SIZE_MAX);
	arena_alloc(&a, SIZE_MAX - 8);
}

static void overflow_array(void)
{
	struct arena a;

	arena_init(&a, TEST_ARENA_MAX);
	arena_array(&a, int64_t, SIZE_MAX / 4);
}

static void negative_array(void)
{
	struct arena a;
	volatile int n = -1;

	arena_init(&a, TEST_ARENA_MAX);
	arena_array(&a, char, n);
}

static void test_arena_too_much_aborts(void **state)
{
	(void)state;
	assert_true(unit_aborts(pass_maximum));
	assert_true(unit_aborts(ask_for_all));
	assert_true(unit_aborts(overflow_array));
	assert_true(unit_aborts(negative_array));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arena_alloc_zeroed_and_aligned),
		cmocka_unit_test(test_arena_alloc_pieces_apart),
		cmocka_unit_test(test_arena_release_null),
		cmocka_unit_test(test_arena_defer_last_first),
		cmocka_unit_test(test_arena_texts),
		cmocka_unit_test(test_arena_too_much_aborts),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
