/* problem_page.c - the page that the type of a problem leads to, of the table that its texts are
 * in. */
#include "problem_page.h"

#include "base.h"

struct page {
	const char *means, *what_to_do;
};

/* A code without a page is a warning of the compiler, and a failing test. */
static struct page page_of(enum problem p)
{
	switch (p) {
#define PAGE(code, means, what_to_do) \
	case PROBLEM_##code:          \
		return (struct page){means, what_to_do};
#include "problem_pages.def"
#undef PAGE
	case PROBLEM_NONE:
	case PROBLEM_COUNT:
		break;
	}
	return (struct page){NULL, NULL};
}

const char *problem_page(struct arena *a, enum problem p)
{
	struct page page = page_of(p);

	if (page.means == NULL)
		return NULL;
	return arena_printf(
		a,
		"<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
		"<meta name=\"viewport\" content=\"width=device-width\">\n<title>%s</title>\n"
		"<link rel=\"icon\" href=\"/assets/icon.svg\">\n"
		"<link rel=\"stylesheet\" href=\"/assets/style.css\">\n"
		"<main>\n<h1>%s</h1>\n<p>Status %d, code <code>%s</code>.</p>\n"
		"<h2>What it means</h2>\n<p>%s</p>\n<h2>What to do</h2>\n<p>%s</p>\n"
		"<p>All calls are described <a href=\"/docs\">here</a>.</p>\n</main>\n</html>\n",
		problem_title(p), problem_title(p), problem_status(p), problem_code(p), page.means,
		page.what_to_do);
}
