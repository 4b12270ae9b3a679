/* invitation.c - an invitation to the portal or to the firm's staff: one link, one address, one
 * use. */
#include "invitation.h"

#include "contact.h"

enum { NEED = FIELD_CREATE | FIELD_REQUIRED, MATTERS_MAX = 100 };

const char *const send_choices[] = {"now", "later", NULL};
const char *const transports[] = {"cookie", "token", NULL};
const char *const invitation_states[] = {"not_sent",   "queued",     "sent",     "deferred",
                                         "bounced",    "suppressed", "accepted", "expired",
                                         "superseded", "revoked",    NULL};

/* clang-format off */
static const struct field invitation_fields[] = {
	F_ID(invitation, id, "inv", 0),
	F_TEXT(invitation, audience, 0, 0, 0),
	F_EMAIL(invitation, email, 0),
	F_ID(invitation, contact_id, "con", 0),
	F_ID(invitation, client_id, "cli", 0),
	F_ENUM(invitation, status, invitation_states, 0),
	F_TEXT(invitation, delivery, 0, 0, 0),
	F_TEXT(invitation, sent_to, 0, 0, 0),
	F_JSON(invitation, deliveries, 0),
	F_TIME(invitation, expires_at, 0),
	F_TIME(invitation, sent_at, 0),
	F_INT(invitation, send_count, 0, 0, 0),
	F_TIME(invitation, accepted_at, 0),
	F_TIME(invitation, created_at, 0),
	F_INT(invitation, version, 0, 0, FIELD_HIDDEN),
	FIELD_END,
};

static const struct field invitation_in_fields[] = {
	F_ID(invitation_in, contact_id, "con", FIELD_CREATE),
	F_EMAIL(invitation_in, email, FIELD_CREATE),
	F_ID(invitation_in, client_id, "cli", FIELD_CREATE),
	F_ENUM(invitation_in, send, send_choices, NEED),
	FIELD_END,
};

static const struct field token_in_fields[] = {
	F_SECRET(token_in, token, NEED),
	FIELD_END,
};

static const struct field accept_in_fields[] = {
	F_SECRET(accept_in, token, NEED),
	F_SECRET(accept_in, password, FIELD_CREATE),
	F_TEXT(accept_in, name, 1, 200, FIELD_CREATE),
	F_EMAIL(accept_in, email, FIELD_CREATE),
	F_ENUM(accept_in, transport, transports, NEED),
	FIELD_END,
};

static const struct field access_fields[] = {
	F_ID(access, contact_id, "con", 0),
	F_ENUM(access, status, portal_states, 0),
	F_BOOL(access, eligible, 0),
	F_TEXTS(access, ineligible_reasons, 0, 0),
	F_EMAIL(access, login_email, 0),
	F_TEXT(access, display_name, 0, 0, 0),
	F_TEXTS(access, stale_fields, 0, 0),
	F_TEXT(access, source, 0, 0, 0),
	F_TEXT(access, registration_status, 0, 0, 0),
	F_JSON(access, invitation, 0),
	F_REFS(access, matters, 0),
	F_TIME(access, last_sign_in_at, 0),
	F_TIME(access, ends_at, 0),
	F_TIME(access, idle_ends_at, 0),
	F_TEXTS(access, tools, 0, 0),
	F_ID(access, snapshot_id, "snp", 0),
	FIELD_END,
};

static const struct field access_in_fields[] = {
	F_ENUM(access_in, send, send_choices, NEED),
	F_EMAIL(access_in, login_email, FIELD_CREATE),
	F_EMAIL(access_in, primary_email, FIELD_CREATE),
	F_TEXT(access_in, display_name, 1, 200, FIELD_CREATE),
	F_IDS(access_in, matters, "mat", 0, MATTERS_MAX, FIELD_CREATE),
	F_TIME(access_in, ends_at, FIELD_CREATE),
	F_ID(access_in, restore_from, "snp", FIELD_CREATE),
	FIELD_END,
};

static const struct field access_reissue_fields[] = {
	F_ENUM(access_in, send, send_choices, NEED),
	F_EMAIL(access_in, login_email, FIELD_CREATE),
	F_EMAIL(access_in, primary_email, FIELD_CREATE),
	F_TEXT(access_in, display_name, 1, 200, FIELD_CREATE),
	F_BOOL(access_in, keep_shares, FIELD_CREATE),
	FIELD_END,
};

static const struct field access_change_fields[] = {
	F_TIME(access_change, ends_at, FIELD_PATCH | FIELD_NULLABLE),
	F_TEXTS(access_change, tools, 20, FIELD_PATCH),
	FIELD_END,
};
/* clang-format on */

const struct entity invitation_entity = {"invitation", "inv", sizeof(struct invitation),
                                         invitation_fields};
const struct entity invitation_in_entity = {"invitation", "inv", sizeof(struct invitation_in),
                                            invitation_in_fields};
const struct entity token_in_entity = {"invitation", "inv", sizeof(struct token_in),
                                       token_in_fields};
const struct entity accept_in_entity = {"invitation", "inv", sizeof(struct accept_in),
                                        accept_in_fields};
const struct entity access_entity = {"portal_access", "mem", sizeof(struct access), access_fields};
const struct entity access_in_entity = {"portal_access", "mem", sizeof(struct access_in),
                                        access_in_fields};
const struct entity access_reissue_entity = {"portal_access", "mem", sizeof(struct access_in),
                                             access_reissue_fields};
const struct entity access_change_entity = {"portal_access", "mem", sizeof(struct access_change),
                                            access_change_fields};
