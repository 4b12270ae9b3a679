/* session.c - signing in with a password, signing out, and the session itself.
 *
 * POST /v1/auth/login   POST /v1/auth/logout   GET /v1/auth/session
 */
#include "session.h"

#include "audit.h"
#include "auth.h"
#include "crypt.h"
#include "reply.h"
#include "res.h"
#include "signin.h"
#include "sql_session.h"
#include "text.h"

enum { PAIR_FAILURES_MAX = 10, ACCOUNT_FAILURES_MAX = 100 };

/* What the database knows of somebody who wants to sign in, and under which keys failures are
 * counted. */
struct person {
	struct id firm, membership;
	const char *password_hash, *state;
	const char *pair, *account; /* hashes: address and place, address */
};

/* Looked up in a unit of its own, so that no connection is held while the password is hashed. */
static int person_find(struct rq *rq, const struct login_in *in, const char *key,
                       struct person *p_r)
{
	struct rows rows;

	TRY(look(rq, NULL, &sql_session_person,
	         ARGS({"slug", in->firm}, {"host", rq_header(rq, "host")},
	              {"audience", in->audience}, {"email_key", key}),
	         &rows));
	if (rows.n == 0)
		return in->firm != NULL ? 0
		                        : err_set(&rq->err, PROBLEM_firm_required,
		                                  "Several firms are served here: send firm.");
	p_r->firm = row_id(&rows, 0, "firm");
	p_r->membership = row_id(&rows, 0, "membership");
	p_r->password_hash = row_text(&rows, 0, "password_hash");
	p_r->state = row_text(&rows, 0, "state");
	return 0;
}

static const char *hash_of(struct rq *rq, const char *audience, const char *key, const char *place)
{
	const char *text = arena_printf(rq->arena, "%s\n%s\n%s", audience, key, place);
	uint8_t hash[HASH_SIZE];

	crypt_sha256(text, strlen(text), hash);
	return arena_strdup(rq->arena, arg_bytes(rq->arena, hash, sizeof(hash)));
}

/* Refuse with too_many_attempts while this address is blocked, known or not: nothing is told by it.
 */
static int check_blocked(struct rq *rq, const struct person *p)
{
	struct rows rows;
	int64_t until;

	TRY(look(rq, &sql_session_claim, &sql_session_blocked,
	         ARGS({"firm", arg_id(rq->arena, &p->firm)}, {"pair", p->pair},
	              {"account", p->account}, {"ip", rq->addr},
	              {"membership", arg_id(rq->arena, &p->membership)},
	              {"pair_max", arg_int(rq->arena, PAIR_FAILURES_MAX)},
	              {"account_max", arg_int(rq->arena, ACCOUNT_FAILURES_MAX)}),
	         &rows));
	until = row_time(&rows, 0, "until");
	if (until == TIME_NULL)
		return 0;
	rq->err.retry_after_s = (int)((until - rq->now) / 1000 + 1);
	return err_set(&rq->err, PROBLEM_too_many_attempts,
	               "Too many wrong passwords for this address; wait, then try again.");
}

static bool may_sign_in(const struct person *p)
{
	return p->state != NULL &&
	       (strcmp(p->state, "active") == 0 || strcmp(p->state, "pending_verification") == 0);
}

/* A failed attempt is counted and on record although the request changes nothing else (promise
 * P19). */
static int refuse(struct rq *rq, const struct person *p)
{
	struct actor nobody = {.type = "system", .id = id_none, .name = "Portico"};
	struct audit_entry entry = {
		.action = "auth.login",
		.object_type = "membership",
		.object = p->membership,
		.outcome = "denied",
		.ip = rq->addr,
		.request_id = rq->request_id,
	};

	if (!id_is_none(&p->firm)) {
		TRY(db_query(&rq->db, &sql_session_failed,
		             ARGS({"pair", p->pair}, {"account", p->account}), NULL));
		TRY(audit_write(&rq->db, &nobody, &entry, rq->now));
		TRY(db_commit(&rq->db));
	}
	return err_set(&rq->err, PROBLEM_invalid_credentials,
	               "The address or the password is wrong.");
}

int session_login(struct rq *rq)
{
	struct person person = {0};
	struct login_in in = {0};
	const char *key;
	int right;

	TRY(body_read(rq, login_in_entity.fields, FIELD_CREATE, &in, NULL));
	if (email_parse(rq->arena, in.email, NULL, &key) < 0)
		key = in.email;
	TRY(person_find(rq, &in, key, &person));
	person.pair = hash_of(rq, in.audience, key, rq->addr == NULL ? "" : rq->addr);
	person.account = hash_of(rq, in.audience, key, "");
	if (!id_is_none(&person.firm))
		TRY(check_blocked(rq, &person));
	right = password_verify(in.password, person.password_hash, &rq->err);
	TRY(right);
	rq->who.firm = person.firm;
	db_bind(&rq->db, "firm", arg_id(rq->arena, &person.firm));
	db_prelude(&rq->db, &sql_session_claim, NULL, NULL);
	if (!right || !may_sign_in(&person))
		return refuse(rq, &person);
	TRY(db_query(&rq->db, &sql_session_succeeded, ARGS({"pair", person.pair}), NULL));
	return sign_in(rq, &person.firm, &person.membership, in.transport);
}

int session_logout(struct rq *rq)
{
	TRY(db_query(&rq->db, &sql_session_end,
	             ARGS({"session", arg_id(rq->arena, &rq->who.session)}), NULL));
	auth_cookie(rq, NULL, 0);
	return reply_none(rq);
}

int session_get(struct rq *rq)
{
	const char *json = session_json(rq, &rq->who.session);

	return json == NULL ? -1 : reply_json(rq, 200, json, strlen(json));
}
