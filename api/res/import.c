/* import.c - clients and contacts from a file.
 *
 * POST /v1/imports   GET /v1/imports/{import_id}   GET …/rows   POST …/commit
 * GET /v1/import_templates/{kind}
 *
 * Here the file is taken and its header judged; the rest is the importer's (api/importer.c).
 */
#include "import.h"

#include "auth.h"
#include "reply.h"
#include "res.h"
#include "sheet.h"
#include "sql_import.h"

#include <unistd.h>

/* How soon to ask again: a thousand rows are read in less. */
#define RETRY_AFTER_S "1"

/* ---- the file ---- */

/* What a file is to be taken for. */
struct order {
	const char *kind, *send;
	int dry_run;
};

static int order_read(struct rq *rq, struct order *o)
{
	int bad = 0;

	bad |= rq_param_enum(rq, "kind", import_kinds, &o->kind);
	bad |= rq_param_enum(rq, "send_invitations", import_sends, &o->send);
	bad |= rq_param_bool(rq, "dry_run", &o->dry_run);
	if (rq_param(rq, "kind") == NULL)
		bad = err_fault(&rq->err, "?kind", "required", "clients or contacts is needed.");
	if (o->send == NULL)
		o->send = "none";
	return bad;
}

/* text/csv, in UTF-8 if it says so (RFC 7111). */
static bool is_csv(const char *type)
{
	const char *charset;
	size_t len = type == NULL ? 0 : strcspn(type, "; ");

	if (len != strlen("text/csv") || strncasecmp(type, "text/csv", len) != 0)
		return false;
	charset = strcasestr(type, "charset=");
	if (charset == NULL)
		return true;
	charset += strlen("charset=");
	charset += *charset == '"';
	return strncasecmp(charset, "utf-8", 5) == 0;
}

int import_admit(struct rq *rq)
{
	struct order order;

	TRY(order_read(rq, &order));
	if (!is_csv(rq_header(rq, "content-type")))
		return err_set(&rq->err, PROBLEM_unsupported_media_type,
		               "Send the file as text/csv, in UTF-8.");
	if (rq->length > IMPORT_BYTES_MAX)
		return err_set(&rq->err, PROBLEM_too_large, "At most %d bytes are taken.",
		               IMPORT_BYTES_MAX);
	if (strcmp(order.send, "none") != 0)
		TRY(rq_need(rq, "portal_access:write"));
	return 0;
}

static void close_file(void *fd)
{
	close(*(int *)fd);
}

static int check_header(struct rq *rq, const char *kind)
{
	int *fd = arena_new(rq->arena, int);
	struct sheet_row header = {0};
	struct import_plan plan;
	struct err e;

	*fd = blob_open(rq->blob->path);
	if (*fd < 0)
		return err_internal(&rq->err, "cannot read %s", rq->blob->path);
	arena_defer(rq->arena, close_file, fd);
	err_init(&e, rq->arena);
	if (sheet_next(sheet_new(rq->arena, sheet_from_fd, fd), rq->arena, &header, &e) < 0)
		return err_set(&rq->err, PROBLEM_csv_header_invalid, "%s",
		               e.fault_count > 0 ? e.faults[0].message : "It cannot be read.");
	return import_header(kind, &header, rq->arena, &plan, &rq->err);
}

/* ---- the calls ---- */

static int reply_import(struct rq *rq, int status)
{
	struct import import;

	TRY(find_one(rq, &sql_import_get, NULL, &import_entity, &import));
	if (import.finished_at == TIME_NULL && strcmp(import.status, "ready") != 0)
		reply_header(rq, "retry-after", RETRY_AFTER_S);
	return reply_status(rq, status, &import_entity, &import);
}

static int reply_taken(struct rq *rq, const struct id *id)
{
	char text[ID_TEXT_SIZE];

	id_format(id, "imp", text);
	reply_header(rq, "location", arena_printf(rq->arena, "/v1/imports/%s", text));
	return reply_import(rq, 202);
}

int import_create(struct rq *rq)
{
	const struct blob *b = rq->blob;
	struct arena *a = rq->arena;
	struct id id = id_new();
	struct order order;
	struct actor actor;

	TRY(order_read(rq, &order));
	TRY(auth_known(rq));
	TRY(check_header(rq, order.kind));
	actor = rq_actor(rq);
	TRY(db_query(&rq->db, &sql_import_insert,
	             ARGS({"id", arg_id(a, &id)}, {"kind", order.kind},
	                  {"dry_run", arg_bool(order.dry_run == 1)}, {"send", order.send},
	                  {"blob", arg_id(a, &b->id)}, {"path", b->path},
	                  {"size", arg_int(a, b->size)},
	                  {"sha256", arg_bytes(a, b->sha256, sizeof(b->sha256))},
	                  {"actor_type", actor.type}, {"actor", arg_id(a, &actor.id)},
	                  {"actor_name", actor.name}),
	             NULL));
	TRY(record(rq, "import.created", id, id_none));
	db_bind(&rq->db, "import_id", arg_id(a, &id));
	return reply_taken(rq, &id);
}

int import_get(struct rq *rq)
{
	return reply_import(rq, 200);
}

int import_line_list(struct rq *rq)
{
	const char *status;
	struct import import;

	TRY(rq_param_enum(rq, "status", import_row_states, &status));
	TRY(find_one(rq, &sql_import_get, NULL, &import_entity, &import));
	return reply_list(rq, &import_line_entity, &sql_import_lines, ARGS({"status", status}));
}

int import_commit(struct rq *rq)
{
	struct import import;
	struct actor actor;
	struct rows rows;

	TRY(auth_known(rq));
	TRY(find_one(rq, &sql_import_get, NULL, &import_entity, &import));
	if (strcmp(import.send_invitations, "none") != 0)
		TRY(rq_need(rq, "portal_access:write"));
	actor = rq_actor(rq);
	TRY(db_query(&rq->db, &sql_import_commit,
	             ARGS({"actor_type", actor.type}, {"actor", arg_id(rq->arena, &actor.id)},
	                  {"actor_name", actor.name}),
	             &rows));
	if (rows.n == 0)
		return err_set(
			&rq->err, PROBLEM_import_not_ready,
			"Only a dry run without a fault can be carried out; this import is %s.",
			import.status);
	TRY(record(rq, "import.committed", import.id, id_none));
	return reply_taken(rq, &import.id);
}

int import_template_get(struct rq *rq)
{
	const char *text = import_template(rq_segment(rq, "kind"));

	TRY(auth_known(rq));
	if (text == NULL)
		return err_set(&rq->err, PROBLEM_not_found, "There is nothing here for you.");
	return reply_text(rq, "text/csv; charset=utf-8", text, strlen(text));
}
