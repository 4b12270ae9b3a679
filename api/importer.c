/*
 * importer.c - makes what files of clients and contacts say, in the background of the API.
 *
 * Each worker takes up waiting imports, one of a firm at a time: the firm is held by an advisory
 * lock of the importer's own session, so that a worker that dies leaves the import to the next one.
 * Its rows are read a little at a time and kept (import_row), compared with the firm, and judged:
 * one fault, and nothing is made. Then all they say is made in one transaction, which compares them
 * once more. Last, its people are invited, each in a transaction of their own by the function that
 * also serves PUT portal_access. Whatever is interrupted begins again where nothing is done twice.
 */
#include "importer.h"

#include "blob.h"
#include "door.h"
#include "import.h"
#include "invite.h"
#include "io.h"
#include "log.h"
#include "setting.h"
#include "sheet.h"
#include "sql_importer.h"
#include "text.h"

#include <stdlib.h>
#include <unistd.h>

enum {
	IDLE_MS = 300,
	PAUSE_MS = 1000,             /* after something went wrong */
	ATTEMPTS_MAX = 20,           /* then it is the import's own fault */
	BATCH_ROWS = 250,            /* read in one go: some 5 ms of the event loop's time */
	BATCH_BYTES = 256 * 1024,    /* or as soon as there is so much of it */
	ROWS_JSON_MAX = 1024 * 1024, /* a batch, and a last row of the greatest length */
	ROW_ARENA_MAX = 8 * 1024 * 1024,
	UNIT_ARENA_MAX = 64 * 1024 * 1024,
	CHUNK_LINES = 2000,    /* in one statement, which the server ends after 10 s */
	CHUNK_RELATIONS = 2000 /* likewise: a line may have 100, each with three events */
};

struct importer {
	struct db_pool *pool; /* one connection: the lock's session */
	int session;
	struct id firm, import;
	struct arena arena; /* of the import that is worked on */
	struct import what;
	const char *path; /* of the file; NULL: it was read */
	bool applied;
	struct actor actor;
	struct texts permissions; /* of who asked for it, now */
	const char *name;         /* "imp_…" */
	struct arena unit_arena;  /* of one unit of work */
	struct rq rq;
	struct door_out out;
};

/* ---- units of work ---- */

static struct rq *unit_start(struct importer *m, bool writes)
{
	static const struct door_in nothing = {.method = "POST", .path = ""};
	struct rq *rq = &m->rq;

	*rq = (struct rq){.in = &nothing,
	                  .out = &m->out,
	                  .arena = &m->unit_arena,
	                  .now = clock_now_ms(),
	                  .request_id = m->name,
	                  .who = {.known = true,
	                          .firm = m->firm,
	                          .membership = m->actor.id,
	                          .audience = m->actor.type,
	                          .name = m->actor.name,
	                          .permissions = m->permissions}};
	rq->began = rq->now;
	arena_init(&m->unit_arena, UNIT_ARENA_MAX);
	err_init(&rq->err, rq->arena);
	db_init(&rq->db, m->pool, rq->arena, &rq->err, writes);
	db_bind(&rq->db, "now", arg_time(rq->arena, rq->now));
	return rq;
}

/* The unit sees the import's firm; "me" is who asked for it. */
static struct rq *unit_of_firm(struct importer *m, bool writes)
{
	struct rq *rq = unit_start(m, writes);

	db_bind(&rq->db, "firm", arg_id(rq->arena, &m->firm));
	db_bind(&rq->db, "import", arg_id(rq->arena, &m->import));
	db_bind(&rq->db, "me", arg_id(rq->arena, &m->actor.id));
	db_prelude(&rq->db, &sql_importer_claim, NULL, NULL);
	return rq;
}

static void say_failure(const struct importer *m, const struct err *e)
{
	if (gate_stopping())
		return;
	log_say(e->problem == PROBLEM_unavailable ? LOGL_WARN : LOGL_ERROR, "import", "%s: %s",
	        m->name ? m->name : "-",
	        e->internal ? e->internal
	        : e->detail ? e->detail
	                    : problem_code(e->problem));
}

