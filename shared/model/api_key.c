/* api_key.c - an API key: with it a program of the firm calls the API, within its scopes. */
#include "api_key.h"

#include "base.h"
#include "cidr.h"

enum { OPEN = FIELD_CREATE | FIELD_PATCH };

/* clang-format off */
const char *const api_key_scopes[] = {
	"appointments:read", "appointments:write", "audit:read", "clients:read", "clients:write",
	"contacts:read", "contacts:write", "documents:purge", "documents:read", "documents:write",
	"events:read", "imports:write", "invoices:read", "invoices:send", "invoices:write",
	"matters:read", "matters:write", "notes:read", "notes:write", "payments:read",
	"payments:write", "portal_access:write", "requests:read", "requests:write", "search:read",
	"settings:read", "settings:write", "shares:read", "shares:write", "staff:read",
	"tasks:read", "tasks:write", "webhooks:read", "webhooks:write", NULL,
};

static const struct field api_key_fields[] = {
	F_ID(api_key, id, "key", 0),
	F_TEXT(api_key, name, 1, 200, OPEN | FIELD_REQUIRED),
	F_TEXT(api_key, prefix, 0, 0, 0),
	{ .name = "scopes", .kind = FIELD_TEXTS, .flags = OPEN | FIELD_REQUIRED, .offset = FIELD_AT(api_key, scopes, struct texts), .min = 1, .max = KEY_SCOPES_MAX },
	F_TEXTS(api_key, allowed_cidrs, KEY_CIDRS_MAX, OPEN),
	F_TIME(api_key, expires_at, OPEN | FIELD_NULLABLE),
	F_TIME(api_key, previous_expires_at, 0),
	F_TIME(api_key, last_used_at, 0),
	F_REF(api_key, created_by, 0),
	F_TIME(api_key, created_at, 0),
	F_TIME(api_key, revoked_at, 0),
	F_INT(api_key, version, 0, 0, FIELD_HIDDEN),
	FIELD_END,
};

static const struct field api_key_created_fields[] = {
	F_JSON(api_key_created, api_key, 0),
	F_TEXT(api_key_created, secret, 0, 0, 0),
	FIELD_END,
};
/* clang-format on */

const struct entity api_key_entity = {"api_key", "key", sizeof(struct api_key), api_key_fields};
const struct entity api_key_created_entity = {"api_key", "key", sizeof(struct api_key_created),
                                              api_key_created_fields};

static bool is_scope(const char *text)
{
	for (size_t i = 0; api_key_scopes[i] != NULL; i++)
		if (strcmp(api_key_scopes[i], text) == 0)
			return true;
	return false;
}

static int check_scopes(const struct texts *scopes, struct arena *a, struct err *e)
{
	int result = 0;

	for (size_t i = 0; i < scopes->n; i++) {
		if (is_scope(scopes->v[i]))
			continue;
		if (e->problem == PROBLEM_NONE)
			err_set(e, PROBLEM_unknown_scope, "A scope is none that a key may have.");
		result = err_fault(e, arena_printf(a, "/scopes/%zu", i), "not_allowed",
		                   "This is no scope that a key may have.");
	}
	return result;
}

static int check_cidrs(struct texts *cidrs, struct arena *a, struct err *e)
{
	const char *why;
	int result = 0;

	for (size_t i = 0; i < cidrs->n; i++) {
		const char *cidr = cidr_parse(a, cidrs->v[i], &why);

		if (cidr != NULL)
			cidrs->v[i] = cidr;
		else
			result = err_fault(e, arena_printf(a, "/allowed_cidrs/%zu", i),
			                   "invalid_cidr", "%s", why);
	}
	return result;
}

int api_key_check(struct api_key *key, int64_t now, struct arena *a, struct err *e)
{
	int result = check_cidrs(&key->allowed_cidrs, a, e);

	if (now != TIME_NULL && key->expires_at != TIME_NULL && key->expires_at <= now)
		result = err_fault(e, "/expires_at", "out_of_range", "It must lie in the future.");
	return check_scopes(&key->scopes, a, e) < 0 ? -1 : result;
}
