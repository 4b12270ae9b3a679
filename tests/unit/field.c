/* field.c - tests of shared/base/field.h. */
#include "field.h"

#include "unit.h"

#include <stdio.h>

/* One member of each kind. */
struct thing {
	struct id id;
	const char *name, *notes, *email, *status, *password;
	bool active;
	int64_t amount, starts_at, created_at;
	struct texts tags, emails;
	struct ids contact_ids;
	struct id client_id, parent_id;
	struct ref owner, item_id;
	struct refs team;
	const char *custom_fields, *address, *extra, *secret_note, *later;
};

static const char *const statuses[] = {"open", "closed", NULL};

static const struct field address_fields[] = {
	{.name = "line1", .kind = FIELD_TEXT},
	{.name = "city", .kind = FIELD_TEXT, .max = 100, .flags = FIELD_REQUIRED},
	{.name = "kind", .kind = FIELD_ENUM, .choices = statuses},
	{.name = "mail", .kind = FIELD_EMAIL},
	FIELD_END,
};

enum { BOTH = FIELD_CREATE | FIELD_PATCH };

static const struct field fields[] = {
	F_ID(thing, id, "cli", 0),
	F_TEXT(thing, name, 1, 10, BOTH | FIELD_REQUIRED),
	F_BODY(thing, notes, 0, 50, BOTH | FIELD_NULLABLE),
	F_EMAIL(thing, email, BOTH | FIELD_NULLABLE),
	F_ENUM(thing, status, statuses, BOTH),
	F_SECRET(thing, password, BOTH),
	F_BOOL(thing, active, BOTH),
	F_INT(thing, amount, 0, 0, BOTH | FIELD_NULLABLE),
	F_TIME(thing, starts_at, BOTH | FIELD_NULLABLE),
	F_TIME(thing, created_at, 0),
	F_TEXTS(thing, tags, 3, BOTH),
	F_EMAILS(thing, emails, 3, BOTH),
	F_IDS(thing, contact_ids, "con", 0, 3, BOTH),
	F_ID(thing, client_id, "cli", FIELD_CREATE),
	F_ID(thing, parent_id, "fol", BOTH | FIELD_NULLABLE),
	F_REF(thing, owner, 0),
	F_REFS(thing, team, 0),
	F_ITEM(thing, item_id, 0),
	F_MAP(thing, custom_fields, 3, BOTH | FIELD_NULLABLE),
	F_OBJECT(thing, address, address_fields, BOTH | FIELD_NULLABLE),
	F_JSON(thing, extra, 0),
	F_TEXT(thing, secret_note, 0, 5, BOTH | FIELD_HIDDEN),
	F_TEXT(thing, later, 0, 5, FIELD_PATCH),
	FIELD_END,
};

static const struct field bounded[] = {F_INT(thing, amount, 1, 100, BOTH),
                                       F_IDS(thing, contact_ids, "con", 1, 0, BOTH),
                                       F_TEXT(thing, name, 0, 0, BOTH | FIELD_NULLABLE), FIELD_END};

#define CON1  "con_01h455vb4pex5vsknk084sn02q"
#define CON2  "con_01h455vb4pex5vsknk084sn02r"
#define CLI1  "cli_01h455vb4pex5vsknk084sn02q"
#define UUID1 "01890a5d-ac96-774b-bcce-b302099a8057"
#define UUID2 "01890a5d-ac96-774b-bcce-b302099a8058"

static struct arena arena;
static struct err err;
static struct thing thing;

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena, TEST_ARENA_MAX);
	err_init(&err, &arena);
	thing = (struct thing){.amount = 77};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

static const struct json *parse(const char *text)
{
	const struct json *root = NULL;
	struct err e;

	err_init(&e, &arena);
	if (json_parse(&arena, text, strlen(text), &root, &e) < 0)
		fail_msg("the test's JSON: %s: %s", e.detail, text);
	return root;
}

static int read_with(const struct field *table, const char *text, unsigned how, uint64_t *sent_r)
{
	err_clear(&err);
	return field_read(table, parse(text), how, &thing, sent_r, &arena, &err);
}

static void assert_read(const char *text, unsigned how)
{
	if (read_with(fields, text, how, NULL) < 0)
		fail_msg("%s: %s %s %s", text, err.faults[0].pointer, err.faults[0].code,
		         err.faults[0].message);
	assert_int_equal(err.problem, PROBLEM_NONE);
}

