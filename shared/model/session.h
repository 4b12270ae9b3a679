/* session.h - signing in, the session that follows, and the person it belongs to. */
#ifndef PORTICO_SESSION_H
#define PORTICO_SESSION_H

#include "field.h"

/*
 * How long a session lives, and how long the access token of an app does: as long as what was
 * stolen may be of use. A portal user's device may come back for 30 days after its last refresh (an
 * app that is opened once a month), and for 180 days in all (twice a year they prove who they are).
 * A device of the staff lives no longer than any session of the staff, whose firm decides how long
 * it may be idle. The token before stays good as long as an answer may be lost and asked for again.
 */
enum {
	SESSION_STAFF_SECONDS = 12 * 3600,
	SESSION_PORTAL_SECONDS = 24 * 3600,
	SESSION_ACCESS_SECONDS = 3600,
	REFRESH_PORTAL_DAYS = 30,
	REFRESH_PORTAL_DAYS_MAX = 180,
	REFRESH_GRACE_SECONDS = 60, /* authenticate() has it too */
	MFA_SECONDS = 5 * 60        /* to take the phone out and type */
};

struct login_in {
	const char *firm, *audience, *email, *password, *transport;
};

struct refresh_in {
	const char *refresh_token;
};

struct mfa_in {
	const char *mfa_token, *code, *transport;
};

/* A code of the app, or for recovery. */
struct code_in {
	const char *code;
};

struct totp_enrolment {
	const char *secret, *otpauth_url;
};

struct recovery_codes {
	struct texts codes;
};

struct session {
	struct id id;
	const char *audience;
	struct ref principal;
	struct refs clients;
	struct texts permissions;
	int64_t authenticated_at, expires_at, idle_expires_at;
	bool totp_enabled;
	bool totp_required; /* by the firm, and the session was opened without */
	const char *transport;
};

struct sign_in_result {
	const char *state;         /* "signed_in", "mfa_required", "pending_verification" */
	const char *session;       /* JSON */
	const char *access_token;  /* transport token only */
	const char *refresh_token; /* the same */
	int64_t expires_in;        /* seconds, INT64_MIN: null */
	const char *mfa_token; /* mfa_required: what POST /v1/auth/mfa asks for, beside the code */
	struct texts mfa_methods;
};

/* One session among those of a person. */
struct session_info {
	struct id id;
	bool current;          /* the one that asks */
	const char *transport; /* "cookie" or "token" */
	const char *device;    /* "computer", "phone", "tablet" or "other", as the program says */
	const char *user_agent, *ip;
	int64_t created_at, last_seen_at, expires_at;
};

struct password_in {
	const char *current_password; /* NULL: not sent */
	const char *new_password;
};

struct me {
	const char *id; /* of the membership, with the prefix of its kind */
	const char *audience, *name, *email, *phone, *locale, *timezone;
	int64_t updated_at;
	int64_t version;
};

extern const char *const audiences[];
extern const struct entity login_in_entity;
extern const struct entity refresh_in_entity;
extern const struct entity mfa_in_entity;
extern const struct entity code_in_entity;
extern const struct entity totp_enrolment_entity;
extern const struct entity recovery_codes_entity;
extern const struct entity session_entity;
extern const struct entity sign_in_result_entity;
extern const struct entity session_info_entity;
extern const struct entity password_in_entity;
extern const struct entity me_entity;

#endif
