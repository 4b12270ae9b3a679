/* invitation.c - inviting people: what the staff do. accept.c has what the invited do.
 *
 * GET,POST /v1/invitations   GET,DELETE /v1/invitations/{invitation_id}
 * POST /v1/invitations/{invitation_id}/resend
 */
#include "invitation.h"

#include "auth.h"
#include "crew.h"
#include "crypt.h"
#include "invite.h"
#include "reply.h"
#include "res.h"
#include "sql_invitation.h"
#include "text.h"

/* Invitations to the staff are for those who may see the staff. */
int invitation_list(struct rq *rq)
{
	const struct stmt *stmt = &sql_invitation_list;
	struct id client, contact;
	const char *status;
	int bad = 0;

	bad |= rq_param_enum(rq, "status", invitation_states, &status);
	bad |= rq_param_id(rq, "client_id", "cli", &client);
	bad |= rq_param_id(rq, "contact_id", "con", &contact);
	TRY(bad);
	TRY(auth_known(rq));
	if (!id_is_none(&contact))
		stmt = &sql_invitation_list_of_contact;
	else if (!id_is_none(&client))
		stmt = &sql_invitation_list_of_client;
	return reply_list(rq, &invitation_entity, stmt,
	                  ARGS({"status", status}, {"staff", arg_bool(rq_may(rq, "staff:read"))},
	                       {"client_id", arg_id(rq->arena, &client)},
	                       {"contact_id", arg_id(rq->arena, &contact)}));
}

int invitation_get(struct rq *rq)
{
	struct invitation i;

	TRY(invitation_load(rq, rq->ids[0], &i));
	TRY(auth_known(rq));
	if (strcmp(i.audience, "staff") == 0 && !rq_may(rq, "staff:read"))
		return err_set(&rq->err, PROBLEM_not_found, "There is nothing here for you.");
	return reply_one(rq, &invitation_entity, &i, VERSION_OF_STATE);
}

static int in_check(struct rq *rq, const struct invitation_in *in)
{
	bool by_contact = !id_is_none(&in->contact_id);

	if (by_contact == (in->email != NULL))
		return err_fault(&rq->err, by_contact ? "/email" : "/contact_id", "one_of",
		                 "Send either contact_id or email.");
	if (!by_contact && id_is_none(&in->client_id))
		return err_fault(&rq->err, "/client_id", "required",
		                 "An address is invited for a client.");
	return 0;
}

/* The firm may want its contacts made on purpose, and not by whoever types an address (C14). */
static int may_make_contact(struct rq *rq)
{
	struct rows rows;

	TRY(db_query(&rq->db, &sql_invitation_rules, NULL, &rows));
	if (!row_bool(&rows, 0, "reject_unknown"))
		return 0;
	return err_fault(&rq->err, "/email", "unknown_email",
	                 "No contact has this address: make the contact first.");
}

/* The contact of a bare address: the one who signs in with it or has it, else a new individual
 * (C14). */
static int contact_of_email(struct rq *rq, const char *email, struct id *contact_r)
{
	const char *key;
	struct rows rows;

	if (email_parse(rq->arena, email, NULL, &key) < 0)
		return err_fault(&rq->err, "/email", "invalid_email", "This is no address.");
	TRY(db_query(&rq->db, &sql_invitation_by_email, ARGS({"email_key", key}), &rows));
	if (rows.n > 0) {
		*contact_r = row_id(&rows, 0, "id");
		return 0;
	}
	TRY(may_make_contact(rq));
	*contact_r = id_new();
	TRY(db_query(&rq->db, &sql_invitation_contact_insert,
	             ARGS({"contact", arg_id(rq->arena, contact_r)}, {"email", email},
	                  {"email_key", key}),
	             NULL));
	return record(rq, "contact.created", *contact_r, id_none);
}

/* What an invitation for a client has made of it: `made`, the relation was not there before;
 * `shares`, what somebody who has access sees from now on. */
struct relation {
	bool made;
	struct rows shares;
};

static int relate(struct rq *rq, const struct id *contact, const struct id *client,
                  struct relation *r_r)
{
	const struct arg *args = ARGS({"contact", arg_id(rq->arena, contact)},
	                              {"client", arg_id(rq->arena, client)});
	struct rows rows;

