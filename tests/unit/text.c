/* text.c - tests of shared/base/text.h. */
#include "text.h"

#include "fresh.h"

#include <limits.h>

static void test_text_utf8_valid(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		bool valid;
	} cases[] = {
		{"", 0, true},
		{"plain", 5, true},
		{"\xc3\xa9", 2, true},
		{"\xe2\x82\xac", 3, true},
		{"\xf0\x9f\x98\x80", 4, true},
		{"\xf4\x8f\xbf\xbf", 4, true},
		{"a\0b", 3, false},
		{"\x80", 1, false},
		{"\xc3", 1, false},
		{"\xc3\xa9", 1, false}, /* cut */
		{"\xe2\x82", 2, false},
		{"\xc0\x80", 2, false}, /* overlong */
		{"\xc1\xbf", 2, false},
		{"\xe0\x80\xaf", 3, false},
		{"\xf0\x80\x80\xaf", 4, false},
		{"\xed\xa0\x80", 3, false}, /* surrogate */
		{"\xf4\x90\x80\x80", 4, false},
		{"\xff", 1, false},
	};

	(void)state;
	for (size_t i = 0; i < lengthof(cases); i++)
		if (text_utf8_valid(cases[i].text, cases[i].len) != cases[i].valid)
			fail_msg("case %zu", i);
}

