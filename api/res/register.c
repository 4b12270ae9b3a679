/* register.c - asking for access oneself, proving the address, and waiting.
 *
 * POST /v1/registrations   POST /v1/registrations/confirm   GET /v1/portal/me
 */
#include "audit.h"
#include "auth.h"
#include "crypt.h"
#include "guess.h"
#include "invitation.h"
#include "limit.h"
#include "registration.h"
#include "reply.h"
#include "res.h"
#include "sign_up_link.h"
#include "signin.h"
#include "sql_register.h"
#include "text.h"

/* ---- asking ---- */

/* The firm that is asked, and what it wants to know. */
struct host {
	struct id firm;
	const char *name;
	struct id link;      /* that the person came by, id_none: by none */
	enum problem closed; /* PROBLEM_NONE: it takes this person */
	const char *why;
	bool passwords, password_needed;
};

struct applicant {
	struct registration_in in;
	struct host *host;
	const char *email_key;
	const char *by_address, *by_place; /* under which tries are counted */
};

static int firm_find(struct rq *rq, const char *slug, struct host *h)
{
	struct rows rows;

	TRY(look(rq, NULL, &sql_register_firm,
	         ARGS({"slug", slug}, {"host", rq_header(rq, "host")}), &rows));
	if (rows.n == 0 && slug != NULL)
		return err_fault(&rq->err, "/firm", "not_found", "There is no firm of this name.");
	if (rows.n == 0)
		return err_set(&rq->err, PROBLEM_firm_required,
		               "Several firms are served here: send firm.");
	h->firm = row_id(&rows, 0, "id");
	return 0;
}

static int close_door(struct host *h, enum problem why, const char *text)
{
	h->closed = why;
	h->why = text;
	return -1;
}

/* Why the link lets nobody in any more, and what to say; no row: it is gone. */
static enum problem link_end(const struct rows *link, const char **text_r)
{
	if (link->n > 0 && strcmp(row_text(link, 0, "state"), "used_up") == 0) {
		*text_r = "The sign-up link has been used as often as it may: ask the firm.";
		return PROBLEM_token_used;
	}
	*text_r = "The sign-up link has expired or was withdrawn: ask the firm for another.";
	return PROBLEM_token_expired;
}

/* Who comes by a link is let in whatever the firm lets others do. */
static int link_find(struct rq *rq, const char *token, struct host *h)
{
	static const char none[] = "This is no link of ours.";
	const uint8_t *nonce;
	struct rows rows;
	struct id firm;

	if (mail_token_claims(rq->arena, token, &firm, &h->link) < 0 || id_is_none(&firm) ||
	    (!id_is_none(&h->firm) && !id_equal(&firm, &h->firm)))
		return close_door(h, PROBLEM_not_found, none);
	h->firm = firm;
	TRY(look(rq, &sql_register_claim, &sql_register_link,
	         ARGS({"firm", arg_id(rq->arena, &firm)}, {"link", arg_id(rq->arena, &h->link)}),
	         &rows));
	if (rows.n == 0 || row_bytes(&rows, 0, "nonce", rq->arena, &nonce) != NONCE_SIZE ||
	    !mail_token_verify(rq->arena, token, SIGN_UP_PURPOSE, &firm, &h->link, nonce))
		return close_door(h, PROBLEM_not_found, none);
	if (strcmp(row_text(&rows, 0, "state"), "open") == 0)
		return 0;
	h->closed = link_end(&rows, &h->why);
	return -1;
}

static int rules_find(struct rq *rq, struct host *h)
{
	struct rows rows;
	const char *sign_in;

	TRY(look(rq, &sql_register_claim, &sql_register_rules,
	         ARGS({"firm", arg_id(rq->arena, &h->firm)}), &rows));
	sign_in = row_text(&rows, 0, "sign_in");
	h->name = row_text(&rows, 0, "name");
	if (id_is_none(&h->link) && !row_bool(&rows, 0, "self_registration"))
		close_door(h, PROBLEM_self_registration_disabled,
		           "This firm invites its clients itself: ask it for an invitation.");
	h->passwords = strcmp(sign_in, "passwordless") != 0;
	h->password_needed = strcmp(sign_in, "password") == 0;
	return 0;
}

/* A link names its firm; where the firm is sent too, it is that one. */
static int host_find(struct rq *rq, const struct registration_in *in, struct host *h)
{
	if (in->sign_up_token == NULL || in->firm != NULL)
		TRY(firm_find(rq, in->firm, h));
	if (in->sign_up_token != NULL)
		TRY(link_find(rq, in->sign_up_token, h));
	return rules_find(rq, h);
}

