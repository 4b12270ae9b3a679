/* password_reset.c - another password for whoever has forgotten theirs, by a mailed link.
 *
 * POST /v1/auth/password_resets   POST /v1/auth/password_resets/redeem
 */
#include "crypt.h"
#include "mailed.h"
#include "post.h"
#include "reply.h"
#include "res.h"
#include "sql_password_reset.h"

static int no_passwords(struct rq *rq)
{
	return err_set(&rq->err, PROBLEM_password_sign_in_disabled,
	               "This firm signs its clients in by mailed links.");
}

/* By the address that the person signs in with, whatever the contact's is by now (S2-21). */
int password_reset_request(struct rq *rq)
{
	struct reset_in in = {0};
	struct asker asker;

	TRY(body_read(rq, reset_in_entity.fields, FIELD_CREATE, &in, NULL));
	TRY(asker_find(rq, in.firm, in.audience, in.email, &asker));
	if (!asker_by_password(&asker))
		return no_passwords(rq);
	TRY(asker_count(rq, &asker, MAILED_RESET, "auth.password_reset_asked"));
	TRY(post_token(rq, &asker, MAILED_RESET, NULL));
	TRY(asker_record(rq, &asker, "auth.password_reset_asked"));
	return reply_accepted(rq);
}

/* Whoever holds the link is the one who acts, for the audit log. */
static void act_as(struct rq *rq, const struct posted *p)
{
	rq->who.known = true;
	rq->who.membership = p->membership;
	rq->who.audience = p->audience;
	rq->who.name = p->name;
}

static int use(struct rq *rq, const struct posted *p, const char *hash)
{
	struct rows rows;

	TRY(posted_lock(rq, p));
	TRY(db_query(&rq->db, &sql_password_reset_use,
	             ARGS({"token", arg_id(rq->arena, &p->token)},
	                  {"identity", arg_id(rq->arena, &p->identity)}, {"password_hash", hash}),
	             &rows));
	if (!row_bool(&rows, 0, "done"))
		return posted_lost(rq, p);
	act_as(rq, p);
	TRY(record_act(rq, "auth.password_reset", "membership", p->membership));
	return outbox_mail_credential(&rq->db, &p->membership, "password", rq->now);
}

/* A password that is too weak costs nothing: the link stays good. */
int password_reset_redeem(struct rq *rq)
{
	char hash[PASSWORD_HASH_SIZE];
	struct reset_redeem_in in = {0};
	struct posted p;
	const char *words[4] = {NULL};

	TRY(body_read(rq, reset_redeem_in_entity.fields, FIELD_CREATE, &in, NULL));
	TRY(posted_open(rq, in.token, MAILED_RESET, PROBLEM_token_expired, &p));
	if (strcmp(p.audience, "portal") == 0 && strcmp(p.sign_in, "passwordless") == 0)
		return no_passwords(rq);
	words[0] = p.firm_name;
	words[1] = p.email;
	words[2] = p.name;
	TRY(password_check(in.new_password, p.alone, words, "/new_password", &rq->err));
	TRY(password_hash(in.new_password, hash, &rq->err));
	TRY(use(rq, &p, hash));
	return reply_none(rq);
}
