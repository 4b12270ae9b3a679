/*
 * render.h - mail templates: logic-less, escaped by where the value lands, in the reader's
 *language.
 *
 * A template's text part is templates/NAME.LANG.txt, whose first line is `Subject: …`; its HTML
 *part templates/NAME.LANG.html. Tags, after Mustache:
 *	{{name}}		the value, escaped; nothing when there is none
 *	{{#name}}…{{/name}}	for each item of a list, or once when the text is not empty
 *	{{^name}}…{{/name}}	once when the list or the text is empty
 *	{{>file}}		another template file in this place
 * There is no tag for a value that is not escaped. A section's or a file's tag alone on its line
 * takes the line with it.
 */
#ifndef PORTICO_MAILER_RENDER_H
#define PORTICO_MAILER_RENDER_H

#include "base.h"
#include "json.h"

enum {
	RENDER_VERSION = 2, /* of the built-in templates: raise it when their words change */
	RENDER_PART_MAX =
		256 * 1024, /* bytes of one part: twenty documents and a page around them */
};

struct rendered {
	const char *subject; /* one line, not yet encoded */
	const char *text;    /* lines end in LF */
	const char *html;
};

/* A value beside the frozen ones, such as the link, which holds a token and is never kept. */
struct render_extra {
	const char *name;
	const char *value;
};

/*
 * Render the template `name` in `locale` ("de-AT", falling to "de", then "en") with the members of
 * the object `vars` (texts, and arrays of objects of texts) and `extras` (ends with a NULL name).
 * 0 and *out_r owned by `a`; -1 when there is no such template or it does not fit: a programming
 * error that the tests would find.
 */
int render_mail(struct arena *a, const char *name, const char *locale, const struct json *vars,
                const struct render_extra *extras, struct rendered *out_r);

/* What {{…}} would be replaced by: for the tests. Rendered as HTML or as plain text; NULL: no fit.
 */
const char *render_text(struct arena *a, const char *source, bool html, const struct json *vars,
                        const struct render_extra *extras);

/*
 * A local time as the database gives it ("2026-03-03 10:05 Europe/Berlin") in the words of
 * `locale`: "3 March 2026, 10:05 (Europe/Berlin)". Text owned by `a`; NULL for NULL or what is no
 * such time.
 */
const char *render_time(struct arena *a, const char *locale, const char *local);

/* "#ffffff" or "#1a1a1a", whichever is readable on `color` ("#rrggbb"; WCAG 2 relative luminance).
 */
const char *render_contrast(const char *color);

#endif