/* With all other faults, so that the form is filled in once more and not twice (S1-7). */
static int applicant_judge(struct rq *rq, const void *entity)
{
	const struct applicant *a = entity;
	const char *password = a->in.password;
	const char *words[4] = {NULL};
	size_t n = 0;

	TRY(host_find(rq, &a->in, a->host));
	if (password == NULL && a->host->password_needed)
		return err_fault(&rq->err, "/password", "required", "Choose a password.");
	if (password == NULL)
		return 0;
	if (!a->host->passwords)
		return err_fault(&rq->err, "/password", "not_allowed",
		                 "This firm signs people in by a mailed link, without a password.");
	words[n++] = a->host->name;
	if (a->in.email != NULL)
		words[n++] = a->in.email;
	if (a->in.name != NULL)
		words[n++] = a->in.name;
	return password_check(password, false, words, "/password", &rq->err);
}

static const char *count_key(struct rq *rq, const char *what)
{
	return arg_sha256(rq->arena, arena_printf(rq->arena, "registration\n%s", what));
}

static int applicant_read(struct rq *rq, struct applicant *a)
{
	int bad = body_read_judged(rq, &registration_in_entity, FIELD_CREATE, a, NULL,
	                           applicant_judge);

	if (a->host->closed != PROBLEM_NONE) {
		err_clear(&rq->err);
		return err_set(&rq->err, a->host->closed, "%s", a->host->why);
	}
	TRY(bad);
	if (email_parse(rq->arena, a->in.email, NULL, &a->email_key) < 0)
		return err_fault(&rq->err, "/email", "invalid_email", "This is no address.");
	a->by_address = count_key(rq, a->email_key);
	a->by_place = count_key(rq, limit_place(rq));
	return 0;
}

static const struct arg *count_args(struct rq *rq, const struct applicant *a)
{
	struct arg *args = arena_array(rq->arena, struct arg, 7);

	args[0] = (struct arg){"firm", arg_id(rq->arena, &a->host->firm)};
	args[1] = (struct arg){"by_address", a->by_address};
	args[2] = (struct arg){"by_place", a->by_place};
	args[3] = (struct arg){"address_max", arg_int(rq->arena, REGISTRATION_ADDRESS_MAX)};
	args[4] = (struct arg){"place_max", arg_int(rq->arena, REGISTRATION_PLACE_MAX)};
	args[5] = (struct arg){"open_max", arg_int(rq->arena, REGISTRATION_OPEN_MAX)};
	return args;
}

/* Too many came for this address, or from this place. */
static int too_many(struct rq *rq, int64_t until)
{
	return refuse_until(rq, PROBLEM_too_many_attempts, until,
	                    "Too many registrations for this address or from this place.");
}

/* Asked before the hash is computed, for addresses known and unknown alike (pitfall P3). */
static int may_ask(struct rq *rq, const struct applicant *a)
{
	struct rows rows;
	int64_t until;

	TRY(look(rq, &sql_register_claim, &sql_register_blocked, count_args(rq, a), &rows));
	until = row_time(&rows, 0, "until");
	if (until != TIME_NULL)
		return too_many(rq, until);
	if (row_bool(&rows, 0, "full"))
		return refuse_until(rq, PROBLEM_too_many_attempts,
		                    rq->now + REGISTRATION_FULL_SECONDS * INT64_C(1000),
		                    "Too many registrations wait for this firm; come again later.");
	return 0;
}

/* Of those who come at once none slips by: the counts are rows, which each of them locks. */
static int count(struct rq *rq, const struct applicant *a)
{
	struct rows rows;

	TRY(db_query(&rq->db, &sql_register_count, count_args(rq, a), &rows));
	for (int i = 0; i < rows.n; i++)
		if (row_bool(&rows, i, "beyond"))
			return too_many(rq, row_time(&rows, i, "resets_at"));
	return 0;
}

/* Nobody is known yet: the entry names the request, which names the person. */
static int note_asked(struct rq *rq, const struct id *registration)
{
	const struct actor nobody = {.type = "system", .id = id_none, .name = "Portico"};
	const struct audit_entry entry = {
		.action = "auth.registration_asked",
		.object_type = "registration",
		.object = *registration,
		.outcome = "ok",
		.ip = rq->addr,
		.request_id = rq->request_id,
	};

	return audit_write(&rq->db, &nobody, &entry, rq->now);
}

/* There until the commit. */
static int hold_link(struct rq *rq, const struct id *link)
{
	enum problem why;
	const char *text;
	struct rows rows;

	if (id_is_none(link))
		return 0;
	TRY(db_query(&rq->db, &sql_register_hold_link, ARGS({"link", arg_id(rq->arena, link)}),
	             &rows));
	if (rows.n > 0)
		return 0;
	why = link_end(&rows, &text);
	return err_set(&rq->err, why, "%s", text);
}

