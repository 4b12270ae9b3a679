/*
 * db.c - the unit of work: what a request says to the database, and how that ends.
 *
 * A reading unit has no transaction of its own: each statement travels with the prelude in front of
 * it, and the pipeline's implicit transaction spans both, so that what the prelude set (the firm,
 * for row-level security) holds for that statement and for nothing else. A writing unit opens a
 * transaction with its first statement; the prelude runs once, inside it.
 *
 * So that the answer to a COMMIT that got lost can be looked up, the transaction's number travels
 * back behind the unit's statements until there is one.
 */
#include "db_private.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sql_db.h"

/* Where the values of a statement's parameters come from. */
struct sources {
	const struct arg *args;
	const struct field *fields;
	const void *entity;
};

void db_init(struct db *db, struct db_pool *pool, struct arena *a, struct err *e, bool writes)
{
	*db = (struct db){
		.pool = pool, .arena = a, .err = e, .writes = writes, .wait_ms = DB_WAIT_MS};
}

void db_bind(struct db *db, const char *name, const char *value)
{
	unsigned i = 0;

	while (i < db->bound_count && strcmp(db->bound[i].name, name) != 0)
		i++;
	assert(i < DB_BOUND_MAX);
	db->bound[i] = (struct arg){name, value};
	if (i == db->bound_count)
		db->bound_count++;
}

/* The caller's list often lives in a block that is left before the statement runs. */
static const struct arg *args_copy(struct arena *a, const struct arg *args)
{
	struct arg *copy;
	size_t n = 0;

	while (args && args[n].name)
		n++;
	copy = arena_array(a, struct arg, n + 1);
	if (n > 0)
		memcpy(copy, args, n * sizeof(*copy));
	return copy;
}

void db_prelude(struct db *db, const struct stmt *stmt, const struct arg *args, struct rows *rows_r)
{
	unsigned i = db->prelude_count;

	assert(i < DB_PRELUDE_MAX && !db->begun && !db->prelude_ran);
	db->prelude[i].stmt = stmt;
	db->prelude[i].args = args_copy(db->arena, args);
	db->prelude[i].rows_r = rows_r;
	db->prelude_count++;
}

int db_backend_pid(const struct db *db)
{
	return db->conn ? PQbackendPID(db->conn->pg) : 0;
}

/* ---- parameters ---- */

static bool arg_find(const struct arg *args, size_t n, const char *name, const char **value_r)
{
	for (size_t i = 0; args && i < n && args[i].name; i++) {
		if (strcmp(args[i].name, name) == 0) {
			*value_r = args[i].value;
			return true;
		}
	}
	return false;
}

static const char *param(const struct db *db, const struct stmt *stmt, const struct sources *from,
                         const char *name)
{
	const struct field *f;
	const char *value = NULL;

	if (arg_find(from->args, SIZE_MAX, name, &value))
		return value;
	f = from->fields ? field_find(from->fields, name) : NULL;
	if (f)
		return field_to_param(f, from->entity, db->arena);
	if (arg_find(db->bound, db->bound_count, name, &value))
		return value;
	fprintf(stderr, "db: statement %s: no value for :%s\n", stmt->name, name);
	abort();
}

static int add(const struct db *db, struct trip *t, const struct stmt *stmt,
               const struct sources *from)
{
	const char **values = arena_array(db->arena, const char *, stmt->nparams + 1);

	for (int i = 0; i < stmt->nparams; i++)
		values[i] = param(db, stmt, from, stmt->params[i]);
	return trip_add(t, stmt, values);
}

/* ---- a trip of the unit ---- */

static bool needs_prelude(const struct db *db)
{
	return db->writes ? !db->begun : true;
}

/* Queue all that travels together. `stmt` may be NULL. */
static int unit_queue(const struct db *db, struct trip *t, const struct stmt *stmt,
                      const struct sources *from)
{
	struct sources of_prelude = {0};

	if (db->writes && !db->begun)
		TRY(trip_add(t, &sql_db_begin, NULL));
	for (unsigned i = 0; needs_prelude(db) && i < db->prelude_count; i++) {
		of_prelude.args = db->prelude[i].args;
		TRY(add(db, t, db->prelude[i].stmt, &of_prelude));
	}
	if (stmt)
		TRY(add(db, t, stmt, from));
	if (db->writes && !db->xid[0])
		TRY(trip_add(t, &sql_db_xid, NULL));
	return 0;
}

static void result_free(void *result)
{
	PQclear(result);
}

static void give_rows(const struct db *db, struct trip *t, const struct stmt *stmt,
                      struct rows *rows_r)
{
	PGresult *result;