static void test_text_length_code_points(void **state)
{
	(void)state;
	assert_int_equal(text_length(""), 0);
	assert_int_equal(text_length("abc"), 3);
	assert_int_equal(text_length("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), 3);
}

static void test_text_has_control(void **state)
{
	static const struct {
		const char *text;
		bool line, body; /* has a control character when single-line, when multi-line */
	} cases[] = {
		{"", false, false},
		{"M\xc3\xbcller & S\xc3\xb6hne", false, false},
		{"a\nb", true, false},
		{"a\tb", true, false},
		{"a\rb", true, true},
		{"a\x01", true, true},
		{"a\x1b[0m", true, true},
		{"a\x7f", true, true},
		{"a\xc2\x85", true, true},              /* NEL, of C1 */
		{"a\xe2\x80\xa8", true, false},         /* line separator */
		{"a\xe2\x80\xae", true, true},          /* RLO */
		{"a\xe2\x81\xa6", true, true},          /* LRI */
		{"a\xe2\x81\xa9", true, true},          /* PDI */
		{"\xd7\xa9\xe2\x80\x8f", false, false}, /* right-to-left mark is plain Hebrew */
		{"\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb", false,
	         false},               /* ZWJ in an emoji */
		{"a\xff", true, true}, /* no UTF-8 at all */
	};

	(void)state;
	for (size_t i = 0; i < lengthof(cases); i++) {
		if (text_has_control(cases[i].text, false) != cases[i].line)
			fail_msg("case %zu on one line", i);
		if (text_has_control(cases[i].text, true) != cases[i].body)
			fail_msg("case %zu on many", i);
	}
}

static void test_text_clean(void **state)
{
	static const struct {
		const char *text, *clean, *key;
	} cases[] = {
		{"", "", ""},
		{"  ", "", ""},
		{" a b ", "a b", "a b"},
		{"\t\r\n a\n", "a", "a"},
		{"\xc2\xa0"
	         "a"
	         "\xe3\x80\x80",
	         "a", "a"},
		{"\xef\xbb\xbf"
	         "a"
	         "\xe2\x80\x8b",
	         "a", "a"},
		{"Cafe\xcc\x81", "Caf\xc3\xa9", "caf\xc3\xa9"},
		{"CAF\xc3\x89", "CAF\xc3\x89", "caf\xc3\xa9"},
		{"Stra\xc3\x9f"
	         "e",
	         "Stra\xc3\x9f"
	         "e",
	         "strasse"},
		{"\xce\x9f\xce\xa3", "\xce\x9f\xce\xa3", "\xce\xbf\xcf\x83"},
		{"\xce\xbf\xcf\x82", "\xce\xbf\xcf\x82", "\xce\xbf\xcf\x83"},
		{"\xe2\x84\xaa", "K", "k"}, /* Kelvin sign */
		{"\xff", "", ""},
	};

	(void)state;
	for (size_t i = 0; i < lengthof(cases); i++) {
		assert_string_equal(text_clean(&arena, cases[i].text), cases[i].clean);
		assert_string_equal(text_key(&arena, cases[i].text), cases[i].key);
		/* what is clean stays as it is */
		assert_string_equal(text_clean(&arena, cases[i].clean), cases[i].clean);
		assert_string_equal(text_key(&arena, cases[i].key), cases[i].key);
	}
}

static void test_text_trim_keeps_form(void **state)
{
	(void)state;
	assert_string_equal(text_trim(&arena, " Cafe\xcc\x81 x\n"), "Cafe\xcc\x81 x");
	assert_string_equal(text_trim(&arena, ""), "");
	assert_string_equal(text_trim(&arena, " \t"), "");
	assert_string_equal(text_trim(&arena, "a"), "a");
}

/* clang-format off */
static const struct {
	const char *name, *text, *email, *key;
} taken[] = {
	{ "plain", "kim@example.com", "kim@example.com", "kim@example.com" },
	{ "case of the local part stays, P6", "Kim.Lee@Example.COM", "Kim.Lee@example.com", "kim.lee@example.com" },
	{ "trimmed", " \tkim@example.com\r\n", "kim@example.com", "kim@example.com" },
	{ "all of atext", "a!#$%&'*+-/=?^_`{|}~z@example.com", "a!#$%&'*+-/=?^_`{|}~z@example.com", "a!#$%&'*+-/=?^_`{|}~z@example.com" },
	{ "tag", "kim+tax@example.com", "kim+tax@example.com", "kim+tax@example.com" },
	{ "one letter", "k@e.co", "k@e.co", "k@e.co" },
	{ "hyphens in a label", "k@r3---sn-abc.example.com", "k@r3---sn-abc.example.com", "k@r3---sn-abc.example.com" },
	{ "digits in a label", "k@163.com", "k@163.com", "k@163.com" },
	{ "IDN, P7", "kim@B\xc3\xbc" "cher.example", "kim@xn--bcher-kva.example", "kim@xn--bcher-kva.example" },
	{ "IDN typed as A-label is the same", "kim@XN--BCHER-KVA.example", "kim@xn--bcher-kva.example", "kim@xn--bcher-kva.example" },
	{ "IDN in NFD is the same", "kim@b\x75\xcc\x88" "cher.example", "kim@xn--bcher-kva.example", "kim@xn--bcher-kva.example" },
	{ "sharp s of IDNA 2008", "kim@stra\xc3\x9f" "e.example", "kim@xn--strae-oqa.example", "kim@xn--strae-oqa.example" },
	{ "wholly Cyrillic", "\xd0\xb8\xd0\xb2\xd0\xb0\xd0\xbd@\xd0\xbf\xd0\xbe\xd1\x87\xd1\x82\xd0\xb0.\xd1\x80\xd1\x84",
	  "\xd0\xb8\xd0\xb2\xd0\xb0\xd0\xbd@xn--80a1acny.xn--p1ai", "\xd0\xb8\xd0\xb2\xd0\xb0\xd0\xbd@xn--80a1acny.xn--p1ai" },
	{ "scripts differ between labels", "kim@\xd0\xbf\xd0\xbe\xd1\x87\xd1\x82\xd0\xb0.example", "kim@xn--80a1acny.example", "kim@xn--80a1acny.example" },
	{ "Japanese mixes three and Latin", "kim@\xe6\x97\xa5\xe6\x9c\xac\xe3\x81\xae\xe3\x82\xabx.example", "kim@xn--x-fbuxiq23rzlb.example", NULL },
	{ "local part in NFD", "jose\xcc\x81@example.com", "jos\xc3\xa9@example.com", "jos\xc3\xa9@example.com" },
	{ "upper case beyond ASCII", "JOS\xc3\x89@example.com", "JOS\xc3\x89@example.com", "jos\xc3\xa9@example.com" },
	{ "both sigmas match", "\xce\x9f\xce\xa3@example.com", "\xce\x9f\xce\xa3@example.com", "\xce\xbf\xcf\x83@example.com" },
	{ "final sigma", "\xce\xbf\xcf\x82@example.com", "\xce\xbf\xcf\x82@example.com", "\xce\xbf\xcf\x83@example.com" },
	{ "sharp s is not ss", "stra\xc3\x9f" "e@example.com", "stra\xc3\x9f" "e@example.com", "stra\xc3\x9f" "e@example.com" },
	{ "Hindi with marks", "\xe0\xa4\xb9\xe0\xa4\xbf\xe0\xa4\xa8@example.com", "\xe0\xa4\xb9\xe0\xa4\xbf\xe0\xa4\xa8@example.com", NULL },
	{ "local part of 64", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@example.com", NULL, NULL },
};

static const struct {
	const char *name, *text;
} refused[] = {
	{ "nothing", "" },
	{ "white space", "  " },
	{ "no at", "kim.example.com" },
	{ "two ats", "kim@lee@example.com" },
	{ "no local part", "@example.com" },
	{ "no domain", "kim@" },
	{ "one label", "kim@localhost" },
	{ "dot first", ".kim@example.com" },
	{ "dot last", "kim.@example.com" },
	{ "two dots", "kim..lee@example.com" },
	{ "dot before the domain", "kim@.example.com" },
	{ "dot behind the domain", "kim@example.com." },
	{ "two dots in the domain", "kim@example..com" },
	{ "hyphen first", "kim@-example.com" },
	{ "hyphen last", "kim@example-.com" },
	{ "underscore in the domain", "kim@ex_ample.com" },
	{ "IPv4 address", "kim@127.0.0.1" },
	{ "address literal", "kim@[127.0.0.1]" },
	{ "quoted local part", "\"kim lee\"@example.com" },
	{ "display name", "Kim <kim@example.com>" },
	{ "comment", "kim(tax)@example.com" },
	{ "space", "kim lee@example.com" },
	{ "comma", "kim@example.com,lee@example.com" },
	{ "semicolon", "kim@example.com;lee@example.com" },
	{ "SMTP injection by CR LF", "kim@example.com\r\nRCPT TO:<lee@example.com>" },
	{ "line feed", "kim\n@example.com" },
	{ "tab", "kim\t@example.com" },
	{ "DEL", "kim\x7f@example.com" },
	{ "C1 control", "kim\xc2\x85" "x@example.com" },
	{ "no UTF-8", "kim\xff@example.com" },
	{ "zero-width space, P7", "kim\xe2\x80\x8b" "x@example.com" },
	{ "soft hyphen", "ki\xc2\xadm@example.com" },
	{ "zero-width joiner", "ki\xe2\x80\x8dm@example.com" },
	{ "variation selector", "kim\xef\xb8\x8f@example.com" },
	{ "Hangul filler", "kim\xe3\x85\xa4@example.com" },
	{ "combining grapheme joiner", "ki\xcd\x8fm@example.com" },
	{ "right-to-left override", "\xe2\x80\xaekim@example.com" },
	{ "no-break space inside", "kim\xc2\xa0lee@example.com" },
	{ "private use", "kim\xee\x80\x80@example.com" },
	{ "emoji", "kim\xf0\x9f\x98\x80@example.com" },
	{ "Kelvin sign, P7", "\xe2\x84\xaaim@example.com" },
	{ "Kelvin sign in the domain", "kim@\xe2\x84\xaa.example.com" },
	{ "dotless i", "k\xc4\xb1m@example.com" },
	{ "dotted capital I", "K\xc4\xb0M@example.com" },
	{ "long s", "\xc5\xbfue@example.com" },
	{ "full-width letter", "\xef\xbd\x8bim@example.com" },
	{ "full-width letter in the domain", "kim@\xef\xbd\x85xample.com" },
	{ "full-width at", "kim\xef\xbc\xa0" "example.com" },
	{ "ligature", "\xef\xac\x81nn@example.com" },
	{ "ideographic full stop", "kim@example\xe3\x80\x82" "com" },
	{ "Cyrillic a among Latin, P7", "p\xd0\xb0ypal@example.com" },
	{ "Cyrillic a among Latin in the domain", "kim@p\xd0\xb0ypal.com" },
	{ "the same as A-label", "kim@xn--pypal-4ve.com" },
	{ "Greek omicron among Latin", "kim@g\xce\xbfogle.com" },
	{ "Greek among Cyrillic", "\xce\xbf\xd0\xb0@example.com" },
	{ "Thai among Latin", "k\xe0\xb8\x81@example.com" },
	{ "Bopomofo among Hiragana", "\xe3\x84\x85\xe3\x81\x82@example.com" },
	{ "Devanagari among Bengali", "\xe0\xa4\xb9\xe0\xa6\xb9@example.com" },
	{ "A-label that is none", "kim@xn--zzzzzzzzz.example" },
	{ "A-label of ASCII", "kim@xn--abc-.example" },
	{ "A-label of upper case", "kim@xn--Bcher-kvb.example" },
	{ "mark first", "\xcc\x88" "a@example.com" },
	{ "local part of 65", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@example.com" },
	{ "label of 64", "kim@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.com" },
};
/* clang-format on */

static void test_email_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < lengthof(taken); i++) {
		const char *email, *key, *again;

		if (email_parse(&arena, taken[i].text, &email, &key) < 0)
			fail_msg("refused: %s", taken[i].name);
		if (taken[i].email && strcmp(email, taken[i].email) != 0)
			fail_msg("%s: sent to %s", taken[i].name, email);
		if (taken[i].key && strcmp(key, taken[i].key) != 0)
			fail_msg("%s: matched by %s", taken[i].name, key);
		/* Both forms are addresses, and of the same person. */
		assert_int_equal(email_parse(&arena, email, NULL, &again), 0);
		assert_string_equal(again, key);
		assert_int_equal(email_parse(&arena, key, &again, NULL), 0);
		assert_string_equal(again, key);
	}
}

static void test_email_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < lengthof(refused); i++)
		if (email_parse(&arena, refused[i].text, NULL, NULL) != -1)
			fail_msg("taken: %s", refused[i].name);
	assert_int_equal(email_parse(&arena, NULL, NULL, NULL), -1);
}

