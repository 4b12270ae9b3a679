/*
 * letter.c - each kind of mail, whole, against tests/mailer/golden/NAME.eml. `make golden` writes
 * them anew; the difference is then to be read.
 */
#include "letter.h"

#include "../unit/fresh.h"

#include <stdio.h>
#include <stdlib.h>

#define DOCUMENT(n, name)                                                                     \
	"{\"id\":\"01890a5d-ac96-774b-bcce-b302099a80" n "\",\"name\":\"" name                \
	"\",\"folder\":\"Annual accounts\",\"by\":\"Ann Example\",\"at\":\"2026-03-03 11:0" n \
	" Europe/Berlin\"}"

#define ITEM(folder, name, client)                                          \
	"{\"name\":\"" name "\",\"folder\":" folder ",\"client\":\"" client \
	"\",\"by\":\"Olga Owner\"}"

#define BAD_ADDRESS                                                                                   \
	"{\"message_id\":\"x\",\"template\":\"invitation\",\"link\":\"l\",\"vars\":{},\"date_ms\":1," \
	"\"to\":\"a@x.test\\r\\nBcc: b@x.test\",\"from\":\"c@x.test\"}"

static struct id id_of(const char *uuid)
{
	struct id id;

	assert_int_equal(id_from_uuid(uuid, &id), 0);
	return id;
}

static struct letter_facts sample(const char *kind)
{
	return (struct letter_facts){
		.envelope = id_of("01890a5d-ac96-774b-bcce-b302099a8057"),
		.kind = kind,
		.to_email = "ann@x.test",
		.to_name = "Ann Example",
		.from_email = "no-reply@portal.example",
		.firm = "Adler & S\xc3\xb6hne",
		.accent = "#1f4e79",
		.support_email = "help@adler.example",
		.portal = "https://adler.example",
		.locale = "en",
		.actor = "Olga Owner",
		.client = "Acme GmbH",
		.folder = id_of("01890a5d-ac96-774b-bcce-b302099a8058"),
		.item = "Annual accounts",
		.until = "2026-03-10 11:05 Europe/Berlin",
		.now_ms = 1772532303123,
	};
}

static const struct json *parsed(const char *text)
{
	const struct json *root;

	assert_int_equal(json_parse(&arena, text, strlen(text), &root, &err), 0);
	return root;
}

static struct letter written(const struct letter_facts *facts, const char *token)
{
	const struct letter_tokens tokens = {token, facts->one_click ? "UNSUBSCRIBE" : NULL, NULL};
	const char *frozen = letter_freeze(&arena, facts), *why;
	struct letter letter;

	assert_non_null(frozen);
	if (letter_write(&arena, frozen, &tokens, &letter, &why) < 0)
		fail_msg("%s", why);
	return letter;
}

static const char *read_golden(const char *path)
{
	char *text = arena_alloc(&arena, LETTER_MAX);
	FILE *f = fopen(path, "rb");

	if (!f)
		return "(there is no such file)";
	text[fread(text, 1, LETTER_MAX - 1, f)] = '\0';
	fclose(f);
	return text;
}

static void check_golden(const char *name, const struct letter *letter)
{
	const char *path = arena_printf(&arena, "tests/mailer/golden/%s.eml", name);
	FILE *f;

	assert_int_equal(letter->len, strlen(letter->message));
	if (!getenv("GOLDEN")) {
		if (strcmp(letter->message, read_golden(path)) != 0)
			fail_msg("%s differs from %s", letter->message, path);
		return;
	}
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(letter->message, 1, letter->len, f), letter->len);
	fclose(f);
}

static void test_letter_invitation(void **state)
{
	struct letter_facts facts = sample("invitation");
	struct letter letter = written(&facts, "TOKEN");

	(void)state;
	check_golden("invitation", &letter);
	facts.kind = "staff_invitation";
	letter = written(&facts, "TOKEN");
	check_golden("staff_invitation", &letter);
}

static void test_letter_portal_address(void **state)
{
	struct letter_facts facts = sample("portal_address");
	struct letter letter = written(&facts, NULL);

	(void)state;
	assert_non_null(strstr(letter.text, "\nhttps://adler.example/signin\n"));
	facts.slug = "adler";
	letter = written(&facts, NULL);
	check_golden("portal_address", &letter);
}

