/* registration.c - what the staff do with those who have registered: look, verify, delete.
 *
 * GET /v1/registrations   GET,DELETE /v1/registrations/{registration_id}
 * POST /v1/registrations/{registration_id}/verify   GET /v1/me/badges
 */
#include "registration.h"

#include "auth.h"
#include "contact_show.h"
#include "invite.h"
#include "reply.h"
#include "res.h"
#include "sharing.h"
#include "sql_registration.h"
#include "text.h"

int registration_list(struct rq *rq)
{
	const char *status, *email = rq_param(rq, "email"), *key = NULL;
	int bad = 0;

	bad |= rq_param_enum(rq, "status", registration_states, &status);
	if (email != NULL && email_parse(rq->arena, email, NULL, &key) < 0)
		bad = err_fault(&rq->err, "?email", "invalid_email", "This is no address.");
	TRY(bad);
	return reply_list(rq, &registration_entity,
	                  key == NULL ? &sql_registration_list : &sql_registration_list_of_email,
	                  ARGS({"status", status}, {"email_key", key}));
}

static int registration_load(struct rq *rq, struct registration *r)
{
	return find_one(rq, &sql_registration_get, NULL, &registration_entity, r);
}

int registration_get(struct rq *rq)
{
	struct registration r = {0};

	TRY(registration_load(rq, &r));
	return reply_one(rq, &registration_entity, &r, VERSION_OF_STATE);
}

int badges_get(struct rq *rq)
{
	struct badges badges;

	TRY(find_one(rq, &sql_registration_badges, NULL, &badges_entity, &badges));
	return reply_one(rq, &badges_entity, &badges, 0);
}

/* ---- one of two who come at once wins, and the other is told who ---- */

static int closed(struct rq *rq, const struct registration *r)
{
	const char *by = r->handled_by.type == NULL ? NULL : r->handled_by.name;

	if (strcmp(r->status, "expired") == 0)
		return err_set(&rq->err, PROBLEM_registration_closed,
		               "The registration has expired: nobody handled it in time.");
	return err_set(&rq->err, PROBLEM_registration_closed, "%s has %s the registration already.",
	               by == NULL ? "Somebody" : by, r->status);
}

/* The registration, locked until the commit, while it is open. */
static int open_load(struct rq *rq, struct registration *r)
{
	*r = (struct registration){0};
	TRY(change_one(rq, &sql_registration_lock, NULL));
	TRY(registration_load(rq, r));
	TRY(match_state(rq, &registration_entity, r));
	if (strcmp(r->status, "pending") == 0 || strcmp(r->status, "unconfirmed") == 0)
		return 0;
	return closed(rq, r);
}

static int close_as(struct rq *rq, const char *state, const struct id *contact)
{
	struct actor by;

	TRY(auth_known(rq));
	by = rq_actor(rq);
	return change_one(rq, &sql_registration_close,
	                  ARGS({"state", state}, {"contact", arg_id(rq->arena, contact)},
	                       {"by", arg_id(rq->arena, &by.id)}, {"by_type", by.type},
	                       {"by_name", by.name}));
}

/* ---- verify ---- */

static int in_check(struct rq *rq, const struct verify_in *in, const struct registration *r)
{
	bool named = !id_is_none(&in->contact_id);

	if (named && in->create_contact)
		return err_fault(&rq->err, "/contact_id", "one_of",
		                 "Send either contact_id or create_contact.");
	if (!named && !in->create_contact && id_is_none(&r->matched_contact_id))
		return err_fault(&rq->err, "/contact_id", "required",
		                 "No contact has this address: send contact_id, or create_contact "
		                 "with client_id.");
	if (in->create_contact && id_is_none(&in->client_id))
		return err_set(&rq->err, PROBLEM_client_required,
		               "A new contact belongs to a client: send client_id.");
	return 0;
}

/* A new individual, with what the person told of himself or herself. */
static int contact_of(struct rq *rq, const struct registration *r, struct contact *c_r)
{
	*c_r = (struct contact){
		.id = id_new(),
		.entity = "individual",
		.display_name = r->name,
		.primary_email = r->email,
		.phone = r->phone,
		.custom_fields = "{}",
	};
	return contact_make(rq, c_r);
}

/* The chosen contact has the address from now on: it signs in with one of its own (S2-29). */
static int contact_adopt(struct rq *rq, const struct registration *r, const struct contact *c)
{
	static const char *const names[] = {"emails", NULL};

	if (contact_has_email(c, r->email, rq->arena))
		return 0;
	TRY(change_one(rq, &sql_registration_adopt, NULL));
	return record_change(rq, "contact.updated", c->id, id_none, names);
}

