/* audit_log.h - what the audit log shows: its entries, and who opened a document. */
#ifndef PORTICO_AUDIT_LOG_H
#define PORTICO_AUDIT_LOG_H

#include "field.h"

struct audit_log_entry {
	struct id id;
	int64_t at;
	struct ref actor;   /* staff, portal_user, api_key; the firm where nobody was signed in */
	const char *action; /* "client.created", "auth.login"; of a denial "POST /v1/clients" */
	const char *object_type; /* "" where there is none */
	struct ref object_id;
	struct id client_id;
	struct texts changed_fields; /* names alone: the log keeps no values */
	const char *ip;
	const char *request_id;
	const char *outcome;
};

/* Somebody who can open a document, or has. */
struct document_view {
	struct ref viewer; /* contact, staff, api_key */
	bool shared;       /* a share of theirs reaches the document now */
	int64_t first_viewed_at, last_viewed_at;
	int64_t count; /* how often: one a version of the document and hour */
};

extern const char *const audit_outcomes[];
extern const struct entity audit_log_entity;
extern const struct entity document_view_entity;

#endif
