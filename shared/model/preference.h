/* preference.h - which notices a person wants by mail. */
#ifndef PORTICO_PREFERENCE_H
#define PORTICO_PREFERENCE_H

#include "field.h"

/* As it is kept: what is not muted is wanted. */
struct preference {
	const char *audience; /* "staff" or "portal" */
	bool required;        /* the firm wants its people told: nothing is muted */
	const char *digest;   /* "instant", or "off" for no notice at all */
	struct texts muted;   /* kinds of mail */
};

/* As it is shown. */
struct preference_shown {
	const char *digest;
	const char *items;      /* JSON: [{event, email}], all notices of the audience */
	struct texts mandatory; /* those that cannot be switched off */
};

struct preference_in {
	const char *digest;
	const char *items; /* JSON: [{event, email}] */
};

extern const struct field preference_columns[];
extern const struct entity preference_shown_entity;
extern const struct entity preference_in_entity;

/* What is shown of `p`; texts belong to `a`. */
struct preference_shown preference_show(const struct preference *p, struct arena *a);

/*
 * Judge what was sent for `p`, and put it there: a notice that is not named is wanted. 0; -1 with
 * unknown_event or validation_failed, and a fault for each event that is not one of the audience's,
 * is there twice, or is mandatory and was switched off.
 */
int preference_take(struct preference *p, const struct preference_in *in, struct arena *a,
                    struct err *e);

#endif
