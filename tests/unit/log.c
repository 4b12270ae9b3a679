/* log.c - tests of shared/base/log.h. */
#include "log.h"

#include "json.h"
#include "unit.h"

#include <fcntl.h>

static struct arena arena;
static int saved, lines[2];

/* Standard error is a pipe for the length of a test. */
static int set_up(void **state)
{
	(void)state;
	arena_init(&arena, TEST_ARENA_MAX);
	saved = dup(STDERR_FILENO);
	if (saved < 0 || pipe(lines) < 0)
		return -1;
	fcntl(lines[0], F_SETFL, O_NONBLOCK);
	log_open("unit", "info");
	return dup2(lines[1], STDERR_FILENO) < 0;
}

static int tear_down(void **state)
{
	(void)state;
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(lines[0]);
	close(lines[1]);
	arena_release(&arena);
	return 0;
}

/* The line that one write(2) brought, as JSON; NULL when there is none. */
static const struct json *next_line(void)
{
	const struct json *v = NULL;
	static char text[4096];
	struct err e;
	const ssize_t len = read(lines[0], text, sizeof(text));

	if (len <= 0)
		return NULL;
	err_init(&e, &arena);
	assert_int_equal(text[len - 1], '\n');
	assert_null(memchr(text, '\n', (size_t)len - 1));
	if (json_parse(&arena, text, (size_t)len - 1, &v, &e) < 0)
		fail_msg("%s: %.*s", e.detail, (int)len, text);
	return v;
}

static const char *text_of(const struct json *line, const char *key)
{
	const struct json *member = json_member(line, key);

	return member ? json_string(member) : NULL;
}

static void test_log_line(void **state)
{
	const struct json *line;
	struct log_line l;
	int64_t n;

	(void)state;
	log_begin(&l, LOGL_WARN, "request");
	log_text(&l, "path", "/v1/\"x\"\n\xc3\xa9\xff");
	log_text(&l, "none", NULL);
	log_int(&l, "ms", -5);
	log_end(&l);
	line = next_line();
	assert_non_null(line);
	assert_string_equal(json_name(json_first(line)), "time");
	assert_int_equal(time_parse(text_of(line, "time"), &n), 0);
	assert_string_equal(text_of(line, "level"), "warn");
	assert_string_equal(text_of(line, "program"), "unit");
	assert_string_equal(text_of(line, "event"), "request");
	assert_string_equal(text_of(line, "path"), "/v1/\"x\"\n\xc3\xa9\xef\xbf\xbd");
	assert_int_equal(json_type(json_member(line, "none")), JSON_NULL);
	assert_int_equal(json_integer(json_member(line, "ms"), &n), 0);
	assert_int_equal(n, -5);
	assert_int_equal(json_integer(json_member(line, "pid"), &n), 0);
	assert_int_equal(n, getpid());
	assert_null(json_member(line, "cut"));
	assert_null(next_line());
}

static void test_log_level(void **state)
{
	static const char *const names[] = {"debug", "info", "warn", "error"};

	(void)state;
	for (int least = LOGL_DEBUG; least <= LOGL_ERROR; least++) {
		log_open("unit", names[least]);
		for (int level = LOGL_DEBUG; level <= LOGL_ERROR; level++) {
			const struct json *line;

			log_say((enum log_level)level, "e", "%d", level);
			line = next_line();
			assert_int_equal(line != NULL, level >= least);
			if (line)
				assert_string_equal(text_of(line, "level"), names[level]);
		}
	}
	log_open("unit", "loud"); /* unknown: info */
	log_say(LOGL_DEBUG, "e", "x");
	assert_null(next_line());
	log_say(LOGL_INFO, "e", "x");
	assert_non_null(next_line());
}

static void test_log_below_level_writes_nothing(void **state)
{
	struct log_line l;

	(void)state;
	log_begin(&l, LOGL_DEBUG, "e");
	log_text(&l, "a", "b");
	log_int(&l, "c", 1);
	log_end(&l);
	assert_null(next_line());
}

/* Wherever the cut falls, within a value, an escape, a key, the line is JSON of one write. */
static void test_log_cut_stays_json(void **state)
{
	static const char *const fillers[] = {"a",   "\"", "\x01", "\xc3\xa9", "\xf0\x9f\x98\x80",
	                                      "\xff"};
	static char text[8200];

	(void)state;
	for (size_t f = 0; f < lengthof(fillers); f++) {
		for (size_t len = 100; len < 2100; len += len < 1700 ? 100 : 1) {
			const struct json *line;
			static struct log_line l;

			text[0] = '\0';
			for (size_t i = 0; i < len / (strlen(fillers[f]) + (f == 1)); i++)
				memcpy(text + i * strlen(fillers[f]), fillers[f],
				       strlen(fillers[f]) + 1);
			log_begin(&l, LOGL_INFO, "e");
			log_text(&l, "t", text);
			log_int(&l, "number", 123456789);
			log_text(&l, "none", NULL);
			log_text(&l, "last", "x");
			log_end(&l);
			line = next_line();
			assert_non_null(line);
			if (!json_member(line, "cut"))
				assert_string_equal(text_of(line, "last"), "x");
			arena_release(&arena);
		}
	}
}

static void test_log_say_long(void **state)
{
	const struct json *line;

	(void)state;
	log_say(LOGL_ERROR, "e", "%05000d", 1);
	line = next_line();
	assert_non_null(line);
	assert_true(strlen(text_of(line, "detail")) > 900);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_log_line),
		TEST(test_log_level),
		TEST(test_log_below_level_writes_nothing),
		TEST(test_log_cut_stays_json),
		TEST(test_log_say_long),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