	if (!rows_r)
		return;
	result = trip_keep(t, stmt);
	if (result)
		arena_defer(db->arena, result_free, result);
	rows_r->result = result;
	rows_r->n = result ? PQntuples(result) : 0;
}

static void unit_results(struct db *db, struct trip *t, const struct stmt *stmt,
                         struct rows *rows_r)
{
	PGresult *xid = trip_keep(t, &sql_db_xid);

	if (xid && PQntuples(xid) == 1 && !PQgetisnull(xid, 0, 0)) {
		snprintf(db->xid, sizeof(db->xid), "%s", PQgetvalue(xid, 0, 0));
		snprintf(db->checkpoint, sizeof(db->checkpoint), "%s", PQgetvalue(xid, 0, 1));
	}
	PQclear(xid);
	if (stmt)
		give_rows(db, t, stmt, rows_r);
	/* once: by the second time the place for the rows may be gone */
	for (unsigned i = db->prelude_count; !db->prelude_ran && i-- > 0;)
		give_rows(db, t, db->prelude[i].stmt, db->prelude[i].rows_r);
	db->prelude_ran = true;
}

static int unit_fail(struct db *db, enum trip_end end)
{
	db->failed = true;
	if (end == TRIP_CANCELLED)
		return err_internal(db->err, "cancelled during a statement");
	if (end == TRIP_LOST)
		return db_unavailable(db->err, "the connection was lost during a statement");
	return -1;
}

static int unit_connect(struct db *db)
{
	if (db->conn)
		return 0;
	db->conn = pool_take(db->pool, db->wait_ms, db->err);
	if (db->conn)
		return 0;
	db->failed = true;
	return -1;
}

/* Run `stmt` (NULL: only what stands before it). */
static int unit_trip(struct db *db, const struct stmt *stmt, const struct sources *from,
                     struct rows *rows_r)
{
	enum trip_end end = TRIP_LOST;
	struct trip t;

	if (db->failed)
		return -1;
	TRY(unit_connect(db));
	if (trip_start(&t, db->conn) == 0) {
		if (unit_queue(db, &t, stmt, from) == 0) {
			db->begun = db->begun || db->writes;
			db->trips++;
			end = trip_run(&t, db->err);
		} else {
			db->conn->spoilt = true;
		}
	}
	if (end == TRIP_DONE)
		unit_results(db, &t, stmt, rows_r);
	trip_release(&t);
	return end == TRIP_DONE ? 0 : unit_fail(db, end);
}

int db_flush_prelude(struct db *db)
{
	struct sources none = {0};

	if (db->prelude_ran || db->prelude_count == 0)
		return 0;
	return unit_trip(db, NULL, &none, NULL);
}

int db_query(struct db *db, const struct stmt *stmt, const struct arg *args, struct rows *rows_r)
{
	struct sources from = {.args = args};

	return unit_trip(db, stmt, &from, rows_r);
}

int db_put(struct db *db, const struct stmt *stmt, const struct field *fields, const void *entity,
           const struct arg *args, struct rows *rows_r)
{
	struct sources from = {.args = args, .fields = fields, .entity = entity};

	return unit_trip(db, stmt, &from, rows_r);
}

/* ---- notices ---- */

static bool notice_take(PGconn *pg, char text[DB_NOTICE_SIZE])
{
	PGnotify *notice = PQnotifies(pg);

	if (!notice)
		return false;
	snprintf(text, DB_NOTICE_SIZE, "%s", notice->extra);
	PQfreemem(notice);
	return true;
}

int db_notice(struct db *db, int timeout_ms, char text[DB_NOTICE_SIZE])
{
	PGconn *pg = db->conn ? db->conn->pg : NULL;
	int r;

	if (!pg || db->failed)
		return -1;
	if (notice_take(pg, text))
		return 1;
	r = io_wait_fd(PQsocket(pg), POLLIN, timeout_ms);
	if (r <= 0)
		return r;
	if (!PQconsumeInput(pg) || PQstatus(pg) == CONNECTION_BAD) {
		db->conn->spoilt = true;
		return -1;
	}
	return notice_take(pg, text);
}

/* ---- the end ---- */

enum outcome { COMMITTED, LOST, UNKNOWN, ASK_AGAIN };

/* Ask once what became of the unit's transaction. */
static enum outcome outcome_ask(const struct db *db, int64_t wait_ms)
{
	struct rows rows = {0};
	const char *outcome = NULL;
	struct err err;
	struct db probe;
	int r;

