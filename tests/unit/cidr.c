/* cidr.c - tests of shared/base/cidr.h. */
#include "cidr.h"

#include "base.h"
#include "unit.h"

static void test_address_parse(void **state)
{
	static const struct {
		const char *text, *wanted;
	} cases[] = {
		{"192.0.2.7", "192.0.2.7"},
		{"0.0.0.0", "0.0.0.0"},
		{"::ffff:192.0.2.7", "192.0.2.7"}, /* the same peer at a socket of both families */
		{"2001:DB8:0:0::1", "2001:db8::1"},
		{"::", "::"},
		{"::1", "::1"},
		{NULL, NULL},
		{"", NULL},
		{"unix:", NULL},
		{"localhost", NULL},
		{"1.2.3", NULL},
		{"1.2.3.4.5", NULL},
		{"01.2.3.4", NULL},
		{"1.2.3.256", NULL},
		{" 1.2.3.4", NULL},
		{"1.2.3.4:80", NULL},
		{"[::1]", NULL},
		{"fe80::1%eth0", NULL},
		{"1.2.3.4/32", NULL},
	};
	struct arena a;

	(void)state;
	arena_init(&a, TEST_ARENA_MAX);
	for (size_t i = 0; i < lengthof(cases); i++) {
		const char *got = address_parse(&a, cases[i].text);

		if ((got == NULL) != (cases[i].wanted == NULL) ||
		    (got != NULL && strcmp(got, cases[i].wanted) != 0))
			fail_msg("%s: %s", cases[i].text, got);
	}
	arena_release(&a);
}

static void test_cidr_parse(void **state)
{
	static const struct {
		const char *text, *wanted, *why;
	} cases[] = {
		{"10.0.0.0/8", "10.0.0.0/8", NULL},
		{"0.0.0.0/0", "0.0.0.0/0", NULL},
		{"192.0.2.7", "192.0.2.7/32", NULL},
		{"192.0.2.7/32", "192.0.2.7/32", NULL},
		{"192.0.2.128/25", "192.0.2.128/25", NULL},
		{"2001:DB8:0::/32", "2001:db8::/32", NULL},
		{"::/0", "::/0", NULL},
		{"::1", "::1/128", NULL},
		{"2001:db8::8000:0/97", "2001:db8::8000:0/97", NULL},
		{"10.0.0.1/8", NULL, "The block begins at 10.0.0.0/8."},
		{"192.0.2.129/25", NULL, "The block begins at 192.0.2.128/25."},
		{"2001:db8::1/32", NULL, "The block begins at 2001:db8::/32."},
		{"10.0.0.0/33", NULL, "Behind the slash goes a number from 0 to 32."},
		{"::/129", NULL, "Behind the slash goes a number from 0 to 128."},
		{"10.0.0.0/", NULL, "Behind the slash goes a number from 0 to 32."},
		{"10.0.0.0/08", NULL, "Behind the slash goes a number from 0 to 32."},
		{"10.0.0.0/+8", NULL, "Behind the slash goes a number from 0 to 32."},
		{"10.0.0.0/8/8", NULL, "Behind the slash goes a number from 0 to 32."},
		{"10.0.0.0/99999999999", NULL, "Behind the slash goes a number from 0 to 32."},
		{"10/8", NULL, NULL},
		{"10.0.0.0/255.0.0.0", NULL, "Behind the slash goes a number from 0 to 32."},
		{"/8", NULL, NULL},
		{"", NULL, NULL},
		{"example.test", NULL, NULL},
	};
	struct arena a;

	(void)state;
	arena_init(&a, TEST_ARENA_MAX);
	for (size_t i = 0; i < lengthof(cases); i++) {
		const char *why, *got = cidr_parse(&a, cases[i].text, &why);

		if ((got == NULL) != (cases[i].wanted == NULL) ||
		    (got != NULL && strcmp(got, cases[i].wanted) != 0))
			fail_msg("%s: %s", cases[i].text, got);
		if (cases[i].why != NULL)
			assert_string_equal(why, cases[i].why);
	}
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_address_parse),
		cmocka_unit_test(test_cidr_parse),
	};

	return cmocka_run_group_tests_name("cidr", tests, NULL, NULL);
}
