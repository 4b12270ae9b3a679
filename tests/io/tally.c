/* tally.c - tests of shared/io/tally.h against a real Redis of our own, well, slow, away and
 * forgetful. */
#include "tally.h"

#include "../unit/unit.h"
#include "loop.h"
#include "redis.h"
#include "servers.h"

static struct tally *tally;
static struct strand *keeper;
static bool stopping;
static int changes;
static char last_why[128];

static const struct quota six = {6, 60000};
static const int64_t start = INT64_C(1795300828000);

static bool asked_to_stop(void)
{
	return stopping;
}

static void changed(bool shared, const char *why)
{
	changes++;
	snprintf(last_why, sizeof(last_why), "%s", shared ? "shared" : why);
}

static void keep(void *arg)
{
	static const struct tally_keeper k = {asked_to_stop, changed};

	tally_keep(arg, &k);
}

/* Turn the loop until Redis counts, or does not. */
static void await(bool shared)
{
	int64_t end = clock_mono_ms() + 10000;

	while (tally_shared(tally) != shared && clock_mono_ms() < end)
		loop_turn(50);
	assert_int_equal(tally_shared(tally), shared);
}

static void cli(const char *word, const char *second)
{
	char socket[128];
	const char *const words[] = {"redis-cli", "-s", socket, word, second, NULL};

	snprintf(socket, sizeof(socket), "%s/redis.sock", servers.dir);
	assert_int_equal(servers_run(words), 0);
}

/* ---- one use, from a fiber ---- */

struct use {
	const char *key;
	const struct quota *q;
	enum quota_cost cost;
	int64_t now_ms;
	struct quota_left left;
	int64_t took_ms;
	bool done;
};

static void use_it(void *arg)
{
	struct use *u = arg;
	int64_t began = clock_mono_ms();

	u->left = tally_use(tally, u->key, u->q, u->cost, u->now_ms);
	u->took_ms = clock_mono_ms() - began;
	u->done = true;
}

static struct use use(const char *key, enum quota_cost cost, int64_t now_ms)
{
	struct use u = {.key = key, .q = &six, .cost = cost, .now_ms = now_ms};

	loop_start(use_it, &u);
	while (!u.done)
		loop_turn(50);
	return u;
}

static int allowed_of(const char *key, int n, int64_t now_ms)
{
	int allowed = 0;

	while (n-- > 0)
		allowed += use(key, QUOTA_TAKE, now_ms).left.allowed;
	return allowed;
}

/* ---- set up ---- */

static int open_tally(void **state)
{
	(void)state;
	loop_use();
	stopping = false;
	changes = 0;
	cli("flushall", NULL);
	tally = tally_new(servers.redis_url, 3);
	keeper = loop_start(keep, tally);
	await(true);
	return 0;
}

static int close_tally(void **state)
{
	(void)state;
	stopping = true;
	loop_cancel(keeper);
	tally_free(tally);
	io_driver = &io_poll_driver;
	return 0;
}

/* ---- tests ---- */

static void test_tally_counts(void **state)
{
	struct use u;

	(void)state;
	assert_int_equal(allowed_of("a", 8, start), 6);
	assert_int_equal(allowed_of("b", 1, start), 1);
	u = use("a", QUOTA_TAKE, start + 1000);
	assert_false(u.left.allowed);
	assert_int_equal(u.left.wait_ms, 9000);
	tally_give(tally, "a", &six, start + 1000);
	assert_int_equal(use("a", QUOTA_LOOK, start + 1000).left.left, 1);
	assert_int_equal(allowed_of("a", 2, start + 1000), 1);
	assert_int_equal(allowed_of("a", 8, start + 60000), 6);
	assert_int_equal(tally_stats(tally).local, 0);
	assert_int_equal(changes, 1);
}

/* Far from the limit what is under way is counted as if it had been asked now: off by a unit at
 * most.
 */
static bool far_from(const struct quota_left *got, const struct quota_left *wanted,
                     const struct quota *q)
{
	const int64_t step_ms = quota_step_us(q) / 1000 + 1;

	return got->allowed != wanted->allowed || got->left > wanted->left + 1 ||
	       got->left < wanted->left - 1 || got->full_ms > wanted->full_ms + 2 * step_ms ||
	       got->full_ms < wanted->full_ms - step_ms;
}

/* The script in Redis and the law in C are one. */
static void test_tally_script_is_the_law(void **state)
{
	static const struct quota quotas[] = {
		{1, 60000}, {7, 60000}, {600, 60000}, {1000000, 60000}};
	int64_t now = start, tat;
	struct quota_left wanted;
	char key[16];

	(void)state;
	srand(11);
	for (size_t i = 0; i < lengthof(quotas); i++) {
		snprintf(key, sizeof(key), "law %zu", i);
		tat = 0;
		for (int n = 0; n < 500; n++) {
			enum quota_cost cost = rand() % 8 == 0   ? QUOTA_GIVE
			                       : rand() % 4 == 0 ? QUOTA_LOOK
			                                         : QUOTA_TAKE;
			struct use u = {.key = key, .q = &quotas[i], .cost = cost, .now_ms = now};

			tat = quota_use(&quotas[i], cost, now * 1000, tat, &wanted);
			loop_start(use_it, &u);
			while (!u.done)
				loop_turn(50);
			if (quotas[i].limit > 100 && !far_from(&u.left, &wanted, &quotas[i]))
				continue;
			assert_int_equal(u.left.left, wanted.left);
			assert_int_equal(u.left.allowed, wanted.allowed);
			assert_int_equal(u.left.full_ms, wanted.full_ms);
			assert_int_equal(u.left.wait_ms, wanted.wait_ms);
			now += rand() % (int)(2 + quota_step_us(&quotas[i]) / 500);
		}
	}
	assert_true(tally_stats(tally).shared > 1900);
}