static void wake_relay(void)
{
	const uint64_t one = 1;

	(void)!write(gate_event_fd(), &one, sizeof(one));
}

/* End it: committed when the result is 0 and it is still this session that holds the firm. */
static int unit_end(struct importer *m, int result)
{
	struct rq *rq = &m->rq;

	if (result >= 0 && db_backend_pid(&rq->db) != m->session)
		result = err_set(&rq->err, PROBLEM_unavailable, "the importer's session is gone");
	if (result >= 0 && db_commit(&rq->db) < 0)
		result = -1;
	if (result >= 0 && rq->events)
		wake_relay();
	if (result < 0)
		say_failure(m, &rq->err);
	db_end(&rq->db);
	arena_release(&m->unit_arena);
	return result;
}

/* ---- taking up, giving up, letting go ---- */

static may_wait int fail(struct importer *m, const struct err *faults)
{
	struct rq *rq = unit_of_firm(m, true);
	struct json_writer w;
	struct buf b;
	int result;

	buf_init(&b, rq->arena, ROWS_JSON_MAX);
	json_start(&w, &b);
	json_put_faults(&w, faults);
	result = db_query(&rq->db, &sql_importer_fail, ARGS({"errors", b.data}), NULL);
	if (result == 0)
		result = record(rq, "import.finished", m->import, id_none);
	return unit_end(m, result);
}

static may_wait int give_up(struct importer *m, const char *code, const char *why)
{
	struct err e;

	err_init(&e, &m->arena);
	err_fault(&e, "", code, "%s", why);
	return fail(m, &e);
}

/* 1: there is one, with its firm in hand. */
static may_wait int take(struct importer *m, bool *may_r, int64_t *attempts_r)
{
	struct rq *rq = unit_start(m, false);
	struct rows rows;
	int result = db_query(&rq->db, &sql_importer_take, NULL, &rows);

	m->session = db_backend_pid(&rq->db);
	if (result == 0 && rows.n > 0) {
		m->firm = row_id(&rows, 0, "firm_id");
		m->import = row_id(&rows, 0, "import_id");
		*may_r = row_bool(&rows, 0, "may");
		*attempts_r = row_int(&rows, 0, "attempts");
		result = 1;
	}
	return unit_end(m, result);
}

static may_wait int load(struct importer *m)
{
	static const struct field may[] = {F_TEXTS(importer, permissions, 0, 0), FIELD_END};
	struct rq *rq = unit_of_firm(m, false);
	struct arena *a = &m->arena;
	char text[ID_TEXT_SIZE];
	struct rows rows;
	int result = db_query(&rq->db, &sql_importer_load, NULL, &rows);

	if (result == 0 && rows.n > 0) {
		id_format(&m->import, "imp", text);
		m->name = arena_strdup(a, text);
		m->what.kind = arena_strdup(a, row_text(&rows, 0, "kind"));
		m->what.status = arena_strdup(a, row_text(&rows, 0, "status"));
		m->what.send_invitations = arena_strdup(a, row_text(&rows, 0, "send_invitations"));
		m->applied = row_bool(&rows, 0, "applied");
		m->path = arena_strdup(a, row_text(&rows, 0, "path"));
		m->actor =
			(struct actor){.type = arena_strdup(a, row_text(&rows, 0, "actor_type")),
		                       .id = row_id(&rows, 0, "actor_id"),
		                       .name = arena_strdup(a, row_text(&rows, 0, "actor_name"))};
		row_read(&rows, 0, may, m, a);
	}
	return unit_end(m, result);
}

static may_wait void let_go(struct importer *m)
{
	struct rq *rq = unit_start(m, false);

	unit_end(m, db_query(&rq->db, &sql_importer_let_go, NULL, NULL));
	m->name = NULL;
	m->firm = m->import = id_none;
	m->actor = (struct actor){0};
	m->permissions = (struct texts){0};
	arena_release(&m->arena);
}

/* ---- reading the rows ---- */

/* The file while it is read. */
struct reader {
	struct sheet *sheet;
	struct import_plan plan;
	int64_t count;
	struct err err; /* what ends it */
};

