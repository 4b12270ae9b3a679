/* template.c - tests of shared/base/template: what a template names; whatever that takes can be
 * filled in. How it is filled in: tests/mailer/render.c. */
#include "fresh.h"

#include "template.h"

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
		cmocka_unit_test_setup_teardown(test_template_names, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
