/* firm.h - a firm: the tenant, its settings, and how an installation gets its first one. */
#ifndef PORTICO_FIRM_H
#define PORTICO_FIRM_H

#include "field.h"

struct firm {
	struct id id;
	const char *slug, *name;
	const char *portal_url; /* base of all links; the installation's where the firm has none */
	const char *logo_url, *accent_color, *support_email;
	const char *locale, *timezone, *currency;
	const char *sign_in;
	bool self_registration, require_staff_totp;
	const char *reinvite_mode, *registration_email, *invite_unknown_email, *unassigned_fallback;
	int64_t invitation_ttl_hours, session_idle_minutes;
	int64_t max_upload_bytes, mail_coalesce_seconds;
	struct texts features;
	const char *default_folder_name;
	int64_t updated_at;
	int64_t version;
};

/* What everybody may know of a firm. */
struct firm_public {
	const char *name, *portal_url, *logo_url, *accent_color, *sign_in;
	bool self_registration;
	int64_t password_min_length;
	struct texts features;
};

struct setup_in {
	const char *setup_token, *firm_name, *firm_slug, *owner_name, *owner_email, *owner_password;
	const char *timezone, *currency;
};

struct invitation_preview {
	const char *firm; /* JSON of firm_public */
	const char *email, *name;
	bool requires_password;
	const char *credential; /* "new", "existing" or "none" */
	int64_t expires_at;
};

extern const struct entity firm_entity;
extern const struct entity firm_public_entity;
extern const struct entity setup_in_entity;
extern const struct entity invitation_preview_entity;

/* A slug made of a firm's name: a-z, 0-9 and '-', at most 63 characters; owned by `a`. */
const char *firm_slug(struct arena *a, const char *name);

#endif
