/* firm.h - a firm: the tenant, its settings, and how an installation gets its first one. */
#ifndef PORTICO_FIRM_H
#define PORTICO_FIRM_H

#include "field.h"

struct firm {
	struct id id;
	const char *slug, *name;
	const char *portal_url; /* base of all links; the installation's where the firm has none */
	const char *logo_url, *accent_color, *support_email, *phone;
	const char *help_links; /* JSON: [{title, url}] */
	const char *locale, *timezone, *currency;
	const char *sign_in;
	bool self_registration, require_staff_totp;
	const char *reinvite_mode, *registration_email, *invite_unknown_email, *unassigned_fallback;
	bool notify_required, default_upload_folder;
	int64_t invitation_ttl_hours, registration_ttl_days, sign_in_link_minutes;
	int64_t session_idle_minutes, staff_idle_minutes;
	const char *on_pending_email_change;
	int64_t access_idle_days; /* INT64_MIN: no access ends by itself */
	int64_t access_reminder_days;
	int64_t max_upload_bytes, mail_coalesce_seconds;
	struct texts features;
	const char *default_folder_name;
	int64_t updated_at;
	int64_t version;
};

/* What everybody may know of a firm. */
struct firm_public {
	const char *slug, *name, *portal_url, *logo_url, *accent_color, *sign_in;
	bool self_registration;
	const char *registration_url; /* NULL while nobody can register */
	int64_t password_min_length;
	struct texts features;
};

/* Where the firm's clients find help. */
struct firm_help {
	const char *firm_name, *support_email;
	const char *help_links; /* JSON: [{title, url}] */
};

/* Where the firm's portal is: nothing in it opens a door. */
struct portal_settings {
	const char *portal_url;
	const char *sign_in_url; /* names the firm where the address alone does not */
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
	bool email_locked;      /* no other address than this one may be chosen */
	int64_t expires_at;
};

extern const struct entity firm_entity;
extern const struct entity firm_public_entity;
extern const struct entity firm_help_entity;
extern const struct entity portal_settings_entity;
extern const struct entity setup_in_entity;
extern const struct entity invitation_preview_entity;

/* The limits of a firm that the installation sets. */
struct firm_limits {
	int64_t max_upload_bytes;
};

/*
 * Add a fault for each setting that no table can judge: the colour, the name of the default folder,
 * the links, the largest document, a feature. 0, or -1 with the faults.
 */
int firm_check(const struct firm *firm, const struct firm_limits *limits, struct arena *a,
               struct err *e);

/*
 * Judge where the links of the firm's mails are to lead: an exact https origin that is not the
 * installation's own host under another scheme, or that host's own address `public_url`, or NULL. A
 * fault at /portal_url otherwise.
 */
void firm_check_portal(const char *url, const char *public_url, struct err *e);

/* Is it one of the currencies of ISO 4217 that are in use? */
bool firm_currency_known(const char *code);

/* A slug made of a firm's name: a-z, 0-9 and '-', at most 63 characters; owned by `a`. */
const char *firm_slug(struct arena *a, const char *name);

#endif