/* The faults as "pointer code;pointer code;". */
static const char *faults(void)
{
	struct buf b;

	buf_init(&b, &arena, 1024 * 1024);
	for (unsigned i = 0; i < err.fault_count; i++)
		buf_printf(&b, "%s %s;", err.faults[i].pointer, err.faults[i].code);
	return b.data;
}

/* ---- reading ---- */

/* clang-format off */
static const struct {
	unsigned how;
	const char *body, *faults;
} bad[] = {
	{ FIELD_PATCH, "[]", " wrong_type;" },
	{ FIELD_PATCH, "null", " wrong_type;" },
	{ FIELD_PATCH, "\"x\"", " wrong_type;" },
	{ FIELD_CREATE, "{}", "/name required;" },
	{ FIELD_CREATE, "{\"name\":null}", "/name not_nullable;" },
	{ FIELD_CREATE, "{\"name\":5}", "/name wrong_type;" },
	{ FIELD_PATCH, "{\"namex\":\"x\"}", "/namex unknown_member;" },
	{ FIELD_PATCH, "{\"Name\":\"x\"}", "/Name unknown_member;" },
	{ FIELD_PATCH, "{\"\":1}", "/ unknown_member;" },
	{ FIELD_PATCH, "{\"a/b~c\":1}", "/a~1b~0c unknown_member;" },
	{ FIELD_PATCH, "{\"id\":\"" CLI1 "\"}", "/id read_only;" },
	{ FIELD_PATCH, "{\"id\":null}", "/id read_only;" },
	{ FIELD_PATCH, "{\"created_at\":\"2026-01-01T00:00:00Z\"}", "/created_at read_only;" },
	{ FIELD_PATCH, "{\"owner\":null,\"team\":[],\"extra\":{}}", "/owner read_only;/team read_only;/extra read_only;" },
	{ FIELD_PATCH, "{\"client_id\":\"" CLI1 "\"}", "/client_id fixed_after_create;" },
	{ FIELD_CREATE, "{\"name\":\"x\",\"later\":\"y\"}", "/later read_only;" },
	{ FIELD_PATCH, "{\"name\":\"\"}", "/name too_short;" },
	{ FIELD_PATCH, "{\"name\":\" \\t \"}", "/name too_short;" },
	{ FIELD_PATCH, "{\"name\":\"12345678901\"}", "/name too_long;" },
	{ FIELD_PATCH, "{\"name\":\"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\"}", "/name too_long;" },
	{ FIELD_PATCH, "{\"name\":\"a\\nb\"}", "/name control_character;" },
	{ FIELD_PATCH, "{\"name\":\"a\\u001b\"}", "/name control_character;" },
	{ FIELD_PATCH, "{\"name\":\"a\\u202eb\"}", "/name control_character;" },
	{ FIELD_PATCH, "{\"notes\":\"a\\u0007\"}", "/notes control_character;" },
	{ FIELD_PATCH, "{\"notes\":\"a\\rb\"}", "/notes control_character;" },
	{ FIELD_PATCH, "{\"email\":\"kim\"}", "/email invalid_email;" },
	{ FIELD_PATCH, "{\"email\":\"\"}", "/email invalid_email;" },
	{ FIELD_PATCH, "{\"email\":[]}", "/email wrong_type;" },
	{ FIELD_PATCH, "{\"status\":\"Open\"}", "/status not_allowed;" },
	{ FIELD_PATCH, "{\"status\":null}", "/status not_nullable;" },
	{ FIELD_PATCH, "{\"status\":true}", "/status wrong_type;" },
	{ FIELD_PATCH, "{\"password\":5}", "/password wrong_type;" },
	{ FIELD_PATCH, "{\"active\":1}", "/active wrong_type;" },
	{ FIELD_PATCH, "{\"active\":\"true\"}", "/active wrong_type;" },
	{ FIELD_PATCH, "{\"amount\":\"5\"}", "/amount wrong_type;" },
	{ FIELD_PATCH, "{\"amount\":1.5}", "/amount wrong_type;" },
	{ FIELD_PATCH, "{\"amount\":-9223372036854775808}", "/amount out_of_range;" },
	{ FIELD_PATCH, "{\"starts_at\":5}", "/starts_at wrong_type;" },
	{ FIELD_PATCH, "{\"starts_at\":\"2026-01-01\"}", "/starts_at invalid_time;" },
	{ FIELD_PATCH, "{\"starts_at\":\"2026-01-01 00:00:00+00\"}", "/starts_at invalid_time;" },
	{ FIELD_PATCH, "{\"parent_id\":\"" CLI1 "\"}", "/parent_id invalid_id;" },
	{ FIELD_PATCH, "{\"parent_id\":\"" UUID1 "\"}", "/parent_id invalid_id;" },
	{ FIELD_PATCH, "{\"tags\":\"a\"}", "/tags wrong_type;" },
	{ FIELD_PATCH, "{\"tags\":null}", "/tags not_nullable;" },
	{ FIELD_PATCH, "{\"tags\":[\"a\",5,null,\"\",\"b\\u0001\"]}", "/tags/1 wrong_type;/tags/2 wrong_type;/tags/3 too_short;/tags/4 control_character;" },
	{ FIELD_PATCH, "{\"tags\":[\"a\",\"b\",\"c\",\"d\"]}", "/tags too_long;" },
	{ FIELD_PATCH, "{\"emails\":\"a@b.example\"}", "/emails wrong_type;" },
	{ FIELD_PATCH, "{\"emails\":[\"a@b.example\",\"x\",5]}", "/emails/1 invalid_email;/emails/2 wrong_type;" },
	{ FIELD_PATCH, "{\"emails\":[\"x;y;a@b.example\"]}", "/emails/0 invalid_email;/emails/0 invalid_email;" },
	{ FIELD_PATCH, "{\"emails\":[\"a@b.example;b@b.example;c@b.example;d@b.example\"]}", "/emails too_long;" },
	{ FIELD_PATCH, "{\"contact_ids\":{}}", "/contact_ids wrong_type;" },
	{ FIELD_PATCH, "{\"contact_ids\":[\"" CON1 "\",\"" CLI1 "\",7]}", "/contact_ids/1 invalid_id;/contact_ids/2 wrong_type;" },
	{ FIELD_PATCH, "{\"custom_fields\":[]}", "/custom_fields wrong_type;" },
	{ FIELD_PATCH, "{\"custom_fields\":{\"A-B\":\"x\",\"b c\":\"x\",\"\":\"x\",\"n\":5,\"o\":{}}}",
	  "/custom_fields/A-B invalid_key;/custom_fields/b c invalid_key;/custom_fields/ invalid_key;/custom_fields/n wrong_type;/custom_fields/o wrong_type;" },
	{ FIELD_PATCH, "{\"custom_fields\":{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\",\"d\":\"4\"}}", "/custom_fields too_long;" },
	{ FIELD_PATCH, "{\"custom_fields\":{\"a\":\"x\\ny\"}}", "/custom_fields/a control_character;" },
	{ FIELD_PATCH, "{\"custom_fields\":{\"a234567890123456789012345678901234567890123456789012345678901234x\":\"\"}}",
	  "/custom_fields/a234567890123456789012345678901234567890123456789012345678901234x invalid_key;" },
	{ FIELD_PATCH, "{\"address\":\"x\"}", "/address wrong_type;" },
	{ FIELD_PATCH, "{\"address\":{}}", "/address/city required;" },
	{ FIELD_PATCH, "{\"address\":{\"city\":null}}", "/address/city not_nullable;" },
	{ FIELD_PATCH, "{\"address\":{\"city\":5,\"lin1\":\"x\",\"kind\":\"x\",\"mail\":\"x\"}}",
	  "/address/lin1 unknown_member;/address/city wrong_type;/address/kind not_allowed;/address/mail invalid_email;" },
	/* all at once, in the order of the body, what is missing last */
	{ FIELD_CREATE, "{\"x\":1,\"active\":0,\"id\":1,\"amount\":\"\",\"notes\":7}",
	  "/x unknown_member;/active wrong_type;/id read_only;/amount wrong_type;/notes wrong_type;/name required;" },
};
/* clang-format on */

