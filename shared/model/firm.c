/* firm.c - a firm: the tenant, its settings, and how an installation gets its first one. */
#include "firm.h"

enum { NEED = FIELD_CREATE | FIELD_REQUIRED, SLUG_MAX = 63 };

/* clang-format off */
static const struct field firm_fields[] = {
	F_ID(firm, id, "frm", 0),
	F_TEXT(firm, slug, 0, 0, 0),
	F_TEXT(firm, name, 0, 0, 0),
	F_TEXT(firm, portal_url, 0, 0, 0),
	F_TEXT(firm, logo_url, 0, 0, 0),
	F_TEXT(firm, accent_color, 0, 0, 0),
	F_TEXT(firm, support_email, 0, 0, 0),
	F_TEXT(firm, locale, 0, 0, 0),
	F_TEXT(firm, timezone, 0, 0, 0),
	F_TEXT(firm, currency, 0, 0, 0),
	F_TEXT(firm, sign_in, 0, 0, 0),
	F_BOOL(firm, self_registration, 0),
	F_BOOL(firm, require_staff_totp, 0),
	F_TEXT(firm, reinvite_mode, 0, 0, 0),
	F_TEXT(firm, registration_email, 0, 0, 0),
	F_TEXT(firm, invite_unknown_email, 0, 0, 0),
	F_TEXT(firm, unassigned_fallback, 0, 0, 0),
	F_INT(firm, invitation_ttl_hours, 0, 0, 0),
	F_INT(firm, session_idle_minutes, 0, 0, 0),
	F_INT(firm, max_upload_bytes, 0, 0, 0),
	F_INT(firm, mail_coalesce_seconds, 0, 0, 0),
	F_TEXTS(firm, features, 0, 0),
	F_TEXT(firm, default_folder_name, 0, 0, 0),
	F_TIME(firm, updated_at, 0),
	F_INT(firm, version, 0, 0, FIELD_HIDDEN),
	FIELD_END,
};

static const struct field firm_public_fields[] = {
	F_TEXT(firm_public, name, 0, 0, 0),
	F_TEXT(firm_public, portal_url, 0, 0, 0),
	F_TEXT(firm_public, logo_url, 0, 0, 0),
	F_TEXT(firm_public, accent_color, 0, 0, 0),
	F_TEXT(firm_public, sign_in, 0, 0, 0),
	F_BOOL(firm_public, self_registration, 0),
	F_INT(firm_public, password_min_length, 0, 0, 0),
	F_TEXTS(firm_public, features, 0, 0),
	FIELD_END,
};

static const struct field setup_in_fields[] = {
	F_SECRET(setup_in, setup_token, NEED),
	F_TEXT(setup_in, firm_name, 1, 200, NEED),
	F_TEXT(setup_in, firm_slug, 1, SLUG_MAX, FIELD_CREATE),
	F_TEXT(setup_in, owner_name, 1, 200, NEED),
	F_EMAIL(setup_in, owner_email, NEED),
	F_SECRET(setup_in, owner_password, NEED),
	F_TEXT(setup_in, timezone, 1, 64, NEED),
	F_TEXT(setup_in, currency, 3, 3, NEED),
	FIELD_END,
};

static const struct field invitation_preview_fields[] = {
	F_JSON(invitation_preview, firm, 0),
	F_EMAIL(invitation_preview, email, 0),
	F_TEXT(invitation_preview, name, 0, 0, 0),
	F_BOOL(invitation_preview, requires_password, 0),
	F_TEXT(invitation_preview, credential, 0, 0, 0),
	F_TIME(invitation_preview, expires_at, 0),
	FIELD_END,
};
/* clang-format on */

const struct entity firm_entity = {"firm", "frm", sizeof(struct firm), firm_fields};
const struct entity firm_public_entity = {"firm", "frm", sizeof(struct firm_public),
                                          firm_public_fields};
const struct entity setup_in_entity = {"firm", "frm", sizeof(struct setup_in), setup_in_fields};
const struct entity invitation_preview_entity = {
	"invitation", "inv", sizeof(struct invitation_preview), invitation_preview_fields};

const char *firm_slug(struct arena *a, const char *name)
{
	char *slug = arena_alloc(a, SLUG_MAX + 1);
	size_t n = 0;

	for (const char *c = name; *c != '\0' && n < SLUG_MAX; c++) {
		char lower = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;

		if ((lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9'))
			slug[n++] = lower;
		else if (n > 0 && slug[n - 1] != '-')
			slug[n++] = '-';
	}
	while (n > 0 && slug[n - 1] == '-')
		slug[--n] = '\0';
	return n > 0 ? slug : "firm";
}
