/*
 * invite.c - portal access and the invitation that leads to it: what three resources share.
 *
 * The address and the name are snapshots on the membership (S2-25, S2-40). Every sending has a
 * token and an expiry of its own: the first one uses the invitation made with the access, each
 * later one makes a new invitation and supersedes the old (pitfall P8).
 */
#include "invite.h"

#include "auth.h"
#include "crypt.h"
#include "sql_invite.h"
#include "text.h"

/* The contact's row; of one who is held, with no access whose time has come. */
static int candidate_row(struct rq *rq, struct rows *rows_r)
{
	struct id membership;

	TRY(db_query(&rq->db, &sql_invite_candidate, NULL, rows_r));
	if (rows_r->n == 0)
		return err_set(&rq->err, PROBLEM_not_found, "There is nothing here for you.");
	if (!rq->db.writes || !row_bool(rows_r, 0, "overdue"))
		return 0;
	membership = row_id(rows_r, 0, "membership");
	TRY(db_query(&rq->db, &sql_invite_end_overdue,
	             ARGS({"membership", arg_id(rq->arena, &membership)}), NULL));
	return db_query(&rq->db, &sql_invite_candidate, NULL, rows_r);
}

int candidate_load(struct rq *rq, struct candidate *c_r)
{
	struct rows rows;

	if (rq->db.writes)
		TRY(change_one(rq, &sql_invite_lock, NULL));
	TRY(candidate_row(rq, &rows));
	*c_r = (struct candidate){
		.membership = row_id(&rows, 0, "membership"),
		.state = row_text(&rows, 0, "state"),
		.login_email = row_text(&rows, 0, "login_email"),
		.login_chosen = row_bool(&rows, 0, "login_chosen"),
		.identity = row_id(&rows, 0, "identity"),
		.invitation = row_id(&rows, 0, "invitation"),
		.sends = row_int(&rows, 0, "sends"),
		.sent_at = row_time(&rows, 0, "sent_at"),
		.undelivered = row_bool(&rows, 0, "undelivered"),
		.client_count = row_int(&rows, 0, "client_count"),
		.business_alone = row_bool(&rows, 0, "business_alone"),
		.ends_at = row_time(&rows, 0, "ends_at"),
		.reinvite_mode = row_text(&rows, 0, "reinvite_mode"),
		.resend_on_change = row_bool(&rows, 0, "resend_on_change"),
		.ttl_hours = row_int(&rows, 0, "ttl_hours"),
	};
	row_read(&rows, 0, contact_entity.fields, &c_r->contact, rq->arena);
	return 0;
}

int invitation_hold(struct rq *rq, const struct id *invitation)
{
	return db_query(&rq->db, &sql_invite_lock_invited,
	                ARGS({"invitation", arg_id(rq->arena, invitation)}), NULL);
}

static const char *key_of(struct rq *rq, const char *email)
{
	const char *key;

	return email_parse(rq->arena, email, NULL, &key) == 0 ? key : email;
}

static int login_taken(struct rq *rq, const char *email, bool *taken_r)
{
	struct rows rows;

	TRY(db_query(&rq->db, &sql_invite_taken, ARGS({"email_key", key_of(rq, email)}), &rows));
	*taken_r = row_bool(&rows, 0, "taken");
	return 0;
}

/* The address that the contact signs in with, or is to be invited at. */
static const char *standing_address(const struct rq *rq, const struct candidate *c)
{
	bool waits = id_is_none(&c->membership) || strcmp(c->state, "not_sent") == 0;

	return waits ? invitation_address(rq, c) : c->login_email;
}

int candidate_reasons(struct rq *rq, const struct candidate *c, const char *login_email,
                      struct texts *reasons_r)
{
	const char **v = arena_array(rq->arena, const char *, 6);
	bool taken = false;
	size_t n = 0;

	if (strcmp(c->contact.entity, "individual") != 0)
		v[n++] = "contact_not_individual";
	if (c->contact.primary_email == NULL)
		v[n++] = "primary_email_missing";
	if (c->client_count == 0)
		v[n++] = "no_client_relationship";
	if (c->business_alone)
		v[n++] = "no_individual_contact";
	if (login_email != NULL && !contact_has_email(&c->contact, login_email, rq->arena))
		v[n++] = "email_not_on_contact";
	if (login_email == NULL)
		login_email = standing_address(rq, c);
	if (login_email != NULL)
		TRY(login_taken(rq, login_email, &taken));
	if (taken)
		v[n++] = "login_email_taken";
	*reasons_r = (struct texts){.n = n, .v = v};
	return 0;
}

