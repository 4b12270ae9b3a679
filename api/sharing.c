/* sharing.c - showing an item to contacts: what the calls for shares and the sign-up links have in
 * common. */
#include "sharing.h"

#include "share.h"
#include "sql_sharing.h"

static const struct {
	const char *type;
	const struct stmt *lock;
} kinds[] = {
	{"folder", &sql_sharing_lock_folder},
	{"document", &sql_sharing_lock_document},
	{"matter", &sql_sharing_lock_matter},
};

/* Bind the item under the name of its kind, and null under the others. */
static const struct stmt *bind_item(struct rq *rq, const struct shared_item *item)
{
	const char *id = arg_id(rq->arena, &item->id);
	const struct stmt *lock = NULL;

	for (size_t i = 0; i < lengthof(kinds); i++) {
		bool same = strcmp(kinds[i].type, item->type) == 0;

		db_bind(&rq->db, kinds[i].type, same ? id : NULL);
		if (same)
			lock = kinds[i].lock;
	}
	return lock;
}

int sharing_lock(struct rq *rq, const char *pointer, struct shared_item *item)
{
	struct rows rows;

	TRY(db_query(&rq->db, bind_item(rq, item), ARGS({"item", arg_id(rq->arena, &item->id)}),
	             &rows));
	if (rows.n == 0)
		return err_fault(&rq->err, pointer, "not_found", "There is no such %s.",
		                 item->type);
	if (row_bool(&rows, 0, "internal"))
		return err_set(&rq->err, PROBLEM_document_internal,
		               "Clear the document's member internal first.");
	item->client = row_id(&rows, 0, "client_id");
	item->inside = row_id(&rows, 0, "matter_id");
	TRY(db_query(&rq->db, &sql_sharing_rules,
	             ARGS({"client", arg_id(rq->arena, &item->client)}), &rows));
	item->notify_required = row_bool(&rows, 0, "notify_required");
	if (row_bool(&rows, 0, "archived"))
		return err_set(&rq->err, PROBLEM_client_archived, "The client is archived.");
	return 0;
}

/* New ids for as many shares as there are contacts. */
static const char *new_ids(struct rq *rq, size_t n)
{
	struct id *ids = arena_array(rq->arena, struct id, n);

	for (size_t i = 0; i < n; i++)
		ids[i] = id_new();
	return arg_ids(rq->arena, ids, n);
}

/* Tell of the new shares, and mail their contacts when they are to be told (S3-19); of what is in a
 * matter there is a mail, of the matter itself there is none. */
static int tell(struct rq *rq, const struct rows *made, const struct shared_item *item, bool notify)
{
	struct id *ids = arena_array(rq->arena, struct id, made->n);

	for (int i = 0; i < made->n; i++) {
		ids[i] = row_id(made, i, "id");
		TRY(record(rq, "share.created", ids[i], item->client));
	}
	if (made->n == 0 || !notify || strcmp(item->type, "matter") == 0)
		return 0;
	return outbox_mail_share(&rq->db, &rq->event, ids, (size_t)made->n, rq->now);
}

int sharing_make(struct rq *rq, const struct shared_item *item, const struct ids *contacts,
                 const char *access, bool notify)
{
	struct rows made;

	TRY(db_query(&rq->db, &sql_sharing_insert,
	             ARGS({"ids", new_ids(rq, contacts->n)},
	                  {"contact_ids", arg_ids(rq->arena, contacts->v, contacts->n)},
	                  {"client", arg_id(rq->arena, &item->client)}, {"access", access},
	                  {"notify", arg_bool(notify)}),
	             &made));
	return tell(rq, &made, item, notify);
}
