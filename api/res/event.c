/* event.c - the feed of what happened, in the order in which it was committed.
 *
 * GET /v1/event_types   GET /v1/events
 *
 * A place in the feed is the number of the last event that the reader has passed. What is numbered
 * up to the firm's head is there, whole and for good, so a page may go up to the head that was read
 * before it and no further. While a reader waits no connection is held.
 */
#include "event.h"

#include "auth.h"
#include "feed.h"
#include "reply.h"
#include "res.h"
#include "sql_event.h"

#include <stdlib.h>

enum {
	WAIT_MAX_S = 25,
	AT_HEAD = -1,     /* a place: where the feed ends now */
	AT_START = -2,    /* a place: before all that is kept */
	SCAN_MAX = 20000, /* events looked at in one statement, wanted or not */
	PAUSE_MS = 50     /* after a wake-up by events that the reader does not want */
};

/* One reader of the feed, on its way through a call. */
struct reader {
	int64_t place, head, limit, wait_ms;
	bool wanted[EVENT_TYPES_MAX]; /* of event_types */
	struct rows rows;
};

/* ---- the call ---- */

/* Want the types that one item of ?types means. */
static int want(struct rq *rq, struct reader *r, const char *item, size_t len)
{
	bool any = false;

	for (size_t i = 0; event_types[i].type != NULL; i++) {
		if (!event_type_matches(&event_types[i], item, len))
			continue;
		r->wanted[i] = any = true;
	}
	if (any)
		return 0;
	return err_fault(&rq->err, "?types", "unknown_event_type",
	                 "There are no events of the type %.*s; see /v1/event_types.", (int)len,
	                 item);
}

static int read_types(struct rq *rq, struct reader *r)
{
	const char *at = rq_param(rq, "types");
	int result = 0;

	memset(r->wanted, at == NULL, sizeof(r->wanted));
	while (at != NULL) {
		size_t len = strcspn(at, ",");

		if (want(rq, r, at, len) < 0)
			result = -1;
		at = at[len] == ',' ? at + len + 1 : NULL;
	}
	return result;
}

static int read_wait(struct rq *rq, struct reader *r)
{
	int64_t seconds = 0;

	TRY(rq_param_int(rq, "wait", 0, WAIT_MAX_S, &seconds));
	r->wait_ms = seconds * 1000;
	return 0;
}

static int read_call(struct rq *rq, struct reader *r)
{
	static const char *const starts[] = {"beginning", NULL};
	int faults = 0;
	const char *from;

	faults += page_limit(rq, &r->limit);
	faults += read_types(rq, r);
	faults += read_wait(rq, r);
	faults += rq_param_enum(rq, "from", starts, &from);
	if (faults < 0)
		return -1;
	r->place = from != NULL ? AT_START : AT_HEAD;
	return page_place(rq, &r->place);
}

/* ---- looking ---- */

/* Where the feed stands, behind another look at the caller's rights. */
static may_wait int look_at_head(struct rq *rq, struct reader *r)
{
	struct rows rows;
	int64_t pruned;

	TRY(db_query(&rq->db, &sql_event_head, NULL, &rows));
	TRY(auth_known(rq));
	r->head = row_int(&rows, 0, "head");
	pruned = row_int(&rows, 0, "pruned");
	if (r->place == AT_HEAD)
		r->place = r->head;
	if (r->place == AT_START)
		r->place = pruned;
	if (r->place < pruned || r->place > r->head)
		return err_set(&rq->err, PROBLEM_cursor_expired,
		               "Events are kept for 90 days; start again with from=beginning.");
	return 0;
}

/* The types that are wanted, and that the caller may read, as a JSON array. */
static const char *types_json(const struct rq *rq, const struct reader *r)
{
	struct json_writer w;
	struct buf b;

	buf_init(&b, rq->arena, (size_t)EVENT_TYPES_MAX * 64);
	json_start(&w, &b);
	json_open(&w, '[');
	for (size_t i = 0; event_types[i].type != NULL; i++)
		if (r->wanted[i] && rq_may(rq, event_types[i].permission))
			json_put_text(&w, event_types[i].type);
	json_close(&w, ']');
	return b.data;
}

/* Events of the next stretch of the feed, and the place behind them. */
static may_wait int read_stretch(struct rq *rq, struct reader *r)
{
	struct arena *a = rq->arena;
	int64_t end = r->head - r->place > SCAN_MAX ? r->place + SCAN_MAX : r->head;

	TRY(db_query(&rq->db, &sql_event_list,
	             ARGS({"after", arg_int(a, r->place)}, {"through", arg_int(a, end)},
	                  {"types", types_json(rq, r)}, {"limit", arg_int(a, r->limit)}),
	             &r->rows));
	r->place = r->rows.n == r->limit ? row_int(&r->rows, r->rows.n - 1, "sequence") : end;
	return 0;
}

static may_wait int look_for_events(struct rq *rq, struct reader *r)
{
	TRY(look_at_head(rq, r));
	while (r->rows.n == 0 && r->place < r->head)
		TRY(read_stretch(rq, r));
	return 0;
}

/* ---- waiting ---- */

/* Let time pass until events are numbered or it is time to look anyway. */
static may_wait int pass_time(struct feed_seat *seat, int64_t left_ms, bool in_vain)
{
	if (in_vain)
		TRY(io_sleep(PAUSE_MS));
	return feed_wait(seat, left_ms < FEED_LOOK_MS ? (int)left_ms : FEED_LOOK_MS);
}

static may_wait int wait_for_events(struct rq *rq, struct reader *r, struct feed_seat *seat)
{
	int64_t end_ms = clock_mono_ms() + r->wait_ms, left_ms = r->wait_ms;
	int woken = 0;

	TRY(look_for_events(rq, r)); /* what came before the seat was taken */
	while (r->rows.n == 0 && left_ms > 0 && !feed_closed()) {
		db_end(&rq->db);
		woken = pass_time(seat, left_ms, woken > 0);
		if (woken < 0)
			return err_internal(&rq->err, "cancelled while waiting");
		rq_again(rq);
		TRY(look_for_events(rq, r));
		left_ms = end_ms - clock_mono_ms();
	}
	return 0;
}

int event_list(struct rq *rq)
{
	struct reader reader = {0};
	struct feed_seat seat;
	int result = 0;

	TRY(read_call(rq, &reader));
	TRY(look_for_events(rq, &reader));
	if (reader.rows.n == 0 && reader.wait_ms > 0 && feed_sit(&seat, &rq->who.firm)) {
		result = wait_for_events(rq, &reader, &seat);
		feed_rise(&seat);
	}
	if (result < 0)
		return -1;
	return reply_from(rq, &event_entity, &reader.rows, reader.place);
}

/* ---- the types ---- */

int event_type_list(struct rq *rq)
{
	size_t n = 0;

	while (event_types[n].type != NULL)
		n++;
	return reply_all(rq, &event_type_entity, event_types, n);
}
