/*
 * db.h - PostgreSQL: a pool of connections, and the unit of work that a request runs on one of
 * them.
 *
 * A unit of work takes a connection with its first statement and gives it back idle when it ends.
 * Statements are prepared on first use per connection. A prelude (BEGIN, authenticate) travels in
 * the same round trip as the first statement. A connection is only ever handed out and taken back
 * idle; one that is found otherwise is drained or closed, never reused.
 */
#ifndef PORTICO_DB_H
#define PORTICO_DB_H

#include "base.h"
#include "field.h"

/* A named statement, made from a .sql file at build (shared/io/sqlgen). */
struct stmt {
	const char *name;
	const char *text;
	int nparams;
	const char *const *params; /* names, in the order of $1… */
};

/* One named parameter as text, NULL for null. Lists of them end with a NULL name. */
struct arg {
	const char *name;
	const char *value;
};
#define ARGS(...) ((const struct arg[]){__VA_ARGS__, {NULL, NULL}})

/* Texts of parameters, owned by `a`. arg_id of id_none and arg_time of TIME_NULL are null. */
const char *arg_id(struct arena *a, const struct id *id);
const char *arg_int(struct arena *a, int64_t value);
const char *arg_time(struct arena *a, int64_t ms);
const char *arg_bool(bool value);
const char *arg_bytes(struct arena *a, const void *bytes, size_t len); /* bytea, as \x… */
const char *arg_sha256(struct arena *a, const char *text);             /* bytea, of the text */
const char *arg_ids(struct arena *a, const struct id *ids, size_t n);  /* jsonb array of uuids */

/* ---- the pool ---- */

struct db_pool;

/*
 * A pool of at most `size` connections to `conninfo`. Nothing is connected yet: connections are
 * made without blocking when they are needed, and again with back-off (100 ms to 2 s) after a loss.
 */
struct db_pool *db_pool_new(const char *conninfo, unsigned size);

/*
 * Close all connections and free the pool; those that are being drained in the background, when
 * they are. Nobody may be waiting for one. NULL-safe.
 */
void db_pool_free(struct db_pool *pool);

/* What the tests and whoever watches the service see. */
struct db_pool_stats {
	unsigned open, idle, busy, waiting;
	uint64_t handed_out, refused, drained, reconnects, round_trips;
};
/* The pool at this moment. */
void db_pool_stats(const struct db_pool *pool, struct db_pool_stats *stats_r);

/* ---- the unit of work ---- */

struct db_conn;
enum { DB_PRELUDE_MAX = 4, DB_BOUND_MAX = 8 };

struct db {
	struct db_pool *pool;
	struct arena *arena;
	struct err *err;
	bool writes;          /* explicit transaction; else each round trip is its own */
	bool begun;           /* the transaction is open on conn */
	bool failed;          /* a statement failed: only db_end is left */
	struct db_conn *conn; /* NULL until the first statement */
	struct {
		const struct stmt *stmt;
		const struct arg *args;
		struct rows *rows_r; /* filled when it ran; may be NULL */
	} prelude[DB_PRELUDE_MAX];
	unsigned prelude_count;
	struct arg bound[DB_BOUND_MAX]; /* parameters that every statement may name */
	unsigned bound_count;
	unsigned trips;       /* round trips made so far */
	int64_t wait_ms;      /* how long to wait for a connection at most */
	bool private_session; /* the session keeps something (advisory locks): db_end closes it */

	/* db.c's own */
	bool prelude_ran;
	char xid[24];        /* of the transaction, once it has written */
	char checkpoint[24]; /* and where the server's newest checkpoint stood then */
};

/* The rows of one statement; the memory belongs to the unit's arena. */
struct rows {
	int n;
	const void *result;
};

/* Make `db` a unit of work on `pool`. `writes`: all its statements are one transaction. */
void db_init(struct db *db, struct db_pool *pool, struct arena *a, struct err *e, bool writes);

/* Give every later statement the parameter `name`; the text must live as long as the unit. */
void db_bind(struct db *db, const char *name, const char *value);

/*
 * Queue a statement that runs before the first one, in the same round trip. When it fails, that
 * first statement fails with the same error. Rows appear in *rows_r (may be NULL). In a reading
 * unit it runs again in front of each later statement, in that one's implicit transaction (what it
 * sets for the transaction would be gone otherwise); *rows_r is only filled the first time. `args`
 * is copied, the texts in it must live as long as the unit.
 */
void db_prelude(struct db *db, const struct stmt *stmt, const struct arg *args,
                struct rows *rows_r);

