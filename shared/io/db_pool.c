/*
 * db_pool.c - a worker's connections: who has one, who waits for one, when to try again.
 *
 * Takers stand in one queue and only its head acts: it takes an idle connection, makes a new one,
 * or waits until somebody gives one back or the back-off is over. Whatever changes raises the
 * head's event. After a failed attempt connections are made by one taker at a time, so that a
 * server that comes back is not run over.
 */
#include "db_private.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "crypt.h"

struct waiter {
	struct io_event event;
	struct waiter *next;
};

struct db_pool {
	char *conninfo;
	unsigned size;
	struct db_conn *idle; /* the one used last is first */
	struct db_conn *all;
	struct waiter *first, *last;
	unsigned connecting, failures;
	unsigned draining; /* connections that fibers of their own still have */
	bool freed;        /* the last of those ends the pool */
	int64_t retry_at_ms;
	struct db_pool_stats stats;
};

struct db_pool *db_pool_new(const char *conninfo, unsigned size)
{
	struct db_pool *pool = calloc(1, sizeof(*pool));

	if (pool)
		pool->conninfo = strdup(conninfo);
	if (!pool || !pool->conninfo)
		abort();
	pool->size = size ? size : 1;
	return pool;
}

static void pool_end(struct db_pool *pool)
{
	free(pool->conninfo);
	free(pool);
}

void db_pool_free(struct db_pool *pool)
{
	struct db_conn *c, *older;

	if (!pool)
		return;
	assert(!pool->first && pool->connecting == 0 && !pool->freed);
	pool->freed = true;
	for (c = pool->all; c; c = older) {
		older = c->older;
		if (!c->draining)
			pool_close(c);
	}
	if (pool->draining == 0)
		pool_end(pool);
}

void db_pool_stats(const struct db_pool *pool, struct db_pool_stats *stats_r)
{
	*stats_r = pool->stats;
	stats_r->busy = pool->stats.open - pool->stats.idle;
}

void pool_count_trip(struct db_pool *pool)
{
	pool->stats.round_trips++;
}

/* ---- the queue ---- */

static void queue_leave(struct db_pool *pool, struct waiter *w)
{
	struct waiter **at = &pool->first, *before = NULL;

	while (*at != w) {
		before = *at;
		at = &before->next;
	}
	*at = w->next;
	if (pool->last == w)
		pool->last = before;
	pool->stats.waiting--;
}

static void queue_join(struct db_pool *pool, struct waiter *w)
{
	w->next = NULL;
	if (pool->last)
		pool->last->next = w;
	else
		pool->first = w;
	pool->last = w;
	pool->stats.waiting++;
}

/* Something has changed: let the head look again. */
static void queue_stir(struct db_pool *pool)
{
	if (pool->first)
		io_event_raise(&pool->first->event);
}

/* ---- connections ---- */

static struct db_conn *conn_new(struct db_pool *pool, PGconn *pg)
{
	struct db_conn *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	c->pool = pool;
	c->pg = pg;
	c->older = pool->all;
	if (c->older)
		c->older->newer = c;
	pool->all = c;
	pool->stats.open++;
	return c;
}

static void idle_remove(struct db_pool *pool, const struct db_conn *c)
{
	struct db_conn **at = &pool->idle;

	while (*at && *at != c)
		at = &(*at)->next;
	if (*at) {
		*at = c->next;
		pool->stats.idle--;
	}
}

void pool_close(struct db_conn *c)
{
	struct db_pool *pool = c->pool;

	idle_remove(pool, c);
	if (c->newer)
		c->newer->older = c->older;
	else
		pool->all = c->older;
	if (c->older)
		c->older->newer = c->newer;
	pool->stats.open--;
	PQfinish(c->pg);
	free(c->prepared.names);
	free(c);
	queue_stir(pool);
}

/* Has the server closed it while it lay idle? Its last words may stand before the end of the
 * stream. */
static bool idle_is_dead(struct db_conn *c)
{
	struct pollfd p = {.fd = PQsocket(c->pg), .events = POLLIN};

	while (poll(&p, 1, 0) != 0) {
		if (!PQconsumeInput(c->pg))
			return true;
	}
	return !conn_at_rest(c);
}

static struct db_conn *idle_take(struct db_pool *pool)
{
	struct db_conn *c;

	while ((c = pool->idle)) {
		if (!idle_is_dead(c)) {
			pool->idle = c->next;
			pool->stats.idle--;
			return c;
		}
		pool_close(c);
	}
	return NULL;
}

void pool_give(struct db_conn *c)
{
	struct db_pool *pool = c->pool;

	if (c->spoilt || !conn_at_rest(c)) {
		pool_close(c);
		return;
	}
	c->next = pool->idle;
	pool->idle = c;
	pool->stats.idle++;
	queue_stir(pool);
}

