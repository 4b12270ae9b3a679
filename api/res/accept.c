/* accept.c - what the invited do with the link of their mail: look, and come in.
 *
 * POST /v1/invitations/preview   POST /v1/invitations/accept
 */
#include "auth.h"
#include "crypt.h"
#include "firm_show.h"
#include "guess.h"
#include "invitation.h"
#include "invite.h"
#include "reply.h"
#include "res.h"
#include "session.h"
#include "setting.h"
#include "signin.h"
#include "sql_accept.h"
#include "text.h"

/* A token that was looked up and is good: open, not expired. */
struct opened {
	struct id firm, invitation, membership, identity;
	const char *email, *email_key, *name, *password_hash, *audience;
	const char *slug, *firm_name, *portal_url, *accent_color, *sign_in;
	bool self_registration;
	bool alone; /* the password is all that will be asked of somebody on the staff */
	bool other; /* `email` is not the invited one: this is the mail that proves it (C7) */
	bool email_locked; /* only the invited one is taken */
	int64_t expires_at;
	const char *proved; /* the hash of the password that was proved; NULL: none was */
};

static int revoked(struct rq *rq)
{
	return err_set(&rq->err, PROBLEM_invitation_revoked,
	               "A newer invitation was sent, or this one was withdrawn: use the latest "
	               "mail, or ask the firm for a new one.");
}

static int state_check(struct rq *rq, const struct rows *row)
{
	const char *state = row_text(row, 0, "state");

	if (strcmp(state, "accepted") == 0)
		return err_set(&rq->err, PROBLEM_invitation_used,
		               "The invitation has been used: sign in instead.");
	if (strcmp(state, "open") != 0)
		return revoked(rq);
	if (row_time(row, 0, "expires_at") <= rq->now)
		return err_set(&rq->err, PROBLEM_invitation_expired,
		               "The invitation has expired: ask the firm to send a new one.");
	return 0;
}

static void opened_read(const struct rows *row, struct opened *o)
{
	o->membership = row_id(row, 0, "membership_id");
	o->identity = row_id(row, 0, "identity");
	o->email = row_text(row, 0, "email");
	o->email_key = row_text(row, 0, "email_key");
	o->name = row_text(row, 0, "display_name");
	o->password_hash = row_text(row, 0, "password_hash");
	o->audience = row_text(row, 0, "audience");
	o->slug = row_text(row, 0, "slug");
	o->firm_name = row_text(row, 0, "firm_name");
	o->portal_url = row_text(row, 0, "portal_url");
	o->accent_color = row_text(row, 0, "accent_color");
	o->sign_in = row_text(row, 0, "sign_in");
	o->self_registration = row_bool(row, 0, "self_registration");
	o->alone = row_bool(row, 0, "alone");
	o->email_locked = row_bool(row, 0, "email_locked");
	o->expires_at = row_time(row, 0, "expires_at");
}

/* Is it the token of the mail to the other address? */
static bool is_other(struct rq *rq, const char *token, const struct rows *row,
                     const struct opened *o)
{
	const char *key = row_text(row, 0, "other_email_key");
	uint8_t nonce[NONCE_SIZE];

	if (key == NULL)
		return false;
	mail_nonce(key, nonce);
	return mail_token_verify(rq->arena, token, ADDRESS_PURPOSE, &o->firm, &o->invitation,
	                         nonce);
}

/* Where an address was typed, it may be the link of one that was typed before. Always -1. */
static int no_link(struct rq *rq, const struct rows *row)
{
	if (row_text(row, 0, "other_email_key") != NULL)
		return revoked(rq);
	return err_set(&rq->err, PROBLEM_not_found, "This is no link of ours.");
}

static void opened_other(const struct rows *row, struct opened *o)
{
	o->other = true;
	o->email = row_text(row, 0, "other_email");
	o->email_key = row_text(row, 0, "other_email_key");
	o->identity = row_id(row, 0, "other_identity");
	o->password_hash = row_text(row, 0, "other_password_hash");
}

/*
 * Look up what a token opens, in a unit of its own: reading it consumes nothing (pitfall P1), and
 * no connection is held while a password is hashed. not_found for what is no token of ours.
 */
