/* html.h - plain text as HTML: whatever it holds, it stays text. */
#ifndef PORTICO_HTML_H
#define PORTICO_HTML_H

#include "buf.h"

/* Add `len` bytes of text with the characters that mean something to HTML escaped, also within the
 * quotes of an attribute. */
void html_escape(struct buf *b, const char *text, size_t len);

/*
 * Add a text that people wrote: blank lines part paragraphs, lines that begin with "- " are a list,
 * other line breaks stay, addresses (http, https) become links. All else is escaped, so that no
 * tag, attribute or address of another scheme gets through.
 */
void html_text(struct buf *b, const char *text);

#endif
