/* json.c - tests of shared/base/json.h. */
#include "json.h"

#include "fresh.h"

#include <stdio.h>

/* The value of the text, NULL when it is refused. */
static const struct json *parse(const char *text, size_t len)
{
	const struct json *root = NULL;
	struct err e;

	err_init(&e, &arena);
	if (json_parse(&arena, text, len, &root, &e) < 0) {
		assert_int_equal(e.problem, PROBLEM_malformed_request);
		assert_non_null(e.detail);
		return NULL;
	}
	assert_int_equal(e.problem, PROBLEM_NONE);
	return root;
}

static const char *print(const struct json *v)
{
	struct buf b;

	buf_init(&b, &arena, 1024 * 1024);
	json_print(v, &b);
	assert_false(b.over);
	return b.data;
}

struct refused {
	const char *name, *text;
	size_t len; /* 0: strlen */
};

static const struct refused refused[] = {
	{"nothing", "", 0},
	{"white space", " \n", 0},
	{"byte order mark", "\xef\xbb\xbf{}", 0},
	{"a word", "nope", 0},
	{"cut word", "tru", 0},
	{"upper case", "True", 0},
	{"longer word", "nullx", 0},
	{"not a number", "NaN", 0},
	{"infinity", "Infinity", 0},
	{"single quotes", "'a'", 0},
	{"open object", "{", 0},
	{"open array", "[1", 0},
	{"closed otherwise", "[1}", 0},
	{"comma last in array", "[1,]", 0},
	{"comma last in object", "{\"a\":1,}", 0},
	{"comma first", "[,1]", 0},
	{"two commas", "[1,,2]", 0},
	{"no comma", "[1 2]", 0},
	{"no colon", "{\"a\" 1}", 0},
	{"no value", "{\"a\":}", 0},
	{"bare name", "{a:1}", 0},
	{"number as name", "{1:1}", 0},
	{"comment", "{}/**/", 0},
	{"trailing bracket", "[]]", 0},
	{"second value", "{} {}", 0},
	{"trailing garbage", "{}x", 0},
	{"trailing NUL", "{}\0", 3},
	{"NUL in a string", "\"a\0b\"", 5},
	{"escaped NUL", "\"\\u0000\"", 0},
	{"escaped NUL in a name", "{\"a\\u0000b\":1}", 0},
	{"open string", "\"abc", 0},
	{"open string at an escape", "\"abc\\", 0},
	{"escaped quote only", "\"\\\"", 0},
	{"line feed in a string", "\"a\nb\"", 0},
	{"tab in a string", "\"a\tb\"", 0},
	{"unknown escape", "\"\\x41\"", 0},
	{"escape of a single quote", "\"\\'\"", 0},
	{"short \\u", "\"\\u12\"", 0},
	{"no hex", "\"\\u12g4\"", 0},
	{"lone high surrogate", "\"\\ud83d\"", 0},
	{"lone high surrogate, text follows", "\"\\ud83dx\"", 0},
	{"high surrogate twice", "\"\\ud83d\\ud83d\"", 0},
	{"high surrogate, other escape", "\"\\ud83d\\n\"", 0},
	{"lone low surrogate", "\"\\ude00\"", 0},
	{"raw surrogate", "\"\xed\xa0\xbd\"", 0},
	{"no UTF-8", "\"\xff\"", 0},
	{"cut UTF-8", "\"\xc3\"", 0},
	{"overlong UTF-8", "\"\xc0\xaf\"", 0},
	{"leading zero", "0123", 0},
	{"leading zero, negative", "-01", 0},
	{"plus", "+1", 0},
	{"minus only", "-", 0},
	{"minus and a letter", "-a", 0},
	{"point first", ".5", 0},
	{"point last", "1.", 0},
	{"point and exponent", "1.e3", 0},
	{"exponent last", "1e", 0},
	{"exponent's sign last", "1e+", 0},
	{"hexadecimal", "0x10", 0},
	{"underscore", "1_000", 0},
	{"infinite double", "1e400", 0},
	{"infinite double, negative", "-1e400", 0},
	{"vanishing double", "1e-400", 0},
	{"denormal that loses digits", "1.23456789e-320", 0},
	{"more than int64, not a double", "9223372036854775809", 0},
	{"2^53+1 as a fraction", "9007199254740993.0", 0},
	{"2^53+1 with exponent", "9.007199254740993e15", 0},
	{"more digits than a double has", "0.1234567890123456789", 0},
	{"exponent without end", "1e99999999999999999999", 0},
	{"64 digits", "1000000000000000000000000000000000000000000000000000000000000000", 0},
	{"name twice", "{\"a\":1,\"a\":2}", 0},
	{"name twice, escaped", "{\"a\":1,\"\\u0061\":1}", 0},
	{"name twice, apart", "{\"a\":1,\"b\":2,\"c\":3,\"a\":4}", 0},
	{"name twice, deep", "[{\"x\":{\"a\":1,\"a\":1}}]", 0},
	{"empty name twice", "{\"\":1,\"\":1}", 0},
	{"17 levels", "[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]", 0},
};

