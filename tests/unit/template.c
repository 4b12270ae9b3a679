/* template.c - tests of shared/base/template: values, sections, lists, escaping; what a template
 * names, and that whatever is taken there can be filled in. */
#include "fresh.h"

#include "template.h"

static const struct {
	const char *name, *source, *vars, *text, *html; /* NULL: refused */
} rows[] = {
	{"plain", "Hello", "{}", "Hello", "Hello"},
	{"value", "Hello {{who}}!", "{\"who\":\"Ann\"}", "Hello Ann!", "Hello Ann!"},
	{"no value", "Hello {{who}}!", "{}", "Hello !", "Hello !"},
	{"null", "{{who}}!", "{\"who\":null}", "!", "!"},
	{"escaped", "{{v}}", "{\"v\":\"<b>\\\"O'Neil\\\" & co\"}", "<b>\"O'Neil\" & co",
         "&lt;b&gt;&quot;O&#39;Neil&quot; &amp; co"},
	{"the source is not escaped", "<b>&amp;{{v}}", "{\"v\":\"\"}", "<b>&amp;", "<b>&amp;"},
	{"tags in a value", "{{v}}", "{\"v\":\"{{w}}\",\"w\":\"no\"}", "{{w}}", "{{w}}"},
	{"line breaks in a value", "{{v}}", "{\"v\":\"a\\r\\nBcc: b\"}", "a  Bcc: b", "a  Bcc: b"},
	{"section", "{{#v}}[{{v}}]{{/v}}{{^v}}none{{/v}}", "{\"v\":\"x\"}", "[x]", "[x]"},
	{"empty section", "{{#v}}[{{v}}]{{/v}}{{^v}}none{{/v}}", "{\"v\":\"\"}", "none", "none"},
	{"list", "{{#l}}<{{n}}>{{/l}}", "{\"l\":[{\"n\":\"1\"},{\"n\":\"&\"}]}", "<1><&>",
         "<1><&amp;>"},
	{"empty list", "{{#l}}x{{/l}}{{^l}}none{{/l}}", "{\"l\":[]}", "none", "none"},
	{"outer value in a list", "{{#l}}{{n}}{{o}}{{/l}}",
         "{\"o\":\".\",\"l\":[{\"n\":\"1\"},{\"o\":\"-\"}]}", "1.-", "1.-"},
	{"nested", "{{#a}}{{#b}}{{#a}}x{{/a}}{{/b}}y{{/a}}", "{\"a\":\"1\",\"b\":\"1\"}", "xy",
         "xy"},
	{"lines of tags go", "a\n{{#v}}\nb\n{{/v}}\nc\n", "{\"v\":\"1\"}", "a\nb\nc\n",
         "a\nb\nc\n"},
	{"and with a section left out", "a\n{{#v}}\nb\n{{/v}}\nc\n", "{}", "a\nc\n", "a\nc\n"},
	{"a tag in a line leaves it", "a {{#v}}b{{/v}}\nc\n", "{\"v\":\"1\"}", "a b\nc\n",
         "a b\nc\n"},
	{"closed at a line's end", "{{#v}}{{v}}{{/v}}\nc\n", "{\"v\":\"1\"}", "1\nc\n", "1\nc\n"},
	{"extra", "{{link}}", "{}", "http://x/?a&b", "http://x/?a&amp;b"},
	{"not closed", "{{#v}}a", "{\"v\":\"1\"}", NULL, NULL},
	{"closed otherwise", "{{#v}}a{{/w}}", "{\"v\":\"1\"}", NULL, NULL},
	{"not opened", "a{{/w}}", "{}", NULL, NULL},
	{"half a tag", "a{{w", "{}", NULL, NULL},
	{"no such file", "{{>nothing.html}}", "{}", NULL, NULL},
	{"a file", "a {{>file}} b", "{\"v\":\"&\"}", "a [&] b", "a [&amp;] b"},
};

static void test_template_fill(void **state)
{
	static const struct template_value values[] = {{"link", "http://x/?a&b"}, {NULL, NULL}};
	static const struct template_file files[] = {{"file", "[{{v}}]"}, {NULL, NULL}};

	(void)state;
	for (size_t i = 0; i < lengthof(rows); i++) {
		for (int html = 0; html < 2; html++) {
			const struct template_part part = {rows[i].source, html, 4096, files};
			const char *want = html ? rows[i].html : rows[i].text;
			const struct json *vars;
			const char *got;

			assert_int_equal(
				json_parse(&arena, rows[i].vars, strlen(rows[i].vars), &vars, &err),
				0);
			got = template_fill(&arena, &part, vars, values);
			if (!want != !got || (want && strcmp(want, got) != 0))
				fail_msg("%s: %s", rows[i].name, got ? got : "(null)");
		}
	}
}

static void test_template_too_long_is_refused(void **state)
{
	const struct template_part part = {.source = "{{a}}{{a}}", .max = 5};
	static const struct template_value values[] = {{"a", "abc"}, {NULL, NULL}};

	(void)state;
	assert_null(template_fill(&arena, &part, NULL, values));
}

#define EIGHT(x) x x x x x x x x

static const char *joined(const struct texts *names)
{
	struct buf b;

	buf_init(&b, &arena, 4096);
	for (size_t i = 0; i < names->n; i++)
		buf_printf(&b, "%s%s", i > 0 ? "|" : "", names->v[i]);
	return b.data;
}

static void test_template_names(void **state)
{
	static const struct {
		const char *name, *source, *names; /* NULL: refused */
	} cases[] = {
		{"none", "a { b } }} c", ""},
		{"empty", "", ""},
		{"values, each once", "{{b}}{{a}}{{b}}", "b|a"},
		{"sections", "{{#a}}x{{/a}}{{^b}}{{c}}{{/b}}", "a|b|c"},
		{"blanks around a name", "{{ a }}{{# b }}{{/b}}", "a|b"},
		{"blanks and signs in it", "{{a b}}{{ #c }}{{{d}}}", "a b|#c|{d"},
		{"nested", "{{#a}}{{#a}}{{/a}}{{/a}}", "a"},
		{"as deep as may be", EIGHT("{{#a}}") EIGHT("{{/a}}"), "a"},
		{"too deep", EIGHT("{{#a}}") "{{#a}}{{/a}}" EIGHT("{{/a}}"), NULL},
		{"no name", "{{}}", NULL},
		{"blanks for a name", "{{  }}", NULL},
		{"a sign for a name", "{{#}}", NULL},
		{"not ended", "{{a", NULL},
		{"not closed", "{{#a}}", NULL},
		{"not opened", "{{/a}}", NULL},
		{"closed across", "{{#a}}{{#b}}{{/a}}{{/b}}", NULL},
		{"a file", "{{>top.html}}", NULL},
		{"too long a name", "{{" EIGHT("12345678") "}}", NULL},
	};

	(void)state;
	for (size_t i = 0; i < lengthof(cases); i++) {
		const struct template_part t = {.source = cases[i].source, .max = 4096};
		struct texts names;
		bool taken = template_names(&arena, t.source, &names) == 0;

		if (taken != (cases[i].names != NULL) ||
		    (taken && strcmp(joined(&names), cases[i].names) != 0))
			fail_msg("%s: %s", cases[i].name, taken ? joined(&names) : "refused");
		if (taken && template_fill(&arena, &t, NULL, NULL) == NULL)
			fail_msg("%s: taken, and cannot be filled in", cases[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_template_fill, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_template_too_long_is_refused, set_up,
	                                        tear_down),
		cmocka_unit_test_setup_teardown(test_template_names, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
