/*
 * tally.c - what callers have used of their quotas: counted in Redis for all workers, and here
 * while it does not answer.
 *
 * A question is written by the fiber that asks; the keeper's fiber reads the answers, which come in
 * the order of the questions, and wakes who waits. What Redis last said of a key is kept here too,
 * with what was asked since. Far from its limit a key is judged by that, and Redis is told in
 * passing, many uses in one write; near it, or when nothing was heard for a while, its answer is
 * waited for. While Redis is slow or away it goes on from what is known.
 */
#include "tally.h"

#include "crypt.h"
#include "io.h"
#include "redis.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	ASKED_MAX = 1024,  /* questions under way; beyond, it is counted here */
	SILENCE_MS = 2000, /* without an answer: the line is given up */
	PAUSE_MS = 500,    /* between attempts to connect */
	FRESH_MS = 1000,   /* so long what was heard of a key is believed */
	PLENTY = 100,      /* units: as many as all workers may be wrong by, several times over */
	TOLD_MAX = 16,     /* uses that are told in one write */
	TOLD_MS = 5,       /* ... and how long the first of them waits for the next */
	TURN_MS = 250,     /* ... or for nothing */
	SETS = 1024,
	WAYS = 4, /* 128 KiB of what was last known; the least used key makes room */
	SHA_SIZE = 41
};

/* The law of quota_use(), for all workers of all machines; {allowed, state}. Their clocks may
 * differ by a little: who is behind is granted less by as much. */
static const char SCRIPT[] =
	"local now, step, limit, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), "
	"tonumber(ARGV[4])\n"
	"local full = now + step * limit\n"
	"local tat = math.min(math.max(tonumber(redis.call('get', KEYS[1]) or now), now), full)\n"
	"if cost >= 0 and tat + step > full then return {0, tat} end\n"
	"if cost == 0 then return {1, tat} end\n"
	"tat = math.max(tat + step * cost, now)\n"
	"local keep = math.ceil((tat - now) / 1000) + 1000\n"
	"redis.call('set', KEYS[1], string.format('%.0f', tat), 'px', keep)\n"
	"return {1, tat}\n";

/* An answer that a fiber waits for, on its stack. */
struct answer {
	struct io_event came;
	bool here, allowed;
	int64_t tat_us;
};

struct question {
	struct answer *answer; /* NULL: nobody waits for it */
	uint64_t key;          /* of the cell */
	int64_t at_ms;         /* monotonic */
	int64_t now_us, step_us;
	int cost;
};

struct cell {
	uint64_t key;   /* hashed; 0: free */
	int64_t tat_us; /* as Redis said, or as counted here while it is away */
	int64_t at_ms;  /* when it said so */
	int ahead;      /* units asked for since */
};

struct tally {
	struct redis *redis;
	unsigned shares;
	bool up;   /* connected, and the script is known there */
	bool late; /* an answer did not come in time: nobody waits until one does again */
	char sha[SHA_SIZE];
	struct question asked[ASKED_MAX];
	uint64_t first, next; /* of those under way, by their numbers */
	uint64_t unsent;      /* the last of them that are not written yet */
	struct tally_stats stats;
	struct cell cells[SETS][WAYS];
};

struct tally *tally_new(const char *url, unsigned shares)
{
	struct tally *t = calloc(1, sizeof(*t));

	if (!t)
		abort();
	t->redis = redis_new(url);
	t->shares = shares < 1 ? 1 : shares;
	return t;
}

void tally_free(struct tally *t)
{
	if (!t)
		return;
	redis_free(t->redis);
	free(t);
}

bool tally_shared(const struct tally *t)
{
	return t->up && !t->late;
}

struct tally_stats tally_stats(const struct tally *t)
{
	return t->stats;
}

/* ---- what is known here ---- */

static struct cell *cell_find(struct tally *t, uint64_t key)
{
	struct cell *set = t->cells[(key >> 1) % SETS];

	for (struct cell *c = set; c < set + WAYS; c++)
		if (c->key == key)
			return c;
	return NULL;
}

static struct cell *cell_of(struct tally *t, const char *name)
{
	uint8_t hash[HASH_SIZE];
	uint64_t key;
	struct cell *set, *c;

