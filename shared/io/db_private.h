/* db_private.h - what the files of the database layer know of each other; nobody else includes it.
 */
#ifndef PORTICO_DB_PRIVATE_H
#define PORTICO_DB_PRIVATE_H

#include "db.h"
#include "io.h"

#include <libpq-fe.h>

enum {
	DB_WAIT_MS = 1500,    /* for a connection: a request has its 503 within 2 s */
	DB_TRIP_MS = 12000,   /* for an answer; the server itself gives up after 10 s */
	DB_OUTCOME_MS = 5000, /* for finding out what became of a commit */
	DB_ATTEMPT_MS =
		400, /* an attempt to connect that had less time says nothing of the server */
	DB_BACKOFF_MIN_MS = 100,
	DB_BACKOFF_MAX_MS = 2000,
	DB_WAITERS_PER_CONN = 64, /* beyond: no use in waiting */
	DB_TRIP_MAX = 2 * (DB_PRELUDE_MAX + 3)
};

/* A connection, always in exactly one place: the idle list, a unit, a drain. */
struct db_conn {
	struct db_pool *pool;
	PGconn *pg;
	bool spoilt;   /* close it instead of giving it back */
	bool draining; /* a fiber of its own brings it to rest */
	struct {
		const char **names; /* open addressing; NULL is free */
		unsigned used, size;
	} prepared;
	struct { /* what is under way: a trip may be abandoned, its Parses still count */
		const char *parses[DB_TRIP_MAX]; /* name; NULL for an entry that is no Parse */
		unsigned n, at;                  /* entries sent, entries answered */
	} under_way;
	struct db_conn *next;          /* in the idle list */
	struct db_conn *older, *newer; /* among all of the pool */
};

/* ---- db_pool.c ---- */

/*
 * An idle connection, at the latest after `wait_ms`; NULL with err set. From then on the caller
 * must give it back or close it.
 */
may_wait struct db_conn *pool_take(struct db_pool *pool, int64_t wait_ms, struct err *e);

/* Take it back when it is idle and unspoilt, close it otherwise. Never waits. */
void pool_give(struct db_conn *c);

/* Close it, whatever state it is in; the server rolls back. */
void pool_close(struct db_conn *c);

/* Bring a connection that was left in the middle of something back to idle, beside the callers. */
void pool_drain(struct db_conn *c);

/* One more round trip, for the statistics. */
void pool_count_trip(struct db_pool *pool);

/* ---- db_connect.c ---- */

/* Connect within `timeout_ms`. NULL: failed, or cancelled with errno ECANCELED. */
may_wait PGconn *db_connect(const char *conninfo, int timeout_ms);

/* ---- db_trip.c: one round trip, a pipeline of statements up to one sync ---- */

struct trip {
	struct db_conn *conn;
	unsigned n;
	struct {
		const struct stmt *stmt;
		PGresult *result; /* of a run that succeeded */
	} entry[DB_TRIP_MAX];
};

/* How a trip ended. */
enum trip_end {
	TRIP_DONE,     /* every statement ran */
	TRIP_FAILED,   /* the server refused one; err says why; the connection is at rest */
	TRIP_LOST,     /* no answer, or no connection any more: it is spoilt */
	TRIP_CANCELLED /* still under way */
};

/* Begin a trip on a connection at rest. 0, or -1 when the connection is lost. */
int trip_start(struct trip *t, struct db_conn *c);

/* Queue one statement, with its Parse when the connection has not got it. Values as for
 * PQexecParams. */
int trip_add(struct trip *t, const struct stmt *stmt, const char *const *values);

/* Send, and read all answers. Results wait in t->entry until trip_release. */
may_wait enum trip_end trip_run(struct trip *t, struct err *e);

/* The result of the last run of `stmt` not yet kept, now the caller's; NULL when there is none. */
PGresult *trip_keep(struct trip *t, const struct stmt *stmt);

/* Free what was not kept. */
void trip_release(struct trip *t);

/* Bring the connection to rest: read what is outstanding, roll back. 0, or -1: then close it. */
may_wait int conn_settle(struct db_conn *c);

/* Is it at rest: connected, no transaction, nothing outstanding? */
bool conn_at_rest(const struct db_conn *c);

/* Wait for the next result until `deadline_ms` (0: for ever). 0 and *result_r; -1 with errno. */
may_wait int conn_result(struct db_conn *c, PGresult **result_r, int64_t deadline_ms);

/* ---- db_error.c ---- */

/* Say in `e` why the server refused `stmt`. Marks the connection spoilt where that helps. */
void db_refused(struct db_conn *c, const PGresult *result, const struct stmt *stmt, struct err *e);

/* The database is not there: unavailable, Retry-After 1. Returns -1. */
int db_unavailable(struct err *e, const char *why);

#endif
