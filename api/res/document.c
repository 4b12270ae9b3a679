/* document.c - the firm's documents, as staff handle them.
 *
 * GET,POST /v1/documents   GET,PATCH,DELETE /v1/documents/{document_id}
 * POST /v1/documents/{document_id}/restore   GET,HEAD /v1/documents/{document_id}/content
 */
#include "document.h"

#include "auth.h"
#include "download.h"
#include "reply.h"
#include "res.h"
#include "sql_document.h"
#include "text.h"
#include "upload.h"
#include "viewers.h"

/* One statement for each way into the tables; what it does not stand for is filtered. */
static const struct stmt *list_of(bool client, bool folder, bool trashed)
{
	if (folder)
		return trashed ? &sql_document_trash_of_folder : &sql_document_list_of_folder;
	if (trashed)
		return &sql_document_trash_list;
	return client ? &sql_document_list_of_client : &sql_document_list;
}

int document_list(struct rq *rq)
{
	struct id client, folder;
	int trashed, archived;
	int64_t since;
	int bad = 0;

	bad |= rq_param_id(rq, "client_id", "cli", &client);
	bad |= rq_param_id(rq, "folder_id", "fol", &folder);
	bad |= rq_param_bool(rq, "trashed", &trashed);
	bad |= rq_param_bool(rq, "archived", &archived);
	bad |= rq_param_time(rq, "updated_since", &since);
	TRY(bad);
	return reply_list(rq, &document_entity,
	                  list_of(!id_is_none(&client), !id_is_none(&folder), trashed == 1),
	                  ARGS({"client_id", arg_id(rq->arena, &client)},
	                       {"folder_id", arg_id(rq->arena, &folder)},
	                       {"archived", archived < 0 ? NULL : arg_bool(archived)},
	                       {"updated_since", arg_time(rq->arena, since)}));
}

int document_get(struct rq *rq)
{
	struct document d;

	TRY(find_one(rq, &sql_document_get, NULL, &document_entity, &d));
	return reply_one(rq, &document_entity, &d, d.row_version);
}

/* ---- a place for it ---- */

/* The folder, its client, and whether the name is free there for the document `own` or a new one.
 */
static int place_find(struct rq *rq, const struct id *folder, const char *name,
                      const struct id *own, struct rows *place)
{
	return db_query(&rq->db, &sql_document_place,
	                ARGS({"folder", arg_id(rq->arena, folder)},
	                     {"name_key", text_key(rq->arena, name)},
	                     {"own", arg_id(rq->arena, own)}),
	                place);
}

static int name_taken(struct rq *rq, const char *pointer)
{
	err_set(&rq->err, PROBLEM_name_taken, "A document of this name is in the folder already.");
	return pointer == NULL ? -1
	                       : err_fault(&rq->err, pointer, "name_taken", "Choose another name.");
}

/* Lock the folder, of `client` if that is not id_none. 1: it is there, 0: it is not. */
static int lock_folder(struct rq *rq, const struct id *folder, const struct id *client)
{
	struct rows rows;

	TRY(db_query(
		&rq->db, &sql_document_lock_folder,
		ARGS({"folder", arg_id(rq->arena, folder)}, {"client", arg_id(rq->arena, client)}),
		&rows));
	return rows.n;
}

static int no_folder(struct rq *rq)
{
	return err_fault(&rq->err, "/folder_id", "not_found", "There is no such folder.");
}

/* The document as it lies now, with whom it is shared with there. */
static int read_placed(struct rq *rq, struct document *d)
{
	*d = (struct document){0};
	TRY(find_one(rq, &sql_document_get, NULL, &document_entity, d));
	return viewers_of_document(rq, &d->will_be_visible_to);
}

int document_admit(struct rq *rq)
{
	struct rows place;

	TRY(upload_read(rq, true));
	TRY(place_find(rq, &rq->upload->folder, rq->upload->name, &id_none, &place));
	if (place.n == 0)
		return err_set(&rq->err, PROBLEM_not_found, "There is nothing here for you.");
	TRY(upload_admit(rq, &place));
	return row_bool(&place, 0, "taken") ? name_taken(rq, "?name") : 0;
}

int document_create(struct rq *rq)
{
	struct document d;

	TRY(upload_store(rq, false, &d.id));
	db_bind(&rq->db, "document_id", arg_id(rq->arena, &d.id));
	TRY(read_placed(rq, &d));
	return reply_created(rq, &document_placed_entity, &d, d.row_version, "/v1/documents");
}

/* ---- changing it ---- */

static int judge(struct rq *rq, const void *document)
{
	return document_check(document, rq->arena, &rq->err);
}

static int patch_read(struct rq *rq, struct document *before, struct document *d, uint64_t *sent_r)
{
	TRY(find_one(rq, &sql_document_get, NULL, &document_entity, d));
	TRY(match_version(rq, d->row_version));
	if (d->trashed_at != TIME_NULL)
		return err_set(&rq->err, PROBLEM_document_trashed,
		               "The document is in the trash; restore it first.");
	*before = *d;
	return body_read_judged(rq, &document_entity, FIELD_PATCH, d, sent_r, judge);
}