	crypt_sha256(name, strlen(name), hash);
	memcpy(&key, hash, sizeof(key));
	key |= 1; /* never "free" */
	c = cell_find(t, key);
	if (c)
		return c;
	set = c = t->cells[(key >> 1) % SETS];
	for (int i = 1; i < WAYS; i++)
		if (set[i].tat_us < c->tat_us)
			c = &set[i];
	*c = (struct cell){.key = key};
	return c;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* The quota's state, with what is under way. */
static int64_t state_of(const struct cell *c, const struct quota *q, int64_t now_us)
{
	return later(c->tat_us, now_us) + quota_step_us(q) * c->ahead;
}

/* What became of a question: Redis said `tat_us`, or NULL: nobody knows, and it counts. */
static void settle(struct tally *t, const struct question *q, const int64_t *tat_us)
{
	struct cell *c = cell_find(t, q->key);

	if (!c)
		return;
	c->ahead -= q->cost;
	if (tat_us) {
		c->tat_us = *tat_us;
		c->at_ms = clock_mono_ms();
	} else {
		c->tat_us = later(c->tat_us, q->now_us) + q->step_us * q->cost;
	}
}

/* ---- asking ---- */

/* One use on its way through here. */
struct use {
	const char *name;
	const struct quota *q;
	enum quota_cost cost;
	int64_t now_us;
	struct cell *cell;
};

/* Must what is put, but not written, be written now? */
static bool due(const struct tally *t)
{
	const struct question *oldest = &t->asked[(t->next - t->unsent) % ASKED_MAX];

	return t->late || t->unsent >= TOLD_MAX || clock_mono_ms() - oldest->at_ms >= TOLD_MS;
}

static int put(struct tally *t, const struct use *u)
{
	char now[24], step[24], limit[24], cost[8];
	const char *const words[] = {"EVALSHA", t->sha, "1", u->name, now, step, limit, cost};

	snprintf(now, sizeof(now), "%lld", (long long)u->now_us);
	snprintf(step, sizeof(step), "%lld", (long long)quota_step_us(u->q));
	snprintf(limit, sizeof(limit), "%lld", (long long)u->q->limit);
	snprintf(cost, sizeof(cost), "%d", (int)u->cost);
	return redis_put(t->redis, lengthof(words), words);
}

/* The number of the question, from 1; 0: it could not be asked. `a` is NULL when nobody waits. */
static uint64_t ask(struct tally *t, const struct use *u, struct answer *a)
{
	if (t->next - t->first >= ASKED_MAX || put(t, u) < 0)
		return 0;
	t->asked[t->next % ASKED_MAX] = (struct question){
		.answer = a,
		.key = u->cell->key,
		.at_ms = clock_mono_ms(),
		.now_us = u->now_us,
		.step_us = quota_step_us(u->q),
		.cost = (int)u->cost,
	};
	u->cell->ahead += (int)u->cost;
	t->next++;
	t->unsent++;
	if (a || due(t)) {
		redis_push(t->redis); /* if that fails the keeper finds out */
		t->unsent = 0;
	}
	return t->next;
}

/* Who asked does not wait any more. */
static void withdraw(struct tally *t, uint64_t number)
{
	if (number > t->first)
		t->asked[(number - 1) % ASKED_MAX].answer = NULL;
}

/* Take the next answer, waiting at most `timeout_ms`. 1, 0: none came, -1: the line is broken. */
static int deal(struct tally *t, int timeout_ms)
{
	int64_t numbers[2] = {0, 0};
	int rc = redis_receive(t->redis, timeout_ms, numbers, lengthof(numbers));
	const struct question *q;

	if (rc <= 0)
		return rc;
	if (t->first == t->next)
		return -1; /* an answer to nothing */
	q = &t->asked[t->first++ % ASKED_MAX];
	settle(t, q, &numbers[1]);
	if (clock_mono_ms() - q->at_ms < TALLY_WAIT_MS)
		t->late = false;
	if (!q->answer)
		return 1;
	*q->answer = (struct answer){q->answer->came, true, numbers[0] != 0, numbers[1]};
	io_event_raise(&q->answer->came);
	return 1;
}

/* Ask, and wait for the answer. False: there is none, or not in time. */
static bool heard(struct tally *t, const struct use *u, struct answer *a)
{
	uint64_t number = ask(t, u, a);
	int rc;

	if (number == 0)
		return false;
	rc = io_event_wait(&a->came, TALLY_WAIT_MS);
	/* it may be this worker that was slow, and the answer be here */
	while (rc == 0 && !a->here && deal(t, 0) > 0)
		;
	withdraw(t, number);
	if (rc == 0 && !a->here && number > t->first)
		t->late = true;
	return a->here;
}

/* ---- using ---- */

/* Redis is away: each worker grants its share. */
static struct quota_left use_here(struct tally *t, const struct use *u)
{
	const struct quota share = {later(u->q->limit / t->shares, 1), u->q->window_ms};
	struct quota_left left;