/* The next row, written to the batch. 1, 0 at the end, -1 with the reader's err. */
static int read_row(struct reader *r, struct json_writer *w)
{
	struct sheet_row row;
	struct arena a;
	int got;

	arena_init(&a, ROW_ARENA_MAX);
	got = sheet_next(r->sheet, &a, &row, &r->err);
	if (got > 0 && r->count == IMPORT_ROWS_MAX)
		got = err_fault(&r->err, "", "too_many_rows",
		                "The file has more than %d rows: part it.", IMPORT_ROWS_MAX);
	if (got > 0) {
		import_row_write(&r->plan, &row, &a, w);
		r->count++;
	}
	arena_release(&a);
	return got;
}

/* As many rows as a batch takes, as JSON. 1: there are more, 0: that was the last, -1. */
static int read_batch(struct reader *r, struct buf *b)
{
	struct json_writer w;
	int got = 1;

	json_start(&w, b);
	json_open(&w, '[');
	for (int n = 0; got > 0 && n < BATCH_ROWS && b->len < BATCH_BYTES; n++)
		got = read_row(r, &w);
	json_close(&w, ']');
	return got;
}

static may_wait int stage_batch(struct importer *m, struct reader *r)
{
	struct rq *rq = unit_of_firm(m, true);
	struct buf b;
	int more, result;

	buf_init(&b, rq->arena, ROWS_JSON_MAX);
	more = read_batch(r, &b);
	result = b.over ? err_internal(&rq->err, "a batch of rows is too long") : 0;
	if (result == 0)
		result = db_query(&rq->db, &sql_importer_stage, ARGS({"rows", b.data}), NULL);
	if (result == 0)
		result = db_query(&rq->db, &sql_importer_staged,
		                  ARGS({"count", arg_int(rq->arena, r->count)}), NULL);
	if (unit_end(m, result) < 0)
		return -1;
	return more > 0;
}

static void close_file(void *fd)
{
	close(*(int *)fd);
}

static int reader_start(struct importer *m, struct reader *r)
{
	int *fd = arena_new(&m->arena, int);
	struct sheet_row header = {0};

	err_init(&r->err, &m->arena);
	*fd = m->path ? blob_open(m->path) : -1;
	if (*fd < 0)
		return err_fault(&r->err, "", "file_gone", "The file is not there any more.");
	arena_defer(&m->arena, close_file, fd);
	r->sheet = sheet_new(&m->arena, sheet_from_fd, fd);
	TRY(sheet_next(r->sheet, &m->arena, &header, &r->err));
	return import_header(m->what.kind, &header, &m->arena, &r->plan, &r->err);
}

/* 1: all rows are kept, 0: the file is at fault, which is told, -1: to be taken up again. */
static may_wait int stage(struct importer *m)
{
	struct reader *r = arena_new(&m->arena, struct reader);
	int more = 1;

	if (reader_start(m, r) == 0)
		while (more > 0 && !gate_stopping())
			more = stage_batch(m, r);
	if (more < 0 || gate_stopping())
		return -1;
	if (r->err.fault_count == 0)
		return 1;
	return fail(m, &r->err);
}

/* ---- comparing and judging ---- */

static const struct arg *chunk(struct rq *rq, int64_t first)
{
	struct arg *args = arena_array(rq->arena, struct arg, 3);

	args[0] = (struct arg){"first", arg_int(rq->arena, first)};
	args[1] = (struct arg){"last", arg_int(rq->arena, first + CHUNK_LINES - 1)};
	return args;
}

static may_wait int last_line(struct rq *rq, int64_t *last_r)
{
	struct rows rows;

	TRY(db_query(&rq->db, &sql_importer_bounds, NULL, &rows));
	*last_r = row_int(&rows, 0, "last");
	return 0;
}

/* Run the statement for all lines, a chunk at a time. */
static may_wait int for_all(struct rq *rq, const struct stmt *stmt, int64_t last)
{
	for (int64_t line = 1; line <= last; line += CHUNK_LINES)
		TRY(db_query(&rq->db, stmt, chunk(rq, line), NULL));
	return 0;
}

