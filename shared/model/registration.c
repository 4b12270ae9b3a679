/* registration.c - somebody's own request for access to a firm's portal. */
#include "registration.h"

enum { NEED = FIELD_CREATE | FIELD_REQUIRED };

const char *const registration_states[] = {"unconfirmed", "pending", "verified",
                                           "deleted",     "expired", NULL};

/* clang-format off */
static const struct field registration_fields[] = {
	F_ID(registration, id, "reg", 0),
	F_TEXT(registration, name, 0, 0, 0),
	F_EMAIL(registration, email, 0),
	F_TEXT(registration, phone, 0, 0, 0),
	F_BODY(registration, message, 0, 0, 0),
	F_TIME(registration, email_confirmed_at, 0),
	F_ENUM(registration, status, registration_states, 0),
	F_ID(registration, sign_up_link_id, "sul", 0),
	F_ID(registration, matched_contact_id, "con", 0),
	F_ID(registration, contact_id, "con", 0),
	F_TIME(registration, expires_at, 0),
	F_TIME(registration, handled_at, 0),
	F_REF(registration, handled_by, 0),
	F_TIME(registration, created_at, 0),
	FIELD_END,
};

static const struct field registration_in_fields[] = {
	F_TEXT(registration_in, firm, 1, 63, FIELD_CREATE),
	F_TEXT(registration_in, name, 1, 200, NEED),
	F_EMAIL(registration_in, email, NEED),
	F_TEXT(registration_in, phone, 1, 50, FIELD_CREATE | FIELD_NULLABLE),
	F_BODY(registration_in, message, 1, 2000, FIELD_CREATE | FIELD_NULLABLE),
	F_SECRET(registration_in, password, FIELD_CREATE | FIELD_NULLABLE),
	F_SECRET(registration_in, sign_up_token, FIELD_CREATE | FIELD_NULLABLE),
	FIELD_END,
};

static const struct field confirm_in_fields[] = {
	F_SECRET(confirm_in, token, NEED),
	F_SECRET(confirm_in, password, FIELD_CREATE),
	FIELD_END,
};

static const struct field verify_in_fields[] = {
	F_ID(verify_in, contact_id, "con", FIELD_CREATE | FIELD_NULLABLE),
	F_ID(verify_in, client_id, "cli", FIELD_CREATE | FIELD_NULLABLE),
	F_BOOL(verify_in, create_contact, FIELD_CREATE),
	FIELD_END,
};

static const struct field badges_fields[] = {
	F_INT(badges, pending_registrations, 0, 0, 0),
	FIELD_END,
};

static const struct field portal_me_fields[] = {
	F_TEXT(portal_me, id, 0, 0, 0),
	F_TEXT(portal_me, state, 0, 0, 0),
	F_TEXT(portal_me, name, 0, 0, 0),
	F_EMAIL(portal_me, email, 0),
	F_TEXT(portal_me, firm_name, 0, 0, 0),
	F_EMAIL(portal_me, support_email, 0),
	FIELD_END,
};
/* clang-format on */

const struct entity registration_entity = {"registration", "reg", sizeof(struct registration),
                                           registration_fields};
const struct entity registration_in_entity = {"registration", "reg", sizeof(struct registration_in),
                                              registration_in_fields};
const struct entity confirm_in_entity = {"registration", "reg", sizeof(struct confirm_in),
                                         confirm_in_fields};
const struct entity verify_in_entity = {"registration", "reg", sizeof(struct verify_in),
                                        verify_in_fields};
const struct entity badges_entity = {"staff", "stf", sizeof(struct badges), badges_fields};
const struct entity portal_me_entity = {"membership", "mem", sizeof(struct portal_me),
                                        portal_me_fields};
