/* fiber.c - tests of shared/io/fiber.h. */
#include "unit.h"

#include "fiber.h"

struct trace {
	char text[64];
	struct fiber *self;
};

static void note(struct trace *t, char c)
{
	size_t len = strlen(t->text);

	t->text[len] = c;
	t->text[len + 1] = '\0';
}

static void three_steps(void *arg)
{
	struct trace *t = arg;

	assert_ptr_equal(fiber_current(), t->self);
	note(t, 'a');
	fiber_park();
	note(t, 'b');
	fiber_park();
	note(t, 'c');
}

static void test_fiber_steps(void **state)
{
	struct trace t = {0};

	(void)state;
	assert_null(fiber_current());
	t.self = fiber_new(three_steps, &t);
	assert_string_equal(t.text, "");
	assert_int_equal(fiber_count(), 1);
	for (int i = 0; i < 3; i++) {
		assert_false(fiber_ended(t.self));
		note(&t, '-');
		fiber_resume(t.self);
		assert_null(fiber_current());
	}
	assert_true(fiber_ended(t.self));
	assert_string_equal(t.text, "-a-b-c");
	fiber_free(t.self);
	assert_int_equal(fiber_count(), 0);
}

/* Each keeps its own locals across the others' turns. */
static void sum_up(void *arg)
{
	int *out = arg, sum = 0, numbers[64];

	for (int i = 0; i < 64; i++) {
		numbers[i] = i * *out;
		fiber_park();
	}
	for (int i = 0; i < 64; i++)
		sum += numbers[i];
	*out = sum;
}

static void test_fiber_many(void **state)
{
	enum { N = 500 };
	static struct fiber *fibers[N];
	static int values[N];
	size_t stacks = 0;

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < N; i++) {
			values[i] = i;
			fibers[i] = fiber_new(sum_up, &values[i]);
			assert_non_null(fibers[i]);
		}
		for (int turn = 0; turn < 65; turn++) {
			for (int i = 0; i < N; i++)
				fiber_resume(fibers[i]);
		}
		for (int i = 0; i < N; i++) {
			assert_true(fiber_ended(fibers[i]));
			assert_int_equal(values[i], i * 64 * 63 / 2);
			fiber_free(fibers[i]);
		}
		assert_int_equal(fiber_count(), 0);
		if (round > 0) /* the pool is capped, the rest is mapped anew */
			assert_int_equal(fiber_stack_count() - stacks, N - 256);
		stacks = fiber_stack_count();
	}
}

static void use_stack(void *arg)
{
	volatile char deep[150 * 1024];

	for (size_t i = 0; i < sizeof(deep); i += 512)
		deep[i] = (char)i;
	*(char *)arg = deep[512];
}

static void test_fiber_deep_stack(void **state)
{
	struct fiber *f;
	char c;

	(void)state;
	for (int i = 0; i < 3; i++) {
		f = fiber_new(use_stack, &c);
		fiber_resume(f);
		assert_true(fiber_ended(f));
		fiber_free(f);
	}
}

static void wait_for_cancel(void *arg)
{
	while (!fiber_cancelled(fiber_current()))
		fiber_park();
	*(bool *)arg = true;
}

static void test_fiber_cancel_and_data(void **state)
{
	bool unwound = false;
	struct fiber *f = fiber_new(wait_for_cancel, &unwound);

	(void)state;
	assert_null(fiber_data(f));
	fiber_set_data(f, &unwound);
	assert_ptr_equal(fiber_data(f), &unwound);
	fiber_resume(f);
	assert_false(fiber_cancelled(f));
	fiber_cancel(f);
	assert_false(unwound);
	fiber_resume(f);
	assert_true(unwound && fiber_ended(f));
	fiber_free(f);
	f = fiber_new(wait_for_cancel, &unwound); /* the same stack, nothing left of the last one */
	assert_false(fiber_cancelled(f));
	assert_null(fiber_data(f));
	fiber_cancel(f);
	fiber_resume(f);
	fiber_free(f);
}

#ifndef __SANITIZE_ADDRESS__
static volatile int depth;

static int endless(int n)
{
	volatile char frame[1024];

	frame[0] = (char)n;
	depth = n;
	return n < 0 ? 0 : endless(n + 1) + frame[0];
}

static void overflow(void *arg)
{
	*(int *)arg = endless(0);
}

/* The guard page turns an overflow into an end of the process, not into somebody else's stack. */
static void test_fiber_guard(void **state)
{
	pid_t pid;
	int status, result;

	(void)state;
	pid = fork();
	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL);
		fiber_resume(fiber_new(overflow, &result));
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}
#endif

static void resume_inside(void *arg)
{
	fiber_resume(arg);
}

static void nested(void)
{
	struct trace t = {0};

	fiber_resume(fiber_new(resume_inside, fiber_new(three_steps, &t)));
}

static void test_fiber_misuse_aborts(void **state)
{
	(void)state;
	assert_true(unit_aborts(nested));
	assert_true(unit_aborts(fiber_park));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fiber_steps),
		cmocka_unit_test(test_fiber_many),
		cmocka_unit_test(test_fiber_deep_stack),
		cmocka_unit_test(test_fiber_cancel_and_data),
#ifndef __SANITIZE_ADDRESS__
		cmocka_unit_test(test_fiber_guard),
#endif
		cmocka_unit_test(test_fiber_misuse_aborts),
	};

	return cmocka_run_group_tests_name("fiber", tests, NULL, NULL);
}
