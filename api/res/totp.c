/* totp.c - the second factor of a person, set up and switched off by the person.
 *
 * POST /v1/auth/totp   POST /v1/auth/totp/confirm   POST /v1/auth/totp/disable
 * POST /v1/auth/recovery_codes
 */
#include "auth.h"
#include "factor.h"
#include "reply.h"
#include "res.h"
#include "session.h"
#include "sql_totp.h"

#include <ctype.h>

/* How long a secret may wait for its first code: as long as it takes to install an app. */
enum { CONFIRM_SECONDS = 10 * 60 };

/*
 * Whose it is, read in units of their own so that the try at a code is counted whatever becomes of
 * the request, whose own unit verifies the session once more.
 */
static int caller_load(struct rq *rq, struct who *who, struct factor *f)
{
	int live = auth_optional(rq, who);

	TRY(live);
	if (!live)
		return err_set(&rq->err, PROBLEM_unauthenticated,
		               "The session is not known, or has ended.");
	return factor_load(rq, &who->identity, f);
}

/* One word of a URL (RFC 3986). */
static void put_escaped(struct buf *b, const char *text)
{
	for (const char *c = text; *c != '\0'; c++) {
		if (isalnum((unsigned char)*c) || strchr("-._~@", *c) != NULL)
			buf_char(b, *c);
		else
			buf_printf(b, "%%%02X", (unsigned char)*c);
	}
}

/* What the apps read from a QR code. */
static const char *otpauth_url(struct rq *rq, const char *issuer, const char *secret)
{
	struct buf b;

	buf_init(&b, rq->arena, 8192);
	buf_str(&b, "otpauth://totp/");
	put_escaped(&b, issuer);
	buf_char(&b, ':');
	put_escaped(&b, rq->who.email);
	buf_printf(&b, "?secret=%s&issuer=", secret);
	put_escaped(&b, issuer);
	buf_str(&b, "&algorithm=SHA1&digits=6&period=30");
	return b.data;
}

int totp_start(struct rq *rq)
{
	struct totp_enrolment enrolment;
	uint8_t secret[TOTP_SECRET_SIZE];
	struct rows rows;

	TRY(auth_recent(rq));
	crypt_random(secret, sizeof(secret));
	TRY(db_query(&rq->db, &sql_totp_start,
	             ARGS({"identity", arg_id(rq->arena, &rq->who.identity)},
	                  {"secret", factor_seal(rq, secret)}),
	             &rows));
	if (!row_bool(&rows, 0, "done"))
		return err_set(&rq->err, PROBLEM_totp_already_enabled,
		               "Switch the second factor off first, to set up another.");
	enrolment.secret = totp_text(rq->arena, secret);
	enrolment.otpauth_url = otpauth_url(rq, row_text(&rows, 0, "firm_name"), enrolment.secret);
	TRY(record_act(rq, "auth.totp_started", "membership", rq->who.membership));
	return reply_created(rq, &totp_enrolment_entity, &enrolment, 0, NULL);
}

static int confirm_expired(struct rq *rq)
{
	return err_set(&rq->err, PROBLEM_challenge_expired,
	               "There is no secret that waits to be confirmed: begin again.");
}

/* The first code of a secret that does not count yet: it is the caller's own, but tries are few. */
static int first_code(struct rq *rq, const struct factor *f, const struct who *who,
                      const char *code, int64_t *step_r)
{
	struct guess guess;

	TRY(factor_try(rq, f, who, "auth.totp_enabled", &guess));
	*step_r = totp_step(f->secret, code, rq->now);
	if (*step_r < 0)
		return guess_wrong(rq, &guess, "The code is not the one that the app shows now.");
	return guess_right(rq, &guess);
}

int totp_confirm(struct rq *rq)
{
	struct recovery_codes codes;
	struct code_in in = {0};
	struct factor f = {0};
	struct who who;
	struct rows rows;
	int64_t step;

	TRY(body_read(rq, code_in_entity.fields, FIELD_CREATE, &in, NULL));
	TRY(caller_load(rq, &who, &f));
	if (!f.known || f.confirmed || rq->now >= f.started_at + CONFIRM_SECONDS * INT64_C(1000))
		return confirm_expired(rq);
	TRY(first_code(rq, &f, &who, in.code, &step));
	TRY(db_query(&rq->db, &sql_totp_confirm,
	             ARGS({"identity", arg_id(rq->arena, &f.identity)},
	                  {"started_at", arg_time(rq->arena, f.started_at)},
	                  {"step", arg_int(rq->arena, step)},
	                  {"recovery", factor_codes(rq, &f.identity, &codes.codes)},
	                  {"session", arg_id(rq->arena, &who.session)}),
	             &rows));
	if (!row_bool(&rows, 0, "done"))
		return confirm_expired(rq);
	TRY(record_act(rq, "auth.totp_enabled", "membership", who.membership));
	TRY(outbox_mail_credential(&rq->db, &who.membership, "second_factor", rq->now));
	return reply_one(rq, &recovery_codes_entity, &codes, 0);
}

/* Leave to change what is there, by a code of it. */
static int prove(struct rq *rq, const char *action, struct factor *f)
{
	struct code_in in = {0};
	struct guess guess;
	struct who who;

	TRY(body_read(rq, code_in_entity.fields, FIELD_CREATE, &in, NULL));
	TRY(caller_load(rq, &who, f));
	TRY(factor_try(rq, f, &who, action, &guess));
	return factor_use(rq, f, in.code, &guess);
}

int totp_disable(struct rq *rq)
{
	const struct arg *args;
	struct factor f;
	struct rows rows;

	TRY(prove(rq, "auth.totp_disabled", &f));
	args = ARGS({"identity", arg_id(rq->arena, &f.identity)});
	TRY(db_query(&rq->db, &sql_totp_required, args, &rows));
	if (row_bool(&rows, 0, "required"))
		return err_set(&rq->err, PROBLEM_totp_required_by_firm,
		               "A firm whose staff you belong to wants a second factor.");
	TRY(db_query(&rq->db, &sql_totp_remove, args, NULL));
	TRY(record_act(rq, "auth.totp_disabled", "membership", rq->who.membership));
	TRY(outbox_mail_credential(&rq->db, &rq->who.membership, "second_factor", rq->now));
	return reply_none(rq);
}

int totp_recovery_codes(struct rq *rq)
{
	struct recovery_codes codes;
	struct factor f;

	TRY(prove(rq, "auth.recovery_codes", &f));
	TRY(db_query(&rq->db, &sql_totp_renew,
	             ARGS({"identity", arg_id(rq->arena, &f.identity)},
	                  {"recovery", factor_codes(rq, &f.identity, &codes.codes)}),
	             NULL));
	TRY(record_act(rq, "auth.recovery_codes", "membership", rq->who.membership));
	TRY(outbox_mail_credential(&rq->db, &rq->who.membership, "second_factor", rq->now));
	return reply_one(rq, &recovery_codes_entity, &codes, 0);
}