static void test_field_read_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < lengthof(bad); i++) {
		if (read_with(fields, bad[i].body, bad[i].how, NULL) == 0)
			fail_msg("taken: %s", bad[i].body);
		assert_int_equal(err.problem, PROBLEM_validation_failed);
		if (strcmp(faults(), bad[i].faults) != 0)
			fail_msg("%s: %s", bad[i].body, faults());
	}
}

static void test_field_read_all_kinds(void **state)
{
	uint64_t sent;

	(void)state;
	if (read_with(
		    fields,
		    "{\"name\":\" Cafe\xcc\x81 \",\"notes\":\"a\\n\\tb\\n\",\"email\":\"Kim@B.Example\","
		    "\"status\":\"closed\",\"password\":\" p\\n\",\"active\":true,"
		    "\"amount\":9007199254740993,\"starts_at\":\"1970-01-01T01:00:00.5+01:00\","
		    "\"tags\":[\" a \",\"a\"],\"contact_ids\":[\"" CON2 "\",\"" CON1 "\"],"
		    "\"client_id\":\"" CLI1 "\",\"parent_id\":null,\"secret_note\":\"\"}",
		    FIELD_CREATE, &sent) < 0)
		fail_msg("%s", faults());
	assert_string_equal(thing.name, "Caf\xc3\xa9");
	assert_string_equal(thing.notes, "a\n\tb");
	assert_string_equal(thing.email, "Kim@b.example");
	assert_ptr_equal(thing.status, statuses[1]);
	assert_string_equal(thing.password, " p\n"); /* as it was sent */
	assert_true(thing.active);
	assert_int_equal(thing.amount, 9007199254740993);
	assert_int_equal(thing.starts_at, 500);
	assert_int_equal(thing.tags.n, 2);
	assert_string_equal(thing.tags.v[0], "a");
	assert_int_equal(thing.contact_ids.n, 2);
	assert_int_equal(thing.contact_ids.v[0].b[15], 0x58);
	assert_true(id_is_none(&thing.parent_id));
	assert_false(id_is_none(&thing.client_id));
	assert_string_equal(thing.secret_note, "");
	assert_true(field_sent(fields, sent, "name"));
	assert_true(field_sent(fields, sent, "parent_id")); /* null is sent, too */
	assert_false(field_sent(fields, sent, "address"));
	assert_false(field_sent(fields, sent, "id"));
}