/* EMAIL_MAX bytes are the most that an envelope can carry; with one more it is refused. */
static void test_email_longest(void **state)
{
	char text[400];

	(void)state;
	memset(text, 'a', sizeof(text));
	text[64] = '@';
	for (size_t i = 64 + 64; i < EMAIL_MAX - 4; i += 64)
		text[i] = '.';
	memcpy(text + EMAIL_MAX - 3, ".de", 4);
	assert_int_equal(strlen(text), EMAIL_MAX);
	assert_int_equal(email_parse(&arena, text, NULL, NULL), 0);
	memcpy(text + EMAIL_MAX - 2, ".de", 4);
	text[EMAIL_MAX - 3] = 'a';
	assert_int_equal(email_parse(&arena, text, NULL, NULL), -1);
	memset(text + 2, 'a', 252); /* the domain alone is too long */
	text[0] = 'k';
	text[1] = '@';
	for (size_t i = 50; i < 240; i += 50)
		text[i] = '.';
	memcpy(text + 2 + 251, ".de", 4);
	assert_int_equal(email_parse(&arena, text, NULL, NULL), -1);
	memset(text, 'a', 399);
	text[399] = '\0';
	assert_int_equal(email_parse(&arena, text, NULL, NULL), -1);
}

/* Whatever bytes come, it ends, and what is taken holds nothing that a mail server would act on. */
static void test_email_random_bytes(void **state)
{
	static const char *const pieces[] = {"a",
	                                     "Z",
	                                     "@",
	                                     ".",
	                                     "-",
	                                     "xn--",
	                                     "\r\n",
	                                     "\xc3\xbc",
	                                     "\xd0\xb0",
	                                     "\xcc\x81",
	                                     "com",
	                                     " ",
	                                     ";",
	                                     "\xe2\x80\x8b",
	                                     "\xff",
	                                     "@example.com",
	                                     "\xe3\x82\xab",
	                                     "\xc3",
	                                     "1",
	                                     "<"};
	uint64_t seed = 11;
	int good = 0;

	(void)state;
	for (int i = 0; i < 50000; i++) {
		struct arena a;
		char text[128] = "";
		const char *email;

		for (uint32_t n = unit_random(&seed, 8); n > 0; n--)
			strcat(text, pieces[unit_random(&seed, lengthof(pieces))]);
		arena_init(&a, TEST_ARENA_MAX);
		if (email_parse(&a, text, &email, NULL) == 0) {
			good++;
			assert_null(strpbrk(email, "\r\n \t;,<>\"()"));
			assert_true(strlen(email) <= EMAIL_MAX);
		}
		arena_release(&a);
	}
	assert_true(good > 500);
}