/* The contact, locked as everybody locks it who changes a person's access. */
static int contact_take(struct rq *rq, struct id id, const struct registration *r)
{
	struct candidate c;

	db_bind(&rq->db, "contact_id", arg_id(rq->arena, &id));
	if (candidate_load(rq, &c) < 0) {
		if (rq->err.problem != PROBLEM_not_found)
			return -1;
		err_clear(&rq->err);
		return err_fault(&rq->err, "/contact_id", "not_found", "There is no such contact.");
	}
	if (strcmp(c.contact.entity, "individual") != 0)
		return err_set(&rq->err, PROBLEM_contact_not_individual,
		               "Portal access is for people: choose an individual contact, or send "
		               "create_contact.");
	if (!id_is_none(&c.membership))
		return err_set(&rq->err, PROBLEM_login_email_taken,
		               "This contact has portal access with another address: switch that "
		               "off first, or choose another contact.");
	return contact_adopt(rq, r, &c.contact);
}

/* Nobody sees anything but for a client. */
static int relate(struct rq *rq, const struct id *contact, const struct id *client)
{
	const struct arg *args = ARGS({"contact", arg_id(rq->arena, contact)},
	                              {"client", arg_id(rq->arena, client)});
	struct rows rows;

	if (!id_is_none(client)) {
		TRY(db_query(&rq->db, &sql_registration_relate, args, &rows));
		if (rows.n == 0)
			return err_fault(&rq->err, "/client_id", "not_found",
			                 "There is no such active client.");
		return row_bool(&rows, 0, "made") ? record(rq, "client.updated", *client, *client)
		                                  : 0;
	}
	TRY(db_query(&rq->db, &sql_registration_related, args, &rows));
	if (row_bool(&rows, 0, "related"))
		return 0;
	return err_set(&rq->err, PROBLEM_client_required,
	               "The contact belongs to no client: send client_id.");
}

/* ---- what the link shares by which the person came ---- */

struct offer {
	bool made, hidden; /* hidden: it is of a matter that the caller may not know of */
	struct shared_item item;
	const char *access;
};

/* Ahead of all that belongs to the contact; one that is not there is told of later. */
static int contact_hold(struct rq *rq, const struct verify_in *in, struct id *held_r)
{
	struct rows rows;

	*held_r = id_none;
	if (in->create_contact)
		return 0;
	TRY(db_query(&rq->db, &sql_registration_hold_contact,
	             ARGS({"chosen", arg_id(rq->arena, &in->contact_id)}), &rows));
	if (rows.n > 0)
		*held_r = row_id(&rows, 0, "id");
	return 0;
}

/* Whoever has the address by now may not be the one who is held: not to be locked so late. */
static int still_matched(struct rq *rq, const struct registration *r, const struct id *held)
{
	if (id_equal(&r->matched_contact_id, held))
		return 0;
	return refuse_once(rq, "Another contact was just given the address.");
}

/*
 * Locks the item ahead of the registration: whoever removes it waits in the same order. Where it is
 * gone, so is the link, and there is no offer.
 */
static int offer_find(struct rq *rq, struct verify_in *in, struct offer *o)
{
	struct rows rows;
	bool folder;

	*o = (struct offer){0};
	TRY(db_query(&rq->db, &sql_registration_offer,
	             ARGS({"client", arg_id(rq->arena, &in->client_id)}), &rows));
	if (rows.n == 0)
		return 0;
	folder = row_text(&rows, 0, "folder_id") != NULL;
	*o = (struct offer){
		.made = true,
		.hidden = !row_bool(&rows, 0, "open"),
		.item = {.type = folder ? "folder" : "matter",
	                 .id = row_id(&rows, 0, folder ? "folder_id" : "matter_id")},
		.access = row_text(&rows, 0, "access"),
	};
	in->client_id = row_id(&rows, 0, "client_id");
	return o->hidden ? 0 : sharing_lock(rq, "/client_id", &o->item);
}

/* Nobody shares through a link what they may not share, or know of, themselves. */
static int offer_check(struct rq *rq, const struct offer *o)
{
	if (!o->made)
		return 0;
	TRY(rq_need(rq, "shares:write"));
	if (!o->hidden)
		return 0;
	return err_set(&rq->err, PROBLEM_shared_items_not_accessible,
	               "1 shared item is not open to you, by whose link the person came: let "
	               "somebody verify who may know of it, or send the client_id of another "
	               "client, and it is not shared.");
}

