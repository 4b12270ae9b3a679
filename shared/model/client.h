/* client.h - a client: the person or company that the firm works for. */
#ifndef PORTICO_CLIENT_H
#define PORTICO_CLIENT_H

#include "field.h"

struct client {
	struct id id;
	const char *entity; /* "individual" or "business" */
	const char *code;   /* the firm's own, unique in the firm; NULL: none */
	const char *name;
	struct texts emails;
	const char *phone;
	const char *address; /* JSON object of address_fields, or NULL */
	const char *status;  /* "active" or "archived" */
	struct id primary_contact_id;
	struct refs team; /* assigned staff, who get upload notices */
	const char *custom_fields;
	const char *external_ref; /* JSON object of external_ref_fields, or NULL */
	int64_t created_at, updated_at;
	int64_t version;
};

/* A contact's place at a client. */
struct relation {
	const char *role;
	bool is_primary;
};

extern const char *const entity_kinds[];
extern const char *const client_states[];
extern const struct field address_fields[];
extern const struct field external_ref_fields[];
extern const struct entity client_entity;
extern const struct entity relation_entity;

#endif
