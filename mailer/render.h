/*
 * render.h - mail templates, in the reader's language.
 *
 * A template's text part is templates/NAME.LANG.txt, whose first line is `Subject: …`; its HTML
 * part templates/NAME.LANG.html. What stands in them: template.h.
 */
#ifndef PORTICO_MAILER_RENDER_H
#define PORTICO_MAILER_RENDER_H

#include "base.h"
#include "json.h"
#include "template.h"

enum {
	RENDER_VERSION = 3, /* of the built-in templates: raise it when their words change */
	RENDER_PART_MAX =
		256 * 1024, /* bytes of one part: twenty documents and a page around them */
};

struct rendered {
	const char *subject; /* one line, not yet encoded */
	const char *text;    /* lines end in LF */
	const char *html;
};

/*
 * Render the template `name` in `locale` ("de-AT", falling to "de", then "en") with the members of
 * the object `vars` (texts, and arrays of objects of texts) and `extras`, values beside the frozen
 * ones, such as the link, which holds a token and is never kept.
 * 0 and *out_r owned by `a`; -1 when there is no such template or it does not fit: a programming
 * error that the tests would find.
 */
int render_mail(struct arena *a, const char *name, const char *locale, const struct json *vars,
                const struct template_value *extras, struct rendered *out_r);

/*
 * A local time as the database gives it ("2026-03-03 10:05 Europe/Berlin") in the words of
 * `locale`: "3 March 2026, 10:05 (Europe/Berlin)". Text owned by `a`; NULL for NULL or what is no
 * such time.
 */
const char *render_time(struct arena *a, const char *locale, const char *local);

/* "#ffffff" or "#000000", whichever is more readable on `color` ("#rrggbb"): a contrast of 4.5 to 1
 * at least (WCAG 2.2, 1.4.3). */
const char *render_contrast(const char *color);

#endif
