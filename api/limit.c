/*
 * limit.c - how many requests a caller may send in a minute, by what they cost us.
 *
 * The edge bounds what one address may send in a second, before the API hears of it; here counts
 * who calls. All credentials of a person share the person's limits; a key has its own. Who is not
 * known yet counts by address. The counting itself is shared/io/tally.h.
 */
#include "limit.h"

#include "conf.h"
#include "crypt.h"
#include "door.h"
#include "log.h"
#include "reply.h"
#include "routes.h"
#include "setting.h"
#include "tally.h"

#include <arpa/inet.h>

enum {
	WINDOW_S = 60,
	KNOWN_MAX = 8192,          /* credentials; 128 KiB */
	KNOWN_MS = 15 * 60 * 1000, /* then it counts for its address once more */
	SITE_BYTES = 8             /* of an IPv6 address: whoever has one has all behind them */
};

struct limit {
	enum limit_class class;
	struct quota quota;
	struct quota_left left;
	const char *key;
	bool took, refused;
};

/* A credential that was verified, until when (monotonic). */
struct known {
	uint64_t hash;
	int64_t until_ms;
};

static struct {
	const struct conf *conf;
	struct tally *tally;
	struct known known[KNOWN_MAX];
	uint64_t taken[LIMIT_CLASSES], refused[LIMIT_CLASSES];
} here;

static const struct {
	const char *name;
	size_t setting; /* in struct conf */
} classes[LIMIT_CLASSES] = {
	[LIMIT_READS] = {"reads", offsetof(struct conf, limit_reads)},
	[LIMIT_WRITES] = {"writes", offsetof(struct conf, limit_writes)},
	[LIMIT_UPLOADS] = {"uploads", offsetof(struct conf, limit_uploads)},
	[LIMIT_PUBLIC] = {"public", offsetof(struct conf, limit_public)},
	[LIMIT_SIGN_IN] = {"sign_in", offsetof(struct conf, limit_sign_in)},
};

const char *limit_class_name(enum limit_class c)
{
	return classes[c].name;
}

/* ---- the worker's tally ---- */

static void tell_change(bool shared, const char *why)
{
	if (shared)
		log_say(LOGL_INFO, "limit", "requests are counted in Redis");
	else
		log_say(LOGL_WARN, "limit", "requests are counted by each worker: %s", why);
}

static void keep(void *arg)
{
	static const struct tally_keeper keeper = {gate_stopping, tell_change};

	tally_keep(arg, &keeper);
}

void limit_start(const struct conf *conf)
{
	here.conf = conf;
	here.tally = tally_new(conf->redis_url, (unsigned)conf->workers);
	gate_spawn(keep, here.tally);
}

void limit_stop(void)
{
	tally_free(here.tally);
	here.tally = NULL;
}

struct limit_stats limit_stats(void)
{
	struct tally_stats counted = here.tally ? tally_stats(here.tally) : (struct tally_stats){0};
	struct limit_stats s = {.shared = counted.shared, .local = counted.local};

	memcpy(s.taken, here.taken, sizeof(s.taken));
	memcpy(s.refused, here.refused, sizeof(s.refused));
	return s;
}

/* ---- credentials that were verified ---- */

static struct known *known_of(const struct rq *rq, uint64_t *hash_r)
{
	uint8_t hash[HASH_SIZE];

	crypt_sha256(rq->token, strlen(rq->token), hash);
	memcpy(hash_r, hash, sizeof(*hash_r));
	return &here.known[*hash_r % KNOWN_MAX];
}

static bool is_known(const struct rq *rq)
{
	uint64_t hash;
	const struct known *k;

	if (rq->token == NULL || id_is_none(&rq->who.membership))
		return false;
	k = known_of(rq, &hash);
	return k->hash == hash && k->until_ms > clock_mono_ms();
}

static void learn(const struct rq *rq)
{
	uint64_t hash;
	struct known *k;

	if (rq->token == NULL || id_is_none(&rq->who.membership))
		return;
	k = known_of(rq, &hash);
	if (rq->who.known)
		*k = (struct known){hash, clock_mono_ms() + KNOWN_MS};
	else if (rq->out->status == 401 && k->hash == hash)
		*k = (struct known){0};
}

/* ---- which limit, and whose ---- */

static bool is_public(const struct rq *rq)
{
	return strcmp(rq->route->access, PUBLIC) == 0;
}

static enum limit_class class_of(const struct rq *rq, bool known)
{
	bool reads = strcmp(rq->route->method, "GET") == 0;

