/* feed.c - waiting for events: who waits in this worker, and what wakes them. */
#include "feed.h"

#include "conf.h"
#include "db.h"
#include "door.h"
#include "sql_feed.h"

enum {
	LISTEN_MS = 60 * 1000, /* a round of listening */
	AGAIN_MS = 500,        /* after the connection was lost */
	LISTEN_ARENA_MAX = 64 * 1024
};

static struct {
	struct feed_seat *seats[FEED_SEATS];
	unsigned taken; /* the first so many */
	bool closed;
} feed;

bool feed_sit(struct feed_seat *seat, const struct id *firm)
{
	if (feed.closed || feed.taken == FEED_SEATS)
		return false;
	*seat = (struct feed_seat){.firm = *firm, .number = feed.taken};
	feed.seats[feed.taken++] = seat;
	return true;
}

void feed_rise(struct feed_seat *seat)
{
	struct feed_seat *last = feed.seats[--feed.taken];

	feed.seats[seat->number] = last;
	last->number = seat->number;
}

int feed_wait(struct feed_seat *seat, int timeout_ms)
{
	return io_event_wait(&seat->event, timeout_ms);
}

/* Wake those who wait for the firm; all, when it is none. */
static void feed_wake(const struct id *firm)
{
	for (unsigned i = 0; i < feed.taken; i++)
		if (id_is_none(firm) || id_equal(firm, &feed.seats[i]->firm))
			io_event_raise(&feed.seats[i]->event);
}

void feed_close(void)
{
	feed.closed = true;
	feed_wake(&id_none);
}

bool feed_closed(void)
{
	return feed.closed;
}

/* Hear what the relay says until the connection is lost. */
static may_wait void hear(struct db *db)
{
	char firm[DB_NOTICE_SIZE];
	struct id id;
	int heard;

	if (db_query(db, &sql_feed_listen, NULL, NULL) < 0)
		return;
	feed_wake(&id_none); /* what was said before went unheard */
	while ((heard = db_notice(db, LISTEN_MS, firm)) >= 0)
		if (heard > 0 && id_from_uuid(firm, &id) == 0)
			feed_wake(&id);
}

void feed_listen(void *conf)
{
	const struct conf *c = conf;
	struct db_pool *pool = db_pool_new(c->api_database, 1);
	struct arena arena;
	struct err err;
	struct db db;

	do {
		arena_init(&arena, LISTEN_ARENA_MAX);
		err_init(&err, &arena);
		db_init(&db, pool, &arena, &err, false);
		db.private_session = true;
		hear(&db);
		db_end(&db);
		arena_release(&arena);
	} while (!gate_stopping() && io_sleep(AGAIN_MS) == 0);
	db_pool_free(pool);
}