static int take_part(struct rq *rq, const struct offer *o, const struct id *contact)
{
	static const char *const names[] = {"contacts", NULL};
	struct rows rows;

	if (strcmp(o->item.type, "matter") != 0)
		return 0;
	TRY(db_query(&rq->db, &sql_registration_take_part,
	             ARGS({"contact", arg_id(rq->arena, contact)},
	                  {"client", arg_id(rq->arena, &o->item.client)}),
	             &rows));
	if (strcmp(row_text(&rows, 0, "role"), "client") != 0)
		return err_set(&rq->err, PROBLEM_not_client_on_matter,
		               "The contact takes part in the link's matter otherwise than as a "
		               "client: change that first, or send another client_id.");
	return row_bool(&rows, 0, "made")
	               ? record_change(rq, "matter.updated", o->item.id, o->item.client, names)
	               : 0;
}

/* The mail that tells of the verification is the only one. */
static int offer_share(struct rq *rq, const struct offer *o, struct id contact)
{
	if (!o->made)
		return 0;
	TRY(take_part(rq, o, &contact));
	return sharing_make(rq, &o->item, &(struct ids){.n = 1, .v = &contact}, o->access, false);
}

/* ---- let in ---- */

/* From here on the person is one like all others, whatever the way in (pitfall 32). */
static int let_in(struct rq *rq, const struct id *contact)
{
	struct rows rows;
	struct id membership;

	TRY(close_as(rq, "verified", contact));
	TRY(db_query(&rq->db, &sql_registration_activate,
	             ARGS({"contact", arg_id(rq->arena, contact)}), &rows));
	if (rows.n == 0)
		return err_set(&rq->err, PROBLEM_registration_closed,
		               "The registration was closed already.");
	membership = row_id(&rows, 0, "id");
	TRY(access_equip(rq, &membership, &id_none));
	TRY(record(rq, "registration.verified", rq->ids[0], id_none));
	return outbox_mail_registration(&rq->db, OUTBOX_VERIFIED, &rq->event, &rq->ids[0], rq->now);
}

/* Whoever is signed in and waits sees more with the next call: what a session may is asked of the
 * membership each time, so that none keeps the rights of before (S1-17, pitfall 44). */
int registration_verify(struct rq *rq)
{
	struct verify_in in = {0};
	struct registration r;
	struct offer offer;
	struct contact c;
	struct id held;

	TRY(body_read(rq, verify_in_entity.fields, FIELD_CREATE, &in, NULL));
	TRY(contact_hold(rq, &in, &held));
	TRY(offer_find(rq, &in, &offer));
	TRY(open_load(rq, &r));
	if (strcmp(r.status, "unconfirmed") == 0)
		return err_set(&rq->err, PROBLEM_registration_unconfirmed,
		               "The person has not opened the link in the mail yet.");
	TRY(offer_check(rq, &offer));
	TRY(in_check(rq, &in, &r));
	if (!in.create_contact && id_is_none(&in.contact_id))
		TRY(still_matched(rq, &r, &held));
	c.id = id_is_none(&in.contact_id) ? held : in.contact_id;
	if (in.create_contact)
		TRY(contact_of(rq, &r, &c));
	else
		TRY(contact_take(rq, c.id, &r));
	TRY(relate(rq, &c.id, &in.client_id));
	TRY(let_in(rq, &c.id));
	TRY(offer_share(rq, &offer, c.id));
	TRY(contact_load(rq, &c.id, &c));
	return reply_one(rq, &contact_entity, &c, c.version);
}

/* ---- delete ---- */

/* The sessions go with the membership, and the password with the last of those: nothing is left to
 * sign in with, and no mail is sent (S1-18). The address may register again, as somebody new. */
int registration_delete(struct rq *rq)
{
	struct registration r;
	struct rows rows;
	struct id identity;

	TRY(open_load(rq, &r));
	TRY(close_as(rq, "deleted", &id_none));
	TRY(db_query(&rq->db, &sql_registration_hold_access, NULL, &rows));
	identity = row_id(&rows, 0, "identity");
	TRY(db_query(&rq->db, &sql_registration_end, NULL, NULL));
	TRY(db_query(&rq->db, &sql_registration_drop_password,
	             ARGS({"identity", arg_id(rq->arena, &identity)}), NULL));
	TRY(record(rq, "registration.deleted", rq->ids[0], id_none));
	return reply_none(rq);
}
