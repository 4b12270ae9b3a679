/* session.c - signing in with a password, signing out, and the sessions of a person.
 *
 * POST /v1/auth/login   POST /v1/auth/mfa   POST /v1/auth/refresh
 * POST /v1/auth/logout   GET /v1/auth/session
 * GET,DELETE /v1/auth/sessions   DELETE /v1/auth/sessions/{session_id}
 */
#include "session.h"

#include "auth.h"
#include "crypt.h"
#include "guess.h"
#include "reply.h"
#include "res.h"
#include "signin.h"
#include "sql_session.h"
#include "text.h"
#include "token.h"

/* What the database knows of somebody who wants to sign in. */
struct person {
	struct guess guess; /* of the firm and the membership */
	const char *password_hash, *state;
	const char *sign_in; /* the firm's way; NULL: no such firm */
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
	p_r->guess.firm = row_id(&rows, 0, "firm");
	p_r->guess.membership = row_id(&rows, 0, "membership");
	p_r->password_hash = row_text(&rows, 0, "password_hash");
	p_r->state = row_text(&rows, 0, "state");
	p_r->sign_in = row_text(&rows, 0, "sign_in");
	return 0;
}

static bool may_sign_in(const struct person *p)
{
	return p->state != NULL &&
	       (strcmp(p->state, "active") == 0 || strcmp(p->state, "pending_verification") == 0);
}

/* The same for everybody, before any password is looked at (model C1). */
static int by_password(struct rq *rq, const struct login_in *in, const struct person *p)
{
	if (p->sign_in == NULL || strcmp(in->audience, "staff") == 0 ||
	    strcmp(p->sign_in, "passwordless") != 0)
		return 0;
	return err_set(&rq->err, PROBLEM_password_sign_in_disabled,
	               "This firm signs its clients in by mailed links.");
}

int session_login(struct rq *rq)
{
	struct person person = {.guess = {.action = "auth.login"}};
	const struct guess *guess = &person.guess;
	struct login_in in = {0};
	const char *key;
	int right;

	TRY(body_read(rq, login_in_entity.fields, FIELD_CREATE, &in, NULL));
	if (email_parse(rq->arena, in.email, NULL, &key) < 0)
		key = in.email;
	TRY(person_find(rq, &in, key, &person));
	TRY(by_password(rq, &in, &person));
	guess_begin(rq, in.audience, key, &person.guess);
	TRY(guess_allowed(rq, guess));
	right = password_verify(in.password, person.password_hash, &rq->err);
	if (right < 0)
		return guess_forget(rq, guess);
	rq->who.firm = guess->firm;
	db_bind(&rq->db, "firm", arg_id(rq->arena, &guess->firm));
	db_prelude(&rq->db, &sql_session_claim, NULL, NULL);
	if (!right || !may_sign_in(&person))
		return guess_wrong(rq, guess, "The address or the password is wrong.");
	TRY(guess_right(rq, guess));
	return sign_in_by_password(rq, &guess->firm, &guess->membership, in.transport,
	                           person.password_hash);
}

int session_mfa(struct rq *rq)
{
	struct mfa_in in = {0};

	TRY(body_read(rq, mfa_in_entity.fields, FIELD_CREATE, &in, NULL));
	return sign_in_second(rq, in.mfa_token, in.code, in.transport);
}

int session_refresh(struct rq *rq)
{
	struct refresh_in in = {0};
	struct device claimed;

	TRY(body_read(rq, refresh_in_entity.fields, FIELD_CREATE, &in, NULL));
	if (token_refresh_claims(rq->arena, in.refresh_token, &claimed) < 0)
		return err_set(&rq->err, PROBLEM_refresh_token_invalid,
		               "That is no refresh token.");
	rq->who.firm = claimed.firm;
	db_bind(&rq->db, "firm", arg_id(rq->arena, &claimed.firm));
	db_prelude(&rq->db, &sql_session_claim, NULL, NULL);
	return sign_in_again(rq, in.refresh_token);
}

int session_logout(struct rq *rq)
{
	TRY(db_query(&rq->db, &sql_session_end,
	             ARGS({"session", arg_id(rq->arena, &rq->who.session)}), NULL));
	TRY(record_act(rq, "auth.logout", "membership", rq->who.membership));
	auth_cookie(rq, NULL, 0);
	return reply_none(rq);
}

int session_get(struct rq *rq)
{
	const char *json = session_json(rq, &rq->who.session);

	return json == NULL ? auth_gone(rq) : reply_json(rq, 200, json, strlen(json));
}

/* One's own devices: what is signed in now, and nothing that has ended of itself. */
int session_list(struct rq *rq)
{
	return reply_list(rq, &session_info_entity, &sql_session_list,
	                  ARGS({"session", arg_id(rq->arena, &rq->who.session)}));
}

int session_revoke(struct rq *rq)
{
	TRY(change_one(rq, &sql_session_revoke, NULL));
	TRY(record_act(rq, "auth.session_ended", "session", rq->ids[0]));
	if (rq->by_cookie && id_equal(&rq->ids[0], &rq->who.session))
		auth_cookie(rq, NULL, 0);
	return reply_none(rq);
}

int session_revoke_others(struct rq *rq)
{
	TRY(db_query(&rq->db, &sql_session_hold, NULL, NULL));
	TRY(db_query(&rq->db, &sql_session_revoke_others,
	             ARGS({"session", arg_id(rq->arena, &rq->who.session)}), NULL));
	TRY(record_act(rq, "auth.sessions_ended", "membership", rq->who.membership));
	return reply_none(rq);
}