	err_init(&err, db->arena);
	db_init(&probe, db->pool, db->arena, &err, false);
	probe.wait_ms = wait_ms;
	r = db_query(&probe, &sql_db_outcome,
	             ARGS({"xid", db->xid}, {"checkpoint", db->checkpoint}), &rows);
	if (r == 0 && rows.n == 1)
		outcome = row_text(&rows, 0, "outcome");
	db_end(&probe);
	if (!outcome || strcmp(outcome, "in progress") == 0)
		return ASK_AGAIN;
	if (strcmp(outcome, "committed") == 0)
		return COMMITTED;
	return strcmp(outcome, "aborted") == 0 ? LOST : UNKNOWN;
}

/* The answer to COMMIT did not come. */
static int commit_resolve(struct db *db)
{
	int64_t deadline_ms = clock_mono_ms() + DB_OUTCOME_MS, left = DB_OUTCOME_MS;
	enum outcome outcome = ASK_AGAIN;

	pool_close(db->conn);
	db->conn = NULL;
	if (!db->xid[0])
		return 0; /* it has written nothing */
	while (outcome == ASK_AGAIN && left > 0) {
		outcome = outcome_ask(db, left);
		if (outcome == ASK_AGAIN && io_sleep(100) < 0)
			break;
		left = deadline_ms - clock_mono_ms();
	}
	if (outcome == COMMITTED)
		return 0;
	db->failed = true;
	return db_unavailable(db->err, outcome == LOST ? "the commit was lost with the connection"
	                                               : "the commit's outcome is not known");
}

/* The server's word on COMMIT, which may also be ROLLBACK. */
static int commit_answer(struct db *db, struct trip *t)
{
	PGresult *result = trip_keep(t, &sql_db_commit);
	bool committed = result && strcmp(PQcmdStatus(result), "COMMIT") == 0;

	PQclear(result);
	if (committed)
		return 0;
	db->failed = true;
	return err_internal(db->err, "the server rolled the transaction back");
}

int db_commit(struct db *db)
{
	enum trip_end end = TRIP_LOST;
	struct trip t;
	struct err err; /* a refusal that may yet turn out to be none */
	int r = -1;

	if (db->failed)
		return -1;
	if (!db->begun)
		return 0;
	err_init(&err, db->arena);
	if (trip_start(&t, db->conn) == 0 && trip_add(&t, &sql_db_commit, NULL) == 0) {
		db->trips++;
		end = trip_run(&t, &err);
	}
	db->begun = false;
	if (end == TRIP_DONE)
		r = commit_answer(db, &t);
	trip_release(&t);
	if (end == TRIP_DONE)
		return r;
	if (end == TRIP_LOST)
		return commit_resolve(db);
	if (end == TRIP_FAILED && db->err->problem == PROBLEM_NONE)
		*db->err = err;
	return unit_fail(db, end);
}

void db_roll_back(struct db *db)
{
	struct trip t;
	struct err err; /* why it was to be rolled back is known already */

	if (!db->begun || !db->conn || db->conn->spoilt)
		return;
	err_init(&err, db->arena);
	if (trip_start(&t, db->conn) == 0 && trip_add(&t, &sql_db_rollback, NULL) == 0) {
		db->trips++;
		trip_run(&t, &err);
	} else {
		db->conn->spoilt = true;
	}
	trip_release(&t);
	db->begun = false;
	db->failed = true;
}

void db_end(struct db *db)
{
	struct db_conn *c = db->conn;

	if (!c)
		return;
	db->conn = NULL;
	db->begun = false;
	if (db->private_session)
		c->spoilt = true;
	if (c->spoilt || conn_at_rest(c))
		pool_give(c);
	else
		pool_drain(c);
}

/* ---- scripts ---- */

static enum trip_end script_read(struct db *db)
{
	enum trip_end end = TRIP_DONE;
	ExecStatusType status;
	PGresult *result;

	for (;;) {
		if (conn_result(db->conn, &result, 0) < 0)
			return errno == ECANCELED ? TRIP_CANCELLED : TRIP_LOST;
		if (!result)
			return end;
		status = PQresultStatus(result);
		if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK &&
		    status != PGRES_EMPTY_QUERY) {
			db_refused(db->conn, result, NULL, db->err);
			end = TRIP_FAILED;
		}
		PQclear(result);
	}
}

int db_script(struct db *db, const char *sql)
{
	enum trip_end end;

	TRY(db_query(db, &sql_db_patient, NULL, NULL));
	db->private_session = true;
	if (!PQsendQuery(db->conn->pg, sql))
		end = TRIP_LOST;
	else
		end = script_read(db);
	if (end == TRIP_LOST)
		db->conn->spoilt = true;
	return end == TRIP_DONE ? 0 : unit_fail(db, end);
}