static int open_token(struct rq *rq, const char *token, struct opened *o)
{
	const uint8_t *nonce;
	struct rows row;

	*o = (struct opened){0};
	if (mail_token_claims(rq->arena, token, &o->firm, &o->invitation) < 0 ||
	    id_is_none(&o->firm))
		return err_set(&rq->err, PROBLEM_not_found, "This is no link of ours.");
	TRY(look(rq, &sql_accept_claim, &sql_accept_open,
	         ARGS({"firm", arg_id(rq->arena, &o->firm)},
	              {"invitation", arg_id(rq->arena, &o->invitation)}),
	         &row));
	if (row.n == 0 || row_bytes(&row, 0, "nonce", rq->arena, &nonce) != NONCE_SIZE)
		return err_set(&rq->err, PROBLEM_not_found, "This is no link of ours.");
	opened_read(&row, o);
	if (is_other(rq, token, &row, o))
		opened_other(&row, o);
	else if (!mail_token_verify(rq->arena, token, INVITATION_PURPOSE, &o->firm, &o->invitation,
	                            nonce))
		return no_link(rq, &row);
	TRY(state_check(rq, &row));
	return o->other && o->email_locked ? revoked(rq) : 0;
}

static const char *firm_of(struct rq *rq, const struct opened *o)
{
	struct firm_public firm = {
		.slug = o->slug,
		.name = o->firm_name,
		.portal_url = o->portal_url != NULL ? o->portal_url : this_worker.conf.public_url,
		.accent_color = o->accent_color,
		.sign_in = o->sign_in,
		.self_registration = o->self_registration,
		.password_min_length = o->alone ? PASSWORD_LENGTH_STAFF : PASSWORD_LENGTH_MIN,
	};

	if (o->self_registration)
		firm.registration_url =
			arena_printf(rq->arena, "%s/register?firm=%s", firm.portal_url, o->slug);
	return firm_public_json(rq, &firm);
}

/* May the person sign in with a password; may they without one? Staff always have one (model C1).
 */
static bool asks_password(const struct opened *o)
{
	return strcmp(o->audience, "staff") == 0 || strcmp(o->sign_in, "passwordless") != 0;
}

static bool opens_by_mail(const struct opened *o)
{
	return strcmp(o->audience, "staff") != 0 && strcmp(o->sign_in, "password") != 0;
}

int invitation_preview(struct rq *rq)
{
	struct token_in in = {0};
	struct opened o;
	struct invitation_preview preview;

	TRY(body_read(rq, token_in_entity.fields, FIELD_CREATE, &in, NULL));
	TRY(open_token(rq, in.token, &o));
	preview = (struct invitation_preview){
		.firm = firm_of(rq, &o),
		.email = o.email,
		.name = o.name,
		.requires_password = asks_password(&o) && !opens_by_mail(&o),
		.credential = !asks_password(&o)        ? "none"
	                      : o.password_hash != NULL ? "existing"
	                                                : "new",
		.email_locked = o.email_locked,
		.expires_at = o.expires_at,
	};
	return reply_one(rq, &invitation_preview_entity, &preview, 0);
}

/*
 * Whoever is signed in must be the invited person (pitfall P5): their session then proves the
 * credential; somebody else's is told so, with a hint that gives nothing away.
 */
static int session_fits(struct rq *rq, struct opened *o)
{
	struct who who;
	const char *key;
	int live = auth_optional(rq, &who);

	TRY(live);
	if (!live)
		return 0;
	if (email_parse(rq->arena, who.email, NULL, &key) == 0 && strcmp(key, o->email_key) == 0) {
		o->proved = o->password_hash;
		return 0;
	}
	return err_set(&rq->err, PROBLEM_signed_in_as_other,
	               "The invitation is for %s; sign out first.",
	               email_masked(rq->arena, o->email));
}

/* A link that somebody passed on is no leave to guess: it counts as signing in does. */
static int password_prove(struct rq *rq, const struct accept_in *in, struct opened *o)
{
	struct guess guess = {
		.firm = o->firm, .membership = o->membership, .action = "invitation.accept"};
	int right;

	guess_begin(rq, o->audience, o->email_key, &guess);
	TRY(guess_allowed(rq, &guess));
	right = password_verify(in->password, o->password_hash, &rq->err);
	if (right < 0)
		return guess_forget(rq, &guess);
	if (!right)
		return guess_wrong(rq, &guess,
		                   "This address has an account: the password for it is another.");
	o->proved = o->password_hash;
	return guess_right(rq, &guess);
}

