/*
 * db_trip.c - one round trip: a pipeline of statements up to one sync, and the way back to rest.
 *
 * A statement is prepared in the pipeline that first needs it, under its own name. Parse takes
 * effect even when the transaction is rolled back, but not when something before it in the pipeline
 * failed: so a statement counts as prepared only when its Parse was answered.
 */
#include "db_private.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "sql_db.h"

/* ---- which statements a connection has ---- */

static size_t name_slot(const struct db_conn *c, const char *name)
{
	uint32_t h = 2166136261u;
	size_t slot;

	for (const char *p = name; *p; p++)
		h = (h ^ (uint8_t)*p) * 16777619u;
	slot = h & (c->prepared.size - 1);
	while (c->prepared.names[slot] && strcmp(c->prepared.names[slot], name) != 0)
		slot = (slot + 1) & (c->prepared.size - 1);
	return slot;
}

static bool is_prepared(const struct db_conn *c, const char *name)
{
	return c->prepared.size > 0 && c->prepared.names[name_slot(c, name)];
}

static void prepared_grow(struct db_conn *c)
{
	const char **old = c->prepared.names;
	unsigned old_size = c->prepared.size;

	c->prepared.size = old_size ? 2 * old_size : 64;
	c->prepared.names = calloc(c->prepared.size, sizeof(*c->prepared.names));
	if (!c->prepared.names)
		abort();
	for (unsigned i = 0; i < old_size; i++) {
		if (old[i])
			c->prepared.names[name_slot(c, old[i])] = old[i];
	}
	free(old);
}

static void prepared_add(struct db_conn *c, const char *name)
{
	size_t slot;

	if (2 * (c->prepared.used + 1) > c->prepared.size)
		prepared_grow(c);
	slot = name_slot(c, name);
	if (!c->prepared.names[slot]) {
		c->prepared.names[slot] = name;
		c->prepared.used++;
	}
}

/* ---- waiting for answers ---- */

/* Send what is left and wait until a result can be read without blocking. */
static int conn_ready(const struct db_conn *c, int64_t deadline_ms)
{
	int64_t left = -1;
	int unsent, r;

	while ((unsent = PQflush(c->pg)) > 0 || PQisBusy(c->pg)) {
		if (PQstatus(c->pg) == CONNECTION_BAD)
			break;
		if (deadline_ms) {
			left = deadline_ms - clock_mono_ms();
			if (left <= 0)
				return errno = ETIMEDOUT, -1;
		}
		r = io_wait_fd(PQsocket(c->pg), (short)(POLLIN | (unsent ? POLLOUT : 0)),
		               (int)left);
		if (r < 0)
			return -1;
		if (r > 0 && !PQconsumeInput(c->pg))
			break;
	}
	return 0; /* a lost connection shows in the result */
}

int conn_result(struct db_conn *c, PGresult **result_r, int64_t deadline_ms)
{
	if (conn_ready(c, deadline_ms) < 0)
		return -1;
	*result_r = PQgetResult(c->pg);
	if (PQstatus(c->pg) == CONNECTION_BAD) {
		PQclear(*result_r);
		*result_r = NULL;
		c->spoilt = true;
		return errno = EPIPE, -1;
	}
	return 0;
}

bool conn_at_rest(const struct db_conn *c)
{
	return PQstatus(c->pg) == CONNECTION_OK && PQtransactionStatus(c->pg) == PQTRANS_IDLE &&
	       PQpipelineStatus(c->pg) == PQ_PIPELINE_OFF;
}

/* ---- the trip ---- */

int trip_start(struct trip *t, struct db_conn *c)
{
	*t = (struct trip){.conn = c};
	c->under_way.n = c->under_way.at = 0;
	if (PQenterPipelineMode(c->pg))
		return 0;
	c->spoilt = true;
	return -1;
}

static bool is_queued(const struct db_conn *c, const char *name)
{
	for (unsigned i = 0; i < c->under_way.n; i++) {
		if (c->under_way.parses[i] && strcmp(c->under_way.parses[i], name) == 0)
			return true;
	}
	return false;
}

static void entry_add(struct trip *t, const struct stmt *stmt, bool parse)
{
	assert(t->n < lengthof(t->entry));
	t->entry[t->n++].stmt = stmt;
	t->conn->under_way.parses[t->conn->under_way.n++] = parse ? stmt->name : NULL;
}

int trip_add(struct trip *t, const struct stmt *stmt, const char *const *values)
{
	PGconn *pg = t->conn->pg;

	if (!is_prepared(t->conn, stmt->name) && !is_queued(t->conn, stmt->name)) {
		if (!PQsendPrepare(pg, stmt->name, stmt->text, 0, NULL))
			return -1;
		entry_add(t, stmt, true);
	}
	if (!PQsendQueryPrepared(pg, stmt->name, stmt->nparams, values, NULL, NULL, 0))
		return -1;
	entry_add(t, stmt, false);
	return 0;
}

