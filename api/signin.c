/* signin.c - opening a session, however the person proved who they are. */
#include "signin.h"

#include "audit.h"
#include "auth.h"
#include "factor.h"
#include "reply.h"
#include "session.h"
#include "setting.h"
#include "sql_signin.h"
#include "token.h"

const char *session_json(struct rq *rq, const struct id *session)
{
	struct session s;

	if (find_one(rq, &sql_signin_session, ARGS({"session", arg_id(rq->arena, session)}),
	             &session_entity, &s) < 0)
		return NULL;
	return reply_part(rq, &session_entity, &s);
}

/* How long what lives: parameters that opening and renewing a session share. */
#define LIVES(rq)                                                                 \
	{"staff_seconds", arg_int((rq)->arena, SESSION_STAFF_SECONDS)},           \
		{"portal_seconds", arg_int((rq)->arena, SESSION_PORTAL_SECONDS)}, \
		{"access_seconds", arg_int((rq)->arena, SESSION_ACCESS_SECONDS)}, \
		{"refresh_days", arg_int((rq)->arena, REFRESH_PORTAL_DAYS)},      \
	{                                                                         \
		"refresh_days_max", arg_int((rq)->arena, REFRESH_PORTAL_DAYS_MAX) \
	}

static bool is_device(const char *transport)
{
	return strcmp(transport, "token") == 0;
}

/* The session's row, if the membership may sign in with what it has proved so far. */
static int open_session(struct rq *rq, const struct device *d, const char *transport,
                        const char *hash, struct rows *rows_r)
{
	bool device = is_device(transport);

	return db_query(&rq->db, &sql_signin_open,
	                ARGS({"membership", arg_id(rq->arena, &d->membership)},
	                     {"session", arg_id(rq->arena, &d->session)}, {"transport", transport},
	                     {"token_hash", hash}, {"ip", rq->addr},
	                     {"user_agent", rq_header(rq, "user-agent")},
	                     {"second_factor", arg_bool(d->second_factor)}, {"proved", d->proved},
	                     {"refresh_nonce",
	                      device ? arg_bytes(rq->arena, d->nonce, sizeof(d->nonce)) : NULL},
	                     LIVES(rq)),
	                rows_r);
}

/* Whoever is at the door. */
struct comer {
	struct actor actor;
	const char *state;
};

static int turn_away(struct rq *rq)
{
	err_set(&rq->err, PROBLEM_invalid_credentials, "The address or the password is wrong.");
	return -1; /* in so many words: clang-tidy sees that there is no comer then */
}

/* -1 with invalid_credentials: the membership may not sign in. */
static int comer_hold(struct rq *rq, const struct id *membership, struct comer *c_r)
{
	struct rows rows;

	TRY(db_query(&rq->db, &sql_signin_admit,
	             ARGS({"membership", arg_id(rq->arena, membership)}), &rows));
	if (rows.n == 0)
		return turn_away(rq);
	*c_r = (struct comer){
		.actor = {.type = row_text(&rows, 0, "kind"),
	                  .id = *membership,
	                  .name = row_text(&rows, 0, "display_name")},
		.state = row_text(&rows, 0, "state"),
	};
	return 0;
}

static int comer_record(struct rq *rq, const struct comer *c, const char *action)
{
	const struct audit_entry entry = {
		.action = action,
		.object_type = "membership",
		.object = c->actor.id,
		.outcome = "ok",
		.ip = rq->addr,
		.request_id = rq->request_id,
	};

	return audit_write(&rq->db, &c->actor, &entry, rq->now);
}

/* The answer: who is signed in, and what opens the session until `expires`. */
static int reply_session(struct rq *rq, const struct device *d, const char *state,
                         struct sign_in_result *result)
{
	result->session = session_json(rq, &d->session);
	if (result->session == NULL)
		return -1;
	result->state = strcmp(state, "active") == 0 ? "signed_in" : state;
	return reply_one(rq, &sign_in_result_entity, result, 0);
}

/* Asks for the second factor; -1 with invalid_credentials when there is none to ask for: what was
 * proved is not so any more. */