/* ---- making new ones ---- */

static bool may_connect(const struct db_pool *pool)
{
	return pool->stats.open + pool->connecting < pool->size &&
	       (pool->failures == 0 ||
	        (pool->connecting == 0 && clock_mono_ms() >= pool->retry_at_ms));
}

/* 100 ms, doubling to 2 s, each less up to a half by chance so that workers do not move in step. */
static void back_off(struct db_pool *pool)
{
	unsigned doublings = pool->failures < 5 ? pool->failures : 5;
	int64_t pause_ms = (int64_t)DB_BACKOFF_MIN_MS << doublings;
	uint32_t chance;

	if (pause_ms > DB_BACKOFF_MAX_MS)
		pause_ms = DB_BACKOFF_MAX_MS;
	crypt_random(&chance, sizeof(chance));
	pool->retry_at_ms = clock_mono_ms() + pause_ms - chance % (pause_ms / 2);
	pool->failures++;
}

static struct db_conn *connect_one(struct db_pool *pool, int64_t timeout_ms)
{
	PGconn *pg;
	int saved;

	pool->connecting++;
	pg = db_connect(pool->conninfo, (int)timeout_ms);
	saved = errno;
	pool->connecting--;
	if (pg) {
		if (pool->failures)
			pool->stats.reconnects++;
		pool->failures = 0;
	} else if (saved != ECANCELED && (saved != ETIMEDOUT || timeout_ms >= DB_ATTEMPT_MS)) {
		back_off(pool);
	}
	queue_stir(pool);
	errno = saved;
	return pg ? conn_new(pool, pg) : NULL;
}

/* ---- taking ---- */

/*
 * One step of a taker: a connection, or NULL with errno 0 (go on) or ECANCELED. Only the head does
 * more than wait; it leaves the queue while it connects, for others may then do better.
 */
static struct db_conn *take_step(struct db_pool *pool, struct waiter *w, int64_t deadline_ms)
{
	int64_t now_ms = clock_mono_ms(), until_ms = deadline_ms;
	struct db_conn *c = NULL;

	errno = 0;
	if (pool->first == w) {
		c = idle_take(pool);
		if (c)
			return c;
		if (may_connect(pool) && deadline_ms - now_ms >= DB_ATTEMPT_MS / 4) {
			queue_leave(pool, w);
			queue_stir(pool);
			c = connect_one(pool, deadline_ms - now_ms);
			queue_join(pool, w);
			return c;
		}
		if (pool->failures && pool->retry_at_ms > now_ms && pool->retry_at_ms < until_ms)
			until_ms = pool->retry_at_ms;
	}
	if (io_event_wait(&w->event, (int)(until_ms - now_ms)) >= 0)
		errno = 0;
	return NULL;
}

struct db_conn *pool_take(struct db_pool *pool, int64_t wait_ms, struct err *e)
{
	int64_t deadline_ms = clock_mono_ms() + (wait_ms > 0 ? wait_ms : 1);
	struct waiter w = {0};
	struct db_conn *c;
	int why = 0;

	if (pool->stats.waiting >= pool->size * DB_WAITERS_PER_CONN) {
		pool->stats.refused++;
		return db_unavailable(e, "too many wait for a connection"), NULL;
	}
	queue_join(pool, &w);
	do {
		c = take_step(pool, &w, deadline_ms);
		why = c ? 0 : errno;
	} while (!c && why != ECANCELED && clock_mono_ms() < deadline_ms);
	queue_leave(pool, &w);
	queue_stir(pool);
	pool->stats.refused += !c && why != ECANCELED;
	if (c)
		pool->stats.handed_out++;
	else if (why == ECANCELED)
		err_internal(e, "cancelled while waiting for a connection");
	else
		db_unavailable(e, "no connection to the database");
	return c;
}

/* ---- draining ---- */

static void drain(void *arg)
{
	struct db_conn *c = arg;
	struct db_pool *pool = c->pool;

	pool->stats.drained++;
	if (conn_settle(c) < 0 || pool->freed)
		c->spoilt = true;
	c->draining = false;
	pool->draining--;
	pool_give(c);
	if (pool->freed && pool->draining == 0)
		pool_end(pool);
}

void pool_drain(struct db_conn *c)
{
	if (c->spoilt || PQstatus(c->pg) == CONNECTION_BAD) {
		pool_close(c);
		return;
	}
	c->draining = true;
	c->pool->draining++;
	if (io_driver->spawn)
		io_driver->spawn(drain, c);
	else
		drain(c);
}
