/* audit_log.c - what the audit log shows: its entries, and who opened a document. */
#include "audit_log.h"

const char *const audit_outcomes[] = {"ok", "denied", "failed", NULL};

/* clang-format off */
static const struct field audit_log_fields[] = {
	F_ID(audit_log_entry, id, "aud", 0),
	F_TIME(audit_log_entry, at, 0),
	F_REF(audit_log_entry, actor, 0),
	F_TEXT(audit_log_entry, action, 0, 0, 0),
	F_TEXT(audit_log_entry, object_type, 0, 0, 0),
	F_ITEM(audit_log_entry, object_id, 0),
	F_ID(audit_log_entry, client_id, "cli", 0),
	F_TEXTS(audit_log_entry, changed_fields, 0, 0),
	F_TEXT(audit_log_entry, ip, 0, 0, 0),
	F_TEXT(audit_log_entry, request_id, 0, 0, 0),
	F_ENUM(audit_log_entry, outcome, audit_outcomes, 0),
	FIELD_END,
};

static const struct field document_view_fields[] = {
	F_REF(document_view, viewer, 0),
	F_BOOL(document_view, shared, 0),
	F_TIME(document_view, first_viewed_at, 0),
	F_TIME(document_view, last_viewed_at, 0),
	F_INT(document_view, count, 0, 0, 0),
	FIELD_END,
};
/* clang-format on */

const struct entity audit_log_entity = {"audit", "aud", sizeof(struct audit_log_entry),
                                        audit_log_fields};
const struct entity document_view_entity = {"document", "doc", sizeof(struct document_view),
                                            document_view_fields};