/* What each reason wants the caller to mend, and where (S0-13). */
static const struct reason {
	const char *code, *pointer, *text;
} reason_texts[] = {
	{"contact_not_individual", "/entity",
         "Portal access needs an individual: set the contact's entity, or choose an individual contact."},
	{"primary_email_missing", "/primary_email",
         "Give the contact a primary address, or send primary_email."},
	{"no_client_relationship", "/clients", "Relate the contact to a client first."},
	{"no_individual_contact", "/clients",
         "The business client has no individual contact: relate one to it."},
	{"email_not_on_contact", "/login_email",
         "The sign-in address must be one of the contact's addresses."},
	{"login_email_taken", "/login_email",
         "Somebody at this firm signs in with this address: choose another of the contact's as login_email."},
};

int candidate_refuse(struct rq *rq, const struct texts *reasons)
{
	bool taken = reasons->n == 1 && strcmp(reasons->v[0], "login_email_taken") == 0;

	err_set(&rq->err, taken ? PROBLEM_login_email_taken : PROBLEM_not_eligible,
	        "The contact cannot be given portal access; errors holds every reason.");
	for (size_t i = 0; i < reasons->n; i++)
		for (size_t k = 0; k < lengthof(reason_texts); k++)
			if (strcmp(reason_texts[k].code, reasons->v[i]) == 0)
				err_fault(&rq->err, reason_texts[k].pointer, reason_texts[k].code,
				          "%s", reason_texts[k].text);
	return -1;
}

/* ---- what is shared ---- */

static bool about_matter(const struct rows *shares, int i)
{
	return strcmp(row_text(shares, i, "item_type"), "matter") == 0;
}

/* All that is shared with the contact, and how much of it the caller may not know of. */
static int shares_load(struct rq *rq, struct rows *shares_r, int *hidden_r)
{
	*hidden_r = 0;
	TRY(auth_known(rq));
	TRY(db_query(&rq->db, &sql_invite_shares, NULL, shares_r));
	for (int i = 0; i < shares_r->n; i++)
		*hidden_r +=
			!row_bool(shares_r, i, "open") ||
			!rq_may(rq, about_matter(shares_r, i) ? "matters:read" : "documents:read");
	return 0;
}

int access_shares(struct rq *rq, struct rows *shares_r)
{
	int hidden;

	TRY(shares_load(rq, shares_r, &hidden));
	if (hidden == 0)
		return 0;
	return err_set(&rq->err, PROBLEM_shared_items_not_accessible,
	               "%d shared items are not open to you.", hidden);
}

/* ---- invitations ---- */

/* A new open invitation of the membership to `email`; the one before is superseded. */
static int invitation_make(struct rq *rq, struct candidate *c, const char *email, int64_t sends)
{
	uint8_t nonce[NONCE_SIZE];
	const char *membership = arg_id(rq->arena, &c->membership);

	crypt_random(nonce, sizeof(nonce));
	c->invitation = id_new();
	c->sends = sends;
	TRY(db_query(&rq->db, &sql_invite_close_open, ARGS({"membership", membership}), NULL));
	return db_query(&rq->db, &sql_invite_insert,
	                ARGS({"id", arg_id(rq->arena, &c->invitation)}, {"membership", membership},
	                     {"email", email}, {"email_key", key_of(rq, email)},
	                     {"nonce", arg_bytes(rq->arena, nonce, sizeof(nonce))},
	                     {"sends", arg_int(rq->arena, sends)}),
	                NULL);
}

/* Count the sending, start the life of its token, queue exactly one mail. */
static int invitation_mail(struct rq *rq, const struct candidate *c, const char *email)
{
	int64_t expires = rq->now + c->ttl_hours * 3600 * 1000;

	TRY(db_query(&rq->db, &sql_invite_mark_sent,
	             ARGS({"id", arg_id(rq->arena, &c->invitation)},
	                  {"expires_at", arg_time(rq->arena, expires)}),
	             NULL));
	TRY(db_query(&rq->db, &sql_invite_membership_invited,
	             ARGS({"membership", arg_id(rq->arena, &c->membership)}, {"email", email},
	                  {"email_key", key_of(rq, email)}, {"chosen", arg_bool(c->login_chosen)}),
	             NULL));
	TRY(record(rq, "invitation.sent", c->invitation, id_none));
	return outbox_mail_invitation(&rq->db, &rq->event, &c->invitation, rq->now);
}

