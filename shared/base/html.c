/* html.c - plain text as HTML. No markup is let through, so there is none to be judged. */
#include "html.h"

#include "base.h"

#include <ctype.h>

static const char *entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

void html_escape(struct buf *b, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const char *escaped = entity(text[i]);

		if (escaped != NULL)
			buf_str(b, escaped);
		else
			buf_char(b, text[i]);
	}
}

/* ---- links ---- */

/* How long the address at `text` is, 0: there is none. What ends a sentence is not part of it. */
static size_t link_length(const char *text, const char *end)
{
	size_t scheme = strncmp(text, "https://", 8) == 0  ? 8
	                : strncmp(text, "http://", 7) == 0 ? 7
	                                                   : 0;
	size_t len = scheme;

	if (scheme == 0)
		return 0;
	while (text + len < end && (unsigned char)text[len] > ' ' && !strchr("<>\"'", text[len]))
		len++;
	while (len > scheme && strchr(".,;:!?)", text[len - 1]))
		len--;
	return len > scheme ? len : 0;
}

static void add_link(struct buf *b, const char *url, size_t len)
{
	buf_str(b, "<a href=\"");
	html_escape(b, url, len);
	buf_str(b, "\" style=\"color:#1a1a1a\">");
	html_escape(b, url, len);
	buf_str(b, "</a>");
}

/* The text from `at` to `end`, which is within one line. */
static void add_inline(struct buf *b, const char *at, const char *end)
{
	bool word = false; /* an address begins where no word goes on */

	while (at < end) {
		size_t len = word ? 0 : link_length(at, end);

		if (len > 0) {
			add_link(b, at, len);
			at += len;
		}
		if (at < end) {
			word = isalnum((unsigned char)*at);
			html_escape(b, at++, 1);
		}
	}
}

/* ---- lines ---- */

enum block { NONE, PARAGRAPH, LIST };

static const char *const opens[] = {
	[NONE] = "",
	[PARAGRAPH] = "<p style=\"margin:0 0 16px\">",
	[LIST] = "<ul style=\"margin:0 0 16px;padding:0 0 0 20px\">\n<li>",
};
static const char *const continues[] = {
	[NONE] = "", [PARAGRAPH] = "<br>\n", [LIST] = "</li>\n<li>"};
static const char *const closes[] = {
	[NONE] = "", [PARAGRAPH] = "</p>\n", [LIST] = "</li>\n</ul>\n"};

static enum block block_of(const char *line, const char *end)
{
	size_t blanks = strspn(line, " \t");

	if (line + blanks >= end)
		return NONE;
	return line[0] == '-' && line[1] == ' ' ? LIST : PARAGRAPH;
}

void html_text(struct buf *b, const char *text)
{
	enum block now = NONE;

	while (*text != '\0') {
		const char *end = text + strcspn(text, "\n");
		enum block next = block_of(text, end);

		if (next == now) {
			buf_str(b, continues[now]);
		} else {
			buf_str(b, closes[now]);
			buf_str(b, opens[next]);
		}
		add_inline(b, next == LIST ? text + 2 : text, next == NONE ? text : end);
		now = next;
		text = *end == '\n' ? end + 1 : end;
	}
	buf_str(b, closes[now]);
}
