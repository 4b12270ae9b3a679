/*
 * relay.c - numbers the committed events per firm, seals their audit log, and tells Redis of them.
 *
 * The database holds the truth and the mailer looks there by itself: what Redis gets is a wake-up,
 * told at least once and perhaps late. While Redis is away the numbering goes on, and what was not
 * told is told when it is back.
 */
#include "relay.h"

#include "conf.h"
#include "db.h"
#include "door.h"
#include "io.h"
#include "log.h"
#include "redis.h"
#include "sql_relay.h"

#include <unistd.h>

enum {
	IDLE_MS = 500,         /* between looks when nothing wakes us, or another is the relay */
	SOON_MS = 10,          /* the first look after a commit; then twice as long each time */
	NUMBER_BATCH = 2000,   /* events numbered, or audit entries sealed, in one statement */
	PUBLISH_BATCH = 500,   /* events told to Redis before they are marked */
	REDIS_PAUSE_MS = 1000, /* after Redis failed */
	PASS_ARENA_MAX = 8 * 1024 * 1024
};

struct relay {
	struct db_pool *pool; /* one connection: the lock's session */
	struct redis *redis;
	int leads;               /* the server session that holds the lock; 0: not the relay */
	int64_t publish_from_ms; /* not before, on the monotonic clock */
	bool redis_down;
	int rest_ms;
};

/* One unit of work of the relay, with its memory. */
struct pass {
	struct arena arena;
	struct err err;
	struct db db;
};

static void pass_start(struct pass *p, struct relay *r, bool writes)
{
	arena_init(&p->arena, PASS_ARENA_MAX);
	err_init(&p->err, &p->arena);
	db_init(&p->db, r->pool, &p->arena, &p->err, writes);
}

/* End it. A failure goes to the log, but not that the database is away: readyz tells of that. */
static int pass_end(struct pass *p, int result)
{
	db_end(&p->db);
	if (result < 0 && !gate_stopping() && p->err.problem != PROBLEM_unavailable)
		log_say(LOGL_ERROR, "relay", "%s",
		        p->err.internal ? p->err.internal : problem_code(p->err.problem));
	arena_release(&p->arena);
	return result;
}

/* ---- leading ---- */

/* Try to become the relay. The lock lives as long as the connection, which the pool keeps. */
static may_wait void lead(struct relay *r)
{
	struct pass p;
	struct rows rows;
	int result;

	r->leads = 0;
	pass_start(&p, r, false);
	result = db_query(&p.db, &sql_relay_lead, NULL, &rows);
	if (result == 0 && row_bool(&rows, 0, "leads"))
		r->leads = db_backend_pid(&p.db);
	pass_end(&p, result);
}

/* Is the unit on the session that holds the lock? Once it is not, somebody else may lead. */
static int still_leads(struct relay *r, const struct db *db)
{
	if (db_backend_pid(db) == r->leads)
		return 0;
	r->leads = 0;
	return err_set(db->err, PROBLEM_unavailable, "the relay's session is gone");
}

/* ---- numbering and sealing ---- */

static may_wait int place_rows(struct relay *r, struct db *db, const struct stmt *stmt)
{
	struct rows rows;

	TRY(db_query(db, stmt, ARGS({"batch", arg_int(db->arena, NUMBER_BATCH)}), &rows));
	TRY(still_leads(r, db));
	TRY(db_commit(db));
	return rows.n;
}

/*
 * Give one batch of committed rows their places: `stmt` numbers events or seals audit entries. Both
 * are units of their own, so that neither holds the other up. How many rows, or -1.
 */
static may_wait int place_batch(struct relay *r, const struct stmt *stmt)
{
	struct pass p;

	pass_start(&p, r, true);
	return pass_end(&p, place_rows(r, &p.db, stmt));
}

/* ---- publishing ---- */

static void redis_failed(struct relay *r, const char *why)
{
	if (!r->redis_down)
		log_say(LOGL_WARN, "relay", "redis: %s", why ? why : "gone");
	r->redis_down = true;
	r->publish_from_ms = clock_mono_ms() + REDIS_PAUSE_MS;
}