	*r_r = (struct relation){0};
	if (id_is_none(client))
		return 0;
	TRY(db_query(&rq->db, &sql_invitation_relate, args, &rows));
	if (rows.n == 0)
		return err_fault(&rq->err, "/client_id", "not_found",
		                 "There is no such active client.");
	if (!row_bool(&rows, 0, "made"))
		return 0;
	r_r->made = true;
	TRY(db_query(&rq->db, &sql_invitation_default_share, args, &r_r->shares));
	return record(rq, "client.updated", *client, *client);
}

/* As candidate_load for a contact that the body names: one that is not there is a fault of the
 * body. */
static int candidate_named(struct rq *rq, const struct id *contact, struct candidate *c_r)
{
	db_bind(&rq->db, "contact_id", arg_id(rq->arena, contact));
	if (candidate_load(rq, c_r) == 0)
		return 0;
	if (rq->err.problem == PROBLEM_not_found) {
		err_clear(&rq->err);
		err_fault(&rq->err, "/contact_id", "not_found", "There is no such contact.");
	}
	return -1;
}

/*
 * Who signs in already needs no second account: from now on they see a further client too, and the
 * mail tells what is shared (model C17). The invitation is accepted when it is made.
 */
static int grant(struct rq *rq, struct candidate *c, const struct invitation_in *in,
                 const struct relation *r)
{
	bool tell = strcmp(in->send, "now") == 0 && r->shares.n > 0;
	struct id *shares = arena_array(rq->arena, struct id, r->shares.n);
	uint8_t nonce[NONCE_SIZE];

	TRY(auth_known(rq));
	crypt_random(nonce, sizeof(nonce));
	c->invitation = id_new();
	TRY(db_query(&rq->db, &sql_invitation_grant,
	             ARGS({"id", arg_id(rq->arena, &c->invitation)},
	                  {"membership", arg_id(rq->arena, &c->membership)},
	                  {"client", arg_id(rq->arena, &in->client_id)},
	                  {"nonce", arg_bytes(rq->arena, nonce, sizeof(nonce))},
	                  {"told", arg_bool(tell)}),
	             NULL));
	TRY(record(rq, "portal_access.updated", c->membership, in->client_id));
	if (!tell)
		return 0;
	for (int i = 0; i < r->shares.n; i++)
		shares[i] = row_id(&r->shares, i, "id");
	return outbox_mail_share(&rq->db, &rq->event, shares, (size_t)r->shares.n, rq->now);
}

/* Who was mailed before: at another address their access is issued anew; at the same one, this is a
 * resend and bound like one. */
static int invite_again(struct rq *rq, struct candidate *c, const struct access_in *how)
{
	struct id before = c->invitation;

	TRY(access_turn_on(rq, c, how));
	if (strcmp(how->send, "now") != 0 || !id_equal(&before, &c->invitation))
		return 0;
	TRY(invitation_may_resend(rq, c));
	return invitation_send(rq, c, invitation_address(rq, c));
}

/* Access on if it is off; then the mail, unless it is to be sent later. */
static int invite(struct rq *rq, struct candidate *c, const struct invitation_in *in,
                  const struct relation *r)
{
	struct access_in how = {.send = in->send,
	                        .login_email = in->email,
	                        .source = "invitation",
	                        .ends_at = TIME_NULL};
	struct texts reasons;

	if (r->made && !id_is_none(&c->identity) && strcmp(c->state, "active") == 0)
		return grant(rq, c, in, r);
	if (!id_is_none(&c->identity))
		return err_set(&rq->err, PROBLEM_already_registered,
		               "The person has registered; share with them, or let them sign in.");
	TRY(candidate_reasons(rq, c, in->email, &reasons));
	if (reasons.n > 0)
		return candidate_refuse(rq, &reasons);
	TRY(auth_known(rq));
	if (id_is_none(&c->membership) || strcmp(c->state, "not_sent") == 0)
		TRY(access_turn_on(rq, c, &how));
	else
		TRY(invite_again(rq, c, &how));
	return invitation_prepare(rq, c);
}

int invitation_create(struct rq *rq)
{
	struct invitation_in in = {0};
	struct invitation made;
	struct relation relation;
	struct candidate c;

	TRY(body_read(rq, invitation_in_entity.fields, FIELD_CREATE, &in, NULL));
	TRY(in_check(rq, &in));
	if (in.email != NULL)
		TRY(contact_of_email(rq, in.email, &in.contact_id));
	TRY(candidate_named(rq, &in.contact_id, &c));
	TRY(relate(rq, &in.contact_id, &in.client_id, &relation));
	TRY(candidate_named(rq, &in.contact_id, &c));
	TRY(invite(rq, &c, &in, &relation));
	TRY(invitation_load(rq, c.invitation, &made));
	return reply_created(rq, &invitation_entity, &made, VERSION_OF_STATE, "/v1/invitations");
}

