/* render.c - tests of what mails make of templates: languages, times, colours. */
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