/*
 * A new credential is chosen; a known one is proved, never set (model: identity is global), but has
 * to be good enough for the staff. Where a mailed link is enough to sign in, the invitation is one.
 * Leaves the hash to store in `hash`, empty when there is nothing to store.
 */
static int credential(struct rq *rq, const struct accept_in *in, struct opened *o,
                      char hash[PASSWORD_HASH_SIZE])
{
	const char *words[] = {o->firm_name, o->email, o->name, NULL};

	*hash = '\0';
	TRY(session_fits(rq, o));
	if ((o->proved != NULL && !o->alone) || !asks_password(o))
		return 0;
	if (in->password == NULL && opens_by_mail(o))
		return 0;
	if (in->password == NULL)
		return err_set(&rq->err, PROBLEM_password_required,
		               o->password_hash != NULL ? "Send the password you sign in with."
		                                        : "Choose a password.");
	if (o->password_hash != NULL)
		TRY(password_prove(rq, in, o));
	if (o->password_hash == NULL || o->alone)
		TRY(password_check(in->password, o->alone, words, "/password", &rq->err));
	return o->password_hash != NULL ? 0 : password_hash(in->password, hash, &rq->err);
}

/* The identity of the address: as it is, with its first password, or new, with or without one. */
static int identity_settle(struct rq *rq, struct opened *o, const char *hash)
{
	bool known = !id_is_none(&o->identity), done;
	const struct arg *args;
	struct rows rows;

	if (*hash == '\0' && known)
		return 0;
	if (!known)
		o->identity = id_new();
	args = ARGS({"identity", arg_id(rq->arena, &o->identity)}, {"email", o->email},
	            {"email_key", o->email_key}, {"password_hash", *hash == '\0' ? NULL : hash});
	TRY(db_query(&rq->db, known ? &sql_accept_set_password : &sql_accept_identity, args,
	             &rows));
	done = known ? row_bool(&rows, 0, "done") : row_text(&rows, 0, "id") != NULL;
	return done ? 0 : refuse_once(rq, "The address was just given a sign-in.");
}

/* Changes the invitation while it is open; who comes too late is told why. */
static int while_open(struct rq *rq, const struct opened *o, const struct stmt *change,
                      const struct arg *args)
{
	struct rows rows;

	TRY(invitation_hold(rq, &o->invitation));
	TRY(db_query(&rq->db, change, args, &rows));
	if (rows.n > 0)
		return 0;
	TRY(db_query(&rq->db, &sql_accept_open, args, &rows));
	TRY(state_check(rq, &rows));
	return err_set(&rq->err, PROBLEM_invitation_expired,
	               "The invitation has expired: ask the firm to send a new one.");
}

/* The invitation is used up, and it is the one who calls now that uses it. */
static int take(struct rq *rq, const struct opened *o)
{
	return while_open(rq, o, &sql_accept_take,
	                  ARGS({"invitation", arg_id(rq->arena, &o->invitation)},
	                       {"other_email_key", o->other ? o->email_key : NULL}));
}

/* The contact has the address from now on: a person signs in with one of the contact's (S2-29). */
static int adopt(struct rq *rq, const struct arg *args)
{
	static const char *const names[] = {"emails", NULL};
	struct rows rows;

	TRY(db_query(&rq->db, &sql_accept_adopt, args, &rows));
	if (rows.n == 0)
		return 0;
	return record_change(rq, "contact.updated", row_id(&rows, 0, "id"), id_none, names);
}

/* From now on the identity belongs to the membership, and cannot lose the password that it has. */
static int join(struct rq *rq, const struct opened *o, const char *name)
{
	const char *identity = arg_id(rq->arena, &o->identity);
	const struct arg *args =
		ARGS({"membership", arg_id(rq->arena, &o->membership)}, {"identity", identity},
	             {"name", name}, {"other_email", o->other ? o->email : NULL},
	             {"other_email_key", o->other ? o->email_key : NULL});
	struct rows rows;

	TRY(change_one(rq, &sql_accept_register, args));
	if (o->other)
		TRY(adopt(rq, args));
	if (opens_by_mail(o))
		return 0;
	TRY(db_query(&rq->db, &sql_accept_has_password, ARGS({"identity", identity}), &rows));
	if (row_bool(&rows, 0, "has"))
		return 0;
	return refuse_once(rq, "The address was just given a sign-in.");
}