/* Whoever may invite clients has no say over the firm's staff. */
static int may_handle(struct rq *rq, const char *audience)
{
	TRY(auth_known(rq));
	if (strcmp(audience, "portal") == 0 || rq_may(rq, "staff:write"))
		return 0;
	if (!rq_may(rq, "staff:read"))
		return err_set(&rq->err, PROBLEM_not_found, "There is nothing here for you.");
	rq->err.required = "staff:write";
	return err_set(&rq->err, PROBLEM_permission_denied,
	               "Invitations to the staff are for those who may change the staff.");
}

/* The row that a path names, locked: its state, and what its membership has become. */
static int lock(struct rq *rq, struct rows *rows)
{
	struct invitation seen;

	TRY(invitation_hold(rq, &rq->ids[0]));
	TRY(db_query(&rq->db, &sql_invitation_lock, NULL, rows));
	if (rows->n == 0)
		return err_set(&rq->err, PROBLEM_not_found, "There is nothing here for you.");
	TRY(may_handle(rq, row_text(rows, 0, "audience")));
	TRY(invitation_load(rq, rq->ids[0], &seen));
	TRY(match_state(rq, &invitation_entity, &seen));
	if (row_bool(rows, 0, "registered") || strcmp(row_text(rows, 0, "state"), "accepted") == 0)
		return err_set(&rq->err, PROBLEM_already_registered, "The person has registered.");
	if (strcmp(row_text(rows, 0, "state"), "open") != 0)
		return err_set(&rq->err, PROBLEM_invitation_closed, "The invitation is closed.");
	return 0;
}

static bool is_of_staff(const struct rows *row)
{
	return strcmp(row_text(row, 0, "audience"), "staff") == 0;
}

/* To the contact's address of now (S0-20). */
static int resend_to_contact(struct rq *rq, const struct rows *row, struct id *invitation_r)
{
	struct id contact = row_id(row, 0, "contact_id");
	struct candidate c;

	db_bind(&rq->db, "contact_id", arg_id(rq->arena, &contact));
	TRY(candidate_load(rq, &c));
	if (id_is_none(&c.membership))
		return err_set(&rq->err, PROBLEM_invitation_closed, "Portal access has ended.");
	TRY(invitation_may_resend(rq, &c));
	if (invitation_address(rq, &c) == NULL)
		return candidate_refuse(
			rq,
			&(struct texts){.n = 1, .v = (const char *[]){"primary_email_missing"}});
	TRY(invitation_send(rq, &c, invitation_address(rq, &c)));
	*invitation_r = c.invitation;
	return 0;
}

static int resend_to_staff(struct rq *rq, const struct rows *row, struct id *invitation_r)
{
	struct id membership = row_id(row, 0, "membership_id");

	if (!row_bool(row, 0, "undelivered"))
		TRY(resend_check(rq, row_time(row, 0, "sent_at")));
	return crew_invite(rq, &membership, row_int(row, 0, "send_count"), invitation_r);
}

/* A new token and a fresh expiry; the old link dies. */
int invitation_resend(struct rq *rq)
{
	struct id invitation = id_none;
	struct invitation sent;
	struct rows row;

	TRY(lock(rq, &row));
	if (is_of_staff(&row))
		TRY(resend_to_staff(rq, &row, &invitation));
	else
		TRY(resend_to_contact(rq, &row, &invitation));
	TRY(invitation_load(rq, invitation, &sent));
	return reply_status(rq, 202, &invitation_entity, &sent);
}

/* Somebody of the staff whose invitation is withdrawn is deactivated, and may be invited again. */
int invitation_revoke(struct rq *rq)
{
	struct rows row;
	struct id membership;

	TRY(lock(rq, &row));
	membership = row_id(&row, 0, "membership_id");
	if (is_of_staff(&row))
		TRY(crew_may_rule(rq, row_text(&row, 0, "role")));
	TRY(change_one(rq, &sql_invitation_revoke, NULL));
	if (is_of_staff(&row))
		TRY(crew_dismiss(rq, &membership, &id_none));
	else
		TRY(db_query(&rq->db, &sql_invitation_uninvite,
		             ARGS({"membership", arg_id(rq->arena, &membership)}), NULL));
	TRY(record(rq, "invitation.revoked", rq->ids[0], id_none));
	return reply_none(rq);
}