static may_wait int plan(struct rq *rq, const char *mode)
{
	return db_query(&rq->db, &sql_importer_plan, ARGS({"mode", mode}), NULL);
}

static may_wait int compare(struct rq *rq, int64_t last)
{
	TRY(plan(rq, "force_custom_plan"));
	TRY(for_all(rq, &sql_importer_match, last));
	TRY(for_all(rq, &sql_importer_result, last));
	return plan(rq, "auto");
}

/* Judge the rows as they were compared. 1: they can be made, 0: they can not, or are not to be. */
static may_wait int judge(struct importer *m, struct rq *rq)
{
	struct rows rows;
	const char *status;

	TRY(db_query(&rq->db, &sql_importer_judge, NULL, &rows));
	if (rows.n == 0)
		return 0;
	status = arena_strdup(&m->arena, row_text(&rows, 0, "status"));
	m->what.status = status;
	if (strcmp(status, "failed") == 0)
		TRY(record(rq, "import.finished", m->import, id_none));
	return strcmp(status, "running") == 0;
}

/* Without knowing how many rows there are the planner takes them for a few: here, and in any call
 * that follows. */
static may_wait int analyze(struct importer *m)
{
	struct rq *rq = unit_of_firm(m, false);

	return unit_end(m, db_query(&rq->db, &sql_importer_analyze, NULL, NULL));
}

static may_wait int validate(struct importer *m)
{
	int staged = stage(m), result;
	struct rq *rq;
	int64_t last;

	if (staged <= 0)
		return staged;
	TRY(analyze(m));
	rq = unit_of_firm(m, true);
	result = last_line(rq, &last);
	if (result == 0)
		result = compare(rq, last);
	if (result == 0)
		result = judge(m, rq);
	return unit_end(m, result);
}

/* ---- making ---- */

/* A statement for all lines with what is told of it. */
static may_wait int make(struct rq *rq, const struct stmt *stmt, int64_t last,
                         const struct arg *told)
{
	for (int64_t line = 1; line <= last; line += CHUNK_LINES) {
		const struct arg *lines = chunk(rq, line);

		TRY(db_query(&rq->db, stmt,
		             ARGS(lines[0], lines[1], told[0], told[1], told[2], told[3]), NULL));
	}
	return 0;
}

static may_wait int make_folders(struct rq *rq, int64_t last)
{
	struct rows rows;
	const char *name;

	TRY(db_query(&rq->db, &sql_importer_folder_name, NULL, &rows));
	if (rows.n == 0)
		return 0;
	name = row_text(&rows, 0, "name");
	db_bind(&rq->db, "name", name);
	db_bind(&rq->db, "name_key", text_key(rq->arena, name));
	return for_all(rq, &sql_importer_folders, last);
}

/* As make(), but no more relations at once than a statement may see to. */
static may_wait int relate(struct rq *rq, const struct stmt *stmt, int64_t last,
                           const struct arg *told)
{
	const char *most = arg_int(rq->arena, CHUNK_RELATIONS);
	struct rows rows;

	for (int64_t line = 1; line <= last; line = row_int(&rows, 0, "last") + 1) {
		const struct arg *lines = chunk(rq, line);

		TRY(db_query(&rq->db, &sql_importer_relate_to,
		             ARGS(lines[0], lines[1], {"most", most}), &rows));
		TRY(db_query(&rq->db, stmt,
		             ARGS(lines[0], {"last", row_text(&rows, 0, "last")}, told[0], told[1],
		                  told[2], told[3]),
		             NULL));
	}
	return 0;
}

/* Give who was there before and is related now a new version; from here on they are held until the
 * commit. One who was archived meanwhile is nobody's: all is to be compared anew. */
static may_wait int hold_related(struct rq *rq)
{
	const char *after = NULL;
	struct rows rows;

	do {
		TRY(db_query(&rq->db, &sql_importer_related, ARGS({"after", after}), &rows));
		if (row_bool(&rows, 0, "archived"))
			return err_set(&rq->err, PROBLEM_unavailable,
			               "a contact was archived meanwhile");
		after = row_text(&rows, 0, "last");
	} while (after != NULL);
	return 0;
}