/* The same rows and the same mail, known address or not: only what the mail says differs. */
static int ask(struct rq *rq, const struct applicant *a, const char *hash)
{
	const char *firm = arg_id(rq->arena, &a->host->firm);
	int64_t expires = rq->now + REGISTRATION_CONFIRM_HOURS * INT64_C(3600000);
	struct id id = id_new();
	uint8_t nonce[NONCE_SIZE];

	crypt_random(nonce, sizeof(nonce));
	rq->who.firm = a->host->firm;
	db_bind(&rq->db, "firm", firm);
	db_prelude(&rq->db, &sql_register_claim, NULL, NULL);
	TRY(count(rq, a));
	TRY(hold_link(rq, &a->host->link));
	TRY(db_query(&rq->db, &sql_register_supersede, ARGS({"email_key", a->email_key}), NULL));
	TRY(db_put(&rq->db, &sql_register_insert, registration_in_entity.fields, &a->in,
	           ARGS({"firm", firm}, {"id", arg_id(rq->arena, &id)}, {"email_key", a->email_key},
	                {"password_hash", *hash == '\0' ? NULL : hash},
	                {"nonce", arg_bytes(rq->arena, nonce, sizeof(nonce))},
	                {"expires_at", arg_time(rq->arena, expires)},
	                {"link", arg_id(rq->arena, &a->host->link)}),
	           NULL));
	TRY(note_asked(rq, &id));
	return outbox_mail_registration(&rq->db, OUTBOX_RECEIVED, NULL, &id, rq->now);
}

int registration_create(struct rq *rq)
{
	char hash[PASSWORD_HASH_SIZE] = "";
	struct host host = {0};
	struct applicant a = {.host = &host};

	TRY(applicant_read(rq, &a));
	TRY(may_ask(rq, &a));
	if (a.in.password != NULL)
		TRY(password_hash(a.in.password, hash, &rq->err));
	TRY(ask(rq, &a, hash));
	return reply_accepted(rq);
}

/* ---- proving the address ---- */

/* What a confirmation mail's token opens. */
struct opened {
	struct id firm, registration, membership, identity;
	struct id link; /* id_none: none, or it is gone */
	bool by_link;
	const char *email, *email_key, *name, *phone, *password_hash;
};

static int state_check(struct rq *rq, const struct rows *row)
{
	const char *state = row_text(row, 0, "state");

	if (row_time(row, 0, "email_confirmed_at") != TIME_NULL)
		return err_set(&rq->err, PROBLEM_token_used,
		               "The address has been confirmed: sign in.");
	if (strcmp(state, "unconfirmed") != 0 || row_time(row, 0, "expires_at") <= rq->now)
		return err_set(&rq->err, PROBLEM_token_expired,
		               "The link has expired, or a newer mail has replaced it: use that "
		               "one, or register again.");
	return 0;
}

/* Reading it consumes nothing. not_found for what is no token of ours. */
static int open_token(struct rq *rq, const char *token, struct opened *o)
{
	const uint8_t *nonce;
	struct rows row;

	*o = (struct opened){0};
	if (mail_token_claims(rq->arena, token, &o->firm, &o->registration) < 0 ||
	    id_is_none(&o->firm))
		return err_set(&rq->err, PROBLEM_not_found, "This is no link of ours.");
	TRY(look(rq, &sql_register_claim, &sql_register_open,
	         ARGS({"firm", arg_id(rq->arena, &o->firm)},
	              {"registration", arg_id(rq->arena, &o->registration)}),
	         &row));
	if (row.n == 0 || row_bytes(&row, 0, "nonce", rq->arena, &nonce) != NONCE_SIZE ||
	    !mail_token_verify(rq->arena, token, REGISTRATION_PURPOSE, &o->firm, &o->registration,
	                       nonce))
		return err_set(&rq->err, PROBLEM_not_found, "This is no link of ours.");
	o->email = row_text(&row, 0, "email");
	o->email_key = row_text(&row, 0, "email_key");
	o->name = row_text(&row, 0, "name");
	o->phone = row_text(&row, 0, "phone");
	o->password_hash = row_text(&row, 0, "password_hash");
	o->link = row_id(&row, 0, "sign_up_link_id");
	o->by_link = row_bool(&row, 0, "by_link");
	return state_check(rq, &row);
}

/* Counted once the address is proved, ahead of the registration's row: whoever deletes the link
 * waits in the same order. */
static int use_link(struct rq *rq, const struct opened *o)
{
	const struct arg *args = ARGS({"link", arg_id(rq->arena, &o->link)});
	enum problem why;
	const char *text;
	struct rows rows;

	if (!o->by_link)
		return 0;
	TRY(db_query(&rq->db, &sql_register_use_link, args, &rows));
	if (rows.n > 0)
		return 0;
	TRY(db_query(&rq->db, &sql_register_link, args, &rows));
	why = link_end(&rows, &text);
	return err_set(&rq->err, why, "%s", text);
}