/* What opens a door is in the mail and not in what is kept of it. */
static void test_letter_doors(void **state)
{
	static const struct letter_tokens secrets = {.link = "TOKEN", .code = "402913"};
	struct letter_facts facts = sample("sign_in");
	const char *frozen = letter_freeze(&arena, &facts), *why;
	struct letter letter;

	(void)state;
	assert_int_equal(letter_write(&arena, frozen, &secrets, &letter, &why), 0);
	check_golden("sign_in", &letter);
	assert_null(strstr(frozen, "TOKEN"));
	assert_null(strstr(frozen, "402913"));
	facts = sample("password_reset");
	letter = written(&facts, "TOKEN");
	check_golden("password_reset", &letter);
}

static void test_letter_credential(void **state)
{
	struct letter_facts facts = sample("credential_changed");
	struct letter letter;

	(void)state;
	facts.about = "password";
	letter = written(&facts, NULL);
	check_golden("credential_changed", &letter);
	facts.about = "second_factor";
	letter = written(&facts, NULL);
	assert_non_null(strstr(letter.subject, "second factor"));
	assert_null(strstr(letter.text, "password that you"));
	facts.about = "address";
	letter = written(&facts, NULL);
	assert_non_null(strstr(letter.subject, "sign-in address"));
	assert_null(strstr(letter.text, "was changed just now"));
	assert_null(strstr(letter.text, "https://"));
}

static void test_letter_registration(void **state)
{
	struct letter_facts facts = sample("registration_received");
	struct letter letter;

	(void)state;
	facts.to_name = NULL;
	facts.has_credential = true;
	letter = written(&facts, "TOKEN");
	check_golden("registration_received", &letter);
	facts.known = true;
	letter = written(&facts, "TOKEN");
	assert_null(strstr(letter.text, "password"));
}

static void test_letter_portals(void **state)
{
	struct letter_facts facts = sample("find_portals");
	struct letter letter;

	(void)state;
	facts.public_url = "https://portal.example";
	facts.portals =
		parsed("[{\"name\":\"Adler\",\"url\":\"https://adler.example\",\"slug\":\"adler\"},"
	               "{\"name\":\"B & C\",\"url\":null,\"slug\":\"b-c\"}]");
	letter = written(&facts, NULL);
	check_golden("find_portals", &letter);
	assert_non_null(strstr(letter.text, "https://portal.example/signin?firm=b-c"));
}

static void test_letter_share(void **state)
{
	struct letter_facts facts = sample("folder.shared");
	struct letter letter;

	(void)state;
	facts.can_upload = true;
	facts.slug = "adler";
	facts.one_click = "https://api.example";
	letter = written(&facts, NULL);
	check_golden("folder_shared", &letter);
	facts = sample("document.shared");
	facts.document = id_of("01890a5d-ac96-774b-bcce-b302099a8059");
	facts.item = "Bilanz \xe2\x82\xac 2025 \"final\" <1>.pdf";
	letter = written(&facts, NULL);
	check_golden("document_shared", &letter);
	facts = sample("items.shared");
	facts.one_click = "https://api.example";
	facts.documents = parsed("[" ITEM("\"Annual accounts\"", "Annual accounts",
	                                  "Acme GmbH") "," ITEM("null", "b&c.pdf", "B & C") "]");
	facts.count = 22;
	letter = written(&facts, NULL);
	check_golden("items_shared", &letter);
	facts.documents = parsed("[" ITEM("null", "b&c.pdf", "B & C") "]");
	facts.count = 1;
	letter = written(&facts, NULL);
	check_golden("item_shared", &letter);
}

static void test_letter_upload(void **state)
{
	struct letter_facts facts = sample("document.uploaded");
	struct letter letter;

	(void)state;
	facts.document = id_of("01890a5d-ac96-774b-bcce-b302099a8059");
	facts.documents = parsed("[" DOCUMENT("1", "balance.pdf") "]");
	facts.count = 1;
	facts.one_folder = true;
	letter = written(&facts, NULL);
	check_golden("document_uploaded", &letter);
	facts.documents = parsed("[" DOCUMENT("1", "balance.pdf") "," DOCUMENT("2", "b&c.pdf") "]");
	facts.count = 5;
	letter = written(&facts, NULL);
	check_golden("documents_uploaded", &letter);
}

static const char *long_name(size_t characters)
{
	struct buf b;

	buf_init(&b, &arena, 4 * characters);
	for (size_t i = 0; i < characters; i++)
		buf_str(&b, "\xf0\x9f\x92\xbc");
	return b.data;
}

