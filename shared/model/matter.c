/* matter.c - a matter: one thing that the firm does for a client. */
#include "matter.h"

#include "client.h"

enum { OPEN = FIELD_CREATE | FIELD_PATCH, MAY = OPEN | FIELD_NULLABLE };

const char *const matter_states[] = {"open", "closed", NULL};
static const char *const matter_roles[] = {"client", "other", NULL};

/* clang-format off */
static const struct field matter_fields[] = {
	F_ID(matter, id, "mat", 0),
	F_ID(matter, client_id, "cli", FIELD_CREATE | FIELD_REQUIRED),
	F_TEXT(matter, number, 1, 50, MAY),
	F_TEXT(matter, name, 1, 200, OPEN | FIELD_REQUIRED),
	F_EMAILS(matter, emails, 20, OPEN),
	F_EMAILS(matter, effective_emails, 20, 0),
	F_ENUM(matter, status, matter_states, OPEN),
	F_BOOL(matter, restricted, OPEN),
	F_REFS(matter, contacts, 0),
	F_REFS(matter, other_contacts, 0),
	F_REFS(matter, team, 0),
	F_MAP(matter, custom_fields, 50, OPEN),
	F_OBJECT(matter, external_ref, external_ref_fields, MAY),
	F_TIME(matter, created_at, 0),
	F_TIME(matter, updated_at, 0),
	F_INT(matter, version, 0, 0, FIELD_HIDDEN),
	FIELD_END,
};

static const struct field matter_relation_fields[] = {
	F_ENUM(matter_relation, role, matter_roles, FIELD_CREATE),
	FIELD_END,
};

static const struct field portal_matter_fields[] = {
	F_ID(portal_matter, id, "mat", 0),
	F_REF(portal_matter, client, 0),
	F_TEXT(portal_matter, name, 0, 0, 0),
	F_ENUM(portal_matter, status, matter_states, 0),
	F_MAP(portal_matter, shared_fields, 50, 0),
	FIELD_END,
};
/* clang-format on */

const struct entity matter_entity = {"matter", "mat", sizeof(struct matter), matter_fields};
const struct entity matter_relation_entity = {"matter", "mat", sizeof(struct matter_relation),
                                              matter_relation_fields};
const struct entity portal_matter_entity = {"matter", "mat", sizeof(struct portal_matter),
                                            portal_matter_fields};