static void test_file_name_taken(void **state)
{
	static const struct {
		const char *text, *name;
	} cases[] = {
		{"a", "a"},
		{" report 2026.pdf ", "report 2026.pdf"},
		{"...", "..."},
		{".hidden", ".hidden"},
		{"CON", "CON"}, /* a name is metadata only */
		{"a:b*c?\"<>|", "a:b*c?\"<>|"},
		{"Re\xcc\x81sume\xcc\x81.pdf", "R\xc3\xa9sum\xc3\xa9.pdf"}, /* P24: NFD twin */
		{"\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d.pdf", "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d.pdf"},
		{"\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb.png",
	         "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb.png"},
	};

	(void)state;
	for (size_t i = 0; i < lengthof(cases); i++) {
		const char *name;

		if (file_name_parse(&arena, cases[i].text, &name) < 0)
			fail_msg("refused: %s", cases[i].text);
		assert_string_equal(name, cases[i].name);
	}
}

/* P24 */
static void test_file_name_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"  ",
		".",
		"..",
		" .. ",
		"a/b",
		"../etc/passwd",
		"..\\boot.ini",
		"/",
		"a\nb",
		"a\tb",
		"a\x01",
		"a\x7f",
		"invoice\xe2\x80\xae"
		"fdp.exe", /* RTL override */
		"a\xe2\x81\xa6"
		"b",
		"a\xe2\x80\xa8"
		"b",
		"a\xff",
		"\xe2\x80\x8b",
		"\xe3\x85\xa4\xc2\xad", /* nothing that can be seen */
	};
	char text[300];
	const char *name;

	(void)state;
	for (size_t i = 0; i < lengthof(bad); i++)
		if (file_name_parse(&arena, bad[i], &name) != -1)
			fail_msg("taken: %zu", i);
	assert_int_equal(file_name_parse(&arena, NULL, &name), -1);
	memset(text, 'a', sizeof(text));
	text[255] = '\0';
	assert_int_equal(file_name_parse(&arena, text, &name), 0);
	text[255] = 'a';
	text[256] = '\0';
	assert_int_equal(file_name_parse(&arena, text, &name), -1);
}

static void test_text_distance(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned distance;
	} cases[] = {
		{"", "", 0},
		{"abc", "abc", 0},
		{"abc", "", 3},
		{"", "abc", 3},
		{"abc", "abd", 1},
		{"abc", "xabc", 1},
		{"kitten", "sitting", 3},
		{"primary_emial", "primary_email", 2},
	};
	char longer[66];

	(void)state;
	for (size_t i = 0; i < lengthof(cases); i++)
		assert_int_equal(text_distance(cases[i].a, cases[i].b), cases[i].distance);
	memset(longer, 'a', 65);
	longer[65] = '\0';
	assert_int_equal(text_distance(longer, "a"), UINT_MAX);
	assert_int_equal(text_distance("a", longer), UINT_MAX);
	assert_int_equal(text_distance(longer + 1, "a"), 63);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_text_utf8_valid),      TEST(test_text_length_code_points),
		TEST(test_text_has_control),     TEST(test_text_clean),
		TEST(test_text_trim_keeps_form), TEST(test_text_distance),
		TEST(test_email_taken),          TEST(test_email_refused),
		TEST(test_email_longest),        TEST(test_email_random_bytes),
		TEST(test_file_name_taken),      TEST(test_file_name_refused),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
