/*
 * template.h - texts with places for values: logic-less, escaped by where the value lands.
 *
 * Tags, after Mustache:
 *	{{name}}		the value, escaped; nothing when there is none
 *	{{#name}}…{{/name}}	for each item of a list, or once when the text is not empty
 *	{{^name}}…{{/name}}	once when the list or the text is empty
 *	{{>file}}		another template file in this place
 * There is no tag for a value that is not escaped. A section's or a file's tag alone on its line
 * takes the line with it. Blanks around a name do not count.
 */
#ifndef PORTICO_TEMPLATE_H
#define PORTICO_TEMPLATE_H

#include "buf.h"
#include "field.h"
#include "json.h"

enum {
	TEMPLATE_NAME_MAX = 63, /* bytes of a name */
	TEMPLATE_DEPTH_MAX = 8  /* lists within lists; sections that template_names takes */
};

/* A template that tplgen.awk has embedded; a table of them ends with a NULL name. */
struct template_file {
	const char *name, *text;
};

/* A value by its name; a list of them ends with a NULL name. */
struct template_value {
	const char *name, *value;
};

/* What is filled in at once: one part of a mail, or of a page. */
struct template_part {
	const char *source;
	bool html;  /* escape values for HTML; else control characters become blanks */
	size_t max; /* bytes of what comes out */
	const struct template_file *files; /* what {{>file}} finds; NULL: nothing */
};

/*
 * Fill in the members of the object `vars` (texts, and arrays of objects of texts; NULL: none) and
 * `values` (NULL: none). The text, owned by `a`; NULL when the template is malformed or what comes
 * out is too long.
 */
const char *template_fill(struct arena *a, const struct template_part *t, const struct json *vars,
                          const struct template_value *values);

/*
 * The names of the values and sections in `source`, each once, in their order; owned by `a`. 0:
 * what template_fill takes. -1 when a tag is malformed, a section is not closed where it should be,
 * or there are more than TEMPLATE_DEPTH_MAX in each other, and for {{>file}}: this is for texts
 * that people write.
 */
int template_names(struct arena *a, const char *source, struct texts *names_r);

/* The text of the file called `name`; NULL: there is none. */
const char *template_file(const struct template_file *files, const char *name);

#endif