/* Whoever has joined is the one who acts, for events and the audit log. */
static void act_as(struct rq *rq, const struct opened *o, const char *name)
{
	rq->who.known = true;
	rq->who.membership = o->membership;
	rq->who.audience = o->audience;
	rq->who.name = name != NULL ? name : o->name;
}

/* Another address than that of the link: its key; NULL, none was sent. -1: the firm wants the
 * invited one. */
static int other_address(struct rq *rq, const struct accept_in *in, const struct opened *o,
                         const char **key_r)
{
	*key_r = NULL;
	if (in->email == NULL)
		return 0;
	if (email_parse(rq->arena, in->email, NULL, key_r) < 0)
		return err_fault(&rq->err, "/email", "invalid_email", "This is no address.");
	if (strcmp(*key_r, o->email_key) == 0)
		*key_r = NULL;
	if (*key_r == NULL || !o->email_locked)
		return 0;
	return err_set(&rq->err, PROBLEM_email_mismatch, "The invitation was sent to %s; use that.",
	               email_masked(rq->arena, o->email));
}

static int may_ask(struct rq *rq, const struct opened *o)
{
	const char *key = arg_sha256(rq->arena, arg_id(rq->arena, &o->invitation));
	struct rows rows;
	int64_t until;

	TRY(db_query(&rq->db, &sql_accept_ask_count,
	             ARGS({"key", key}, {"most", arg_int(rq->arena, ADDRESS_ASKED_MAX)},
	                  {"seconds", arg_int(rq->arena, ADDRESS_ASKED_SECONDS)}),
	             &rows));
	until = row_time(&rows, 0, "until");
	if (until == TIME_NULL)
		return 0;
	return refuse_until(
		rq, PROBLEM_too_many_attempts, until,
		"Too many addresses were sent: use one of the mails, or the invited address.");
}

/*
 * Whoever holds the link says where they would rather sign in: a mail goes there, and only its link
 * accepts the invitation for that address (model C7). Until then all stays as it is, so that a
 * typing error locks nobody out. Whether somebody has the address is not told (promise P10).
 */
static int ask_proof(struct rq *rq, const struct opened *o, const char *email, const char *key)
{
	const struct sign_in_result asked = {.state = "confirm_address", .expires_in = INT64_MIN};

	TRY(may_ask(rq, o));
	TRY(while_open(rq, o, &sql_accept_ask_other,
	               ARGS({"invitation", arg_id(rq->arena, &o->invitation)}, {"email", email},
	                    {"email_key", key})));
	act_as(rq, o, NULL);
	TRY(record_act(rq, "invitation.other_address", "invitation", o->invitation));
	TRY(outbox_mail_address(&rq->db, &o->invitation, rq->now));
	return reply_one(rq, &sign_in_result_entity, &asked, 0);
}

static int join_and_enter(struct rq *rq, struct opened *o, const struct accept_in *in)
{
	char hash[PASSWORD_HASH_SIZE];

	TRY(credential(rq, in, o, hash));
	TRY(take(rq, o));
	act_as(rq, o, in->name);
	TRY(identity_settle(rq, o, hash));
	TRY(join(rq, o, in->name));
	TRY(record(rq, "invitation.accepted", o->invitation, id_none));
	TRY(outbox_mail_untold(&rq->db, &rq->event, &o->membership, rq->now));
	return o->proved == NULL ? sign_in(rq, &o->firm, &o->membership, in->transport)
	                         : sign_in_by_password(rq, &o->firm, &o->membership, in->transport,
	                                               o->proved);
}

int invitation_accept(struct rq *rq)
{
	struct accept_in in = {0};
	const char *other;
	struct opened o;

	TRY(body_read(rq, accept_in_entity.fields, FIELD_CREATE, &in, NULL));
	TRY(open_token(rq, in.token, &o));
	TRY(other_address(rq, &in, &o, &other));
	rq->who.firm = o.firm;
	db_bind(&rq->db, "firm", arg_id(rq->arena, &o.firm));
	db_prelude(&rq->db, &sql_accept_claim, NULL, NULL);
	return other != NULL ? ask_proof(rq, &o, in.email, other) : join_and_enter(rq, &o, &in);
}