static may_wait int make_all(struct importer *m, struct rq *rq)
{
	const struct arg told[] = {{"actor_type", m->actor.type},
	                           {"actor", arg_id(rq->arena, &m->actor.id)},
	                           {"actor_name", m->actor.name},
	                           {"request", m->name}};
	int64_t last;
	int fine;

	TRY(last_line(rq, &last));
	TRY(compare(rq, last));
	TRY(fine = judge(m, rq));
	if (!fine)
		return 0;
	TRY(make(rq, &sql_importer_clients, last, told));
	TRY(make_folders(rq, last));
	TRY(make(rq, &sql_importer_contacts, last, told));
	TRY(db_query(&rq->db, &sql_importer_analyze, NULL, NULL));
	TRY(db_query(&rq->db, &sql_importer_relate_late, NULL, NULL));
	TRY(relate(rq, &sql_importer_relate, last, told));
	TRY(change_one(rq, &sql_importer_applied, NULL));
	TRY(hold_related(rq));
	TRY(relate(rq, &sql_importer_share, last, told));
	rq->events = true;
	return 1;
}

/* All rows or none, in one transaction. 1: they are made, 0: meanwhile they can not be. */
static may_wait int apply(struct importer *m)
{
	int made = unit_end(m, make_all(m, unit_of_firm(m, true)));

	if (made > 0)
		TRY(analyze(m));
	return made;
}

/* ---- inviting ---- */

/* The unit's faults as JSON; it has none then. */
static const char *faults_json(struct rq *rq)
{
	struct json_writer w;
	struct buf b;

	buf_init(&b, rq->arena, ROWS_JSON_MAX);
	json_start(&w, &b);
	json_put_faults(&w, &rq->err);
	err_clear(&rq->err);
	return b.data;
}

/* Give the candidate access as PUT portal_access does; what came of it is left in *outcome_r. */
static may_wait int give_access(struct importer *m, struct rq *rq, struct candidate *c,
                                const char **outcome_r)
{
	const struct access_in in = {.send = m->what.send_invitations, .ends_at = TIME_NULL};
	bool made = id_is_none(&c->membership), sends = strcmp(in.send, "now") == 0;

	if (!made && (!sends || strcmp(c->state, "not_sent") != 0))
		return 0;
	TRY(access_turn_on(rq, c, &in));
	*outcome_r = sends ? "sent" : "not_sent";
	return db_query(&rq->db, &sql_importer_batch_source,
	                ARGS({"membership", arg_id(rq->arena, &c->membership)},
	                     {"invitation", arg_id(rq->arena, &c->invitation)},
	                     {"made", arg_bool(made)}),
	                NULL);
}

static may_wait int invite_candidate(struct importer *m, struct rq *rq, const char *line)
{
	const char *outcome = NULL, *errors = "[]";
	struct texts reasons;
	struct candidate c;

	TRY(candidate_load(rq, &c));
	TRY(candidate_reasons(rq, &c, NULL, &reasons));
	if (reasons.n == 0) {
		TRY(give_access(m, rq, &c, &outcome));
	} else {
		outcome = "refused";
		(void)candidate_refuse(rq, &reasons);
		errors = faults_json(rq);
	}
	if (outcome == NULL)
		return 0;
	return db_query(&rq->db, &sql_importer_invited,
	                ARGS({"line", line}, {"invitation", outcome}, {"errors", errors}), NULL);
}

/* Why nobody may invite them: said of the row, since what was begun for it is rolled back. */
static may_wait int say_refused(struct importer *m, const char *line, enum problem why)
{
	struct rq *rq = unit_of_firm(m, true);

	err_fault(
		&rq->err, "", problem_code(why), "%s",
		why == PROBLEM_not_found
			? "The contact was archived meanwhile."
			: "What is shared with the contact is not the import's to hand to another address.");
	return unit_end(m, db_query(&rq->db, &sql_importer_invited,
	                            ARGS({"line", line}, {"invitation", "refused"},
	                                 {"errors", faults_json(rq)}),
	                            NULL));
}