/* Run what is queued alone, if it has not run yet. 0, or -1 with err set. */
may_wait int db_flush_prelude(struct db *db);

/*
 * Run one statement. Parameters are looked up by name in `args`, then among the bound ones; one
 * that is nowhere is a programming error and aborts. 0 and *rows_r (may be NULL), or -1 with err
 * set: SQLSTATE PTnnn raised by our functions -> the problem named in its message, DETAIL as
 * detail; 23505, 23503, 23514 -> by the constraint's name, see db_constraints; 40001, 40P01, 55P03
 * -> unavailable, try again; lost or refused connection, 57014, 57P0x, 53300, no connection within
 * wait_ms -> unavailable, Retry-After 1; a cancelled wait -> internal_error; disk full (53100) ->
 * quota_exceeded; anything else -> internal_error with the server's text for the log. One round
 * trip, the first one with the prelude in it.
 */
may_wait int db_query(struct db *db, const struct stmt *stmt, const struct arg *args,
                      struct rows *rows_r);

/* As db_query, with the parameters that `args` does not name taken from the entity's fields. */
may_wait int db_put(struct db *db, const struct stmt *stmt, const struct field *fields,
                    const void *entity, const struct arg *args, struct rows *rows_r);

/*
 * Commit (nothing to do when no statement ran or the unit only reads). 0; -1 with err set when it
 * is known not to be committed. An answer lost on the way is looked up with pg_xact_status on a new
 * connection, for up to 5 s; when that cannot be done, or the server has crashed meanwhile: -1,
 * unavailable, and it may have been committed all the same.
 */
may_wait int db_commit(struct db *db);

/*
 * Roll the open transaction back and wait until it is, so that what it held (locks, a key that is
 * being worked on) is free before anybody is told of the refusal. Only db_end is left then. Nothing
 * to do: returns.
 */
may_wait void db_roll_back(struct db *db);

/*
 * End the unit: roll back what is open, give the connection back. Never waits: a connection that is
 * still busy (the caller was cancelled) is drained in the background or closed. Idempotent.
 */
void db_end(struct db *db);

/* Map of constraint names to problems: the programs set it once at start; ends with a NULL name. */
struct db_constraint {
	const char *name;
	enum problem problem;
	const char *pointer; /* a fault is added there; NULL: none */
	const char *text;    /* message of the fault or detail */
};
/* Use this table from now on; it is kept, not copied. */
void db_set_constraints(const struct db_constraint *table);

/* ---- rows ---- */

/* The column as text; NULL for null. A column that is not there aborts: a programming error. */
const char *row_text(const struct rows *rows, int row, const char *column);
struct id row_id(const struct rows *rows, int row, const char *column); /* null: id_none */
int64_t row_int(const struct rows *rows, int row, const char *column);  /* null: INT64_MIN */
int64_t row_time(const struct rows *rows, int row, const char *column); /* null: TIME_NULL */
bool row_bool(const struct rows *rows, int row, const char *column);    /* null: false */
/* bytea: length, or -1 for null; bytes owned by `a` in *bytes_r */
int row_bytes(const struct rows *rows, int row, const char *column, struct arena *a,
              const uint8_t **bytes_r);

/* Fill the entity from the columns whose names are fields of the table; other members stay. */
void row_read(const struct rows *rows, int row, const struct field *fields, void *entity,
              struct arena *a);

/* Bytes of all columns of the row. */
size_t row_size(const struct rows *rows, int row);

/* Names of the result's columns, for the test that compares statements with field tables. */
int rows_columns(const struct rows *rows);
const char *rows_column(const struct rows *rows, int column);

/*
 * For programs with a connection of their own (mailer, relay, porticoctl): run a script of several
 * statements without parameters (a migration). 0 or -1.
 */
may_wait int db_script(struct db *db, const char *sql);

/*
 * The next notice (NOTIFY) on the unit's connection, which a statement has made LISTEN; the unit is
 * a private_session. Waits up to `timeout_ms`. 1 and its payload, cut to DB_NOTICE_SIZE, in text; 0
 * when there was none; -1 when the connection is lost or the wait was cancelled.
 */
enum { DB_NOTICE_SIZE = 64 };
may_wait int db_notice(struct db *db, int timeout_ms, char text[DB_NOTICE_SIZE]);

/* Number of the server session of the unit's connection; 0 when it has none. Advisory locks live
 * with it. */
int db_backend_pid(const struct db *db);

#endif
