/* password.c - the password that a person signs in with, changed by the person.
 *
 * PUT /v1/auth/password
 */
#include "auth.h"
#include "crypt.h"
#include "guess.h"
#include "reply.h"
#include "res.h"
#include "session.h"
#include "sql_password.h"

/* How long somebody who has just chosen a password by a mailed link may choose another without it.
 */
enum { FRESH_SECONDS = 10 * 60 };

/* Whose password it is, and what it is now. */
struct credential {
	struct who who;
	struct guess guess;
	const char *hash, *email_key, *firm_name, *sign_in;
	bool alone; /* the password is all that is asked of somebody on a staff */
	int64_t set_at;
};

/*
 * Read in units of their own, the first of which verifies the session, so that no connection is
 * held while passwords are hashed. The request's unit verifies it once more before it writes.
 */
static int credential_load(struct rq *rq, struct credential *c)
{
	int live = auth_optional(rq, &c->who);
	struct rows row;

	TRY(live);
	if (!live)
		return err_set(&rq->err, PROBLEM_unauthenticated,
		               "The session is not known, or has ended.");
	TRY(look(rq, &sql_password_claim, &sql_password_credential,
	         ARGS({"firm", arg_id(rq->arena, &c->who.firm)},
	              {"membership", arg_id(rq->arena, &c->who.membership)}),
	         &row));
	if (row.n == 0)
		return err_set(&rq->err, PROBLEM_unauthenticated, "The session has ended.");
	c->hash = row_text(&row, 0, "password_hash");
	c->set_at = row_time(&row, 0, "set_at");
	c->email_key = row_text(&row, 0, "email_key");
	c->firm_name = row_text(&row, 0, "firm_name");
	c->sign_in = row_text(&row, 0, "sign_in");
	c->alone = row_bool(&row, 0, "alone");
	return 0;
}

/* Did this very session begin with the choice of the password, a moment ago? */
static bool is_fresh(const struct rq *rq, const struct credential *c)
{
	return c->hash != NULL && c->set_at == c->who.authenticated_at &&
	       rq->now < c->set_at + FRESH_SECONDS * INT64_C(1000);
}

/* A session that was left open is no leave to guess: wrong ones count as at signing in. */
static int prove(struct rq *rq, const char *current, struct credential *c)
{
	int right;

	c->guess = (struct guess){.firm = c->who.firm,
	                          .membership = c->who.membership,
	                          .action = "auth.password_changed"};
	guess_begin(rq, c->who.audience, c->email_key, &c->guess);
	if (current == NULL && is_fresh(rq, c)) {
		c->guess.firm = id_none; /* there is nothing to guess */
		return 0;
	}
	if (current == NULL)
		return err_set(&rq->err, PROBLEM_recent_sign_in_required,
		               "Send current_password: it may be left out only right after "
		               "the password was chosen by a mailed link. Whoever has none, or has "
		               "forgotten it, is mailed a link to choose one.");
	TRY(guess_allowed(rq, &c->guess));
	right = password_verify(current, c->hash, &rq->err);
	if (right < 0)
		return guess_forget(rq, &c->guess);
	return right ? 0 : guess_wrong(rq, &c->guess, "The current password is another.");
}

/* In exchange for the one that was proved; all other sessions of the person end, in every firm. */
static int exchange(struct rq *rq, const struct credential *c, const char *hash)
{
	struct rows rows;

	/* first, as whoever signs in does: else the two wait for each other */
	TRY(guess_right(rq, &c->guess));
	TRY(db_query(&rq->db, &sql_password_change,
	             ARGS({"identity", arg_id(rq->arena, &c->who.identity)}, {"old_hash", c->hash},
	                  {"new_hash", hash}, {"session", arg_id(rq->arena, &c->who.session)}),
	             &rows));
	if (!row_bool(&rows, 0, "done"))
		return err_set(&rq->err, PROBLEM_invalid_credentials,
		               "The password has just been changed.");
	TRY(record_act(rq, "auth.password_changed", "membership", c->who.membership));
	return outbox_mail_credential(&rq->db, &c->who.membership, "password", rq->now);
}

int password_put(struct rq *rq)
{
	char hash[PASSWORD_HASH_SIZE];
	struct password_in in = {0};
	struct credential c = {0};
	const char *words[4] = {NULL};

	TRY(body_read(rq, password_in_entity.fields, FIELD_CREATE, &in, NULL));
	TRY(credential_load(rq, &c));
	if (strcmp(c.who.audience, "portal") == 0 && strcmp(c.sign_in, "passwordless") == 0)
		return err_set(&rq->err, PROBLEM_password_sign_in_disabled,
		               "This firm signs its clients in by mailed links.");
	words[0] = c.firm_name;
	words[1] = c.who.email;
	words[2] = c.who.name;
	TRY(password_check(in.new_password, c.alone, words, "/new_password", &rq->err));
	TRY(prove(rq, in.current_password, &c));
	TRY(password_hash(in.new_password, hash, &rq->err));
	TRY(exchange(rq, &c, hash));
	return reply_none(rq);
}