/*
 * A mail that was given up is tried again on the same invitation, since nobody has its link; that
 * somebody asks for it clears the address (pitfalls P9, P10). To another address than before it
 * hands over what is shared: nobody sends it who may not know of that (S2-12).
 */
int invitation_send(struct rq *rq, struct candidate *c, const char *email)
{
	bool same = strcmp(key_of(rq, email), key_of(rq, c->login_email)) == 0;
	struct rows shares;

	if (!same)
		TRY(access_shares(rq, &shares));
	c->login_chosen = c->login_chosen && same;
	if (c->undelivered)
		TRY(db_query(&rq->db, &sql_invite_clear_address,
		             ARGS({"email_key", key_of(rq, email)}), NULL));
	if (id_is_none(&c->invitation) || (c->sends > 0 && !c->undelivered) || !same)
		TRY(invitation_make(rq, c, email, id_is_none(&c->invitation) ? 0 : c->sends));
	return invitation_mail(rq, c, email);
}

const char *invitation_address(const struct rq *rq, const struct candidate *c)
{
	if (c->login_chosen && contact_has_email(&c->contact, c->login_email, rq->arena))
		return c->login_email;
	return c->contact.primary_email;
}

static int invitation_keep(struct rq *rq, struct candidate *c)
{
	return id_is_none(&c->invitation) ? invitation_make(rq, c, invitation_address(rq, c), 0)
	                                  : 0;
}

int invitation_prepare(struct rq *rq, struct candidate *c)
{
	if (!id_is_none(&c->invitation))
		return 0;
	TRY(invitation_keep(rq, c));
	return record(rq, "portal_access.updated", c->membership, id_none);
}

/* The link dies, another waits to be sent, and those who look after the clients are told. */
static int invitation_withdraw(struct rq *rq, struct candidate *c)
{
	const struct arg *args = ARGS({"invitation", arg_id(rq->arena, &c->invitation)},
	                              {"membership", arg_id(rq->arena, &c->membership)});

	TRY(db_query(&rq->db, &sql_invite_withdraw, args, NULL));
	TRY(record(rq, "invitation.revoked", c->invitation, id_none));
	TRY(outbox_mail_pending_email(&rq->db, &rq->event, &c->contact.id, rq->now));
	c->invitation = id_none;
	c->state = "not_sent";
	return invitation_address(rq, c) != NULL ? invitation_keep(rq, c) : 0;
}

/* Nobody holds a link: the sign-in address is the one to invite, unless somebody else's, and the
 * one of before is free for whoever has it. */
static int login_follow(struct rq *rq, struct candidate *c, const char *email)
{
	struct rows rows;

	TRY(db_query(&rq->db, &sql_invite_login_follow,
	             ARGS({"membership", arg_id(rq->arena, &c->membership)}, {"email", email},
	                  {"email_key", key_of(rq, email)}),
	             &rows));
	if (rows.n == 0)
		return 0;
	c->login_email = email;
	c->login_chosen = false;
	return record(rq, "portal_access.updated", c->membership, id_none);
}

int invitation_follow(struct rq *rq, struct candidate *c)
{
	bool sent = !id_is_none(&c->invitation) && c->sends > 0;
	const char *email = invitation_address(rq, c);
	struct texts reasons;
	struct rows shares;
	int hidden;

	if (!id_is_none(&c->identity) || id_is_none(&c->membership))
		return 0;
	if (email != NULL && strcmp(key_of(rq, email), key_of(rq, c->login_email)) == 0)
		return 0;
	TRY(candidate_reasons(rq, c, email, &reasons));
	TRY(shares_load(rq, &shares, &hidden));
	if (sent && c->resend_on_change && reasons.n == 0 && hidden == 0)
		return invitation_send(rq, c, email);
	if (sent)
		TRY(invitation_withdraw(rq, c));
	return email != NULL && hidden == 0 ? login_follow(rq, c, email) : 0;
}