/* Two hundred fibers at once: each gets its own answer, and no more than six get the last. */
static void test_tally_many_at_once(void **state)
{
	static struct use uses[200];
	static char keys[200][16];
	int done = 0, allowed = 0;

	(void)state;
	for (size_t i = 0; i < lengthof(uses); i++) {
		snprintf(keys[i], sizeof(keys[i]), i % 2 ? "one" : "own %zu", i);
		uses[i] = (struct use){
			.key = keys[i], .q = &six, .cost = QUOTA_TAKE, .now_ms = start};
		loop_start(use_it, &uses[i]);
	}
	while (done < (int)lengthof(uses)) {
		loop_turn(50);
		done = 0;
		for (size_t i = 0; i < lengthof(uses); i++)
			done += uses[i].done;
	}
	for (size_t i = 0; i < lengthof(uses); i++) {
		if (i % 2)
			allowed += uses[i].left.allowed;
		else
			assert_int_equal(uses[i].left.left, 5);
	}
	assert_int_equal(allowed, 6);
}

/* A client goes away while its answer is under way: the others get theirs. */
static void test_tally_cancelled(void **state)
{
	struct use gone = {.key = "gone", .q = &six, .cost = QUOTA_TAKE, .now_ms = start};
	struct strand *s;

	(void)state;
	s = loop_start(use_it, &gone);
	loop_run(s);
	assert_false(gone.done);
	loop_cancel(s);
	assert_true(gone.done);
	assert_int_equal(use("gone", QUOTA_LOOK, start).left.left, 5);
}

/* One that is stopped: a moment for the first, nothing for the rest; what is known goes on. */
static void test_tally_slow(void **state)
{
	int64_t waited = 0;
	struct use u;

	(void)state;
	assert_int_equal(allowed_of("slow", 4, start), 4);
	kill(servers.redis, SIGSTOP);
	for (int i = 0; i < 8; i++) {
		u = use("slow", QUOTA_TAKE, start);
		assert_int_equal(u.left.allowed, i < 2);
		waited += i == 0 ? 0 : u.took_ms;
	}
	assert_true(waited < TALLY_WAIT_MS); /* not even once more */
	assert_false(tally_shared(tally));
	kill(servers.redis, SIGCONT);
	while (!tally_shared(tally))
		use("any", QUOTA_LOOK, start);
	assert_int_equal(use("slow", QUOTA_LOOK, start).left.left, 0);
	assert_int_equal(changes, 1); /* the connection was never lost */
}

/* Away: each worker grants its third, at once; back: all is shared again by itself. */
static void test_tally_away(void **state)
{
	struct use u;

	(void)state;
	assert_int_equal(allowed_of("used", 6, start), 6);
	server_kill(&servers.redis, SIGKILL);
	await(false);
	assert_true(last_why[0]);
	assert_int_equal(allowed_of("fresh", 6, start), 2);
	u = use("used", QUOTA_TAKE, start);
	assert_false(u.left.allowed);
	assert_true(u.took_ms < TALLY_WAIT_MS);
	assert_int_equal(allowed_of("fresh", 6, start + 60000), 2);
	assert_int_equal(redis_start(), 0);
	await(true);
	assert_int_equal(allowed_of("third", 8, start), 6);
	assert_int_equal(changes, 3);
}

/* It forgets the script, everything, or has no room: nothing fails. */
static void test_tally_forgetful(void **state)
{
	(void)state;
	assert_int_equal(allowed_of("a", 4, start), 4);
	cli("script", "flush");
	/* what was asked without it is not counted */
	assert_true(allowed_of("a", 4, start) <= 3);
	await(true);
	cli("flushall", NULL);
	assert_int_equal(allowed_of("b", 8, start), 6);
}

static int setup(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(servers_open_dir(), 0);
	return redis_start();
}

static int teardown(void **state)
{
	(void)state;
	servers_close();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_tally_counts, open_tally, close_tally),
		cmocka_unit_test_setup_teardown(test_tally_script_is_the_law, open_tally,
	                                        close_tally),
		cmocka_unit_test_setup_teardown(test_tally_many_at_once, open_tally, close_tally),
		cmocka_unit_test_setup_teardown(test_tally_cancelled, open_tally, close_tally),
		cmocka_unit_test_setup_teardown(test_tally_slow, open_tally, close_tally),
		cmocka_unit_test_setup_teardown(test_tally_away, open_tally, close_tally),
		cmocka_unit_test_setup_teardown(test_tally_forgetful, open_tally, close_tally),
	};

	return cmocka_run_group_tests_name("io/tally", tests, setup, teardown);
}