static void test_field_read_keeps_what_is_not_sent(void **state)
{
	uint64_t sent = 1;

	(void)state;
	thing.name = "kept";
	thing.starts_at = 5;
	assert_int_equal(read_with(fields, "{}", FIELD_PATCH, &sent), 0);
	assert_int_equal(sent, 0);
	assert_string_equal(thing.name, "kept");
	assert_int_equal(thing.amount, 77);
	assert_read("{\"amount\":null,\"starts_at\":null,\"email\":null,\"notes\":null}",
	            FIELD_PATCH);
	assert_int_equal(thing.amount, INT64_MIN);
	assert_int_equal(thing.starts_at, TIME_NULL);
	assert_null(thing.email);
	assert_null(thing.notes);
}

static void test_field_read_text_outlives_body(void **state)
{
	const char *text = "{\"name\":\"n\",\"password\":\"p\",\"tags\":[\"t\"]}";
	struct arena body_arena;
	const struct json *root;

	(void)state;
	arena_init(&body_arena, TEST_ARENA_MAX);
	assert_int_equal(json_parse(&body_arena, text, strlen(text), &root, &err), 0);
	assert_int_equal(field_read(fields, root, FIELD_CREATE, &thing, NULL, &arena, &err), 0);
	arena_release(&body_arena);
	assert_string_equal(thing.name, "n");
	assert_string_equal(thing.password, "p");
	assert_string_equal(thing.tags.v[0], "t");
}

static void test_field_read_bounds(void **state)
{
	(void)state;
	assert_int_equal(read_with(bounded, "{\"amount\":0}", FIELD_PATCH, NULL), -1);
	assert_string_equal(faults(), "/amount out_of_range;");
	assert_int_equal(read_with(bounded, "{\"amount\":101}", FIELD_PATCH, NULL), -1);
	assert_int_equal(read_with(bounded, "{\"amount\":-1}", FIELD_PATCH, NULL), -1);
	assert_int_equal(read_with(bounded, "{\"amount\":100}", FIELD_PATCH, NULL), 0);
	assert_int_equal(read_with(bounded, "{\"amount\":1.0}", FIELD_PATCH, NULL), 0);
	assert_int_equal(thing.amount, 1);
	assert_int_equal(read_with(bounded, "{\"contact_ids\":[]}", FIELD_PATCH, NULL), -1);
	assert_string_equal(faults(), "/contact_ids too_short;");
	assert_int_equal(read_with(bounded, "{\"name\":\"\"}", FIELD_PATCH, NULL), 0);
	assert_string_equal(thing.name, ""); /* an empty text is a text */
	assert_int_equal(read_with(bounded, "{\"name\":null}", FIELD_PATCH, NULL), 0);
	assert_null(thing.name);
}