static void test_json_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < lengthof(refused); i++) {
		const struct refused *r = &refused[i];

		if (parse(r->text, r->len ? r->len : strlen(r->text)))
			fail_msg("taken: %s", r->name);
	}
}

static void test_json_taken(void **state)
{
	static const struct {
		const char *text, *printed;
	} cases[] = {
		{"null", "null"},
		{" true\n", "true"},
		{"\tfalse\r", "false"},
		{"{}", "{}"},
		{" [ ] ", "[]"},
		{"\"\"", "\"\""},
		{"[1,2 , 3]", "[1,2,3]"},
		{"{\"a\" : {\"a\":[{}]}}", "{\"a\":{\"a\":[{}]}}"}, /* same name, other object */
		{"{\"a\":1,\"A\":2}", "{\"a\":1,\"A\":2}"},
		{"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\""},
		{"\"\\u0001\\u001f\\u007f\"", "\"\\u0001\\u001f\\u007f\""},
		{"\"\\u00e9\\u20AC\\ud83d\\uDE00\"", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
		{"\"\xc3\xa9\xf4\x8f\xbf\xbf\"", "\"\xc3\xa9\xf4\x8f\xbf\xbf\""},
		{"\"}]\\\"-1\"", "\"}]\\\"-1\""},
		{"[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]", "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]"},
		{"[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[]]",
	         "[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[]]"},
	};

	(void)state;
	for (size_t i = 0; i < lengthof(cases); i++) {
		const struct json *v = parse(cases[i].text, strlen(cases[i].text));

		if (!v)
			fail_msg("refused: %s", cases[i].text);
		assert_string_equal(print(v), cases[i].printed);
	}
}

/* Numbers come back as they were written; integers exactly. */
static void test_json_numbers(void **state)
{
	static const struct {
		const char *text;
		bool integer;
		int64_t value;
	} cases[] = {
		{"0", true, 0},
		{"-0", true, 0},
		{"-0.0", true, 0},
		{"0e5", true, 0},
		{"7", true, 7},
		{"-7", true, -7},
		{"9007199254740993", true, 9007199254740993}, /* 2^53+1: cJSON alone rounds it */
		{"9223372036854775807", true, INT64_MAX},
		{"-9223372036854775808", true, INT64_MIN},
		{"9223372036854775808", false, 0}, /* a double holds it, int64 does not */
		{"18446744073709551616", false, 0},
		{"1.0", true, 1},
		{"1e3", true, 1000},
		{"1E+3", true, 1000},
		{"100e-2", true, 1},
		{"1e15", true, 1000000000000000},
		{"1e300", false, 0},
		{"0.5", false, 0},
		{"-0.1", false, 0},
		{"1.5e-7", false, 0},
		{"0.30000000000000004", false, 0},
		{"1.7976931348623157e308", false, 0},
		{"2.2250738585072014e-308", false, 0},
		{"0.000000000000000000000000000000000000000000000000000000001", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < lengthof(cases); i++) {
		const struct json *v = parse(cases[i].text, strlen(cases[i].text));
		int64_t value = -1;

		if (!v)
			fail_msg("refused: %s", cases[i].text);
		assert_int_equal(json_type(v), JSON_NUMBER);
		assert_string_equal(print(v), cases[i].text);
		if (json_integer(v, &value) != (cases[i].integer ? 0 : -1))
			fail_msg("integer: %s", cases[i].text);
		if (cases[i].integer)
			assert_int_equal(value, cases[i].value);
	}
}

static void test_json_numbers_in_order(void **state)
{
	const char *text = "{\"1\":[-2,3.5,\"4\\\"5\"],\"6\":{\"7\":8},\"x\":1e2,\"y\":[true,9]}";
	const struct json *v = parse(text, strlen(text));

	(void)state;
	assert_non_null(v);
	assert_string_equal(print(v), text);
}

static void test_json_walk(void **state)
{
	const char *text = "{\"name\":\"Kim\",\"list\":[1,\"x\",null],\"yes\":true,\"no\":false}";
	const struct json *v = parse(text, strlen(text)), *list, *item;
	int64_t value;

	(void)state;
	assert_int_equal(json_type(v), JSON_OBJECT);
	assert_int_equal(json_count(v), 4);
	assert_null(json_name(v));
	assert_null(json_string(v));
	assert_int_equal(json_integer(v, &value), -1);
	assert_string_equal(json_name(json_first(v)), "name");
	assert_string_equal(json_string(json_first(v)), "Kim");
	assert_null(json_member(v, "Name")); /* exact case */
	assert_null(json_member(v, "namex"));
	assert_true(json_bool(json_member(v, "yes")));
	assert_false(json_bool(json_member(v, "no")));
	assert_false(json_bool(json_member(v, "name")));
	assert_int_equal(json_type(json_member(v, "no")), JSON_BOOL);
	list = json_member(v, "list");
	assert_int_equal(json_type(list), JSON_ARRAY);
	assert_int_equal(json_count(list), 3);
	assert_null(json_member(list, "name"));
	item = json_first(list);
	assert_null(json_name(item));
	assert_null(json_string(item)); /* a number's text is not its value */
	item = json_next(json_next(item));
	assert_int_equal(json_type(item), JSON_NULL);
	assert_int_equal(json_count(item), 0);
	assert_null(json_next(item));
	assert_null(json_first(item));
}

/* ---- properties ---- */

static void random_text(uint64_t *seed, char *text)
{
	static const char *const pieces[] = {
		"a",        "Z",  "0",  "\"",           "\\",
		"/",        "\n", "\t", "\x01",         "\x7f",
		"\xc3\xa9", "{",  "}",  "\xe2\x82\xac", "\xf0\x9f\x98\x80",
		",",
	};

	*text = '\0';
	for (uint32_t n = unit_random(seed, 8); n > 0; n--)
		strcat(text, pieces[unit_random(seed, lengthof(pieces))]);
}

static void random_value(uint64_t *seed, struct json_writer *w, int depth);

static void random_members(uint64_t *seed, struct json_writer *w, int depth, bool object)
{
	json_open(w, object ? '{' : '[');
	for (uint32_t n = unit_random(seed, 5); n > 0; n--) {
		char name[64], text[40];

		if (object) {
			random_text(seed, text);
			snprintf(name, sizeof(name), "%u%s", n, text);
			json_key(w, name);
		}
		random_value(seed, w, depth + 1);
	}
	json_close(w, object ? '}' : ']');
}

static void random_value(uint64_t *seed, struct json_writer *w, int depth)
{
	static const int64_t ints[] = {0, -1, INT64_MAX, INT64_MIN, 9007199254740993};
	char text[40];

	switch (unit_random(seed, depth < 6 ? 8 : 6)) {
	case 0:
		json_put_null(w);
		break;
	case 1:
		json_put_bool(w, unit_random(seed, 2));
		break;
	case 2:
		json_put_int(w, ints[unit_random(seed, lengthof(ints))]);
		break;
	case 3:
		json_put_int(w, (int64_t)unit_random(seed, 1u << 31) * 3000000000);
		break;
	case 4:
		json_put_time(w, unit_random(seed, 1u << 31));
		break;
	case 5:
		random_text(seed, text);
		json_put_text(w, text);
		break;
	default:
		random_members(seed, w, depth, unit_random(seed, 2));
	}
}

/* What the writer writes, the reader takes, and prints the same bytes. */
static void test_json_round_trip(void **state)
{
	uint64_t seed = 5;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		struct json_writer w;
		const struct json *v;
		struct buf b;

		buf_init(&b, &arena, 1024 * 1024);
		json_start(&w, &b);
		random_value(&seed, &w, 0);
		v = parse(b.data, b.len);
		if (!v)
			fail_msg("refused: %s", b.data);
		assert_string_equal(print(v), b.data);
		tear_down(NULL);
	}
}

/* A valid text with bytes changed is refused, or is JSON that prints and parses to itself. */
static void test_json_mutated(void **state)
{
	static const char text[] =
		"{\"a\":[1,-2.5e3,\"x\\u00e9\\ud83d\\ude00\xc3\xa9\",true,null],"
		"\"b\":{\"c\":\"\\\"\\n\",\"d\":[[],{}]},\"e\":9007199254740993}";
	static const char bytes[] = "{}[]\",:\\u0019.-+eE aA\x01\x80\xc3\xff";
	uint64_t seed = 9;
	int taken = 0;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		char copy[sizeof(text)];
		const struct json *v;

		memcpy(copy, text, sizeof(text));
		for (uint32_t n = 1 + unit_random(&seed, 3); n > 0; n--)
			copy[unit_random(&seed, sizeof(text) - 1)] =
				bytes[unit_random(&seed, sizeof(bytes) - 1)];
		v = parse(copy,
		          sizeof(text) - 1 - unit_random(&seed, i % 10 ? 1 : sizeof(text) - 1));
		if (v) {
			const char *printed = print(v);

			v = parse(printed, strlen(printed));
			assert_non_null(v);
			assert_string_equal(print(v), printed);
			taken++;
		}
		tear_down(NULL);
	}
	assert_in_range(taken, 1000, 99000);
}