/* A mail that did not fit would never be sent. */
static void test_letter_of_long_names(void **state)
{
	static const char *const kinds[] = {"items.shared", "document.uploaded"};
	const char *name = long_name(255), *person = long_name(200);
	struct buf b;

	(void)state;
	buf_init(&b, &arena, LETTER_FROZEN_MAX);
	for (int i = 0; i < 20; i++)
		buf_printf(&b,
		           "%c{\"name\":\"%s\",\"folder\":\"%s\",\"client\":\"%s\",\"by\":\"%s\"}",
		           i == 0 ? '[' : ',', name, name, person, person);
	buf_char(&b, ']');
	for (size_t i = 0; i < lengthof(kinds); i++) {
		struct letter_facts facts = sample(kinds[i]);

		facts.to_name = facts.actor = facts.client = facts.firm = person;
		facts.documents = parsed(b.data);
		facts.count = 20;
		written(&facts, NULL);
	}
}

/* What is not known is left out, without a trace of it. */
static void test_letter_of_little_known(void **state)
{
	static const char *const kinds[] = {
		"invitation",      "staff_invitation",   "folder.shared",
		"document.shared", "document.uploaded",  "sign_in",
		"password_reset",  "credential_changed", "items.shared"};

	(void)state;
	for (size_t i = 0; i < lengthof(kinds); i++) {
		struct letter_facts facts = sample(kinds[i]);
		struct letter letter;

		facts.to_name = facts.support_email = facts.actor = facts.client = NULL;
		facts.until = facts.locale = facts.accent = NULL;
		letter = written(&facts, NULL);
		assert_null(strstr(letter.text, "{{"));
		assert_null(strstr(letter.html, "{{"));
		assert_null(strstr(letter.text, "(null)"));
		assert_null(strstr(letter.text, "()"));
		assert_null(strstr(letter.text, "Hello ,"));
		assert_null(strstr(letter.message, "Reply-To"));
		assert_non_null(strstr(letter.text, "https://adler.example/"));
	}
}

static void test_letter_is_the_same_every_time(void **state)
{
	struct letter_facts facts = sample("folder.shared");
	const char *frozen = letter_freeze(&arena, &facts), *why;
	struct letter one, two;

	(void)state;
	assert_int_equal(letter_write(&arena, frozen, &(struct letter_tokens){0}, &one, &why), 0);
	assert_int_equal(letter_write(&arena, frozen, &(struct letter_tokens){0}, &two, &why), 0);
	assert_string_equal(one.message, two.message);
	assert_null(strstr(frozen, "TOKEN"));
}

static void test_letter_not_readable(void **state)
{
	static const char *const bad[] = {
		"",
		"{",
		"[]",
		"{}",
		"null",
		"{\"message_id\":\"x\"}",
		"{\"message_id\":\"x\",\"template\":\"nothing\",\"link\":\"l\",\"vars\":{},\"date_ms\":1}",
		BAD_ADDRESS,
	};

	(void)state;
	for (size_t i = 0; i < lengthof(bad); i++) {
		struct letter letter;
		const char *why = NULL;

		assert_int_equal(
			letter_write(&arena, bad[i], &(struct letter_tokens){0}, &letter, &why),
			-1);
		assert_non_null(why);
	}
}

/* Who gets the answers (pitfall 37); an odd address is left out: it holds no mail up. */
static void test_letter_reply_to(void **state)
{
	static const struct {
		const char *in_charge, *support, *want;
	} rows[] = {
		{"olga@adler.example", "help@adler.example", "Reply-To: <olga@adler.example>\r\n"},
		{NULL, "help@adler.example", "Reply-To: <help@adler.example>\r\n"},
		{"b\xc3\xbcro@adler.example", "help@adler.example",
	         "Reply-To: <help@adler.example>\r\n"},
		{"olga@adler.example", NULL, "Reply-To: <olga@adler.example>\r\n"},
		{NULL, "b\xc3\xbcro@adler.example", NULL},
	};

	(void)state;
	for (size_t i = 0; i < lengthof(rows); i++) {
		struct letter_facts facts = sample("folder.shared");
		struct letter letter;

		facts.in_charge = rows[i].in_charge;
		facts.support_email = rows[i].support;
		letter = written(&facts, NULL);
		if (rows[i].want)
			assert_non_null(strstr(letter.message, rows[i].want));
		else
			assert_null(strstr(letter.message, "Reply-To"));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_letter_invitation),      TEST(test_letter_portal_address),
		TEST(test_letter_doors),           TEST(test_letter_credential),
		TEST(test_letter_portals),         TEST(test_letter_registration),
		TEST(test_letter_share),           TEST(test_letter_upload),
		TEST(test_letter_of_little_known), TEST(test_letter_is_the_same_every_time),
		TEST(test_letter_not_readable),    TEST(test_letter_reply_to),
		TEST(test_letter_of_long_names),
	};

	return cmocka_run_group_tests_name("letter", tests, NULL, NULL);
}
