/* share.c - which contacts see which folders, documents and matters.
 *
 * GET,POST /v1/shares   PATCH,DELETE /v1/shares/{share_id}
 */
#include "share.h"

#include "reply.h"
#include "res.h"
#include "sharing.h"
#include "sql_share.h"

/* What is done in another way for each kind of item. */
static const struct item_kind {
	const char *type, *prefix;
	const struct stmt *list;
} item_kinds[] = {
	{"folder", "fol", &sql_share_list_of_folder},
	{"document", "doc", &sql_share_list_of_document},
	{"matter", "mat", &sql_share_list_of_matter},
};

static const struct item_kind *kind_of(const char *item_type)
{
	size_t i = 0;

	while (strcmp(item_kinds[i].type, item_type) != 0)
		i++;
	return &item_kinds[i];
}

/* What the prefix of an id stands for; anything else is judged as a folder's. */
static const char *type_of_id(const char *text)
{
	struct id id;

	for (size_t i = 0; i < lengthof(item_kinds); i++)
		if (id_parse(text, item_kinds[i].prefix, &id) == 0)
			return item_kinds[i].type;
	return item_kinds[0].type;
}

/* ---- lists ---- */

/* The filter item_id, with or without item_type: its prefix says what it is. */
static int read_item_filter(struct rq *rq, const char **type_r, struct id *item_r)
{
	const char *text = rq_param(rq, "item_id");

	*item_r = id_none;
	TRY(rq_param_enum(rq, "item_type", share_item_types, type_r));
	if (text == NULL)
		return 0;
	if (*type_r == NULL)
		*type_r = type_of_id(text);
	return share_item_parse(*type_r, text, "?item_id", item_r, &rq->err);
}

static const struct stmt *list_of(const struct id *contact, const struct id *client)
{
	if (!id_is_none(contact))
		return &sql_share_list_of_contact;
	return id_is_none(client) ? &sql_share_list : &sql_share_list_of_client;
}

int share_list(struct rq *rq)
{
	const struct stmt *stmt;
	struct id item, contact, client;
	const char *type;
	int bad = 0;

	bad |= read_item_filter(rq, &type, &item);
	bad |= rq_param_id(rq, "contact_id", "con", &contact);
	bad |= rq_param_id(rq, "client_id", "cli", &client);
	TRY(bad);
	stmt = list_of(&contact, &client);
	if (!id_is_none(&item))
		stmt = kind_of(type)->list;
	return reply_list(rq, &share_entity, stmt,
	                  ARGS({"item_type", type}, {"item_id", arg_id(rq->arena, &item)},
	                       {"contact_id", arg_id(rq->arena, &contact)},
	                       {"client_id", arg_id(rq->arena, &client)}));
}

/* ---- sharing ---- */

static int judge(struct rq *rq, const void *share_in)
{
	return share_in_check(share_in, &rq->err);
}

/* What the firm wants of every share. */
static int check_notify(struct rq *rq, const struct shared_item *item, bool notify)
{
	if (!item->notify_required || notify)
		return 0;
	return err_fault(&rq->err, "/notify", "not_allowed",
	                 "The firm has its contacts told of every share.");
}

/* Why the contact of this row cannot be shared with; PROBLEM_NONE: it can. */
static enum problem contact_fault(const struct rows *rows, int i)
{
	if (!row_bool(rows, i, "related"))
		return PROBLEM_contact_not_of_client;
	if (!row_bool(rows, i, "takes_part"))
		return PROBLEM_not_client_on_matter;
	return row_bool(rows, i, "has_access") ? PROBLEM_NONE
	                                       : PROBLEM_contact_without_portal_access;
}

static const struct contact_fault_text {
	enum problem problem;
	const char *code, *all, *one;
} contact_faults[] = {
	{PROBLEM_contact_not_of_client, "contact_not_of_client",
         "A contact does not belong to the item's client.",
         "This contact does not belong to the item's client."},
	{PROBLEM_not_client_on_matter, "not_client_on_matter",
         "A contact is no client on the matter.", "This contact is no client on the matter."},
	{PROBLEM_contact_without_portal_access, "contact_without_portal_access",
         "Switch the contact's portal access on first.", "This contact's portal access is off."},
};

