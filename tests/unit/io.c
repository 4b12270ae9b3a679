/* io.c - tests of shared/io/io.h: the poll driver, and events under a driver with fibers. */
#include "unit.h"

#include "../io/loop.h"
#include "io.h"

#include <sys/time.h>

static void test_io_wait(void **state)
{
	int pipes[2];
	struct pollfd p[2];
	int64_t start_ms;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	p[0] = (struct pollfd){.fd = pipes[0], .events = POLLIN, .revents = 99};
	p[1] = (struct pollfd){.fd = -1, .events = POLLIN, .revents = 99};
	start_ms = clock_mono_ms();
	assert_int_equal(io_wait(p, 2, 30), 0);
	assert_in_range(clock_mono_ms() - start_ms, 29, 500);
	assert_int_equal(p[0].revents | p[1].revents, 0);
	assert_int_equal(io_wait_fd(pipes[0], POLLIN, 0), 0);
	assert_int_equal(io_wait_fd(pipes[1], POLLOUT, -1), 1);
	assert_int_equal(write(pipes[1], "x", 1), 1);
	assert_int_equal(io_wait(p, 1, -1), 1);
	assert_int_equal(p[0].revents, POLLIN);
	close(pipes[1]);
	assert_int_equal(io_wait_fd(pipes[0], POLLIN, 1000), 1);
	close(pipes[0]);
}

static void on_alarm(int sig)
{
	(void)sig;
}

static void test_io_sleep_is_not_cut_short(void **state)
{
	const struct itimerval often = {{0, 3000}, {0, 3000}}, never = {{0, 0}, {0, 0}};
	int64_t start_ms = clock_mono_ms();

	(void)state;
	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &often, NULL);
	assert_int_equal(io_sleep(60), 0);
	assert_int_equal(io_sleep(0), 0);
	assert_int_equal(io_sleep(-5), 0);
	setitimer(ITIMER_REAL, &never, NULL);
	assert_in_range(clock_mono_ms() - start_ms, 59, 500);
}

struct numbers {
	int n;
	int values[100];
	void *where;
};

static void add_up(void *data)
{
	struct numbers *w = data;

	for (int i = 0; i < 100; i++)
		w->n += w->values[i];
	w->where = data;
}

static void test_io_run_works_on_a_copy(void **state)
{
	struct numbers w = {0};

	(void)state;
	for (int i = 0; i < 100; i++)
		w.values[i] = i;
	assert_int_equal(io_run(add_up, &w, sizeof(w)), 0);
	assert_int_equal(w.n, 4950);
	assert_ptr_not_equal(w.where, &w);
}

static void too_many_descriptors(void)
{
	struct pollfd p[IO_WAIT_FDS_MAX + 1] = {{0}};

	io_wait(p, IO_WAIT_FDS_MAX + 1, 0);
}

static void for_ever_on_nothing(void)
{
	io_wait(NULL, 0, -1);
}

static void test_io_misuse_aborts(void **state)
{
	(void)state;
	assert_true(unit_aborts(too_many_descriptors));
	assert_true(unit_aborts(for_ever_on_nothing));
}

/* ---- events ---- */

static struct io_event event;

static void test_io_event_without_fibers(void **state)
{
	int64_t start_ms = clock_mono_ms();

	(void)state;
	assert_int_equal(io_event_wait(&event, 20), 0);
	assert_in_range(clock_mono_ms() - start_ms, 19, 500);
	io_event_raise(&event);
	io_event_raise(&event);
	assert_int_equal(io_event_wait(&event, 1000), 1);
	assert_int_equal(io_event_wait(&event, 0), 0);
}

static void waiter(void *arg)
{
	*(int *)arg = io_event_wait(&event, 5000);
}

static void raiser(void *arg)
{
	io_sleep(20);
	io_event_raise(&event);
	*(int *)arg = 7;
}

static void test_io_event_between_fibers(void **state)
{
	int got = -9, raised = 0;
	int64_t start_ms = clock_mono_ms();
	struct strand *s;

	(void)state;
	loop_use();
	loop_start(waiter, &got);
	loop_start(raiser, &raised);
	loop_finish();
	assert_int_equal(got, 1);
	assert_int_equal(raised, 7);
	assert_in_range(clock_mono_ms() - start_ms, 19, 1000);
	got = -9;
	s = loop_start(waiter, &got);
	loop_turn(0);
	loop_cancel(s);
	assert_int_equal(got, -1);
	assert_null(event.waiter);
	assert_int_equal(fiber_count(), 0);
	io_driver = &io_poll_driver;
}

static void test_io_stats(void **state)
{
	struct io_stats before = io_stats;

	(void)state;
	io_wait(NULL, 0, 0);
	io_wait(NULL, 0, 1);
	assert_int_equal(io_stats.waits - before.waits, 2);
	assert_int_equal(io_stats.cancelled, before.cancelled);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_io_wait),
		cmocka_unit_test(test_io_sleep_is_not_cut_short),
		cmocka_unit_test(test_io_run_works_on_a_copy),
		cmocka_unit_test(test_io_misuse_aborts),
		cmocka_unit_test(test_io_event_without_fibers),
		cmocka_unit_test(test_io_event_between_fibers),
		cmocka_unit_test(test_io_stats),
	};

	return cmocka_run_group_tests_name("io", tests, NULL, NULL);
}