static void test_field_read_messages(void **state)
{
	static const char *const cases[][2] = {
		{"{\"namex\":1}", "Is name meant?"},
		{"{\"custom_field\":1}", "Is custom_fields meant?"},
		{"{\"client_ids\":1}", "not known"}, /* not the one that cannot be sent */
		{"{\"zebra\":1}", "It is not known here."},
		{"{\"status\":\"x\"}", "open, closed"},
		{"{\"name\":\"12345678901\"}", "at most 10 characters, not 11"},
		{"{\"name\":\"\"}", "at least 1 character."},
		{"{\"emails\":[\"a@b.example; kim@ ;\"]}", "\"kim@\" is not an e-mail address"},
		{"{\"parent_id\":\"x\"}", "fol_"},
	};

	(void)state;
	for (size_t i = 0; i < lengthof(cases); i++) {
		assert_int_equal(read_with(fields, cases[i][0], FIELD_PATCH, NULL), -1);
		if (!strstr(err.faults[0].message, cases[i][1]))
			fail_msg("%s: %s", cases[i][0], err.faults[0].message);
	}
	assert_int_equal(read_with(fields, "{\"client_ids\":1}", FIELD_PATCH, NULL), -1);
	assert_null(strstr(err.faults[0].message, "client_id"));
}

/* S4-20: "more than one email… separated by a semi-colon(;)" */
static void test_field_read_emails_semicolons(void **state)
{
	(void)state;
	assert_read(
		"{\"emails\":[\" Kim@b.example ;; lee@B.example;\",\"kim@B.EXAMPLE\",\"\",\";\","
		"\"c@d.example\"]}",
		FIELD_PATCH);
	assert_int_equal(thing.emails.n, 3);
	assert_string_equal(thing.emails.v[0], "Kim@b.example"); /* the first form stays */
	assert_string_equal(thing.emails.v[1], "lee@b.example");
	assert_string_equal(thing.emails.v[2], "c@d.example");
	assert_read("{\"emails\":[\";\"]}", FIELD_PATCH);
	assert_int_equal(thing.emails.n, 0);
	assert_int_equal(read_with(fields, "{\"emails\":[\"ok@b.example\",\"a@b.example; x@;;z\"]}",
	                           FIELD_PATCH, NULL),
	                 -1);
	assert_string_equal(faults(), "/emails/1 invalid_email;/emails/1 invalid_email;");
	assert_non_null(strstr(err.faults[0].message, "\"x@\""));
	assert_non_null(strstr(err.faults[1].message, "\"z\""));
}

/* A long wrong address is said back shortened, and as UTF-8. */
static void test_field_read_emails_long(void **state)
{
	struct json_writer w;
	struct buf b, text;

	(void)state;
	buf_init(&text, &arena, 10000);
	for (int i = 0; i < 2000; i++)
		buf_str(&text, "\xc3\xa9");
	buf_init(&b, &arena, 20000);
	json_start(&w, &b);
	json_open(&w, '{');
	json_key(&w, "emails");
	json_open(&w, '[');
	json_put_text(&w, text.data);
	json_close(&w, ']');
	json_close(&w, '}');
	assert_int_equal(read_with(fields, b.data, FIELD_PATCH, NULL), -1);
	assert_true(strlen(err.faults[0].message) < 250);
	assert_non_null(strstr(err.faults[0].message, "\xc3\xa9...\" is not"));
}

static void test_field_read_ids_folded(void **state)
{
	(void)state;
	assert_read("{\"contact_ids\":[\"" CON1 "\",\"" CON2 "\",\"" CON1 "\",\"" CON2 "\",\"" CON1
	            "\"]}",
	            FIELD_PATCH);
	assert_int_equal(thing.contact_ids.n, 2);
	assert_int_equal(thing.contact_ids.v[0].b[15], 0x57);
}