static int ask_second(struct rq *rq, const struct device *d, const struct comer *comer)
{
	static const char *methods[] = {"totp", "recovery_code"};
	struct sign_in_result result = {
		.state = "mfa_required", .expires_in = INT64_MIN, .mfa_methods = {2, methods}};
	struct id challenge = id_new();
	const char *hash;
	struct rows rows;

	result.mfa_token = token_challenge(rq->arena, &d->firm, &challenge, &hash);
	TRY(db_query(&rq->db, &sql_signin_challenge,
	             ARGS({"membership", arg_id(rq->arena, &d->membership)},
	                  {"challenge", arg_id(rq->arena, &challenge)}, {"token_hash", hash},
	                  {"seconds", arg_int(rq->arena, MFA_SECONDS)}, {"proved", d->proved}),
	             &rows));
	if (rows.n == 0)
		return turn_away(rq);
	TRY(comer_record(rq, comer, "auth.challenged"));
	return reply_one(rq, &sign_in_result_entity, &result, 0);
}

/* Opens the session, or asks for the second factor where there is one and it was not given. */
static int open_door(struct rq *rq, struct device *d, const char *transport)
{
	const char *token, *hash;
	struct sign_in_result result = {0};
	struct comer comer = {0};
	struct rows rows;

	TRY(comer_hold(rq, &d->membership, &comer));
	d->session = id_new();
	d->generation = 1;
	crypt_random(d->nonce, sizeof(d->nonce));
	token = token_access(rq->arena, d, &hash);
	TRY(open_session(rq, d, transport, hash, &rows));
	if (rows.n == 0)
		return ask_second(rq, d, &comer);
	TRY(comer_record(rq, &comer, "auth.login"));
	if (is_device(transport)) {
		result.access_token = token;
		result.refresh_token = token_refresh(rq->arena, d);
		result.expires_in = (row_time(&rows, 0, "access_expires_at") - rq->now) / 1000;
	} else {
		result.expires_in = (row_time(&rows, 0, "expires_at") - rq->now) / 1000;
		auth_cookie(rq, token, result.expires_in);
	}
	return reply_session(rq, d, comer.state, &result);
}

int sign_in(struct rq *rq, const struct id *firm, const struct id *membership,
            const char *transport)
{
	struct device d = {.firm = *firm, .membership = *membership};

	return open_door(rq, &d, transport);
}

int sign_in_by_password(struct rq *rq, const struct id *firm, const struct id *membership,
                        const char *transport, const char *hash)
{
	struct device d = {.firm = *firm, .membership = *membership, .proved = hash};

	return open_door(rq, &d, transport);
}

/* ---- the second factor ---- */

static int challenge_expired(struct rq *rq)
{
	return err_set(&rq->err, PROBLEM_challenge_expired,
	               "The time or the tries for the code are over: sign in again.");
}

/* One try of the challenge, counted in a unit of its own, with who is asked. */
static int challenge_take(struct rq *rq, const struct id *firm, const struct arg *args,
                          struct who *who)
{
	struct rows rows;
	struct db db;
	int result;

	db_init(&db, this_worker.pool, rq->arena, &rq->err, true);
	db_bind(&db, "now", arg_time(rq->arena, rq->now));
	db_prelude(&db, &sql_signin_claim, args, NULL);
	result = db_query(&db, &sql_signin_try, args, &rows);
	if (result == 0)
		result = db_commit(&db);
	db_end(&db);
	TRY(result);
	if (rows.n == 0)
		return challenge_expired(rq);
	who->firm = *firm;
	who->membership = row_id(&rows, 0, "membership_id");
	who->identity = row_id(&rows, 0, "identity_id");
	return 0;
}

int sign_in_second(struct rq *rq, const char *token, const char *code, const char *transport)
{
	struct device d = {.second_factor = true};
	const struct arg *args;
	struct id challenge;
	struct who who = {0};
	struct guess guess;
	struct factor f;
	struct rows rows;
	const char *hash;

	if (token_challenge_claims(rq->arena, token, &d.firm, &challenge, &hash) < 0)
		return challenge_expired(rq);
	args = ARGS({"firm", arg_id(rq->arena, &d.firm)},
	            {"challenge", arg_id(rq->arena, &challenge)}, {"token_hash", hash});
	TRY(challenge_take(rq, &d.firm, args, &who));
	TRY(factor_load(rq, &who.identity, &f));
	TRY(factor_try(rq, &f, &who, "auth.mfa", &guess));
	rq->who.firm = d.firm;
	db_bind(&rq->db, "firm", arg_id(rq->arena, &d.firm));
	db_prelude(&rq->db, &sql_signin_claim, NULL, NULL);
	TRY(db_query(&rq->db, &sql_signin_hold,
	             ARGS({"membership", arg_id(rq->arena, &who.membership)}), NULL));
	TRY(factor_use(rq, &f, code, &guess));
	TRY(db_query(&rq->db, &sql_signin_answered, args, &rows));
	if (rows.n == 0)
		return challenge_expired(rq);
	d.membership = who.membership;
	return open_door(rq, &d, transport);
}

