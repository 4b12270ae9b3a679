/* invitation.h - an invitation to the portal or to the firm's staff: one link, one address, one
 * use. */
#ifndef PORTICO_INVITATION_H
#define PORTICO_INVITATION_H

#include "field.h"

#define INVITATION_PURPOSE "invitation"           /* of its mail token */
#define ADDRESS_PURPOSE    "address_confirmation" /* of the token that proves another address */

/* A few typing errors; whoever holds a link is not to send mails to any number of addresses. */
enum { INVITATION_RESEND_SECONDS = 60, ADDRESS_ASKED_MAX = 5, ADDRESS_ASKED_SECONDS = 24 * 3600 };

struct invitation {
	struct id id;
	const char *audience;
	const char *email;
	struct id contact_id, client_id;
	const char *status;   /* what staff see, see invitation_states */
	const char *delivery; /* of its last mail, NULL: none was asked for */
	const char *sent_to;
	const char *deliveries; /* JSON: each attempt to send it */
	int64_t expires_at, sent_at;
	int64_t send_count;
	int64_t accepted_at, created_at;
	int64_t version;
};

/* What a caller asks for; exactly one of contact_id and email. */
struct invitation_in {
	struct id contact_id, client_id;
	const char *email;
	const char *send; /* "now" or "later" */
};

struct token_in {
	const char *token;
};

struct accept_in {
	const char *token, *password, *name, *email, *transport;
};

/* Portal access of a contact, as staff see it. */
struct access {
	struct id contact_id;
	const char *status;
	bool eligible;
	struct texts ineligible_reasons;
	const char *login_email, *display_name;
	struct texts stale_fields; /* snapshots that the contact has outgrown */
	const char *source;        /* how it came to be (S1-20); NULL: it is off */
	const char *registration_status;
	const char *invitation; /* JSON of the last invitation, or NULL */
	struct refs matters;    /* those shared that the caller may know of */
	int64_t last_sign_in_at;
	int64_t ends_at;       /* set by staff, TIME_NULL: never */
	int64_t idle_ends_at;  /* what the person was told for not coming, TIME_NULL: nothing */
	struct texts tools;    /* of the portal, none while access is off */
	struct id snapshot_id; /* what was shared when access last ended, id_none: nothing kept */
	int64_t version;
};

/* What a caller asks for who turns access on, or issues it anew. */
struct access_in {
	const char *send, *login_email, *primary_email, *display_name;
	const char *source;     /* of an access that is made, NULL: manual */
	struct ids matters;     /* to be shared at once (S2-16) */
	int64_t ends_at;        /* TIME_NULL: as it is */
	struct id restore_from; /* a snapshot's shares, id_none: none */
	bool keep_shares;       /* of a new issue */
};

struct access_change {
	int64_t ends_at;
	struct texts tools; /* the whole list: what is not in it is taken away (S1-20) */
};

extern const char *const invitation_states[];
extern const char *const send_choices[];
extern const char *const transports[];
extern const struct entity invitation_entity;
extern const struct entity invitation_in_entity;
extern const struct entity token_in_entity;
extern const struct entity accept_in_entity;
extern const struct entity access_entity;
extern const struct entity access_in_entity;
extern const struct entity access_reissue_entity; /* of struct access_in, too */
extern const struct entity access_change_entity;

#endif