/* Tell Redis of one event. 0 or -1. */
static may_wait int publish_row(struct relay *r, const struct rows *rows, int i)
{
	const struct redis_entry entry = {.n = 3,
	                                  .fields = {{"event", row_text(rows, i, "id")},
	                                             {"firm", row_text(rows, i, "firm_id")},
	                                             {"type", row_text(rows, i, "type")}}};
	const char *why = NULL;

	if (redis_xadd(r->redis, RELAY_STREAM, &entry, &why) < 0) {
		redis_failed(r, why);
		return -1;
	}
	if (r->redis_down)
		log_say(LOGL_INFO, "relay", "redis is back");
	r->redis_down = false;
	return 0;
}

/* Tell Redis of the rows until it fails. The numbers of those that it knows as a bigint[]. */
static may_wait const char *publish_rows(struct relay *r, const struct rows *rows, struct arena *a)
{
	struct buf told;

	buf_init(&told, a, (size_t)PUBLISH_BATCH * 24);
	buf_char(&told, '{');
	for (int i = 0; i < rows->n && publish_row(r, rows, i) == 0; i++)
		buf_printf(&told, "%s%s", i ? "," : "", row_text(rows, i, "row_no"));
	buf_char(&told, '}');
	return told.data;
}

static may_wait int publish_some(struct relay *r, struct db *db)
{
	struct arena *a = db->arena;
	const char *told;
	struct rows rows;

	TRY(db_query(db, &sql_relay_unpublished, ARGS({"batch", arg_int(a, PUBLISH_BATCH)}),
	             &rows));
	TRY(still_leads(r, db));
	if (rows.n == 0)
		return 0;
	told = publish_rows(r, &rows, a);
	TRY(db_query(db, &sql_relay_published,
	             ARGS({"rows", told}, {"now", arg_time(a, clock_now_ms())}), NULL));
	return rows.n;
}

/*
 * Tell Redis of one batch, and mark it. Not in one transaction: an event that was told and not
 * marked is told again, which is harmless. How many there were, or -1.
 */
static may_wait int publish_batch(struct relay *r)
{
	struct pass p;

	if (clock_mono_ms() < r->publish_from_ms)
		return 0;
	pass_start(&p, r, false);
	return pass_end(&p, publish_some(r, &p.db));
}

/* ---- the loop ---- */

/* All that is there to be numbered, sealed and told. */
static may_wait void work(struct relay *r)
{
	int numbered, sealed, told;

	do {
		numbered = place_batch(r, &sql_relay_number);
		told = numbered < 0 ? 0 : publish_batch(r);
		sealed = r->leads ? place_batch(r, &sql_relay_seal) : 0;
	} while (!gate_stopping() &&
	         (numbered == NUMBER_BATCH || told == PUBLISH_BATCH || sealed == NUMBER_BATCH));
}

/*
 * Wait for a commit, IDLE_MS at most. Who is not the relay leaves the event to the one that is.
 * What was committed while an older transaction was still running cannot be numbered before that
 * one ends, and its end wakes nobody: so a commit is followed by some looks at short distance.
 */
static may_wait void rest(struct relay *r)
{
	uint64_t count;

	if (!r->leads) {
		(void)io_sleep(IDLE_MS);
	} else if (io_wait_fd(gate_event_fd(), POLLIN, r->rest_ms) > 0) {
		r->rest_ms = SOON_MS;
		if (read(gate_event_fd(), &count, sizeof(count)) < 0)
			return; /* another API process was faster */
	} else if (r->rest_ms < IDLE_MS) {
		r->rest_ms = 2 * r->rest_ms < IDLE_MS ? 2 * r->rest_ms : IDLE_MS;
	}
}

void relay_run(void *conf)
{
	const struct conf *c = conf;
	struct relay r = {.pool = db_pool_new(c->relay_database, 1),
	                  .redis = redis_new(c->redis_url),
	                  .rest_ms = IDLE_MS};

	while (!gate_stopping()) {
		if (!r.leads)
			lead(&r);
		if (r.leads)
			work(&r);
		rest(&r);
	}
	redis_free(r.redis);
	db_pool_free(r.pool);
}