/* Somebody who was archived meanwhile, or has what the importer may not know of, is not invited,
 * and nobody else waits because of that. */
static may_wait int invite(struct importer *m, const char *contact, const char *line)
{
	struct rq *rq = unit_of_firm(m, true);
	enum problem why;
	int result;

	db_bind(&rq->db, "contact_id", contact);
	result = invite_candidate(m, rq, line);
	why = rq->err.problem;
	if (result == 0 || (why != PROBLEM_not_found && why != PROBLEM_shared_items_not_accessible))
		return unit_end(m, result);
	db_roll_back(&rq->db);
	db_end(&rq->db);
	arena_release(&m->unit_arena);
	return say_refused(m, line, why);
}

/* Those whom the rows behind line *after name, and move it on. 1: there may be more, 0: none. */
static may_wait int people(struct importer *m, struct arena *a, int64_t *after, struct rows *rows_r)
{
	struct rq *rq = unit_of_firm(m, false);
	int result;

	rq->db.arena = a;
	result = db_query(&rq->db, &sql_importer_people, ARGS({"after", arg_int(a, *after)}),
	                  rows_r);
	if (result == 0 && rows_r->n > 0) {
		*after = row_int(rows_r, rows_r->n - 1, "line");
		result = 1;
	}
	return unit_end(m, result);
}

static may_wait int invite_some(struct importer *m, int64_t *after)
{
	struct arena a;
	struct rows rows;
	int more;

	arena_init(&a, UNIT_ARENA_MAX);
	more = people(m, &a, after, &rows);
	for (int i = 0; more > 0 && i < rows.n; i++)
		if (gate_stopping() ||
		    invite(m, row_text(&rows, i, "contact_id"), row_text(&rows, i, "line")) < 0)
			more = -1;
	arena_release(&a);
	return more;
}

static may_wait int finish(struct importer *m)
{
	struct rq *rq = unit_of_firm(m, true);
	int result = change_one(rq, &sql_importer_finish, NULL);

	if (result == 0)
		result = record(rq, "import.finished", m->import, id_none);
	return unit_end(m, result);
}

static may_wait int invite_all(struct importer *m)
{
	int64_t after = 0;
	int more = strcmp(m->what.send_invitations, "none") != 0;

	while (more > 0)
		more = invite_some(m, &after);
	TRY(more);
	return finish(m);
}

/* ---- the loop ---- */

static may_wait int work(struct importer *m)
{
	int going = 1;

	if (strcmp(m->what.status, "validating") == 0)
		TRY(going = validate(m));
	if (going > 0 && strcmp(m->what.status, "running") == 0 && !m->applied)
		TRY(going = apply(m));
	return going > 0 ? invite_all(m) : 0;
}

/* One import, as far as it goes. 1: there was one, 0: none waits, -1: something went wrong. */
static may_wait int turn(struct importer *m)
{
	int64_t attempts = 0;
	bool may = false;
	int result;

	m->what = (struct import){0};
	TRY(result = take(m, &may, &attempts));
	if (result == 0)
		return 0;
	arena_init(&m->arena, UNIT_ARENA_MAX);
	result = load(m);
	if (result < 0 || m->what.kind == NULL)
		result = result < 0 ? -1 : 0;
	else if (!may)
		result = give_up(m, "permission_denied",
		                 "Who asked for it may not import any more.");
	else if (attempts > ATTEMPTS_MAX)
		result = give_up(m, "internal_error", "It was begun too often. Tell the operator.");
	else
		result = work(m);
	let_go(m);
	return result < 0 ? -1 : 1;
}

void importer_run(void *conf)
{
	struct importer *m = calloc(1, sizeof(*m));
	int result;

	if (m == NULL)
		abort();
	m->pool = db_pool_new(((const struct conf *)conf)->api_database, 1);
	while (!gate_stopping()) {
		result = turn(m);
		if (result <= 0)
			(void)io_sleep(result < 0 ? PAUSE_MS : IDLE_MS);
	}
	db_pool_free(m->pool);
	free(m);
}