/* Exactly one of those who come at once gets the row (promise P9). */
static int take(struct rq *rq, const struct opened *o)
{
	const struct arg *args = ARGS({"registration", arg_id(rq->arena, &o->registration)});
	struct rows rows;

	TRY(db_query(&rq->db, &sql_register_take, args, &rows));
	if (rows.n > 0)
		return 0;
	TRY(db_query(&rq->db, &sql_register_open, args, &rows));
	TRY(state_check(rq, &rows));
	return err_set(&rq->err, PROBLEM_token_expired, "The link has expired: register again.");
}

/* The identity of the address, new or as it is, and its membership in this firm, which waits. */
static int join(struct rq *rq, struct opened *o)
{
	const struct arg *args;
	struct rows rows;

	o->membership = id_new();
	o->identity = id_new();
	TRY(db_query(&rq->db, &sql_register_identity,
	             ARGS({"identity", arg_id(rq->arena, &o->identity)}, {"email", o->email},
	                  {"email_key", o->email_key}),
	             NULL));
	TRY(db_query(&rq->db, &sql_register_identity_find, ARGS({"email_key", o->email_key}),
	             &rows));
	o->identity = row_id(&rows, 0, "id");
	args = ARGS({"identity", arg_id(rq->arena, &o->identity)}, {"email", o->email},
	            {"email_key", o->email_key}, {"name", o->name}, {"phone", o->phone},
	            {"membership", arg_id(rq->arena, &o->membership)},
	            {"registration", arg_id(rq->arena, &o->registration)},
	            {"password_hash", o->password_hash});
	TRY(db_query(&rq->db, &sql_register_join, args, &rows));
	if (rows.n == 0)
		return err_set(
			&rq->err, PROBLEM_token_expired,
			"The firm has given this address access meanwhile: use its invitation, "
			"or sign in.");
	TRY(db_query(&rq->db, &sql_register_own, args, NULL));
	if (o->password_hash == NULL)
		return 0;
	return db_query(&rq->db, &sql_register_password, args, NULL);
}

static void begin_unit(struct rq *rq, const struct opened *o)
{
	rq->who.firm = o->firm;
	db_bind(&rq->db, "firm", arg_id(rq->arena, &o->firm));
	db_prelude(&rq->db, &sql_register_claim, NULL, NULL);
}

/*
 * Whoever reads the mail did not necessarily ask: with the password of a stranger, who asked in
 * their name, they would open the portal to that stranger. So it is asked for once more. Begins the
 * request's unit.
 */
static int prove_asking(struct rq *rq, const struct opened *o, const char *password)
{
	struct guess guess = {.firm = o->firm, .action = "auth.registration_confirmed"};
	int right;

	if (o->password_hash == NULL) {
		begin_unit(rq, o);
		return 0;
	}
	if (password == NULL)
		return err_fault(&rq->err, "/password", "required",
		                 "Send the password that was chosen with the request.");
	guess_begin(rq, "registration", o->email_key, &guess);
	TRY(guess_allowed(rq, &guess));
	right = password_verify(password, o->password_hash, &rq->err);
	if (right < 0)
		return guess_forget(rq, &guess);
	begin_unit(rq, o);
	if (!right)
		return guess_wrong(rq, &guess, "It is not the password of the request.");
	return guess_right(rq, &guess);
}

int registration_confirm(struct rq *rq)
{
	struct confirm_in in = {0};
	struct opened o;

	TRY(body_read(rq, confirm_in_entity.fields, FIELD_CREATE, &in, NULL));
	TRY(open_token(rq, in.token, &o));
	TRY(prove_asking(rq, &o, in.password));
	TRY(use_link(rq, &o));
	TRY(take(rq, &o));
	TRY(join(rq, &o));
	rq->who.known = true;
	rq->who.membership = o.membership;
	rq->who.audience = "portal";
	rq->who.name = o.name;
	TRY(record(rq, "registration.pending", o.registration, id_none));
	TRY(outbox_mail_registration(&rq->db, OUTBOX_PENDING, &rq->event, &o.registration,
	                             rq->now));
	return reply_none(rq);
}

/* ---- waiting ---- */

/* The one page that somebody who waits may see (S1-10); whoever does not wait may, too. */
int portal_me(struct rq *rq)
{
	struct portal_me me = {0};

	if (find_one(rq, &sql_register_me, NULL, &portal_me_entity, &me) < 0)
		return auth_gone(rq);
	TRY(auth_known(rq));
	me.id = membership_id_text(rq, &rq->who.membership, rq->who.audience);
	return reply_one(rq, &portal_me_entity, &me, 0);
}