/* All or none: one contact that cannot be shared with refuses the action, and each one is named. */
static int check_contacts(struct rq *rq, const struct id *client)
{
	struct rows rows;

	TRY(db_query(&rq->db, &sql_share_contacts, ARGS({"client", arg_id(rq->arena, client)}),
	             &rows));
	for (size_t k = 0; k < lengthof(contact_faults); k++)
		for (int i = 0; i < rows.n; i++) {
			if (contact_fault(&rows, i) != contact_faults[k].problem)
				continue;
			err_set(&rq->err, contact_faults[k].problem, "%s", contact_faults[k].all);
			err_fault(&rq->err, arena_printf(rq->arena, "/contact_ids/%d", i),
			          contact_faults[k].code, "%s", contact_faults[k].one);
		}
	return rq->err.problem == PROBLEM_NONE ? 0 : -1;
}

static int tell_changed(struct rq *rq, const struct rows *changed, const struct id *client)
{
	static const char *const names[] = {"access", NULL};

	for (int i = 0; i < changed->n; i++)
		TRY(record_change(rq, "share.updated", row_id(changed, i, "id"), *client, names));
	return 0;
}

/* A contact that has the item already keeps its share, with the access of this call and without a
 * mail. */
int share_create(struct rq *rq)
{
	struct share_in in = {.notify = true};
	struct shared_item item;
	struct rows changed, all;

	TRY(body_read_judged(rq, &share_in_entity, FIELD_CREATE, &in, NULL, judge));
	item = (struct shared_item){.type = in.item_type};
	TRY(share_item_parse(in.item_type, in.item_id, "/item_id", &item.id, &rq->err));
	db_bind(&rq->db, "contact_ids", arg_ids(rq->arena, in.contact_ids.v, in.contact_ids.n));
	TRY(sharing_lock(rq, "/item_id", &item));
	TRY(check_notify(rq, &item, in.notify));
	TRY(check_contacts(rq, &item.client));
	TRY(db_query(&rq->db, &sql_share_change, ARGS({"access", in.access}), &changed));
	TRY(tell_changed(rq, &changed, &item.client));
	TRY(sharing_make(rq, &item, &in.contact_ids, in.access, in.notify));
	TRY(db_query(&rq->db, &sql_share_made, NULL, &all));
	return reply_rows(rq, 201, &share_entity, &all);
}

/* ---- one share ---- */

int share_patch(struct rq *rq)
{
	struct share s;
	uint64_t sent;

	TRY(change_one(rq, &sql_share_lock, NULL));
	TRY(find_one(rq, &sql_share_get, NULL, &share_entity, &s));
	TRY(match_version(rq, s.version));
	TRY(body_read(rq, share_entity.fields, FIELD_PATCH, &s, &sent));
	TRY(share_access_check(s.item_type, s.access, &rq->err));
	TRY(change_one(rq, &sql_share_update, ARGS({"access", s.access})));
	TRY(record_change(rq, "share.updated", s.id, s.client_id,
	                  changed_names(rq, share_entity.fields, sent)));
	TRY(find_one(rq, &sql_share_get, NULL, &share_entity, &s));
	return reply_one(rq, &share_entity, &s, s.version);
}

/* Holds from the next request on; a mail that has not left yet is not sent any more. */
int share_delete(struct rq *rq)
{
	struct share s;

	TRY(change_one(rq, &sql_share_lock, NULL));
	TRY(find_one(rq, &sql_share_get, NULL, &share_entity, &s));
	TRY(match_version(rq, s.version));
	TRY(record(rq, "share.deleted", s.id, s.client_id));
	TRY(change_one(rq, &sql_share_delete, NULL));
	return reply_none(rq);
}