/* What lies in the way of its being there, under this name. */
static int place_check(struct rq *rq, const struct document *d, const struct id *client,
                       const char *pointer, struct id *client_r)
{
	struct rows place;

	TRY(place_find(rq, &d->folder_id, d->name, &d->id, &place));
	if (place.n == 0)
		return no_folder(rq);
	*client_r = row_id(&place, 0, "client_id");
	if (row_bool(&place, 0, "archived") && !id_equal(client, client_r))
		return err_set(&rq->err, PROBLEM_client_archived, "The client is archived.");
	return row_bool(&place, 0, "taken") ? name_taken(rq, pointer) : 0;
}

/* With another client nobody has it who had it before (pitfall P21). */
static int drop_shares(struct rq *rq, const struct document *before)
{
	struct rows gone;

	TRY(db_query(&rq->db, &sql_document_shares, NULL, &gone));
	for (int i = 0; i < gone.n; i++)
		TRY(record(rq, "share.deleted", row_id(&gone, i, "id"), before->client_id));
	return db_query(&rq->db, &sql_document_unshare, NULL, NULL);
}

/* Renamed, moved, archived. The patch is read ahead of the locks, to know the folder that is locked
 * first, and again behind them. */
int document_patch(struct rq *rq)
{
	const struct field *fields = document_entity.fields;
	struct document before, d;
	struct id client;
	uint64_t sent = 0;

	TRY(patch_read(rq, &before, &d, &sent));
	if (lock_folder(rq, &d.folder_id, &id_none) == 0)
		return no_folder(rq);
	TRY(change_one(rq, &sql_document_lock, ARGS({"trashed", arg_bool(false)})));
	TRY(patch_read(rq, &before, &d, &sent));
	TRY(place_check(rq, &d, &before.client_id,
	                field_sent(fields, sent, "name") ? "/name" : "/folder_id", &client));
	if (!id_equal(&client, &before.client_id)) {
		TRY(drop_shares(rq, &before));
		sent |= UINT64_C(1) << (field_find(fields, "client_id") - fields);
	}
	TRY(db_put(&rq->db, &sql_document_update, fields, &d,
	           ARGS({"name_key", text_key(rq->arena, d.name)}), NULL));
	TRY(record_change(rq, "document.updated", d.id, client, changed_names(rq, fields, sent)));
	TRY(read_placed(rq, &d));
	return reply_one(rq, &document_placed_entity, &d, d.row_version);
}

/* ---- the trash ---- */

/* Gone for good, from the trash or past it. The bytes follow. */
static int purge(struct rq *rq, const struct document *d)
{
	if (d->trashed_at == TIME_NULL)
		TRY(record(rq, "document.deleted", d->id, d->client_id));
	TRY(record(rq, "document.purged", d->id, d->client_id));
	TRY(change_one(rq, &sql_document_purge, NULL));
	return reply_none(rq);
}

/* Out of everybody's sight in the portal; staff find it in the trash, for 90 days. */
int document_delete(struct rq *rq)
{
	struct document d;
	int permanent;

	TRY(rq_param_bool(rq, "permanent", &permanent));
	if (permanent == 1)
		TRY(rq_need(rq, "documents:purge"));
	TRY(change_one(rq, permanent == 1 ? &sql_document_lock_any : &sql_document_lock,
	               ARGS({"trashed", arg_bool(false)})));
	TRY(find_one(rq, &sql_document_get, NULL, &document_entity, &d));
	TRY(match_version(rq, d.row_version));
	if (permanent == 1)
		return purge(rq, &d);
	TRY(change_one(rq, &sql_document_trash, NULL));
	TRY(record(rq, "document.deleted", d.id, d.client_id));
	return reply_none(rq);
}

static int trashed_find(struct rq *rq, struct document *d)
{
	TRY(find_one(rq, &sql_document_get, NULL, &document_entity, d));
	if (d->trashed_at != TIME_NULL)
		return 0;
	return err_set(&rq->err, PROBLEM_not_trashed, "The document is not in the trash.");
}

/* Lock the folder it comes back to: the one that was named, else the one it lay in. */
static int restore_place(struct rq *rq, const struct restore_in *in, struct document *d)
{
	bool named = !id_is_none(&in->folder_id);
	int there;

	if (named)
		d->folder_id = in->folder_id;
	there = lock_folder(rq, &d->folder_id, &d->client_id);
	TRY(there);
	if (there == 1)
		return 0;
	if (named)
		return no_folder(rq);
	return err_set(&rq->err, PROBLEM_folder_gone,
	               "Its folder was deleted; say with folder_id where it is to go.");
}

/* Back where it was, or in the folder of the same client that is named; whoever it was shared with
 * sees it again. */
int document_restore(struct rq *rq)
{
	struct restore_in in = {.folder_id = id_none};
	struct document d;
	struct id client;

	if (rq->in->body_len > 0)
		TRY(body_read(rq, restore_in_entity.fields, FIELD_CREATE, &in, NULL));
	TRY(trashed_find(rq, &d));
	TRY(restore_place(rq, &in, &d));
	TRY(change_one(rq, &sql_document_lock_any, NULL));
	TRY(trashed_find(rq, &d));
	if (!id_is_none(&in.folder_id))
		d.folder_id = in.folder_id;
	TRY(place_check(rq, &d, &d.client_id, NULL, &client));
	TRY(change_one(rq, &sql_document_restore,
	               ARGS({"folder", arg_id(rq->arena, &d.folder_id)})));
	TRY(record(rq, "document.restored", d.id, d.client_id));
	TRY(read_placed(rq, &d));
	return reply_one(rq, &document_placed_entity, &d, d.row_version);
}

int document_content(struct rq *rq)
{
	return download(rq, &sql_document_content);
}
