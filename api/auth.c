/* auth.c - who is calling: credentials are read here and verified by the database. */
#include "auth.h"

#include "cidr.h"
#include "cors.h"
#include "crypt.h"
#include "feature.h"
#include "reply.h"
#include "routes.h"
#include "setting.h"
#include "sql_auth.h"
#include "token.h"

#define COOKIE     "__Host-session="
#define KEY_PREFIX "cpk_"

/* How old a sign-in may be for what it opens to outlive the session: as long as somebody who walked
 * away from the screen is safe by, and long enough to fill in a form. */
enum { RECENT_MINUTES = 15 };

/* The session cookie's value in *token_r (NULL: none). -1 when there is more than one. */
static int cookie_read(struct rq *rq, const char **token_r)
{
	const char *at = rq_header(rq, "cookie");

	*token_r = NULL;
	while (at != NULL && *at != '\0') {
		at += strspn(at, " ;");
		if (strncmp(at, COOKIE, strlen(COOKIE)) == 0) {
			if (*token_r != NULL)
				return err_set(&rq->err, PROBLEM_malformed_request,
				               "Two session cookies were sent.");
			at += strlen(COOKIE);
			*token_r = arena_strndup(rq->arena, at, strcspn(at, ";"));
		}
		at += strcspn(at, ";");
	}
	return 0;
}

static bool is_public(const struct rq *rq)
{
	const char *access = rq->route->access;

	return strcmp(access, PUBLIC) == 0 || strcmp(access, TEST) == 0 ||
	       strcmp(access, OPERATOR) == 0;
}

static int bearer_read(struct rq *rq, const char **token_r)
{
	const char *value = rq_header(rq, "authorization");

	*token_r = NULL;
	if (value == NULL)
		return 0;
	if (strncasecmp(value, "Bearer ", 7) != 0)
		return err_set(&rq->err,
		               is_public(rq) ? PROBLEM_malformed_request : PROBLEM_unauthenticated,
		               "Authorization must be a Bearer token.");
	*token_r = value + 7 + strspn(value + 7, " ");
	return 0;
}

bool auth_secret_is(const char *wanted, const char *given)
{
	uint8_t ours[HASH_SIZE], theirs[HASH_SIZE];

	if (wanted == NULL || *wanted == '\0' || given == NULL)
		return false;
	crypt_sha256(wanted, strlen(wanted), ours);
	crypt_sha256(given, strlen(given), theirs);
	return crypt_equal(ours, theirs, HASH_SIZE);
}

bool auth_operator(const struct rq *rq)
{
	const char *value = rq_header(rq, "authorization");

	return value != NULL && strncasecmp(value, "Bearer ", 7) == 0 &&
	       auth_secret_is(this_worker.conf.metrics_token, value + 7 + strspn(value + 7, " "));
}

static bool is_key(const struct rq *rq)
{
	return strncmp(rq->token, KEY_PREFIX, strlen(KEY_PREFIX)) == 0;
}

/* The ids that the secret of a key carries. It comes as Bearer alone. */
static int key_claims(struct rq *rq, struct who *who)
{
	if (rq->by_cookie ||
	    key_secret_claims(rq->arena, rq->token, &who->firm, &who->membership) < 0 ||
	    id_is_none(&who->firm) || id_is_none(&who->membership))
		return -1;
	who->session = who->membership;
	return 0;
}

/* The ids that the token carries in clear; nothing is verified yet. None of ours is all zeros. */
static int token_claims(struct rq *rq, struct who *who)
{
	struct device d;

	TRY(token_access_claims(rq->arena, rq->token, &d));
	who->firm = d.firm;
	who->membership = d.membership;
	who->session = d.session;
	return id_is_none(&who->firm) || id_is_none(&who->membership) || id_is_none(&who->session)
	               ? -1
	               : 0;
}

int auth_claim(struct rq *rq)
{
	const char *cookie, *bearer;

	TRY(cookie_read(rq, &cookie));
	TRY(bearer_read(rq, &bearer));
	if (cookie != NULL && bearer != NULL)
		return err_set(&rq->err, PROBLEM_malformed_request,
		               "Send the session as a cookie or as a Bearer token, not both.");
	rq->by_cookie = cookie != NULL;
	rq->token = cookie != NULL ? cookie : bearer;
	if (is_public(rq))
		return 0;
	if (rq->token == NULL)
		return err_set(&rq->err, PROBLEM_unauthenticated, "Sign in, or send a token.");
	rq->by_key = is_key(rq);
	if ((rq->by_key ? key_claims(rq, &rq->who) : token_claims(rq, &rq->who)) < 0)
		return err_set(&rq->err, PROBLEM_unauthenticated,
		               rq->by_key ? "The API key is not one."
		                          : "The session is not known, or has ended.");
	return 0;
}

/* Is `origin` the very site that the request came to? What came in the clear is none that runs
 * under TLS; what is neither http nor https (an extension, a local file) is no site. */
static bool same_site(const struct rq *rq, const char *origin)
{
	static const char secure[] = "https://", clear[] = "http://";
	const char *host = rq_header(rq, "host");
	bool tls = strncmp(this_worker.conf.public_url, secure, strlen(secure)) == 0;

	if (host == NULL)
		return false;
	if (strncasecmp(origin, secure, strlen(secure)) == 0)
		return strcasecmp(origin + strlen(secure), host) == 0;
	return !tls && strncasecmp(origin, clear, strlen(clear)) == 0 &&
	       strcasecmp(origin + strlen(clear), host) == 0;
}