	if (is_public(rq))
		return reads ? LIMIT_PUBLIC : LIMIT_SIGN_IN;
	if (!known)
		return LIMIT_PUBLIC;
	if (rq->route->flags & UPLOAD)
		return LIMIT_UPLOADS;
	return reads ? LIMIT_READS : LIMIT_WRITES;
}

/* Checks of health, and the test's own levers; and what did not come through the edge. */
static bool exempt(const struct rq *rq)
{
	return rq->addr == NULL || strcmp(rq->route->access, TEST) == 0 ||
	       strncmp(rq->route->path, "/v1/", 4) != 0;
}

const char *limit_place(const struct rq *rq)
{
	struct in6_addr in6;

	if (rq->addr == NULL)
		return "?";
	if (inet_pton(AF_INET6, rq->addr, &in6) != 1)
		return arena_printf(rq->arena, "%.45s", rq->addr);
	return crypt_hex(rq->arena, in6.s6_addr, SITE_BYTES);
}

static const char *key_of(const struct rq *rq, enum limit_class class)
{
	char text[ID_TEXT_SIZE];

	if (class == LIMIT_PUBLIC || class == LIMIT_SIGN_IN)
		return arena_printf(rq->arena, "portico:limit:%s:%s", classes[class].name,
		                    limit_place(rq));
	id_format(&rq->who.membership, "mem", text);
	return arena_printf(rq->arena, "portico:limit:%s:%s", classes[class].name, text);
}

/* The limit of the request; NULL: there is none. */
static struct limit *limit_of(struct rq *rq)
{
	enum limit_class class;
	struct limit *l;
	int64_t a_minute;

	if (exempt(rq))
		return NULL;
	class = class_of(rq, is_known(rq));
	memcpy(&a_minute, (const char *)here.conf + classes[class].setting, sizeof(a_minute));
	if (a_minute == 0)
		return NULL;
	l = arena_new(rq->arena, struct limit);
	*l = (struct limit){.class = class, .quota = {a_minute, WINDOW_S * 1000}};
	l->key = key_of(rq, class);
	return l;
}

/* ---- a request ---- */

static int refuse(struct rq *rq)
{
	struct limit *l = rq->limit;

	l->refused = true;
	here.refused[l->class]++;
	rq->err.retry_after_s = (int)((l->left.wait_ms + 999) / 1000);
	if (rq->err.retry_after_s < 1)
		rq->err.retry_after_s = 1;
	return err_set(&rq->err, PROBLEM_rate_limited,
	               "At most %lld such requests a minute; wait as long as Retry-After says.",
	               (long long)l->quota.limit);
}

int limit_take(struct rq *rq)
{
	/* an upload is one request for its sender: taken when the edge asks, not when it passes it
	 * on */
	bool counted = !rq_in_phase(rq, "body") && !rq_in_phase(rq, "refused");
	struct limit *l = limit_of(rq);

	if (l == NULL)
		return 0;
	rq->limit = l;
	l->left = tally_use(here.tally, l->key, &l->quota, counted ? QUOTA_TAKE : QUOTA_LOOK,
	                    rq->now);
	if (!counted)
		return 0;
	here.taken[l->class]++;
	l->took = l->left.allowed;
	return l->took ? 0 : refuse(rq);
}

int limit_reason(struct rq *rq)
{
	return rq->limit == NULL || rq->limit->left.allowed ? 0 : refuse(rq);
}

/* Nothing was sent: who looks whether something is new shall not pay for it. */
static void give_back(struct rq *rq)
{
	struct limit *l = rq->limit;
	const int64_t now_us = rq->now * 1000;
	struct quota_left *left = &l->left;

	tally_give(here.tally, l->key, &l->quota, rq->now);
	quota_use(&l->quota, QUOTA_GIVE, now_us, now_us + left->full_ms * 1000, left);
	l->took = false;
}

void limit_close(struct rq *rq)
{
	struct limit *l = rq->limit;

	learn(rq);
	if (l == NULL)
		return;
	if (l->took && rq->out->status == 304)
		give_back(rq);
	reply_header(rq, "ratelimit-policy",
	             arena_printf(rq->arena, "\"%s\";q=%lld;w=%d", classes[l->class].name,
	                          (long long)l->quota.limit, WINDOW_S));
	reply_header(rq, "ratelimit",
	             arena_printf(rq->arena, "\"%s\";r=%lld;t=%lld", classes[l->class].name,
	                          (long long)l->left.left,
	                          (long long)(l->left.full_ms + 999) / 1000));
}

const char *limit_refused(const struct rq *rq)
{
	return rq->limit != NULL && rq->limit->refused ? classes[rq->limit->class].name : NULL;
}
