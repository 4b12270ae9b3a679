/* folder.c - the folders of a client's documents, as staff arrange them.
 *
 * GET,POST /v1/folders   GET,PATCH,DELETE /v1/folders/{folder_id}
 */
#include "folder.h"

#include "reply.h"
#include "res.h"
#include "sql_folder.h"
#include "text.h"
#include "viewers.h"

int folder_list(struct rq *rq)
{
	const struct stmt *stmt = &sql_folder_list;
	struct id client, parent;
	int bad = 0;

	bad |= rq_param_id(rq, "client_id", "cli", &client);
	bad |= rq_param_id(rq, "parent_id", "fol", &parent);
	TRY(bad);
	if (!id_is_none(&parent))
		stmt = &sql_folder_list_of_parent;
	else if (!id_is_none(&client))
		stmt = &sql_folder_list_of_client;
	return reply_list(rq, &folder_entity, stmt,
	                  ARGS({"client_id", arg_id(rq->arena, &client)},
	                       {"parent_id", arg_id(rq->arena, &parent)}));
}

int folder_get(struct rq *rq)
{
	struct folder f;

	TRY(find_one(rq, &sql_folder_get, NULL, &folder_entity, &f));
	return reply_one(rq, &folder_entity, &f, f.version);
}

static int judge(struct rq *rq, const void *folder)
{
	return folder_check(folder, rq->arena, &rq->err);
}

/* Insert or update; nothing is written below a folder that is not there. */
static int folder_put(struct rq *rq, const struct stmt *stmt, const struct folder *f)
{
	struct rows rows;

	TRY(db_put(&rq->db, stmt, folder_entity.fields, f,
	           ARGS({"name_key", text_key(rq->arena, f->name)}), &rows));
	if (rows.n == 0)
		return err_fault(&rq->err, "/parent_id", "not_found",
		                 "There is no such folder of this client.");
	return 0;
}

/* The client's row is locked before the tree is looked at. */
static int folder_lock_client(struct rq *rq, const struct id *client)
{
	struct rows rows;

	TRY(db_query(&rq->db, &sql_folder_lock_client,
	             ARGS({"client_id", arg_id(rq->arena, client)}), &rows));
	if (rows.n == 0)
		return err_fault(&rq->err, "/client_id", "not_found", "There is no such client.");
	return 0;
}

/* A folder at the top is given its matter; one below another has that one's. */
static int folder_check_matter(struct rq *rq, const struct folder *f, uint64_t sent)
{
	struct rows rows;

	if (id_is_none(&f->matter_id) || !field_sent(folder_entity.fields, sent, "matter_id"))
		return 0;
	if (!id_is_none(&f->parent_id))
		return err_fault(&rq->err, "/matter_id", "not_allowed",
		                 "A folder in another one belongs to the same matter.");
	TRY(db_query(&rq->db, &sql_folder_matter,
	             ARGS({"matter", arg_id(rq->arena, &f->matter_id)},
	                  {"client", arg_id(rq->arena, &f->client_id)}),
	             &rows));
	if (rows.n == 0)
		return err_fault(&rq->err, "/matter_id", "not_found",
		                 "There is no such matter of this client.");
	return 0;
}

/* The folder as it lies now, with whom it is shared with there. */
static int read_placed(struct rq *rq, struct folder *f)
{
	TRY(find_one(rq, &sql_folder_get, NULL, &folder_entity, f));
	return viewers_of_folder(rq, &f->will_be_visible_to);
}

int folder_create(struct rq *rq)
{
	struct folder f = {.id = id_new()};
	uint64_t sent;

	TRY(body_read_judged(rq, &folder_entity, FIELD_CREATE, &f, &sent, judge));
	TRY(folder_lock_client(rq, &f.client_id));
	TRY(folder_check_matter(rq, &f, sent));
	TRY(folder_put(rq, &sql_folder_insert, &f));
	TRY(record(rq, "folder.created", f.id, f.client_id));
	db_bind(&rq->db, "folder_id", arg_id(rq->arena, &f.id));
	TRY(read_placed(rq, &f));
	return reply_created(rq, &folder_placed_entity, &f, f.version, "/v1/folders");
}

/* Renamed or moved, the default one too; its shares stay (S3-13). Moved into another folder it
 * belongs to that one's matter, moved to the top it keeps its own. */
int folder_patch(struct rq *rq)
{
	struct folder f;
	uint64_t sent;

	TRY(change_one(rq, &sql_folder_lock, NULL));
	TRY(find_one(rq, &sql_folder_get, NULL, &folder_entity, &f));
	TRY(match_version(rq, f.version));
	TRY(body_read_judged(rq, &folder_entity, FIELD_PATCH, &f, &sent, judge));
	TRY(folder_check_matter(rq, &f, sent));
	TRY(folder_put(rq, &sql_folder_update, &f));
	TRY(record_change(rq, "folder.updated", f.id, f.client_id,
	                  changed_names(rq, folder_entity.fields, sent)));
	TRY(read_placed(rq, &f));
	return reply_one(rq, &folder_placed_entity, &f, f.version);
}

static int record_each(struct rq *rq, const char *type, const struct rows *gone, struct id client)
{
	for (int i = 0; i < gone->n; i++)
		TRY(record(rq, type, row_id(gone, i, "id"), client));
	return 0;
}

/*
 * Documents go to the trash, and keep the row of the folder they lay in: such a folder is hidden,
 * one without documents is deleted. No folder that is removed keeps a share or a place below
 * another.
 */
static int folder_remove(struct rq *rq, const struct folder *f, const struct rows *below)
{
	struct id *ids = arena_array(rq->arena, struct id, below->n);
	struct rows documents;

	for (int i = 0; i < below->n; i++)
		ids[i] = row_id(below, i, "id");
	db_bind(&rq->db, "folders", arg_ids(rq->arena, ids, (size_t)below->n));
	TRY(db_query(&rq->db, &sql_folder_trash_documents, NULL, &documents));
	TRY(record_each(rq, "document.deleted", &documents, f->client_id));
	TRY(record_each(rq, "folder.deleted", below, f->client_id));
	TRY(db_query(&rq->db, &sql_folder_unshare, NULL, NULL));
	TRY(db_query(&rq->db, &sql_folder_hide, NULL, NULL));
	return db_query(&rq->db, &sql_folder_delete, NULL, NULL);
}

static bool any_kept(const struct rows *below)
{
	for (int i = 0; i < below->n; i++)
		if (row_bool(below, i, "kept"))
			return true;
	return false;
}

int folder_delete(struct rq *rq)
{
	struct folder f;
	struct rows below;
	int recursive;

	TRY(rq_param_bool(rq, "recursive", &recursive));
	TRY(change_one(rq, &sql_folder_lock, NULL));
	TRY(find_one(rq, &sql_folder_get, NULL, &folder_entity, &f));
	TRY(match_version(rq, f.version));
	db_bind(&rq->db, "client", arg_id(rq->arena, &f.client_id));
	TRY(db_query(&rq->db, &sql_folder_lock_tree, NULL, NULL));
	TRY(db_query(&rq->db, &sql_folder_below, NULL, &below));
	if (recursive != 1 && any_kept(&below))
		return err_set(&rq->err, PROBLEM_folder_not_empty,
		               "Empty it first, or send recursive=true to move what is inside to "
		               "the trash.");
	TRY(folder_remove(rq, &f, &below));
	return reply_none(rq);
}
