/* matter.h - a matter: one thing that the firm does for a client. */
#ifndef PORTICO_MATTER_H
#define PORTICO_MATTER_H

#include "field.h"

struct matter {
	struct id id, client_id;
	const char *number; /* the firm's own; NULL: none */
	const char *name;
	struct texts emails; /* where its mails go instead of the client's; empty: there */
	struct texts effective_emails; /* its own, else the client's */
	const char *status;            /* "open" or "closed" */
	bool restricted; /* of the staff, only its team and owners of the firm know of it */
	struct refs
		contacts; /* of the client, who take part as clients: it can be shared with them */
	struct refs other_contacts; /* who take part otherwise, such as the other side */
	struct refs team;           /* staff */
	const char *custom_fields;
	const char *external_ref; /* JSON object of external_ref_fields, or NULL */
	int64_t created_at, updated_at;
	int64_t version;
};

/* A contact's part in a matter. */
struct matter_relation {
	const char *role; /* "client" or "other" */
};

/* A matter in the view of a portal user. */
struct portal_matter {
	struct id id;
	struct ref client;
	const char *name, *status;
	const char *shared_fields; /* custom fields that are shared */
};

extern const char *const matter_states[];
extern const struct entity matter_entity;
extern const struct entity matter_relation_entity;
extern const struct entity portal_matter_entity;

#endif