int resend_check(struct rq *rq, int64_t last)
{
	int64_t next = last == TIME_NULL ? rq->now : last + INVITATION_RESEND_SECONDS * 1000;

	if (next <= rq->now)
		return 0;
	return refuse_until(rq, PROBLEM_resend_too_soon, next,
	                    "The last mail left less than a minute ago.");
}

int invitation_may_resend(struct rq *rq, const struct candidate *c)
{
	if (c->undelivered)
		return 0;
	TRY(resend_check(rq, c->sent_at));
	if (strcmp(c->reinvite_mode, "cycle") == 0 && c->sends > 0)
		return err_set(&rq->err, PROBLEM_reinvite_requires_cycle,
		               "Switch the access off and on again to invite anew.");
	return 0;
}

int invitation_load(struct rq *rq, struct id id, struct invitation *i_r)
{
	return find_one(rq, &sql_invite_get, ARGS({"id", arg_id(rq->arena, &id)}),
	                &invitation_entity, i_r);
}

/* ---- access ---- */

/* The address given with the request becomes the contact's primary one in the same transaction
 * (S0-9). */
static int set_primary(struct rq *rq, struct candidate *c, const char *email)
{
	static const char *const names[] = {"primary_email", "emails", NULL};
	struct rows rows;

	if (email == NULL)
		return 0;
	c->contact.primary_email = email;
	contact_settle_emails(&c->contact, true, rq->arena);
	TRY(db_put(&rq->db, &sql_invite_set_primary, contact_entity.fields, &c->contact,
	           ARGS({"email_keys", contact_email_keys(&c->contact, rq->arena)}), &rows));
	return rows.n > 0 ? record_change(rq, "contact.updated", c->contact.id, id_none, names) : 0;
}

/* Is the address, where one was named, another than simply the contact's primary one? Kept while
 * nobody has registered: that is where later mails go. */
static int choose(struct rq *rq, struct candidate *c, const char *email)
{
	if (email == NULL)
		return 0;
	c->login_chosen = strcmp(key_of(rq, email), key_of(rq, c->contact.primary_email)) != 0;
	if (id_is_none(&c->membership))
		return 0;
	return db_query(&rq->db, &sql_invite_choose,
	                ARGS({"membership", arg_id(rq->arena, &c->membership)},
	                     {"chosen", arg_bool(c->login_chosen)}),
	                NULL);
}

int access_end_check(struct rq *rq, int64_t ends_at)
{
	if (ends_at == TIME_NULL || ends_at > rq->now)
		return 0;
	return err_fault(&rq->err, "/ends_at", "out_of_range", "It must lie in the future.");
}

int access_end_set(struct rq *rq, const struct candidate *c, int64_t ends_at)
{
	const struct arg *args = ARGS({"membership", arg_id(rq->arena, &c->membership)},
	                              {"ends_at", arg_time(rq->arena, ends_at)});

	TRY(db_query(&rq->db, &sql_invite_hold_access, args, NULL));
	TRY(db_query(&rq->db, &sql_invite_set_end, args, NULL));
	return db_query(&rq->db, &sql_invite_cap_sessions, args, NULL);
}

/* As access_end_set, told where the access was there before (pitfall 41). */
static int access_end_move(struct rq *rq, const struct candidate *c, int64_t ends_at, bool tell)
{
	static const char *const names[] = {"ends_at", NULL};

	TRY(access_end_set(rq, c, ends_at));
	return tell ? record_change(rq, "portal_access.updated", c->membership, id_none, names) : 0;
}

int access_equip(struct rq *rq, const struct id *membership, const struct id *snapshot)
{
	const struct arg *args = ARGS({"membership", arg_id(rq->arena, membership)},
	                              {"snapshot", arg_id(rq->arena, snapshot)},
	                              {"documents", arg_bool(rq_may(rq, "documents:read"))},
	                              {"matters", arg_bool(rq_may(rq, "matters:read"))});

	if (id_is_none(snapshot))
		TRY(db_query(&rq->db, &sql_invite_default_shares, args, NULL));
	else
		TRY(db_query(&rq->db, &sql_invite_restore, args, NULL));
	return record(rq, "portal_access.enabled", *membership, id_none);
}

