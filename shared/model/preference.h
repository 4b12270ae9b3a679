/* preference.h - which notices a person wants by mail. */
#ifndef PORTICO_PREFERENCE_H
#define PORTICO_PREFERENCE_H

#include "field.h"

/* As it is kept: what is not muted is wanted; of what only some people get, what was asked for. */
struct preference {
	const char *audience; /* "staff" or "portal" */
	bool required;        /* the firm wants its people told: nothing is muted */
	bool leads;           /* an owner or admin: told of registrations whatever they choose */
	const char *digest;   /* "instant", or "off" for no notice at all */
	struct texts muted;   /* kinds of mail */
	struct texts wanted;  /* kinds of mail that come only to who asks for them (pitfall 33) */
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

/* What the holder of a link to end one kind of notice is told. */
struct unsubscription {
	const char *firm;  /* JSON of firm_public */
	const char *event; /* the kind of notice */
	const char *email; /* of the person, masked */
	bool wanted;
	bool mandatory; /* the firm wants its people told: the mails go on */
};

extern const struct field preference_columns[];
extern const struct entity preference_shown_entity;
extern const struct entity preference_in_entity;
extern const struct entity unsubscription_entity;

/* Is this kind of mail a notice that its reader may end? Never what opens a door (pitfall P2). */
bool preference_optional(const char *kind);

/* The n-th kind of mail that its reader may end; NULL: there are no more. */
const char *preference_optional_nth(size_t n);

/* The purpose of the mail tokens that end this kind of notice; owned by `a`. */
const char *preference_purpose(struct arena *a, const char *kind);

/* Does the person want this kind of notice, as far as it is theirs to say? */
bool preference_wanted(const struct preference *p, const char *kind);

/* The event that a change of the preferences of somebody of this audience is. */
const char *preference_event(const char *audience);

/* What is shown of `p`; texts belong to `a`. */
struct preference_shown preference_show(const struct preference *p, struct arena *a);

/*
 * Judge what was sent for `p`, and put it there: a notice that is not named is as at first. 0; -1
 * with unknown_event or validation_failed, and a fault for each event that is not one of the
 * audience's, is there twice, or is mandatory and was switched off.
 */
int preference_take(struct preference *p, const struct preference_in *in, struct arena *a,
                    struct err *e);

#endif