/* ---- the same device once more ---- */

static int refresh_invalid(struct rq *rq)
{
	return err_set(&rq->err, PROBLEM_refresh_token_invalid,
	               "The refresh token is not known, or its session has ended: sign in.");
}

/* Somebody else has, or had, this token too: whoever it is, both are out, and it is on record. */
static int refresh_reused(struct rq *rq, const struct device *d)
{
	struct audit_entry entry = {
		.action = "auth.refresh_reused",
		.object_type = "session",
		.object = d->session,
		.outcome = "denied",
		.ip = rq->addr,
		.request_id = rq->request_id,
	};
	struct actor nobody = {.type = "system", .id = id_none, .name = "Portico"};

	TRY(db_query(&rq->db, &sql_signin_end, ARGS({"session", arg_id(rq->arena, &d->session)}),
	             NULL));
	TRY(audit_write(&rq->db, &nobody, &entry, rq->now));
	TRY(db_commit(&rq->db));
	return err_set(&rq->err, PROBLEM_refresh_token_reused,
	               "This refresh token was used before: the session has been ended. Sign in.");
}

/* The row's next generation. */
static int rotate(struct rq *rq, struct device *d, int64_t *expires_r)
{
	struct rows rows;
	const char *hash;

	d->generation++;
	(void)token_access(rq->arena, d, &hash);
	TRY(db_query(&rq->db, &sql_signin_rotate,
	             ARGS({"session", arg_id(rq->arena, &d->session)}, {"token_hash", hash},
	                  {"generation", arg_int(rq->arena, d->generation)}, LIVES(rq)),
	             &rows));
	*expires_r = row_time(&rows, 0, "access_expires_at");
	return record_act(rq, "auth.refreshed", "session", d->session);
}

/* Fills the device from its row; the caller is known from then on. 0; -1 when no token of it is
 * good. */
static int device_load(struct rq *rq, struct device *d, struct rows *row)
{
	const uint8_t *nonce;

	TRY(db_query(&rq->db, &sql_signin_device, ARGS({"session", arg_id(rq->arena, &d->session)}),
	             row));
	if (row->n == 0)
		return refresh_invalid(rq);
	d->membership = row_id(row, 0, "membership_id");
	if (row_bytes(row, 0, "refresh_nonce", rq->arena, &nonce) == NONCE_SIZE)
		memcpy(d->nonce, nonce, NONCE_SIZE);
	return 0;
}

/* For events and the audit log. */
static void act_as(struct rq *rq, const struct device *d, const struct rows *row)
{
	rq->who.known = true;
	rq->who.membership = d->membership;
	rq->who.audience = row_text(row, 0, "kind");
	rq->who.name = row_text(row, 0, "display_name");
}

/* Does the token of before still stand for its successor? */
static bool in_grace(const struct rq *rq, const struct rows *row)
{
	return rq->now < row_time(row, 0, "rotated_at") + REFRESH_GRACE_SECONDS * INT64_C(1000);
}

int sign_in_again(struct rq *rq, const char *token)
{
	struct sign_in_result result = {0};
	int64_t newest, expires;
	struct device d;
	struct rows row;
	const char *hash;

	if (token_refresh_claims(rq->arena, token, &d) < 0)
		return refresh_invalid(rq);
	TRY(device_load(rq, &d, &row));
	newest = row_int(&row, 0, "refresh_generation");
	if (!token_refresh_fits(rq->arena, token, &d) || d.generation > newest ||
	    !row_bool(&row, 0, "open") || !row_bool(&row, 0, "lives"))
		return refresh_invalid(rq);
	if (d.generation + 1 < newest || (d.generation < newest && !in_grace(rq, &row)))
		return refresh_reused(rq, &d);
	act_as(rq, &d, &row);
	expires = row_time(&row, 0, "access_expires_at");
	if (d.generation == newest)
		TRY(rotate(rq, &d, &expires));
	else
		d.generation = newest;
	result.access_token = token_access(rq->arena, &d, &hash);
	result.refresh_token = token_refresh(rq->arena, &d);
	result.expires_in = (expires - rq->now) / 1000;
	return reply_session(rq, &d, row_text(&row, 0, "state"), &result);
}

const char *membership_id_text(struct rq *rq, const struct id *membership, const char *audience)
{
	char text[ID_TEXT_SIZE];

	id_format(membership, strcmp(audience, "staff") == 0 ? "stf" : "mem", text);
	return arena_strdup(rq->arena, text);
}