static void test_field_read_map(void **state)
{
	(void)state;
	assert_read("{\"name\":\"x\",\"custom_fields\":{\"b_2\":\" x \",\"a\":null,\"c\":\"\"}}",
	            FIELD_CREATE);
	assert_string_equal(thing.custom_fields, "{\"b_2\":\"x\",\"a\":null,\"c\":\"\"}");
	/* merge patch: other keys stay, null removes; PostgreSQL's spaces are no matter */
	thing.custom_fields = "{\"a\": null, \"b_2\": \"x\", \"c\": \"\"}";
	assert_read("{\"custom_fields\":{\"c\":null,\"d\":\"new\"}}", FIELD_PATCH);
	assert_string_equal(thing.custom_fields, "{\"a\":null,\"b_2\":\"x\",\"d\":\"new\"}");
	assert_int_equal(read_with(fields, "{\"custom_fields\":{\"e\":\"one too many\"}}",
	                           FIELD_PATCH, NULL),
	                 -1);
	assert_string_equal(faults(), "/custom_fields too_long;");
	assert_read("{\"custom_fields\":{\"e\":\"fits\",\"a\":null}}", FIELD_PATCH);
	assert_string_equal(thing.custom_fields, "{\"b_2\":\"x\",\"d\":\"new\",\"e\":\"fits\"}");
	assert_read("{\"custom_fields\":{}}", FIELD_PATCH);
	assert_string_equal(thing.custom_fields, "{\"b_2\":\"x\",\"d\":\"new\",\"e\":\"fits\"}");
	assert_read("{\"custom_fields\":null}", FIELD_PATCH);
	assert_null(thing.custom_fields);
	assert_read("{\"custom_fields\":{\"a\":\"1\"}}", FIELD_PATCH);
	assert_string_equal(thing.custom_fields, "{\"a\":\"1\"}");
}

static void test_field_read_object(void **state)
{
	(void)state;
	assert_read("{\"name\":\"x\",\"address\":{\"city\":\" Bonn \",\"mail\":\"a@B.example\"}}",
	            FIELD_CREATE);
	assert_string_equal(
		thing.address,
		"{\"line1\":null,\"city\":\"Bonn\",\"kind\":null,\"mail\":\"a@b.example\"}");
	assert_read("{\"address\":{\"mail\":null,\"kind\":\"open\"}}", FIELD_PATCH);
	assert_string_equal(thing.address,
	                    "{\"line1\":null,\"city\":\"Bonn\",\"kind\":\"open\",\"mail\":null}");
	assert_read("{\"address\":null}", FIELD_PATCH);
	assert_null(thing.address);
}

/* A body cannot make the server keep or build more than it says: lists, maps, objects. */
static void test_field_read_too_much(void **state)
{
	struct buf b;

	(void)state;
	assert_int_equal(read_with(fields,
	                           "{\"contact_ids\":[\"" CON1 "\",\"" CON2
	                           "\",\"con_01h455vb4pex5vsknk084sn02s\","
	                           "\"con_01h455vb4pex5vsknk084sn02t\"]}",
	                           FIELD_PATCH, NULL),
	                 -1);
	assert_string_equal(faults(), "/contact_ids too_long;");
	buf_init(&b, &arena, 4 * 1024 * 1024);
	buf_str(&b, "{\"custom_fields\":{\"a\":null");
	for (int i = 0; i < 1000; i++)
		buf_printf(&b, ",\"k%d\":null", i);
	buf_str(&b, "}}");
	assert_int_equal(read_with(fields, b.data, FIELD_PATCH, NULL), -1);
	assert_string_equal(faults(), "/custom_fields too_long;");
	buf_clear(&b);
	buf_printf(&b, "{\"address\":{\"city\":\"x\",\"line1\":\"%01100000d\"}}", 0);
	assert_int_equal(read_with(fields, b.data, FIELD_PATCH, NULL), -1);
	assert_string_equal(faults(), "/address too_long;");
}

/* What the entity holds is no object: the patch stands alone. */
static void test_field_read_merge_onto_nonsense(void **state)
{
	(void)state;
	thing.custom_fields = "[1]";
	assert_read("{\"custom_fields\":{\"a\":\"1\"}}", FIELD_PATCH);
	assert_string_equal(thing.custom_fields, "{\"a\":\"1\"}");
	thing.custom_fields = "{";
	assert_read("{\"custom_fields\":{\"b\":\"2\"}}", FIELD_PATCH);
	assert_string_equal(thing.custom_fields, "{\"b\":\"2\"}");
}

/* Contract rule 7: as many faults as there are broken members, each pointer resolves in the body.
 */
