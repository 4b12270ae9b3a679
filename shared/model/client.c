/* client.c - a client: the person or company that the firm works for. */
#include "client.h"

enum { OPEN = FIELD_CREATE | FIELD_PATCH, MAY = OPEN | FIELD_NULLABLE };

const char *const entity_kinds[] = {"individual", "business", NULL};
const char *const client_states[] = {"active", "archived", NULL};

/* What FIELD_OBJECT keeps as JSON text: only names, lengths and flags of these are read. */
struct address {
	const char *line1, *line2, *city, *region, *postal_code, *country;
};
struct external_ref {
	const char *source, *id;
};

/* clang-format off */
const struct field address_fields[] = {
	F_TEXT(address, line1, 0, 200, MAY),
	F_TEXT(address, line2, 0, 200, MAY),
	F_TEXT(address, city, 0, 100, MAY),
	F_TEXT(address, region, 0, 100, MAY),
	F_TEXT(address, postal_code, 0, 20, MAY),
	F_TEXT(address, country, 0, 100, MAY),
	FIELD_END,
};

const struct field external_ref_fields[] = {
	F_TEXT(external_ref, source, 1, 50, OPEN | FIELD_REQUIRED),
	F_TEXT(external_ref, id, 1, 200, OPEN | FIELD_REQUIRED),
	FIELD_END,
};

static const struct field client_fields[] = {
	F_ID(client, id, "cli", 0),
	F_ENUM(client, entity, entity_kinds, FIELD_CREATE | FIELD_REQUIRED),
	F_TEXT(client, code, 1, 50, MAY),
	F_TEXT(client, name, 1, 200, OPEN | FIELD_REQUIRED),
	F_EMAILS(client, emails, 20, OPEN),
	F_TEXT(client, phone, 1, 50, MAY),
	F_OBJECT(client, address, address_fields, MAY),
	F_ENUM(client, status, client_states, 0),
	F_ID(client, primary_contact_id, "con", MAY),
	F_REFS(client, team, 0),
	F_MAP(client, custom_fields, 50, OPEN),
	F_OBJECT(client, external_ref, external_ref_fields, MAY),
	F_TIME(client, created_at, 0),
	F_TIME(client, updated_at, 0),
	F_INT(client, version, 0, 0, FIELD_HIDDEN),
	FIELD_END,
};

static const struct field relation_fields[] = {
	F_TEXT(relation, role, 1, 100, FIELD_CREATE | FIELD_NULLABLE),
	F_BOOL(relation, is_primary, FIELD_CREATE),
	FIELD_END,
};
/* clang-format on */

const struct entity client_entity = {"client", "cli", sizeof(struct client), client_fields};
const struct entity relation_entity = {"client", "cli", sizeof(struct relation), relation_fields};
