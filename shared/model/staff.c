/* staff.c - a member of the firm's staff, and the roles that staff can have. */
#include "staff.h"

enum { NEED = FIELD_CREATE | FIELD_REQUIRED };

const char *const staff_states[] = {"invited", "active", "deactivated", NULL};
const char *const role_keys[] = {"owner", "admin", "member", NULL};

/* clang-format off */
static const struct field staff_fields[] = {
	F_ID(staff, id, "stf", 0),
	F_TEXT(staff, name, 1, 200, NEED | FIELD_PATCH),
	F_EMAIL(staff, email, NEED),
	F_ID(staff, role_id, "rol", NEED | FIELD_PATCH),
	F_ENUM(staff, status, staff_states, 0),
	F_TIME(staff, last_seen_at, 0),
	F_BOOL(staff, totp_enabled, 0),
	F_TIME(staff, created_at, 0),
	F_TIME(staff, updated_at, 0),
	FIELD_END,
};

static const struct field role_fields[] = {
	F_ID(role, id, "rol", 0),
	F_ENUM(role, key, role_keys, 0),
	F_TEXT(role, name, 0, 0, 0),
	F_TEXTS(role, permissions, 0, 0),
	F_TIME(role, updated_at, 0),
	FIELD_END,
};
/* clang-format on */

const struct entity staff_entity = {"staff", "stf", sizeof(struct staff), staff_fields};
const struct entity role_entity = {"role", "rol", sizeof(struct role), role_fields};