static bool is_good(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/* The next result of what is under way. *result_r is NULL at the end of each entry. */
static int under_way_result(struct db_conn *c, PGresult **result_r, int64_t deadline_ms)
{
	unsigned at = c->under_way.at;

	if (conn_result(c, result_r, deadline_ms) < 0)
		return -1;
	if (!*result_r)
		c->under_way.at++;
	else if (at < c->under_way.n && c->under_way.parses[at] && is_good(*result_r))
		prepared_add(c, c->under_way.parses[at]);
	return 0;
}

/* Take in the result of entry `i`. What follows a refusal in the pipeline was not run. */
static enum trip_end entry_result(struct trip *t, unsigned i, PGresult *result, struct err *e)
{
	if (is_good(result)) {
		PQclear(t->entry[i].result);
		t->entry[i].result = result;
		return TRIP_DONE;
	}
	if (PQresultStatus(result) != PGRES_PIPELINE_ABORTED)
		db_refused(t->conn, result, t->entry[i].stmt, e);
	PQclear(result);
	return TRIP_FAILED;
}

/* Why no result came; a connection that does not answer is of no more use. */
static enum trip_end trip_broken(const struct trip *t)
{
	if (errno == ECANCELED)
		return TRIP_CANCELLED;
	t->conn->spoilt = true;
	return TRIP_LOST;
}

static enum trip_end trip_read(struct trip *t, int64_t deadline_ms, struct err *e)
{
	enum trip_end end = TRIP_DONE;
	PGresult *result;
	unsigned at;

	while ((at = t->conn->under_way.at) < t->n) {
		if (under_way_result(t->conn, &result, deadline_ms) < 0)
			return trip_broken(t);
		if (result && entry_result(t, at, result, e) != TRIP_DONE)
			end = TRIP_FAILED;
	}
	if (conn_result(t->conn, &result, deadline_ms) < 0)
		return trip_broken(t);
	assert(PQresultStatus(result) == PGRES_PIPELINE_SYNC);
	PQclear(result);
	return end;
}

enum trip_end trip_run(struct trip *t, struct err *e)
{
	enum trip_end end;

	pool_count_trip(t->conn->pool);
	if (!PQpipelineSync(t->conn->pg)) {
		t->conn->spoilt = true;
		return TRIP_LOST;
	}
	end = trip_read(t, clock_mono_ms() + DB_TRIP_MS, e);
	if ((end == TRIP_DONE || end == TRIP_FAILED) && !PQexitPipelineMode(t->conn->pg))
		t->conn->spoilt = true;
	return end;
}

PGresult *trip_keep(struct trip *t, const struct stmt *stmt)
{
	PGresult *result;

	for (unsigned i = t->n; i-- > 0;) {
		if (t->entry[i].stmt == stmt && t->entry[i].result &&
		    !t->conn->under_way.parses[i]) {
			result = t->entry[i].result;
			t->entry[i].result = NULL;
			return result;
		}
	}
	return NULL;
}

void trip_release(struct trip *t)
{
	for (unsigned i = 0; i < t->n; i++) {
		PQclear(t->entry[i].result);
		t->entry[i].result = NULL;
	}
}

/* ---- back to rest ---- */

/* Read away what an abandoned trip is still to bring. */
static int settle_trip(struct db_conn *c, int64_t deadline_ms)
{
	PGresult *result;
	int ends = 0;

	while (PQpipelineStatus(c->pg) != PQ_PIPELINE_OFF && !PQexitPipelineMode(c->pg)) {
		if (under_way_result(c, &result, deadline_ms) < 0)
			return -1;
		ends = result ? 0 : ends + 1;
		PQclear(result);
		if (ends > 2) /* no sync was sent: this will not end */
			return -1;
	}
	return 0;
}

int conn_settle(struct db_conn *c)
{
	int64_t deadline_ms = clock_mono_ms() + DB_TRIP_MS;
	PGTransactionStatusType status;
	PGresult *result;

	if (settle_trip(c, deadline_ms) < 0)
		return -1;
	status = PQtransactionStatus(c->pg);
	if (status == PQTRANS_IDLE)
		return 0;
	if (status == PQTRANS_UNKNOWN ||
	    (status != PQTRANS_ACTIVE && !PQsendQuery(c->pg, sql_db_rollback.text)))
		return -1;
	do {
		if (conn_result(c, &result, deadline_ms) < 0)
			return -1;
		PQclear(result);
	} while (result);
	return conn_at_rest(c) ? 0 : -1;
}