	t->stats.local++;
	u->cell->tat_us = quota_use(&share, u->cost, u->now_us, u->cell->tat_us, &left);
	return left;
}

/* By what is known; Redis is told in passing. */
static struct quota_left use_known(struct tally *t, const struct use *u, int64_t state_us)
{
	struct quota_left left;

	quota_use(u->q, u->cost, u->now_us, state_us, &left);
	if (u->cost != QUOTA_LOOK && left.allowed)
		ask(t, u, NULL);
	return left;
}

static bool plenty(const struct use *u, int64_t state_us)
{
	return clock_mono_ms() - u->cell->at_ms < FRESH_MS &&
	       quota_tell(u->q, true, u->now_us, state_us).left >= PLENTY;
}

struct quota_left tally_use(struct tally *t, const char *key, const struct quota *q,
                            enum quota_cost cost, int64_t now_ms)
{
	struct use u = {key, q, cost, now_ms * 1000, cell_of(t, key)};
	int64_t state_us = state_of(u.cell, q, u.now_us);
	struct answer a = {0};
	struct quota_left left;

	if (!t->up)
		return use_here(t, &u);
	if (t->late || plenty(&u, state_us)) {
		t->stats.local += t->late;
		t->stats.shared += !t->late;
		return use_known(t, &u, state_us);
	}
	if (heard(t, &u, &a)) {
		t->stats.shared++;
		return quota_tell(q, a.allowed, u.now_us, a.tat_us);
	}
	t->stats.local++;
	quota_use(q, cost, u.now_us, state_us, &left);
	return left;
}

void tally_give(struct tally *t, const char *key, const struct quota *q, int64_t now_ms)
{
	struct use u = {key, q, QUOTA_GIVE, now_ms * 1000, cell_of(t, key)};

	if (t->up)
		ask(t, &u, NULL);
	else
		use_here(t, &u);
}

/* ---- keeping the line ---- */

static bool connected(struct tally *t, const struct tally_keeper *k)
{
	const char *why;

	if (redis_script(t->redis, SCRIPT, t->sha, &why) < 0)
		return false;
	t->up = true;
	k->changed(true, NULL);
	return true;
}

static bool silent(const struct tally *t)
{
	return t->first != t->next &&
	       clock_mono_ms() - t->asked[t->first % ASKED_MAX].at_ms >= SILENCE_MS;
}

/* Everybody who waits goes on without Redis. */
static void lose(struct tally *t, const struct tally_keeper *k)
{
	const struct question *q;

	t->up = t->late = false;
	t->unsent = 0;
	while (t->first < t->next) {
		q = &t->asked[t->first++ % ASKED_MAX];
		settle(t, q, NULL);
		if (q->answer)
			io_event_raise(&q->answer->came);
	}
	k->changed(false, redis_close(t->redis));
}

void tally_keep(struct tally *t, const struct tally_keeper *k)
{
	int rc;

	while (!k->stopping()) {
		if (!t->up && !connected(t, k)) {
			io_sleep(PAUSE_MS);
			continue;
		}
		rc = deal(t, TURN_MS);
		if (!k->stopping() && (rc < 0 || (rc == 0 && silent(t))))
			lose(t, k);
	}
}
