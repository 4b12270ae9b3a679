/* id.c - tests of shared/base/id.h. */
#include "unit.h"

#include <pthread.h>

/* From the TypeID specification's examples, and the ends of the range. */
static const struct {
	const char *uuid, *text;
} vectors[] = {
	{"01890a5d-ac96-774b-bcce-b302099a8057", "cli_01h455vb4pex5vsknk084sn02q"},
	{"00000000-0000-0000-0000-000000000001", "cli_00000000000000000000000001"},
	{"00000000-0000-0000-0000-00000000000a", "cli_0000000000000000000000000a"},
	{"00000000-0000-0000-0000-000000000020", "cli_00000000000000000000000010"},
	{"ffffffff-ffff-ffff-ffff-ffffffffffff", "cli_7zzzzzzzzzzzzzzzzzzzzzzzzz"},
	{"80000000-0000-0000-0000-000000000000", "cli_40000000000000000000000000"},
};

static void test_id_format_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < lengthof(vectors); i++) {
		char text[ID_TEXT_SIZE], uuid[ID_UUID_SIZE];
		struct id id, back;

		assert_int_equal(id_from_uuid(vectors[i].uuid, &id), 0);
		id_format(&id, "cli", text);
		assert_string_equal(text, vectors[i].text);
		assert_int_equal(id_parse(text, "cli", &back), 0);
		assert_true(id_equal(&id, &back));
		id_uuid(&back, uuid);
		assert_string_equal(uuid, vectors[i].uuid);
	}
}

static void test_id_round_trip(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		char text[ID_TEXT_SIZE], uuid[ID_UUID_SIZE];
		struct id id, back;

		for (size_t b = 0; b < sizeof(id.b); b++)
			id.b[b] = (uint8_t)unit_random(&seed, 256);
		id_format(&id, i % 2 ? "x" : "abcd", text);
		assert_int_equal(id_parse(text, i % 2 ? "x" : "abcd", &back), 0);
		assert_true(id_equal(&id, &back));
		id_uuid(&id, uuid);
		assert_int_equal(id_from_uuid(uuid, &back), 0);
		assert_true(id_equal(&id, &back));
	}
}

static void test_id_parse_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"cli",
		"cli_",
		"01h455vb4pex5vsknk084sn02q",
		"_01h455vb4pex5vsknk084sn02q",
		"con_01h455vb4pex5vsknk084sn02q",
		"CLI_01h455vb4pex5vsknk084sn02q",
		"clix_01h455vb4pex5vsknk084sn02q",
		"cli-01h455vb4pex5vsknk084sn02q",
		"cli_01h455vb4pex5vsknk084sn02",
		"cli_01h455vb4pex5vsknk084sn02q0",
		"cli_01h455vb4pex5vsknk084sn02q ",
		" cli_01h455vb4pex5vsknk084sn02q",
		"cli_01H455VB4PEX5VSKNK084SN02Q",
		"cli_81h455vb4pex5vsknk084sn02q", /* more than 128 bits */
		"cli_z1h455vb4pex5vsknk084sn02q",
		"cli_01h455vb4pex5vsknk084sn02i", /* i, l, o, u are no digits */
		"cli_01h455vb4pex5vsknk084sn02l",
		"cli_01h455vb4pex5vsknk084sn02o",
		"cli_01h455vb4pex5vsknk084sn02u",
		"cli_01h455vb4pex5vsknk084sn0\xc3\xa9",
		"cli_00000000000000000000000000", /* id_none */
		"01890a5d-ac96-774b-bcce-b302099a8057",
	};
	struct id id;

	(void)state;
	for (size_t i = 0; i < lengthof(bad); i++)
		if (id_parse(bad[i], "cli", &id) != -1)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(id_parse(NULL, "cli", &id), -1);
}

static void test_id_from_uuid_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"01890a5dac96774bbcceb302099a8057",
		"01890a5d-ac96-774b-bcce-b302099a805",
		"01890a5d-ac96-774b-bcce-b302099a80577",
		"{1890a5d-ac96-774b-bcce-b302099a8057",
		"01890a5d-ac96-774b-bcceb-302099a8057",
		"01890a5d-ac96-774b-bcce-b302099a805g",
		"01890a5d-ac96-774b-bcce-b302099a805 ",
	};
	struct id id;

	(void)state;
	for (size_t i = 0; i < lengthof(bad); i++)
		if (id_from_uuid(bad[i], &id) != -1)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(id_from_uuid(NULL, &id), -1);
	assert_int_equal(id_from_uuid("01890A5D-AC96-774B-BCCE-B302099A8057", &id), 0);
	assert_int_equal(id.b[2], 0x0a);
}

