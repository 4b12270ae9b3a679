/* share.c - which contacts see which folders and documents.
 *
 * GET,POST /v1/shares   PATCH,DELETE /v1/shares/{share_id}
 */
#include "share.h"

#include "reply.h"
#include "res.h"
#include "sql_share.h"

static bool is_folder(const char *item_type)
{
	return strcmp(item_type, "folder") == 0;
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
		*type_r = id_parse(text, "doc", item_r) == 0 ? "document" : "folder";
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
		stmt = is_folder(type) ? &sql_share_list_of_folder : &sql_share_list_of_document;
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

/* What the statements of one share action name. */
static void bind_action(struct rq *rq, const struct share_in *in, const struct id *item)
{
	const char *id = arg_id(rq->arena, item);
	bool folder = is_folder(in->item_type);

	db_bind(&rq->db, "folder", folder ? id : NULL);
	db_bind(&rq->db, "document", folder ? NULL : id);
	db_bind(&rq->db, "contact_ids", arg_ids(rq->arena, in->contact_ids.v, in->contact_ids.n));
}

/* Lock the item; gives its client, and judges what the firm and the client's state allow. */
static int lock_item(struct rq *rq, const struct share_in *in, const struct id *item,
                     struct id *client_r)
{
	const struct stmt *lock =
		is_folder(in->item_type) ? &sql_share_lock_folder : &sql_share_lock_document;
	struct rows rows;

	TRY(db_query(&rq->db, lock, ARGS({"item", arg_id(rq->arena, item)}), &rows));
	if (rows.n == 0)
		return err_fault(&rq->err, "/item_id", "not_found", "There is no such %s.",
		                 in->item_type);
	if (row_bool(&rows, 0, "internal"))
		return err_set(&rq->err, PROBLEM_document_internal,
		               "Clear the document's member internal first.");
	*client_r = row_id(&rows, 0, "client_id");
	TRY(db_query(&rq->db, &sql_share_rules, ARGS({"client", arg_id(rq->arena, client_r)}),
	             &rows));
	if (row_bool(&rows, 0, "archived"))
		return err_set(&rq->err, PROBLEM_client_archived, "The client is archived.");
	if (row_bool(&rows, 0, "notify_required") && !in->notify)
		return err_fault(&rq->err, "/notify", "not_allowed",
		                 "The firm has its contacts told of every share.");
	return 0;
}

/* All or none: one contact that cannot be shared with refuses the action, and each one is named. */
static int check_contacts(struct rq *rq, const struct id *client)
{
	struct rows rows;

	TRY(db_query(&rq->db, &sql_share_contacts, ARGS({"client", arg_id(rq->arena, client)}),
	             &rows));
	for (int i = 0; i < rows.n; i++)
		if (!row_bool(&rows, i, "related"))
			err_set(&rq->err, PROBLEM_contact_not_of_client,
			        "A contact does not belong to the item's client.");
	for (int i = 0; i < rows.n; i++) {
		const char *pointer = arena_printf(rq->arena, "/contact_ids/%d", i);

		if (row_bool(&rows, i, "related") && row_bool(&rows, i, "has_access"))
			continue;
		if (!row_bool(&rows, i, "related")) {
			err_fault(&rq->err, pointer, "contact_not_of_client",
			          "This contact does not belong to the item's client.");
			continue;
		}
		err_set(&rq->err, PROBLEM_contact_without_portal_access,
		        "Switch the contact's portal access on first.");
		err_fault(&rq->err, pointer, "contact_without_portal_access",
		          "This contact's portal access is off.");
	}
	return rq->err.problem == PROBLEM_NONE ? 0 : -1;
}

/* New ids for as many shares as there are contacts. */
static const char *new_ids(struct rq *rq, size_t n)
{
	struct id *ids = arena_array(rq->arena, struct id, n);

	for (size_t i = 0; i < n; i++)
		ids[i] = id_new();
	return arg_ids(rq->arena, ids, n);
}

/* Tell of the new shares, and mail their contacts when they are to be told (S3-19). */
static int tell_created(struct rq *rq, const struct rows *made, const struct id *client,
                        bool notify)
{
	struct id *ids = arena_array(rq->arena, struct id, made->n);

	for (int i = 0; i < made->n; i++) {
		ids[i] = row_id(made, i, "id");
		TRY(record(rq, "share.created", ids[i], *client));
	}
	if (made->n == 0 || !notify)
		return 0;
	return outbox_mail_share(&rq->db, &rq->event, ids, (size_t)made->n, rq->now);
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
	struct id item, client;
	struct rows changed, made, all;

	TRY(body_read_judged(rq, &share_in_entity, FIELD_CREATE, &in, NULL, judge));
	TRY(share_item_parse(in.item_type, in.item_id, "/item_id", &item, &rq->err));
	bind_action(rq, &in, &item);
	TRY(lock_item(rq, &in, &item, &client));
	TRY(check_contacts(rq, &client));
	TRY(db_query(&rq->db, &sql_share_change, ARGS({"access", in.access}), &changed));
	TRY(db_query(&rq->db, &sql_share_insert,
	             ARGS({"ids", new_ids(rq, in.contact_ids.n)},
	                  {"client", arg_id(rq->arena, &client)}, {"access", in.access},
	                  {"notify", arg_bool(in.notify)}),
	             &made));
	TRY(tell_changed(rq, &changed, &client));
	TRY(tell_created(rq, &made, &client, in.notify));
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
	TRY(change_one(rq, &sql_share_delete, NULL));
	TRY(record(rq, "share.deleted", s.id, s.client_id));
	return reply_none(rq);
}
