/* html.c - tests of shared/base/html: text becomes paragraphs, lists and links, and nothing else.
 */
#include "fresh.h"

#include "html.h"

#define P(text)       "<p style=\"margin:0 0 16px\">" text "</p>\n"
#define UL(items)     "<ul style=\"margin:0 0 16px;padding:0 0 0 20px\">\n" items "</ul>\n"
#define LI(text)      "<li>" text "</li>\n"
#define A(href, text) "<a href=\"" href "\" style=\"color:#1a1a1a\">" text "</a>"
#define LINK(url)     A(url, url)

static void test_html_text(void **state)
{
	static const struct {
		const char *name, *text, *html;
	} cases[] = {
		{"nothing", "", ""},
		{"blank lines alone", "\n \n\t\n", ""},
		{"a paragraph", "one", P("one")},
		{"line breaks stay", "one\ntwo\n", P("one<br>\ntwo")},
		{"blank lines part", "one\n\n \ntwo", P("one") P("two")},
		{"a list", "- a\n- b\n", UL(LI("a") LI("b"))},
		{"a list after a line", "these:\n- a\nand so on",
	         P("these:") UL(LI("a")) P("and so on")},
		{"two lists", "- a\n\n- b", UL(LI("a")) UL(LI("b"))},
		{"a hyphen is no list", "-a\n - b", P("-a<br>\n - b")},
		{"escaped", "<b a=\"'\">&amp;", P("&lt;b a=&quot;&#39;&quot;&gt;&amp;amp;")},
		{"an address", "http://x.test", P(LINK("http://x.test"))},
		{"escaped in both places", "https://x.test/?a&b=1",
	         P(LINK("https://x.test/?a&amp;b=1"))},
		{"what ends a sentence", "(https://x.test/a.b)?!",
	         P("(" LINK("https://x.test/a.b") ")?!")},
		{"ended by a quote", "https://x.test\"o=1", P(LINK("https://x.test") "&quot;o=1")},
		{"ended by a bracket", "<https://x.test>", P("&lt;" LINK("https://x.test") "&gt;")},
		{"two at once", "https://x.test https://y.test",
	         P(LINK("https://x.test") " " LINK("https://y.test"))},
		{"no host", "https:// http://.", P("https:// http://.")},
		{"within a word", "xhttps://x.test", P("xhttps://x.test")},
		{"no such scheme", "javascript:x ftp://x.test HTTPS://x.test",
	         P("javascript:x ftp://x.test HTTPS://x.test")},
		{"other scripts", "\xc3\xa4 https://\xc3\xa4.test",
	         P("\xc3\xa4 " LINK("https://\xc3\xa4.test"))},
	};

	(void)state;
	for (size_t i = 0; i < lengthof(cases); i++) {
		struct buf b;

		buf_init(&b, &arena, 4096);
		html_text(&b, cases[i].text);
		if (strcmp(b.data, cases[i].html) != 0)
			fail_msg("%s: %s", cases[i].name, b.data);
	}
}

static void test_html_text_too_long_is_told(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, &arena, 40);
	html_text(&b, "&&&&");
	assert_true(b.over);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_html_text, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_html_text_too_long_is_told, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("html", tests, NULL, NULL);
}