/* 30,000 members: found to be without twins in no time, and the twin at the end is found. */
static void test_json_many_members(void **state)
{
	struct json_writer w;
	struct buf b;

	(void)state;
	buf_init(&b, &arena, 1024 * 1024);
	json_start(&w, &b);
	json_open(&w, '{');
	for (int i = 0; i < 30000; i++) {
		json_key(&w, arena_printf(&arena, "member_%d", i));
		json_put_int(&w, i);
	}
	json_close(&w, '}');
	assert_int_equal(json_count(parse(b.data, b.len)), 30000);
	b.len--;
	buf_str(&b, ",\"member_77\":0}");
	assert_null(parse(b.data, b.len));
}

/* ---- writer ---- */

static void test_json_writer(void **state)
{
	struct json_writer w;
	struct buf b;

	(void)state;
	buf_init(&b, &arena, 1000);
	json_start(&w, &b);
	json_open(&w, '{');
	json_key(&w, "a\"b");
	json_put_text(&w, "x\xc3\xa9\n");
	json_key(&w, "none");
	json_put_text(&w, NULL);
	json_key(&w, "list");
	json_open(&w, '[');
	json_put_int(&w, INT64_MIN);
	json_put_bool(&w, true);
	json_open(&w, '[');
	json_close(&w, ']');
	json_open(&w, '{');
	json_close(&w, '}');
	json_put_null(&w);
	json_close(&w, ']');
	json_key(&w, "at");
	json_put_time(&w, 1);
	json_key(&w, "never");
	json_put_time(&w, TIME_NULL);
	json_key(&w, "raw");
	json_put_raw(&w, "{\"x\": 1}");
	json_key(&w, "no_raw");
	json_put_raw(&w, NULL);
	json_close(&w, '}');
	assert_string_equal(b.data, "{\"a\\\"b\":\"x\xc3\xa9\\n\",\"none\":null,"
	                            "\"list\":[-9223372036854775808,true,[],{},null],"
	                            "\"at\":\"1970-01-01T00:00:00.001Z\",\"never\":null,"
	                            "\"raw\":{\"x\": 1},\"no_raw\":null}");
}

static void test_json_writer_broken_utf8(void **state)
{
	struct json_writer w;
	struct buf b;

	(void)state;
	buf_init(&b, &arena, 1000);
	json_start(&w, &b);
	json_put_text(&w, "a\xff"
	                  "b\xc3");
	assert_string_equal(b.data, "\"a\xef\xbf\xbd"
	                            "b\xef\xbf\xbd\"");
	assert_non_null(parse(b.data, b.len));
}

static void wrong_bracket(void)
{
	struct json_writer w;
	struct arena a;
	struct buf b;

	arena_init(&a, 1000);
	buf_init(&b, &a, 100);
	json_start(&w, &b);
	json_open(&w, ']');
}

static void test_json_writer_wrong_bracket_aborts(void **state)
{
	(void)state;
	assert_true(unit_aborts(wrong_bracket));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_json_refused),
		TEST(test_json_taken),
		TEST(test_json_numbers),
		TEST(test_json_numbers_in_order),
		TEST(test_json_walk),
		TEST(test_json_round_trip),
		TEST(test_json_mutated),
		TEST(test_json_many_members),
		TEST(test_json_writer),
		TEST(test_json_writer_broken_utf8),
		TEST(test_json_writer_wrong_bracket_aborts),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
