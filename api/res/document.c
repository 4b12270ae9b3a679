/* document.c - the firm's documents, as staff handle them.
 *
 * GET,POST /v1/documents   GET,DELETE /v1/documents/{document_id}
 * GET,HEAD /v1/documents/{document_id}/content
 */
#include "document.h"

#include "download.h"
#include "reply.h"
#include "res.h"
#include "sql_document.h"
#include "text.h"
#include "upload.h"

int document_list(struct rq *rq)
{
	const struct stmt *stmt = &sql_document_list;
	struct id client, folder;
	int trashed, archived;
	int64_t since;

	TRY(rq_param_id(rq, "client_id", "cli", &client));
	TRY(rq_param_id(rq, "folder_id", "fol", &folder));
	TRY(rq_param_bool(rq, "trashed", &trashed));
	TRY(rq_param_bool(rq, "archived", &archived));
	TRY(rq_param_time(rq, "updated_since", &since));
	if (!id_is_none(&folder))
		stmt = trashed == 1 ? &sql_document_trash_of_folder : &sql_document_list_of_folder;
	return reply_list(rq, &document_entity, stmt,
	                  ARGS({"client_id", arg_id(rq->arena, &client)},
	                       {"folder_id", arg_id(rq->arena, &folder)},
	                       {"trashed", arg_bool(trashed == 1)},
	                       {"archived", archived < 0 ? NULL : arg_bool(archived)},
	                       {"updated_since", arg_time(rq->arena, since)}));
}

int document_get(struct rq *rq)
{
	struct document d;

	TRY(find_one(rq, &sql_document_get, NULL, &document_entity, &d));
	return reply_one(rq, &document_entity, &d, d.row_version);
}

int document_admit(struct rq *rq)
{
	struct rows place;

	TRY(upload_read(rq, true));
	TRY(db_query(&rq->db, &sql_document_place,
	             ARGS({"folder", arg_id(rq->arena, &rq->upload->folder)},
	                  {"name_key", text_key(rq->arena, rq->upload->name)}),
	             &place));
	if (place.n == 0)
		return err_set(&rq->err, PROBLEM_not_found, "There is nothing here for you.");
	TRY(upload_admit(rq, &place));
	if (!row_bool(&place, 0, "taken"))
		return 0;
	err_set(&rq->err, PROBLEM_name_taken, "A document of this name is in the folder already.");
	return err_fault(&rq->err, "?name", "name_taken", "Choose another name.");
}

int document_create(struct rq *rq)
{
	struct document d;

	TRY(upload_store(rq, false, &d.id));
	db_bind(&rq->db, "document_id", arg_id(rq->arena, &d.id));
	TRY(find_one(rq, &sql_document_get, NULL, &document_entity, &d));
	return reply_created(rq, &document_entity, &d, d.row_version, "/v1/documents");
}

/* Out of everybody's sight in the portal; staff find it in the trash. */
int document_trash(struct rq *rq)
{
	struct document d;

	TRY(change_one(rq, &sql_document_lock, NULL));
	TRY(find_one(rq, &sql_document_get, NULL, &document_entity, &d));
	TRY(match_version(rq, d.row_version));
	TRY(change_one(rq, &sql_document_trash, NULL));
	TRY(record(rq, "document.deleted", d.id, d.client_id));
	return reply_none(rq);
}

int document_content(struct rq *rq)
{
	return download(rq, &sql_document_content);
}
