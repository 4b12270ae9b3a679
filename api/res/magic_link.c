/* magic_link.c - signing in by mail: with the link, or on another device with the code beside it.
 *
 * POST /v1/auth/magic_links   POST /v1/auth/magic_links/redeem
 */
#include "crypt.h"
#include "guess.h"
#include "mailed.h"
#include "post.h"
#include "reply.h"
#include "res.h"
#include "signin.h"
#include "sql_magic_link.h"

static int not_by_mail(struct rq *rq)
{
	return err_set(&rq->err, PROBLEM_passwordless_disabled,
	               "The firm signs its people in with a password.");
}

static int request_judge(struct rq *rq, const void *entity)
{
	mailed_check_challenge(entity, &rq->err);
	return 0;
}

int magic_link_request(struct rq *rq)
{
	struct magic_link_in in = {0};
	struct asker asker;

	TRY(body_read_judged(rq, &magic_link_in_entity, FIELD_CREATE, &in, NULL, request_judge));
	TRY(asker_find(rq, in.firm, in.audience, in.email, &asker));
	if (!asker_by_mail(&asker))
		return not_by_mail(rq);
	TRY(asker_count(rq, &asker, MAILED_SIGN_IN, "auth.magic_link"));
	TRY(post_token(rq, &asker, MAILED_SIGN_IN, in.code_challenge));
	TRY(asker_record(rq, &asker, "auth.magic_link"));
	return reply_accepted(rq);
}

/* On record, as a wrong password is. Always -1. */
static int wrong(struct rq *rq, struct guess *guess)
{
	guess->wrong = PROBLEM_invalid_code;
	return guess_wrong(
		rq, guess,
		"The link or the code is wrong, or not good any more: ask for a new mail.");
}

/*
 * Whoever asked with a challenge proves to be the one who asked (RFC 7636 4.6, S256): 1 yes or none
 * was sent, 0 no, -1 with code_verifier_required.
 */
static int verifier_fits(struct rq *rq, const char *challenge, const char *verifier)
{
	uint8_t hash[HASH_SIZE];

	if (challenge == NULL)
		return 1;
	if (verifier == NULL) {
		err_set(&rq->err, PROBLEM_code_verifier_required,
		        "The mail was asked for with a code_challenge.");
		return err_fault(&rq->err, "/code_verifier", "required", "Send its verifier.");
	}
	crypt_sha256(verifier, strlen(verifier), hash);
	return strcmp(crypt_base64(rq->arena, hash, sizeof(hash)), challenge) == 0;
}

/* ---- by the link ---- */

static int use_token(struct rq *rq, const struct posted *p)
{
	struct rows rows;

	TRY(posted_lock(rq, p));
	TRY(db_query(&rq->db, &sql_magic_link_share, ARGS({"email_key", p->email_key}), NULL));
	TRY(db_query(&rq->db, &sql_magic_link_use, ARGS({"token", arg_id(rq->arena, &p->token)}),
	             &rows));
	return rows.n > 0 ? 0 : posted_lost(rq, p);
}

/* Somebody else has the mail. */
static int not_who_asked(struct rq *rq, const struct posted *p)
{
	struct guess guess = {.firm = p->firm, .membership = p->membership, .action = "auth.login"};

	TRY(posted_lock(rq, p));
	return wrong(rq, &guess);
}

static int redeem_token(struct rq *rq, const struct magic_redeem_in *in)
{
	struct posted posted;
	int fits;

	TRY(posted_open(rq, in->token, MAILED_SIGN_IN, PROBLEM_invalid_code, &posted));
	if (strcmp(posted.sign_in, "password") == 0)
		return not_by_mail(rq);
	fits = verifier_fits(rq, posted.challenge, in->code_verifier);
	TRY(fits);
	if (!fits)
		return not_who_asked(rq, &posted);
	TRY(use_token(rq, &posted));
	return sign_in(rq, &posted.firm, &posted.membership, in->transport);
}