static int64_t id_ms(const struct id *id)
{
	int64_t ms = 0;

	for (int i = 0; i < 6; i++)
		ms = ms << 8 | id->b[i];
	return ms;
}

static void test_id_new_is_uuid7_of_now(void **state)
{
	const int64_t before = clock_now_ms();
	const struct id id = id_new();

	(void)state;
	assert_int_equal(id.b[6] >> 4, 7);
	assert_int_equal(id.b[8] >> 6, 2);
	assert_in_range(id_ms(&id), before, clock_now_ms() + 1);
	assert_false(id_is_none(&id));
	assert_true(id_is_none(&id_none));
}

static void test_id_new_never_goes_back(void **state)
{
	char text[ID_TEXT_SIZE], last_text[ID_TEXT_SIZE];
	struct id last = id_new();

	(void)state;
	id_format(&last, "x", last_text);
	for (int i = 0; i < 100000; i++) {
		const struct id id = id_new();

		assert_true(memcmp(last.b, id.b, sizeof(id.b)) < 0);
		id_format(&id, "x", text);
		assert_true(strcmp(last_text, text) < 0); /* the public form sorts likewise */
		memcpy(last_text, text, sizeof(text));
		last = id;
	}
}

static void test_id_new_clock_goes_back(void **state)
{
	struct id last = id_new();

	(void)state;
	clock_set_offset_ms(-3600000);
	for (int i = 0; i < 10000; i++) {
		const struct id id = id_new();

		assert_true(memcmp(last.b, id.b, sizeof(id.b)) < 0);
		last = id;
	}
	clock_set_offset_ms(0);
}

/* Last, since ids of this process stay there. */
static void test_id_new_follows_test_clock(void **state)
{
	struct id id;

	(void)state;
	clock_set_offset_ms(86400000);
	id = id_new();
	assert_true(id_ms(&id) >= clock_now_ms() - 1000);
	clock_set_offset_ms(0);
}

enum { THREADS = 4, PER_THREAD = 20000 };

static void *make_ids(void *arg)
{
	struct id *ids = arg;

	for (int i = 0; i < PER_THREAD; i++)
		ids[i] = id_new();
	return NULL;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct id));
}

static void test_id_new_threads(void **state)
{
	struct id *ids = calloc(THREADS * PER_THREAD, sizeof(*ids));
	pthread_t threads[THREADS];

	(void)state;
	assert_non_null(ids);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, make_ids, ids + i * PER_THREAD),
		                 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 1; i < THREADS * PER_THREAD; i++)
		assert_true(i % PER_THREAD == 0 || compare(&ids[i - 1], &ids[i]) < 0);
	qsort(ids, THREADS * PER_THREAD, sizeof(*ids), compare);
	for (int i = 1; i < THREADS * PER_THREAD; i++) /* the first 60 bits alone differ */
		assert_true(memcmp(&ids[i - 1], &ids[i], 8) < 0);
	free(ids);
}

static void long_prefix(void)
{
	char text[64];
	const struct id id = id_new();

	id_format(&id, "toolong", text);
}

static void test_id_format_long_prefix_aborts(void **state)
{
	(void)state;
	assert_true(unit_aborts(long_prefix));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_id_format_known),
		cmocka_unit_test(test_id_round_trip),
		cmocka_unit_test(test_id_parse_refused),
		cmocka_unit_test(test_id_from_uuid_refused),
		cmocka_unit_test(test_id_new_is_uuid7_of_now),
		cmocka_unit_test(test_id_new_never_goes_back),
		cmocka_unit_test(test_id_new_clock_goes_back),
		cmocka_unit_test(test_id_new_threads),
		cmocka_unit_test(test_id_format_long_prefix_aborts),
		cmocka_unit_test(test_id_new_follows_test_clock),
	};

	return cmocka_run_group_tests_name("id", tests, NULL, NULL);
}
