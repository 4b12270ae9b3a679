/* consume.c - reads the events' stream as a group, acknowledges after the claim. */
#include "consume.h"

#include "log.h"
#include "redis.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	BATCH = 100,
	ARENA_MAX = 1024 * 1024,
	PAUSE_MS = 1000,              /* after Redis failed */
	LOOK_EVERY_MS = 1000,         /* also when nothing seems to be new */
	RECLAIM_EVERY_MS = 30 * 1000, /* look for what others left unfinished */
	RECLAIM_IDLE_MS = 60 * 1000   /* a claim takes milliseconds: who took this is gone */
};

/* Stream, group, consumer. */
static const char *const names[3] = {"portico:events", "mailer", "mailer"};

struct consumer {
	struct redis *redis;
	struct arena arena; /* of the entries */
	struct redis_entry entries[BATCH];
	int unfinished;     /* entries read and not yet acknowledged */
	int64_t read_at_ms; /* not before, on the monotonic clock, as those below */
	int64_t look_at_ms;
	int64_t reclaim_at_ms;
	bool down; /* the log says so */
};

struct consumer *consumer_new(const char *redis_url)
{
	struct consumer *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	c->redis = redis_new(redis_url);
	arena_init(&c->arena, ARENA_MAX);
	return c;
}

void consumer_free(struct consumer *c)
{
	if (!c)
		return;
	redis_free(c->redis);
	arena_release(&c->arena);
	free(c);
}

static void failed(struct consumer *c, const char *why)
{
	if (!c->down)
		log_say(LOGL_WARN, "redis", "%s", why ? why : "gone");
	c->down = true;
	c->read_at_ms = clock_mono_ms() + PAUSE_MS;
}

static void worked(struct consumer *c)
{
	if (c->down)
		log_say(LOGL_INFO, "redis", "is back");
	c->down = false;
}

int consumer_fd(const struct consumer *c)
{
	return c->unfinished || clock_mono_ms() < c->read_at_ms ? -1 : redis_fd(c->redis);
}

/* Is it worth asking? The descriptor says so, or it is time to make sure. */
static bool is_time(const struct consumer *c)
{
	struct pollfd p = {.fd = consumer_fd(c), .events = POLLIN};
	int64_t now = clock_mono_ms();

	if (now < c->read_at_ms)
		return false;
	return now >= c->look_at_ms || (p.fd >= 0 && poll(&p, 1, 0) != 0);
}

/* The group is gone (FLUSHALL, XGROUP DESTROY) or was never made: from the beginning again. */
static may_wait void make_group(struct consumer *c)
{
	const char *why = NULL;

	if (redis_group_create(c->redis, names[0], names[1], &why) < 0)
		failed(c, why);
}

static may_wait int read_new(struct consumer *c, const char **why_r)
{
	int64_t now = clock_mono_ms();
	int n = redis_read(c->redis, &c->arena, names, BATCH, c->entries, why_r);

	if (n != 0 || now < c->reclaim_at_ms)
		return n;
	c->reclaim_at_ms = now + RECLAIM_EVERY_MS;
	return redis_reclaim(c->redis, &c->arena, names, RECLAIM_IDLE_MS, BATCH, c->entries, why_r);
}

bool consumer_read(struct consumer *c)
{
	const char *why = NULL;

	if (c->unfinished)
		return true;
	if (!is_time(c))
		return false;
	c->look_at_ms = clock_mono_ms() + LOOK_EVERY_MS;
	arena_release(&c->arena);
	c->unfinished = read_new(c, &why);
	if (c->unfinished >= 0) {
		worked(c);
		return c->unfinished > 0;
	}
	c->unfinished = 0;
	if (why && strncmp(why, "NOGROUP", 7) == 0)
		make_group(c);
	else
		failed(c, why);
	return false;
}

void consumer_done(struct consumer *c)
{
	const char *why = NULL;

	for (int i = 0; i < c->unfinished; i++) {
		if (redis_done(c->redis, names[0], names[1], c->entries[i].id, &why) < 0) {
			failed(c, why);
			break;
		}
	}
	c->unfinished = 0;
}
