/* registration.h - somebody's own request for access to a firm's portal. */
#ifndef PORTICO_REGISTRATION_H
#define PORTICO_REGISTRATION_H

#include "field.h"

#define REGISTRATION_PURPOSE "registration_received" /* of its mail token: the kind of the mail */

enum {
	REGISTRATION_CONFIRM_HOURS = 24,
	REGISTRATION_OPEN_MAX = 1000,       /* of a firm: nobody looks through more */
	REGISTRATION_ADDRESS_MAX = 5,       /* a day: each one is a mail to somebody */
	REGISTRATION_PLACE_MAX = 30,        /* an hour: a whole office may register */
	REGISTRATION_FULL_SECONDS = 60 * 60 /* then there may be room again */
};

struct registration {
	struct id id;
	const char *name, *email, *phone, *message;
	int64_t email_confirmed_at;
	const char *status;        /* see registration_states */
	struct id sign_up_link_id; /* by which the person came, where the caller may know of it */
	struct id matched_contact_id; /* who has this address among the firm's contacts */
	struct id contact_id;         /* verified: whom it became */
	int64_t expires_at;
	int64_t handled_at;    /* verified, deleted or expired */
	struct ref handled_by; /* NULL: time did it */
	int64_t created_at;
};

struct registration_in {
	const char *firm; /* slug */
	const char *name, *email, *phone, *message, *password;
	const char *sign_up_token; /* of the link that the person came by; NULL: by none */
};

struct confirm_in {
	const char *token;
	const char *password; /* the one that was chosen with the request; NULL: not sent */
};

/* Whom the request is verified as: a contact that is there, or a new one of a client. */
struct verify_in {
	struct id contact_id, client_id;
	bool create_contact;
};

/* What waits for somebody of the staff. */
struct badges {
	int64_t pending_registrations;
};

/* The one thing that a person who waits is told. */
struct portal_me {
	const char *id, *state, *name, *email, *firm_name, *support_email;
};

extern const char *const registration_states[];
extern const struct entity registration_entity;
extern const struct entity registration_in_entity;
extern const struct entity confirm_in_entity;
extern const struct entity verify_in_entity;
extern const struct entity badges_entity;
extern const struct entity portal_me_entity;

#endif