static void test_field_read_many_faults(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, &arena, 100000);
	buf_char(&b, '{');
	for (int i = 0; i < 200; i++)
		buf_printf(&b, "%s\"unknown_%d\":1", i ? "," : "", i);
	buf_char(&b, '}');
	assert_int_equal(read_with(fields, b.data, FIELD_PATCH, NULL), -1);
	assert_int_equal(err.fault_count, ERR_FAULTS_MAX);
	assert_string_equal(err.faults[63].pointer, "/unknown_63");
}

/* ---- writing, columns, parameters ---- */

static const struct {
	const char *name, *column, *json, *param;
} columns[] = {
	{"id", UUID1, "\"" CLI1 "\"", UUID1},
	{"id", NULL, "null", NULL},
	{"name", "a\"b", "\"a\\\"b\"", "a\"b"},
	{"name", "", "\"\"", ""},
	{"name", NULL, "null", NULL},
	{"notes", "a\nb", "\"a\\nb\"", "a\nb"},
	{"email", "a@b.example", "\"a@b.example\"", "a@b.example"},
	{"status", "open", "\"open\"", "open"},
	{"active", "t", "true", "true"},
	{"active", "f", "false", "false"},
	{"active", NULL, "false", "false"},
	{"amount", "-5", "-5", "-5"},
	{"amount", "9223372036854775807", "9223372036854775807", "9223372036854775807"},
	{"amount", NULL, "null", NULL},
	{"created_at", "1970-01-01 00:00:00.5+00", "\"1970-01-01T00:00:00.500Z\"",
         "1970-01-01T00:00:00.500Z"},
	{"created_at", NULL, "null", NULL},
	{"tags", "[\"a\", \"b\"]", "[\"a\",\"b\"]", "[\"a\",\"b\"]"},
	{"tags", "[]", "[]", "[]"},
	{"tags", NULL, "[]", "[]"},
	{"emails", "[\"a@b.example\"]", "[\"a@b.example\"]", "[\"a@b.example\"]"},
	{"contact_ids", "[\"" UUID1 "\", \"" UUID2 "\"]", "[\"" CON1 "\",\"" CON2 "\"]",
         "[\"" UUID1 "\",\"" UUID2 "\"]"},
	{"contact_ids", NULL, "[]", "[]"},
	{"owner", "{\"id\": \"" UUID1 "\", \"name\": \"Kim\", \"type\": \"contact\"}",
         "{\"type\":\"contact\",\"id\":\"" CON1 "\",\"name\":\"Kim\"}",
         "{\"type\":\"contact\",\"id\":\"" UUID1 "\",\"name\":\"Kim\"}"},
	{"owner", NULL, "null", NULL},
	{"item_id", "{\"id\": \"" UUID1 "\", \"name\": \"Kim\", \"type\": \"client\"}",
         "\"" CLI1 "\"", "{\"type\":\"client\",\"id\":\"" UUID1 "\",\"name\":\"Kim\"}"},
	{"item_id", NULL, "null", NULL},
	{"team",
         "[{\"id\": \"" UUID1 "\", \"name\": null, \"type\": \"client\"},"
         "{\"id\": \"" UUID2 "\", \"name\": \"L\", \"type\": \"contact\"}]",
         "[{\"type\":\"client\",\"id\":\"" CLI1 "\",\"name\":null},"
         "{\"type\":\"contact\",\"id\":\"" CON2 "\",\"name\":\"L\"}]",
         "[{\"type\":\"client\",\"id\":\"" UUID1 "\",\"name\":null},"
         "{\"type\":\"contact\",\"id\":\"" UUID2 "\",\"name\":\"L\"}]"},
	{"team", NULL, "[]", "[]"},
	{"custom_fields", "{\"a\": \"b\"}", "{\"a\": \"b\"}", "{\"a\": \"b\"}"},
	{"address", NULL, "null", NULL},
	{"extra", "[1, 2]", "[1, 2]", "[1, 2]"},
};

