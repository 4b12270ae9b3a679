/* session.c - signing in, the session that follows, and the person it belongs to. */
#include "session.h"

#include "invitation.h"

enum { NEED = FIELD_CREATE | FIELD_REQUIRED };

const char *const audiences[] = {"staff", "portal", NULL};
static const char *const devices[] = {"computer", "phone", "tablet", "other", NULL};

/* clang-format off */
static const struct field login_in_fields[] = {
	F_TEXT(login_in, firm, 1, 63, FIELD_CREATE),
	F_ENUM(login_in, audience, audiences, NEED),
	F_EMAIL(login_in, email, NEED),
	F_SECRET(login_in, password, NEED),
	F_ENUM(login_in, transport, transports, NEED),
	FIELD_END,
};

static const struct field refresh_in_fields[] = {
	F_SECRET(refresh_in, refresh_token, NEED),
	FIELD_END,
};

static const struct field mfa_in_fields[] = {
	F_SECRET(mfa_in, mfa_token, NEED),
	F_SECRET(mfa_in, code, NEED),
	F_ENUM(mfa_in, transport, transports, NEED),
	FIELD_END,
};

static const struct field code_in_fields[] = {
	F_SECRET(code_in, code, NEED),
	FIELD_END,
};

static const struct field totp_enrolment_fields[] = {
	F_TEXT(totp_enrolment, secret, 0, 0, 0),
	F_TEXT(totp_enrolment, otpauth_url, 0, 0, 0),
	FIELD_END,
};

static const struct field recovery_codes_fields[] = {
	F_TEXTS(recovery_codes, codes, 0, 0),
	FIELD_END,
};

static const struct field session_fields[] = {
	F_ID(session, id, "ses", 0),
	F_ENUM(session, audience, audiences, 0),
	F_REF(session, principal, 0),
	F_REFS(session, clients, 0),
	F_TEXTS(session, permissions, 0, 0),
	F_TIME(session, authenticated_at, 0),
	F_TIME(session, expires_at, 0),
	F_TIME(session, idle_expires_at, 0),
	F_BOOL(session, totp_enabled, 0),
	F_BOOL(session, totp_required, 0),
	F_ENUM(session, transport, transports, 0),
	FIELD_END,
};

static const struct field sign_in_result_fields[] = {
	F_TEXT(sign_in_result, state, 0, 0, 0),
	F_JSON(sign_in_result, session, 0),
	F_TEXT(sign_in_result, access_token, 0, 0, 0),
	F_TEXT(sign_in_result, refresh_token, 0, 0, 0),
	F_INT(sign_in_result, expires_in, 0, 0, 0),
	F_TEXT(sign_in_result, mfa_token, 0, 0, 0),
	F_TEXTS(sign_in_result, mfa_methods, 0, 0),
	FIELD_END,
};

static const struct field session_info_fields[] = {
	F_ID(session_info, id, "ses", 0),
	F_BOOL(session_info, current, 0),
	F_ENUM(session_info, transport, transports, 0),
	F_ENUM(session_info, device, devices, 0),
	F_TEXT(session_info, user_agent, 0, 0, 0),
	F_TEXT(session_info, ip, 0, 0, 0),
	F_TIME(session_info, created_at, 0),
	F_TIME(session_info, last_seen_at, 0),
	F_TIME(session_info, expires_at, 0),
	FIELD_END,
};

static const struct field password_in_fields[] = {
	F_SECRET(password_in, current_password, FIELD_CREATE),
	F_SECRET(password_in, new_password, NEED),
	FIELD_END,
};

static const struct field me_fields[] = {
	F_TEXT(me, id, 0, 0, 0),
	F_ENUM(me, audience, audiences, 0),
	F_TEXT(me, name, 1, 200, FIELD_PATCH),
	F_EMAIL(me, email, 0),
	F_TEXT(me, phone, 1, 50, FIELD_PATCH | FIELD_NULLABLE),
	F_TEXT(me, locale, 2, 35, FIELD_PATCH),
	F_TEXT(me, timezone, 1, 64, FIELD_PATCH),
	F_TIME(me, updated_at, 0),
	F_INT(me, version, 0, 0, FIELD_HIDDEN),
	FIELD_END,
};
/* clang-format on */

const struct entity login_in_entity = {"session", "ses", sizeof(struct login_in), login_in_fields};
const struct entity refresh_in_entity = {"session", "ses", sizeof(struct refresh_in),
                                         refresh_in_fields};
const struct entity mfa_in_entity = {"session", "ses", sizeof(struct mfa_in), mfa_in_fields};
const struct entity code_in_entity = {"session", "ses", sizeof(struct code_in), code_in_fields};
const struct entity totp_enrolment_entity = {"session", "ses", sizeof(struct totp_enrolment),
                                             totp_enrolment_fields};
const struct entity recovery_codes_entity = {"session", "ses", sizeof(struct recovery_codes),
                                             recovery_codes_fields};
const struct entity session_entity = {"session", "ses", sizeof(struct session), session_fields};
const struct entity sign_in_result_entity = {"session", "ses", sizeof(struct sign_in_result),
                                             sign_in_result_fields};
const struct entity session_info_entity = {"session", "ses", sizeof(struct session_info),
                                           session_info_fields};
const struct entity password_in_entity = {"session", "ses", sizeof(struct password_in),
                                          password_in_fields};
const struct entity me_entity = {"staff", "stf", sizeof(struct me), me_fields};