/* ---- by the code ---- */

/* The row whose code it is; -1: none. */
static int row_of_code(struct rq *rq, const struct rows *rows, const char *code)
{
	for (int i = 0; code != NULL && i < rows->n; i++) {
		struct id token = row_id(rows, i, "id");
		const uint8_t *nonce;
		const char *right;

		if (row_bytes(rows, i, "nonce", rq->arena, &nonce) != NONCE_SIZE)
			continue;
		right = mail_code(rq->arena, MAILED_CODE, &token, nonce);
		if (crypt_equal(right, code, strlen(right)))
			return i;
	}
	return -1;
}

/* A right code that came too late is told so: who knows it has had the mail. Always -1. */
static int code_refuse(struct rq *rq, struct guess *guess, const struct arg *whose,
                       const char *code)
{
	struct rows last;
	int i;

	TRY(db_query(&rq->db, &sql_magic_link_last, whose, &last));
	i = row_of_code(rq, &last, code);
	if (i >= 0 && strcmp(row_text(&last, i, "state"), "used") == 0)
		return posted_refuse(rq, "used");
	if (i >= 0 && row_bool(&last, i, "expired"))
		return posted_refuse(rq, "open");
	return wrong(rq, guess);
}

/* The code is right: use it up, if the verifier is. */
static int use_code(struct rq *rq, const struct magic_redeem_in *in, struct guess *guess,
                    const struct rows *live, int i)
{
	struct id token = row_id(live, i, "id"), membership = row_id(live, i, "membership_id");
	int fits = verifier_fits(rq, row_text(live, i, "code_challenge"), in->code_verifier);

	TRY(fits);
	if (!fits)
		return wrong(rq, guess);
	TRY(change_one(rq, &sql_magic_link_use, ARGS({"token", arg_id(rq->arena, &token)})));
	TRY(guess_right(rq, guess));
	return sign_in(rq, &guess->firm, &membership, in->transport);
}

static int redeem_code(struct rq *rq, const struct magic_redeem_in *in)
{
	const char *code = mailed_code_read(rq->arena, in->code);
	struct guess guess = {.action = "auth.login"};
	const struct arg *whose;
	struct asker asker;
	struct rows live;
	int i;

	TRY(asker_find(rq, in->firm, "portal", in->email, &asker));
	if (!asker_by_mail(&asker))
		return not_by_mail(rq);
	guess.firm = asker.firm;
	guess.membership = asker.membership;
	guess_begin(rq, "mail", asker.email_key, &guess);
	TRY(guess_allowed(rq, &guess));
	asker_claim(rq, &asker);
	whose = ARGS({"email_key", asker.email_key},
	             {"tries_max", arg_int(rq->arena, MAILED_TRIES_MAX)});
	TRY(db_query(&rq->db, &sql_magic_link_lock, whose, NULL));
	TRY(db_query(&rq->db, &sql_magic_link_share, whose, NULL));
	TRY(db_query(&rq->db, &sql_magic_link_try, whose, &live));
	i = row_of_code(rq, &live, code);
	return i < 0 ? code_refuse(rq, &guess, whose, code) : use_code(rq, in, &guess, &live, i);
}

/* What was redeemed, and which members of it were sent. */
struct redeemed {
	struct magic_redeem_in in;
	uint64_t sent;
};

static int redeem_judge(struct rq *rq, const void *entity)
{
	mailed_check_redeem(((const struct redeemed *)entity)->sent, &rq->err);
	return 0;
}

int magic_link_redeem(struct rq *rq)
{
	struct redeemed r = {0};

	TRY(body_read_judged(rq, &magic_redeem_in_entity, FIELD_CREATE, &r, &r.sent, redeem_judge));
	return r.in.token != NULL ? redeem_token(rq, &r.in) : redeem_code(rq, &r.in);
}
