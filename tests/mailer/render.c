/* render.c - the templates' language: values, sections, lists, escaping, languages. */
#include "render.h"

#include "../unit/fresh.h"

#include <math.h>
#include <stdio.h>

static const struct json *vars(const char *text)
{
	const struct json *root;

	assert_int_equal(json_parse(&arena, text, strlen(text), &root, &err), 0);
	return root;
}

struct row {
	const char *name, *source, *vars, *text, *html;
};

static const struct row rows[] = {
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
};

static void test_render_text(void **state)
{
	static const struct template_value extras[] = {{"link", "http://x/?a&b"}, {NULL, NULL}};

	(void)state;
	for (size_t i = 0; i < lengthof(rows); i++) {
		for (int html = 0; html < 2; html++) {
			const char *want = html ? rows[i].html : rows[i].text;
			const char *got = render_text(&arena, rows[i].source, html,
			                              vars(rows[i].vars), extras);

			if (!want != !got || (want && strcmp(want, got) != 0))
				fail_msg("%s: %s", rows[i].name, got ? got : "(null)");
		}
	}
}

static void test_render_text_too_long_is_refused(void **state)
{
	char *big = arena_alloc(&arena, RENDER_PART_MAX + 2);

	(void)state;
	memset(big, 'x', RENDER_PART_MAX + 1);
	assert_null(render_text(&arena, big, false, vars("{}"), NULL));
}

static void test_render_mail_falls_to_english(void **state)
{
	static const char *const locales[] = {"en", "en-GB", "xx-YY", "", NULL};
	static const struct template_value extras[] = {{"link", "https://p.test/accept#t"},
	                                               {NULL, NULL}};

	(void)state;
	for (size_t i = 0; i < lengthof(locales); i++) {
		struct rendered out;

		assert_int_equal(render_mail(&arena, "invitation", locales[i],
		                             vars("{\"firm\":\"A & B\"}"), extras, &out),
		                 0);
		assert_string_equal(out.subject, "A & B invites you to its client portal");
		assert_non_null(strstr(out.text, "\nhttps://p.test/accept#t\n"));
		assert_non_null(strstr(out.html, "href=\"https://p.test/accept#t\""));
		assert_non_null(strstr(out.html, "A &amp; B"));
	}
}

static void test_render_mail_unknown_template(void **state)
{
	struct rendered out;

	(void)state;
	assert_int_equal(render_mail(&arena, "nothing", "en", vars("{}"), NULL, &out), -1);
	assert_int_equal(render_mail(&arena, "../top", "en", vars("{}"), NULL, &out), -1);
}

static void test_render_time(void **state)
{
	(void)state;
	assert_string_equal(render_time(&arena, "en", "2026-03-03 09:05 Europe/Berlin"),
	                    "3 March 2026, 09:05 (Europe/Berlin)");
	assert_string_equal(render_time(&arena, NULL, "2028-02-29 00:00 UTC"),
	                    "29 February 2028, 00:00 (UTC)");
	assert_null(render_time(&arena, "en", NULL));
	assert_null(render_time(&arena, "en", "soon"));
	assert_null(render_time(&arena, "en", "2026-13-03 09:05 UTC"));
	assert_null(render_time(&arena, "en", "2026-03-03 09:05"));
}

static double luminance(unsigned rgb)
{
	static const double weights[] = {0.0722, 0.7152, 0.2126};
	double sum = 0;

	for (size_t i = 0; i < lengthof(weights); i++, rgb >>= 8) {
		double v = (rgb & 255) / 255.0;

		sum += weights[i] * (v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4));
	}
	return sum;
}

static double contrast(unsigned one, unsigned other)
{
	double a = luminance(one), b = luminance(other);

	return (fmax(a, b) + 0.05) / (fmin(a, b) + 0.05);
}

/* Every fifth shade of each channel, and all greys: 140,864 colours. */
static void test_render_contrast_can_be_read_on_every_colour(void **state)
{
	unsigned r, g, b;

	(void)state;
	for (unsigned i = 0; i < 52 * 52 * 52 + 256; i++) {
		unsigned rgb, text;
		char color[8];

		r = i % 52 * 5, g = i / 52 % 52 * 5, b = i / 52 / 52 * 5;
		rgb = b > 255 ? (i - 52 * 52 * 52) * 0x010101 : r << 16 | g << 8 | b;
		snprintf(color, sizeof(color), "#%06x", rgb & 0xffffff);
		text = (unsigned)strtoul(render_contrast(color) + 1, NULL, 16);
		if (contrast(rgb, text) < 4.5)
			fail_msg("#%06x on %s: %f", text, color, contrast(rgb, text));
	}
}

static void test_render_contrast(void **state)
{
	(void)state;
	assert_string_equal(render_contrast("#1f4e79"), "#ffffff");
	assert_string_equal(render_contrast("#000000"), "#ffffff");
	assert_string_equal(render_contrast("#ffffff"), "#000000");
	assert_string_equal(render_contrast("#ffd400"), "#000000");
	assert_string_equal(render_contrast(NULL), "#ffffff");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_render_text, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_render_text_too_long_is_refused, set_up,
	                                        tear_down),
		cmocka_unit_test_setup_teardown(test_render_mail_falls_to_english, set_up,
	                                        tear_down),
		cmocka_unit_test_setup_teardown(test_render_mail_unknown_template, set_up,
	                                        tear_down),
		cmocka_unit_test_setup_teardown(test_render_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_render_contrast, set_up, tear_down),
		cmocka_unit_test(test_render_contrast_can_be_read_on_every_colour),
	};

	return cmocka_run_group_tests_name("render", tests, NULL, NULL);
}