static void test_field_column_json_param(void **state)
{
	(void)state;
	for (size_t i = 0; i < lengthof(columns); i++) {
		const struct field *f = field_find(fields, columns[i].name);
		const struct field one[] = {*f, FIELD_END};
		struct json_writer w;
		const char *param;
		struct buf b;

		memset(&thing, 0xa5, sizeof(thing));
		thing.active = true;
		if (field_from_column(f, columns[i].column, &thing, &arena) < 0)
			fail_msg("%s from %s", f->name, columns[i].column);
		buf_init(&b, &arena, 10000);
		json_start(&w, &b);
		json_open(&w, '{');
		field_write(one, &thing, &w);
		json_close(&w, '}');
		assert_string_equal(b.data,
		                    arena_printf(&arena, "{\"%s\":%s}", f->name, columns[i].json));
		param = field_to_param(f, &thing, &arena);
		if (columns[i].param)
			assert_string_equal(param, columns[i].param);
		else
			assert_null(param);
	}
}

static void test_field_from_column_refused(void **state)
{
	static const char *const cases[][2] = {
		{"id", ""},
		{"id", "cli_x"},
		{"active", "yes"},
		{"active", ""},
		{"amount", ""},
		{"amount", "5x"},
		{"amount", "1.5"},
		{"amount", "9223372036854775808"},
		{"created_at", "infinity"},
		{"tags", "{a,b}"},
		{"tags", "{}"},
		{"tags", "[1]"},
		{"contact_ids", "[\"" CON1 "\"]"},
		{"contact_ids", "[null]"},
		{"owner", "[]"},
		{"owner", "{}"},
		{"owner", "{\"type\":\"zebra\",\"id\":\"" UUID1 "\",\"name\":\"x\"}"},
		{"owner", "{\"type\":\"client\",\"name\":\"x\"}"},
		{"team", "{}"},
		{"team", "[5]"},
		{"password", "x"},
	};

	(void)state;
	for (size_t i = 0; i < lengthof(cases); i++)
		if (field_from_column(field_find(fields, cases[i][0]), cases[i][1], &thing,
		                      &arena) != -1)
			fail_msg("taken: %s from %s", cases[i][0], cases[i][1]);
}

static void test_field_write_hides(void **state)
{
	struct json_writer w;
	struct buf b;

	(void)state;
	thing.password = "hunter2";
	thing.secret_note = "psst";
	buf_init(&b, &arena, 10000);
	json_start(&w, &b);
	json_open(&w, '{');
	field_write(fields, &thing, &w);
	json_close(&w, '}');
	assert_null(strstr(b.data, "hunter2"));
	assert_null(strstr(b.data, "psst"));
	assert_null(json_member(parse(b.data), "password"));
	assert_null(json_member(parse(b.data), "secret_note"));
	assert_int_equal(json_count(parse(b.data)), lengthof(fields) - 3);
}

static void secret_to_param(void)
{
	thing.password = "hunter2";
	field_to_param(field_find(fields, "password"), &thing, &arena);
}

static void huge_list_to_param(void)
{
	const char *text = arena_printf(&arena, "%05000000d", 0);

	thing.tags = (struct texts){1, &text};
	field_to_param(field_find(fields, "tags"), &thing, &arena);
}

static void unknown_name(void)
{
	field_sent(fields, 0, "zebra");
}

static void test_field_misuse_aborts(void **state)
{
	(void)state;
	assert_true(unit_aborts(secret_to_param));
	assert_true(unit_aborts(huge_list_to_param));
	assert_true(unit_aborts(unknown_name));
}

static void test_field_ref_prefix(void **state)
{
	(void)state;
	assert_string_equal(field_ref_prefix("client"), "cli");
	assert_string_equal(field_ref_prefix("staff"), "stf");
	assert_null(field_ref_prefix("zebra"));
	assert_null(field_ref_prefix(NULL));
	assert_null(field_find(fields, "zebra"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_field_ref_prefix),
		TEST(test_field_read_all_kinds),
		TEST(test_field_read_faults),
		TEST(test_field_read_keeps_what_is_not_sent),
		TEST(test_field_read_text_outlives_body),
		TEST(test_field_read_bounds),
		TEST(test_field_read_messages),
		TEST(test_field_read_emails_semicolons),
		TEST(test_field_read_emails_long),
		TEST(test_field_read_ids_folded),
		TEST(test_field_read_map),
		TEST(test_field_read_object),
		TEST(test_field_read_too_much),
		TEST(test_field_read_merge_onto_nonsense),
		TEST(test_field_read_many_faults),
		TEST(test_field_column_json_param),
		TEST(test_field_from_column_refused),
		TEST(test_field_write_hides),
		TEST(test_field_misuse_aborts),
	};

	return cmocka_run_group_tests_name("field", tests, NULL, NULL);
}
