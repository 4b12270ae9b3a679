/*
 * announcement.h - texts with which a firm tells its clients of the portal: shipped ones, the
 * firm's own in their place, both with the firm's values filled in (S0-5, S0-6).
 *
 * A text is plain text with the tags of template.h. HTML is made of it here (html.h), so nothing
 * that a firm writes is ever markup. There is no value of a person and no token: the same text goes
 * to everybody.
 */
#ifndef PORTICO_ANNOUNCEMENT_H
#define PORTICO_ANNOUNCEMENT_H

#include "field.h"

/* A text as it is shown, with its tags. */
struct announcement {
	const char *key;   /* "portal_is_new" */
	const char *about; /* when to send it */
	const char *subject, *body_text;
	bool customised; /* the firm's own */
	struct texts variables;
	int64_t updated_at; /* TIME_NULL: as shipped */
};

/* What a firm writes in its place. */
struct announcement_in {
	const char *subject, *body_text;
};

/* What the tags stand for, and how the page looks. */
struct announcement_firm {
	const char *name, *phone, *support_email, *portal_url, *sign_in_url, *registration_url;
	const char *logo_url, *accent_color;
};

/* A text with the values filled in. */
struct announcement_filled {
	const char *key, *subject, *body_text;
	const char *body_html; /* a whole page */
};

extern const struct entity announcement_entity;
extern const struct entity announcement_in_entity;
extern const struct entity announcement_filled_entity;
extern const struct entity announcement_firm_entity; /* as a statement gives it */
extern const struct field announcement_columns[];    /* of a firm's own text */

/* The n-th text that is shipped, in the order in which they are shown; owned by `a`. False: there
 * are no more. */
bool announcement_shipped(struct arena *a, size_t n, struct announcement *text_r);

/*
 * Judge a firm's own text. 0; -1 with unknown_variable and a fault for each variable that there is
 * not, naming it, and the fault invalid_template where a tag is malformed or not closed. A member
 * that is NULL is not judged.
 */
int announcement_check(const struct announcement_in *text, struct arena *a, struct err *e);

/*
 * Fill in the firm's values. 0 and *filled_r owned by `a`; -1 with internal_error for a text that
 * announcement_check would not take.
 */
int announcement_fill(const struct announcement *text, const struct announcement_firm *firm,
                      struct arena *a, struct announcement_filled *filled_r, struct err *e);

#endif