int auth_origin(struct rq *rq)
{
	const char *origin = rq_header(rq, "origin"), *fetch = rq_header(rq, "sec-fetch-site");
	bool writes = rq->route->flags & WRITES && strcmp(rq->route->method, "GET") != 0;

	if (!writes || (!rq->by_cookie && !is_public(rq)))
		return 0;
	if (origin != NULL) {
		if (same_site(rq, origin) || cors_allowed(origin))
			return 0;
	} else if (fetch == NULL || strcmp(fetch, "same-origin") == 0 ||
	           strcmp(fetch, "none") == 0) {
		return 0;
	}
	return err_set(&rq->err, PROBLEM_origin_not_allowed,
	               "Only the portal's own pages and configured origins may do this.");
}

/* Parameters of authenticate() and authenticate_key() that no unit has bound. A unit that `writes`
 * may have to wait for others: it notes at its end who was there. */
static const struct arg *auth_args(struct rq *rq, const struct who *who, const char *rule,
                                   bool writes)
{
	struct arg *args = arena_array(rq->arena, struct arg, 11);
	const struct part *part = part_of(rq->route->path);

	args[0] = (struct arg){"token_hash", arg_sha256(rq->arena, rq->token)};
	args[1] = (struct arg){"session", arg_id(rq->arena, &who->session)};
	args[2] = (struct arg){"rule", rule};
	args[3] = (struct arg){"firm", arg_id(rq->arena, &who->firm)};
	args[4] = (struct arg){"me", arg_id(rq->arena, &who->membership)};
	args[5] = (struct arg){"now", arg_time(rq->arena, rq->began)};
	args[6] = (struct arg){"address", address_parse(rq->arena, rq->addr)};
	args[7] = (struct arg){"feature", part->feature};
	args[8] = (struct arg){"tool", part->tool};
	args[9] = (struct arg){"note", arg_bool(!writes)};
	return args;
}

static void who_read(struct rq *rq, const struct rows *rows, struct who *who_r)
{
	static const struct field columns[] = {
		F_TEXT(who, audience, 0, 0, 0),
		F_TEXT(who, name, 0, 0, 0),
		F_TEXT(who, email, 0, 0, 0),
		F_TEXT(who, role, 0, 0, 0),
		F_TEXT(who, locale, 0, 0, 0),
		F_TEXT(who, timezone, 0, 0, 0),
		F_TEXT(who, transport, 0, 0, 0),
		F_TIME(who, authenticated_at, 0),
		F_TIME(who, expires_at, 0),
		F_TIME(who, idle_expires_at, 0),
		F_TEXTS(who, permissions, 0, 0),
		F_BOOL(who, unnoted, 0),
		FIELD_END,
	};

	row_read(rows, 0, columns, who_r, rq->arena);
	who_r->identity = row_id(rows, 0, "identity_id");
	who_r->contact = row_id(rows, 0, "contact_id");
	who_r->known = true;
}

void auth_prelude(struct rq *rq)
{
	struct rows *rows = arena_new(rq->arena, struct rows);
	const char *rule = rq->by_key && rq->route->flags & STAFF ? "staff" : rq->route->access;

	rq->auth_rows = rows;
	db_prelude(&rq->db, rq->by_key ? &sql_auth_check_key : &sql_auth_check,
	           auth_args(rq, &rq->who, rule, rq->db.writes), rows);
}

int auth_known(struct rq *rq)
{
	if (rq->who.known || rq->auth_rows == NULL)
		return 0;
	TRY(db_flush_prelude(&rq->db));
	who_read(rq, rq->auth_rows, &rq->who);
	return 0;
}

int auth_used(struct rq *rq)
{
	if (!rq->who.unnoted)
		return 0;
	return db_query(&rq->db, rq->by_key ? &sql_auth_used_key : &sql_auth_used,
	                ARGS({"session", arg_id(rq->arena, &rq->who.session)},
	                     {"now", arg_time(rq->arena, rq->began)}),
	                NULL);
}

int auth_recent(struct rq *rq)
{
	TRY(auth_known(rq));
	if (rq->now - rq->who.authenticated_at <= RECENT_MINUTES * INT64_C(60000))
		return 0;
	return err_set(&rq->err, PROBLEM_recent_sign_in_required,
	               "Sign in again: it was more than %d minutes ago.", RECENT_MINUTES);
}

int auth_gone(struct rq *rq)
{
	if (rq->err.problem != PROBLEM_not_found)
		return -1;
	err_clear(&rq->err);
	return err_set(&rq->err, PROBLEM_unauthenticated, "The session has ended.");
}

int auth_optional(struct rq *rq, struct who *who_r)
{
	struct rows rows;
	int rc;

	*who_r = (struct who){0};
	if (rq->token == NULL || token_claims(rq, who_r) < 0)
		return 0;
	rc = look(rq, NULL, &sql_auth_check, auth_args(rq, who_r, ANY, false), &rows);
	if (rc < 0 && rq->err.problem == PROBLEM_unauthenticated) {
		err_clear(&rq->err);
		return 0;
	}
	TRY(rc);
	who_read(rq, &rows, who_r);
	return 1;
}

void auth_cookie(struct rq *rq, const char *token, int64_t max_age_s)
{
	reply_header(rq, "set-cookie",
	             arena_printf(rq->arena,
	                          COOKIE "%s; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=%lld",
	                          token == NULL ? "" : token,
	                          token == NULL ? 0LL : (long long)max_age_s));
}
