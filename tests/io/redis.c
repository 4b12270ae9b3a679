/* redis.c - tests of shared/io/redis.h against a real server of our own. */
#include "redis.h"

#include "../unit/unit.h"
#include "loop.h"
#include "servers.h"

#include <poll.h>

static struct redis *redis;
static const char *why;
static const char *const names[3] = {"events", "group", "consumer"};

static void flush(void)
{
	char socket[128];
	const char *const cli[] = {"redis-cli", "-s", socket, "flushall", NULL};

	snprintf(socket, sizeof(socket), "%s/redis.sock", servers.dir);
	assert_int_equal(servers_run(cli), 0);
}

static void add(const char *id)
{
	struct redis_entry e = {.n = 2, .fields = {{"event", id}, {"firm", "f 1\r\n"}}};

	assert_int_equal(redis_xadd(redis, "events", &e, &why), 0);
}

static int setup_stream(void **state)
{
	(void)state;
	flush();
	assert_int_equal(redis_group_create(redis, "events", "group", &why), 0);
	assert_int_equal(redis_group_create(redis, "events", "group", &why), 0);
	return 0;
}

static void test_redis_add_read_done(void **state)
{
	struct redis_entry got[4];
	struct arena a;

	(void)state;
	arena_init(&a, TEST_ARENA_MAX);
	assert_int_equal(redis_ping(redis, &why), 0);
	assert_int_equal(redis_read(redis, &a, names, 4, got, &why), 0);
	for (int i = 0; i < 6; i++)
		add(i % 2 ? "odd" : "even");
	assert_int_equal(redis_read(redis, &a, names, 4, got, &why), 4);
	assert_int_equal(got[1].n, 2);
	assert_string_equal(got[1].fields[0].name, "event");
	assert_string_equal(got[1].fields[0].value, "odd");
	assert_string_equal(got[1].fields[1].value, "f 1\r\n");
	for (int i = 0; i < 4; i++)
		assert_int_equal(redis_done(redis, "events", "group", got[i].id, &why), 0);
	assert_int_equal(redis_read(redis, &a, names, 4, got, &why), 2);
	assert_int_equal(redis_read(redis, &a, names, 4, got, &why), 0);
	assert_int_equal(redis_reclaim(redis, &a, names, 60000, 4, got, &why), 0);
	assert_int_equal(redis_reclaim(redis, &a, names, 0, 1, got, &why), 1);
	assert_int_equal(redis_reclaim(redis, &a, names, 0, 4, got, &why), 2);
	assert_string_equal(got[0].fields[0].value, "even");
	arena_release(&a);
}

/* The descriptor is readable when there is something to read, and only then. */
static void test_redis_bell(void **state)
{
	struct redis_entry got[4];
	struct pollfd p = {.events = POLLIN};
	struct arena a;

	(void)state;
	arena_init(&a, TEST_ARENA_MAX);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(redis_read(redis, &a, names, 4, got, &why), 0);
		p.fd = redis_fd(redis);
		assert_true(p.fd >= 0);
		assert_int_equal(poll(&p, 1, 50), 0);
		add("one");
		add("two");
		assert_int_equal(poll(&p, 1, 1000), 1);
		assert_int_equal(redis_read(redis, &a, names, 4, got, &why), 2);
	}
	arena_release(&a);
}

static void test_redis_group_gone(void **state)
{
	struct redis_entry got[1];
	struct arena a;

	(void)state;
	arena_init(&a, TEST_ARENA_MAX);
	flush();
	assert_int_equal(redis_read(redis, &a, names, 1, got, &why), -1);
	assert_int_equal(strncmp(why, "NOGROUP", 7), 0);
	assert_int_equal(redis_reclaim(redis, &a, names, 0, 1, got, &why), -1);
	assert_int_equal(strncmp(why, "NOGROUP", 7), 0);
	add("before the group");
	assert_int_equal(redis_group_create(redis, "events", "group", &why), 0);
	assert_int_equal(redis_read(redis, &a, names, 1, got, &why), 1);
	arena_release(&a);
}

static void test_redis_goes_and_comes(void **state)
{
	struct redis_entry got[4];
	int64_t start_ms;
	struct arena a;

	(void)state;
	arena_init(&a, TEST_ARENA_MAX);
	assert_int_equal(redis_read(redis, &a, names, 4, got, &why), 0);
	server_kill(&servers.redis, SIGKILL);
	for (int i = 0; i < 3; i++) {
		start_ms = clock_mono_ms();
		assert_int_equal(redis_ping(redis, &why), -1);
		assert_true(why && why[0]);
		assert_int_equal(redis_read(redis, &a, names, 4, got, &why), -1);
		assert_in_range(clock_mono_ms() - start_ms, 0, 500);
	}
	assert_int_equal(redis_start(), 0);
	assert_int_equal(redis_ping(redis, &why), 0);
	assert_int_equal(redis_group_create(redis, "events", "group", &why), 0);
	add("again");
	assert_int_equal(redis_read(redis, &a, names, 4, got, &why), 1);
	arena_release(&a);
}

/* One that is stopped does not hold us for ever. */
static void test_redis_stopped(void **state)
{
	int64_t start_ms = clock_mono_ms();

	(void)state;
	kill(servers.redis, SIGSTOP);
	assert_int_equal(redis_ping(redis, &why), -1);
	assert_in_range(clock_mono_ms() - start_ms, 1900, 3000);
	kill(servers.redis, SIGCONT);
	assert_int_equal(redis_ping(redis, &why), 0);
}

static void test_redis_urls(void **state)
{
	static const char *const bad[] = {
		"",           "http://x",         "redis://",
		"redis://:0", "redis://h:99999",  "redis://no.such.host.invalid:1",
		"unix:",      "unix:/nonexistent"};

	(void)state;
	for (size_t i = 0; i < lengthof(bad); i++) {
		struct redis *r = redis_new(bad[i]);

		assert_int_equal(redis_fd(r), -1);
		if (redis_ping(r, &why) == 0)
			fail_msg("%s", bad[i]);
		redis_free(r);
	}
	redis_free(NULL);
}

static void pinger(void *arg)
{
	const char *reason;

	*(int *)arg = redis_ping(redis, &reason);
}

static void test_redis_cancelled(void **state)
{
	struct strand *s;
	int result = 9;

	(void)state;
	kill(servers.redis, SIGSTOP);
	loop_use();
	s = loop_start(pinger, &result);
	loop_turn(20);
	loop_cancel(s);
	io_driver = &io_poll_driver;
	assert_int_equal(result, -1);
	assert_int_equal(fiber_count(), 0);
	kill(servers.redis, SIGCONT);
	assert_int_equal(redis_ping(redis, &why), 0);
}

static int setup(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(servers_open_dir(), 0);
	assert_int_equal(redis_start(), 0);
	redis = redis_new(servers.redis_url);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	redis_free(redis);
	servers_close();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_redis_add_read_done, setup_stream),
		cmocka_unit_test_setup(test_redis_bell, setup_stream),
		cmocka_unit_test_setup(test_redis_group_gone, setup_stream),
		cmocka_unit_test_setup(test_redis_goes_and_comes, setup_stream),
		cmocka_unit_test_setup(test_redis_stopped, setup_stream),
		cmocka_unit_test(test_redis_urls),
		cmocka_unit_test(test_redis_cancelled),
	};

	return cmocka_run_group_tests_name("io/redis", tests, setup, teardown);
}