static int access_create(struct rq *rq, struct candidate *c, const struct access_in *in,
                         const char *email)
{
	const char *name = in->display_name != NULL ? in->display_name : c->contact.display_name;
	const char *membership;

	c->membership = id_new();
	c->login_email = email;
	membership = arg_id(rq->arena, &c->membership);
	TRY(db_query(&rq->db, &sql_invite_membership_insert,
	             ARGS({"id", membership}, {"email", email}, {"email_key", key_of(rq, email)},
	                  {"display_name", name}, {"chosen", arg_bool(c->login_chosen)},
	                  {"source", in->source != NULL ? in->source : "manual"}),
	             NULL));
	TRY(invitation_make(rq, c, email, 0));
	return access_equip(rq, &c->membership, &in->restore_from);
}

int access_tell_former(struct rq *rq, const struct candidate *c, const char *email)
{
	if (id_is_none(&c->identity) || strcmp(key_of(rq, email), key_of(rq, c->login_email)) == 0)
		return 0;
	return outbox_mail_credential(&rq->db, &c->membership, "address", rq->now);
}

static int access_readdress(struct rq *rq, struct candidate *c, const struct access_in *in,
                            const char *email)
{
	const char *name = in->display_name != NULL ? in->display_name : c->contact.display_name;
	const char *membership = arg_id(rq->arena, &c->membership);
	struct rows shares;

	if (strcmp(c->state, "suspended") == 0)
		return err_set(&rq->err, PROBLEM_portal_access_suspended,
		               "Resume the access first, then give it another address.");
	if (strcmp(c->reinvite_mode, "cycle") == 0)
		return err_set(&rq->err, PROBLEM_reinvite_requires_cycle,
		               "Switch the access off, then on with the new address.");
	TRY(access_shares(rq, &shares));
	TRY(db_query(&rq->db, &sql_invite_hold_access, ARGS({"membership", membership}), NULL));
	TRY(access_tell_former(rq, c, email));
	TRY(db_query(&rq->db, &sql_invite_recall, ARGS({"membership", membership}), NULL));
	TRY(db_query(&rq->db, &sql_invite_membership_reissue,
	             ARGS({"membership", membership}, {"email", email},
	                  {"email_key", key_of(rq, email)}, {"display_name", name},
	                  {"chosen", arg_bool(c->login_chosen)}),
	             NULL));
	TRY(db_query(&rq->db, &sql_invite_sessions_end, ARGS({"membership", membership}), NULL));
	TRY(db_query(&rq->db, &sql_invite_drop_password,
	             ARGS({"identity", arg_id(rq->arena, &c->identity)}), NULL));
	c->login_email = email;
	c->state = "not_sent";
	TRY(invitation_make(rq, c, email, 0));
	return record(rq, "portal_access.enabled", c->membership, id_none);
}

int access_turn_on(struct rq *rq, struct candidate *c, const struct access_in *in)
{
	const char *email = in->login_email != NULL ? in->login_email : c->contact.primary_email;
	bool on = !id_is_none(&c->membership), fresh = false;

	TRY(auth_known(rq));
	TRY(set_primary(rq, c, in->primary_email));
	TRY(choose(rq, c, in->login_email));
	if (!on) {
		TRY(access_create(rq, c, in, email));
		fresh = true;
	} else if (in->login_email != NULL &&
	           strcmp(key_of(rq, email), key_of(rq, c->login_email)) != 0) {
		TRY(access_readdress(rq, c, in, email));
		fresh = true;
	} else if (in->primary_email != NULL) {
		TRY(invitation_follow(rq, c));
	}
	if (in->ends_at != TIME_NULL && in->ends_at != c->ends_at)
		TRY(access_end_move(rq, c, in->ends_at, !fresh));
	if (strcmp(in->send, "now") != 0 || (!fresh && strcmp(c->state, "not_sent") != 0))
		return 0;
	return invitation_send(rq, c, fresh ? email : invitation_address(rq, c));
}

int access_turn_off(struct rq *rq, struct candidate *c, struct id *snapshot_r)
{
	struct id membership = c->membership;

	*snapshot_r = id_new();
	TRY(db_query(&rq->db, &sql_invite_access_close,
	             ARGS({"membership", arg_id(rq->arena, &membership)},
	                  {"snapshot", arg_id(rq->arena, snapshot_r)}),
	             NULL));
	c->membership = c->identity = c->invitation = id_none;
	c->state = c->login_email = NULL;
	c->login_chosen = false;
	c->sends = 0;
	return record(rq, "portal_access.disabled", membership, id_none);
}
