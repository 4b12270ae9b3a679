/* portal.c - the portal: all and only what is shared with the person who is signed in.
 *
 * GET /v1/portal/home   GET /v1/portal/folders   GET /v1/portal/matters   GET,POST
 * /v1/portal/documents GET /v1/portal/documents/{document_id}   GET,HEAD
 * /v1/portal/documents/{document_id}/content
 */
#include "portal.h"

#include "auth.h"
#include "download.h"
#include "matter.h"
#include "reply.h"
#include "res.h"
#include "setting.h"
#include "sql_portal.h"
#include "upload.h"

int portal_home(struct rq *rq)
{
	struct portal_home home;

	if (find_one(rq, &sql_portal_home, ARGS({"public_url", this_worker.conf.public_url}),
	             &portal_home_entity, &home) < 0)
		return auth_gone(rq);
	return reply_one(rq, &portal_home_entity, &home, 0);
}

int portal_folder_list(struct rq *rq)
{
	struct id client, parent;
	int bad = 0;

	bad |= rq_param_id(rq, "client_id", "cli", &client);
	bad |= rq_param_id(rq, "parent_id", "fol", &parent);
	TRY(bad);
	return reply_list(rq, &portal_folder_entity, &sql_portal_folder_list,
	                  ARGS({"client_id", arg_id(rq->arena, &client)},
	                       {"parent_id", arg_id(rq->arena, &parent)}));
}

int portal_matter_list(struct rq *rq)
{
	return reply_list(rq, &portal_matter_entity, &sql_portal_matter_list, NULL);
}

int portal_document_list(struct rq *rq)
{
	const struct stmt *stmt = &sql_portal_document_list;
	struct id client, folder;
	int archived;
	int bad = 0;

	bad |= rq_param_id(rq, "client_id", "cli", &client);
	bad |= rq_param_id(rq, "folder_id", "fol", &folder);
	bad |= rq_param_bool(rq, "archived", &archived);
	TRY(bad);
	if (archived >= 0)
		stmt = &sql_portal_document_list_archived;
	else if (!id_is_none(&folder))
		stmt = &sql_portal_document_list_of_folder;
	return reply_list(rq, &portal_document_entity, stmt,
	                  ARGS({"client_id", arg_id(rq->arena, &client)},
	                       {"folder_id", arg_id(rq->arena, &folder)},
	                       {"archived", arg_bool(archived == 1)}));
}

int portal_document_get(struct rq *rq)
{
	struct portal_document d;

	TRY(find_one(rq, &sql_portal_document_get, NULL, &portal_document_entity, &d));
	return reply_one(rq, &portal_document_entity, &d, d.row_version);
}

/* Nothing to upload to: is there no such folder, or does it not take uploads? */
static int place_refused(struct rq *rq, const struct rows *place)
{
	if (id_is_none(&rq->upload->folder))
		return err_set(&rq->err, PROBLEM_no_upload_folder,
		               "No folder that takes uploads is shared with you.");
	if (place->n == 0)
		return err_set(&rq->err, PROBLEM_not_found, "There is nothing here for you.");
	return err_set(&rq->err, PROBLEM_upload_not_allowed, "You may look into this folder only.");
}

int portal_document_admit(struct rq *rq)
{
	struct rows place;

	TRY(upload_read(rq, false));
	TRY(db_query(&rq->db, &sql_portal_place,
	             ARGS({"folder", arg_id(rq->arena, &rq->upload->folder)}), &place));
	if (place.n == 0 || strcmp(row_text(&place, 0, "access"), "view_upload") != 0)
		return place_refused(rq, &place);
	return upload_admit(rq, &place);
}

int portal_document_create(struct rq *rq)
{
	struct portal_document d;

	TRY(upload_store(rq, true, &d.id));
	db_bind(&rq->db, "document_id", arg_id(rq->arena, &d.id));
	TRY(find_one(rq, &sql_portal_document_get, NULL, &portal_document_entity, &d));
	return reply_created(rq, &portal_document_entity, &d, d.row_version,
	                     "/v1/portal/documents");
}

int portal_document_content(struct rq *rq)
{
	return download(rq, &sql_portal_content);
}
