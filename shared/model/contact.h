/* contact.h - a contact: a person or organisation with addresses; individuals may get portal
 * access. */
#ifndef PORTICO_CONTACT_H
#define PORTICO_CONTACT_H

#include "field.h"

struct contact {
	struct id id;
	const char *entity; /* "individual" or "business" */
	const char *first_name, *last_name;
	const char *display_name;
	const char *primary_email; /* the first of emails, or NULL */
	struct texts emails;
	const char *phone;
	struct refs clients; /* whom the contact belongs to */
	const char *portal_status;
	bool portal_login_differs; /* the sign-in address is not the primary one */
	const char *custom_fields;
	const char *external_ref;
	int64_t created_at, updated_at;
	int64_t version;
};

extern const char *const portal_states[];
extern const struct entity contact_entity;

/*
 * Make addresses consistent: the primary one is the first of emails; without a primary one the
 * first of emails becomes it. `primary_sent`: the caller named it now, so it is added when it is
 * missing. Memory belongs to `a`.
 */
void contact_settle_emails(struct contact *c, bool primary_sent, struct arena *a);

/* The keys of the contact's addresses as a JSON array, owned by `a`. */
const char *contact_email_keys(const struct contact *c, struct arena *a);

/* Is the address one of the contact's, compared by key? */
bool contact_has_email(const struct contact *c, const char *email, struct arena *a);

#endif
