/*
 * metrics.c - what the workers count, in memory that they share, for whoever watches the service.
 *
 * Counters are the service's: each worker adds to the same numbers, which outlive it. Gauges are a
 * worker's: each writes its own slot, and the sum is what is told. Labels are routes, methods and
 * classes of status, never a firm, a person or an address.
 */
#include "metrics.h"

#include "blob.h"
#include "crypt.h"
#include "hands.h"
#include "io.h"
#include "limit.h"
#include "routes.h"
#include "setting.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

enum { SLOTS = 64, ROUTES_MAX = 512, CLASSES = 6, SAMPLE_MS = 1000 };

/* Upper bounds in milliseconds: around what is usual (5 ms), and where it hurts (1 s). */
static const int64_t bounds_ms[] = {2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 10000};

typedef _Atomic int64_t number;

struct series {
	number by_class[CLASSES];
	number buckets[lengthof(bounds_ms)]; /* those that took at most so long, and no less */
	number count, sum_ms;
};

struct slot {
	_Atomic pid_t pid;
	number in_flight, busy, idle, waiting, hands;
};

static struct shared {
	struct series routes[ROUTES_MAX]; /* as the route table; the one behind: no route */
	struct slot slots[SLOTS];
	number refused, hashes;
	number limited[LIMIT_CLASSES], counted_shared, counted_local;
} * shared;

_Static_assert(sizeof(struct shared) <= GATE_SHARED_BYTES, "what workers share");

static struct slot *mine;

/* ---- counting ---- */

static bool is_free(pid_t pid)
{
	return pid == 0 || (kill(pid, 0) < 0 && errno == ESRCH);
}

/* A place of its own, or that of a worker that died. */
static struct slot *take_slot(void)
{
	for (size_t i = 0; i < SLOTS; i++) {
		struct slot *s = &shared->slots[i];
		pid_t pid = s->pid;

		if (is_free(pid) && atomic_compare_exchange_strong(&s->pid, &pid, getpid()))
			return s;
	}
	return NULL;
}

static void sample(void)
{
	static int64_t refused_told;
	struct db_pool_stats pool;

	db_pool_stats(this_worker.pool, &pool);
	mine->busy = pool.busy;
	mine->idle = pool.idle;
	mine->waiting = pool.waiting;
	mine->hands = hands_queued();
	shared->refused += (int64_t)pool.refused - refused_told;
	refused_told = (int64_t)pool.refused;
}

/* What the limits have done since the last time. */
static void sample_limits(void)
{
	static struct limit_stats told;
	struct limit_stats now = limit_stats();

	for (size_t i = 0; i < LIMIT_CLASSES; i++)
		shared->limited[i] += (int64_t)(now.refused[i] - told.refused[i]);
	shared->counted_shared += (int64_t)(now.shared - told.shared);
	shared->counted_local += (int64_t)(now.local - told.local);
	told = now;
}

/* Told with each request, so that a test can say what one has cost. */
static void sample_hashes(void)
{
	static uint64_t told;
	uint64_t now = password_hashes();

	shared->hashes += (int64_t)(now - told);
	told = now;
}

static void sample_run(void *unused)
{
	(void)unused;
	while (!gate_stopping()) {
		sample();
		sample_limits();
		(void)io_sleep(SAMPLE_MS);
	}
}

void metrics_start(void)
{
	shared = gate_shared();
	mine = take_slot();
	if (!mine)
		return;
	mine->in_flight = mine->busy = mine->idle = mine->waiting = mine->hands = 0;
	gate_spawn(sample_run, NULL);
}

void metrics_stop(void)
{
	if (mine)
		mine->pid = 0;
	mine = NULL;
}

void metrics_begin(void)
{
	if (mine)
		mine->in_flight++;
}

void metrics_end(const struct route *route, int status, int64_t took_ms)
{
	size_t index = route ? (size_t)(route - routes) : route_count;
	struct series *s;

	if (mine)
		mine->in_flight--;
	if (!shared || index >= ROUTES_MAX)
		return;
	sample_hashes();
	s = &shared->routes[index];
	s->by_class[status / 100 < CLASSES ? status / 100 : 0]++;
	for (size_t i = 0; i < lengthof(bounds_ms); i++) {
		if (took_ms <= bounds_ms[i]) {
			s->buckets[i]++;
			break;
		}
	}
	s->count++;
	s->sum_ms += took_ms;
}

/* ---- telling ---- */

static void head(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_printf(b, "# HELP portico_%s %s\n# TYPE portico_%s %s\n", name, help, name, type);
}

static void gauge(struct buf *b, const char *name, int64_t value, const char *help)
{
	head(b, name, "gauge", help);
	buf_printf(b, "portico_%s %lld\n", name, (long long)value);
}

/* The labels of the route `index`, without braces. */
static void put_route(struct buf *b, size_t index)
{
	if (index < route_count)
		buf_printf(b, "method=\"%s\",route=\"%s\"", routes[index].method,
		           routes[index].path);
	else
		buf_str(b, "method=\"\",route=\"\"");
}

static void write_requests(struct buf *b)
{
	head(b, "http_requests_total", "counter",
	     "Requests answered; the empty route is for what no route knows.");
	for (size_t i = 0; i <= route_count && i < ROUTES_MAX; i++) {
		for (int c = 1; c < CLASSES; c++) {
			if (shared->routes[i].by_class[c] == 0)
				continue;
			buf_str(b, "portico_http_requests_total{");
			put_route(b, i);
			buf_printf(b, ",status=\"%dxx\"} %lld\n", c,
			           (long long)shared->routes[i].by_class[c]);
		}
	}
}

static void write_durations_of(struct buf *b, size_t index)
{
	const struct series *s = &shared->routes[index];
	int64_t count = s->count, below = 0;

	for (size_t i = 0; i < lengthof(bounds_ms); i++) {
		below += s->buckets[i];
		buf_str(b, "portico_http_request_duration_seconds_bucket{");
		put_route(b, index);
		buf_printf(b, ",le=\"%g\"} %lld\n", (double)bounds_ms[i] / 1000, (long long)below);
	}
	if (count < below)
		count = below; /* one is just being counted */
	buf_str(b, "portico_http_request_duration_seconds_bucket{");
	put_route(b, index);
	buf_printf(b, ",le=\"+Inf\"} %lld\nportico_http_request_duration_seconds_sum{",
	           (long long)count);
	put_route(b, index);
	buf_printf(b, "} %g\nportico_http_request_duration_seconds_count{",
	           (double)s->sum_ms / 1000);
	put_route(b, index);
	buf_printf(b, "} %lld\n", (long long)count);
}

static void write_durations(struct buf *b)
{
	head(b, "http_request_duration_seconds", "histogram",
	     "How long requests took inside the API.");
	for (size_t i = 0; i <= route_count && i < ROUTES_MAX; i++)
		if (shared->routes[i].count > 0)
			write_durations_of(b, i);
}

static void write_gauges(struct buf *b)
{
	int64_t workers = 0, in_flight = 0, busy = 0, idle = 0, waiting = 0, queued = 0;

	for (const struct slot *s = shared->slots; s < shared->slots + SLOTS; s++) {
		if (is_free(s->pid))
			continue;
		workers++;
		in_flight += s->in_flight;
		busy += s->busy;
		idle += s->idle;
		waiting += s->waiting;
		queued += s->hands;
	}
	gauge(b, "workers", workers, "Workers that live.");
	gauge(b, "http_requests_in_flight", in_flight, "Requests under way, this one included.");
	head(b, "db_connections", "gauge", "Connections of the pools.");
	buf_printf(b, "portico_db_connections{state=\"busy\"} %lld\n", (long long)busy);
	buf_printf(b, "portico_db_connections{state=\"idle\"} %lld\n", (long long)idle);
	gauge(b, "db_waiting", waiting, "Requests that wait for a connection.");
	gauge(b, "hands_queued", queued, "Hashes that wait for a thread.");
	head(b, "db_refused_total", "counter", "Requests that got no connection in time.");
	buf_printf(b, "portico_db_refused_total %lld\n", (long long)shared->refused);
	head(b, "password_hashes_total", "counter", "Passwords hashed, to keep or to compare.");
	buf_printf(b, "portico_password_hashes_total %lld\n", (long long)shared->hashes);
}

static void write_limits(struct buf *b)
{
	head(b, "rate_limited_total", "counter", "Requests refused with 429 by each limit.");
	for (size_t i = 0; i < LIMIT_CLASSES; i++)
		buf_printf(b, "portico_rate_limited_total{limit=\"%s\"} %lld\n",
		           limit_class_name((enum limit_class)i), (long long)shared->limited[i]);
	head(b, "limit_uses_total", "counter",
	     "Requests counted for a limit: in Redis, or by a worker while that was slow or away.");
	buf_printf(b, "portico_limit_uses_total{where=\"redis\"} %lld\n",
	           (long long)shared->counted_shared);
	buf_printf(b, "portico_limit_uses_total{where=\"worker\"} %lld\n",
	           (long long)shared->counted_local);
}

static void write_counts(struct buf *b, const struct rows *counts, int64_t now_ms)
{
	static const char *const states[] = {"queued", "deferred", "bounced", "failed",
	                                     "suppressed"};
	int64_t oldest = row_time(counts, 0, "oldest_due_at");

	gauge(b, "events_unpublished", row_int(counts, 0, "events_unpublished"),
	      "Events that the relay has not published yet.");
	head(b, "envelopes", "gauge", "Mails that wait, and those that were given up.");
	for (size_t i = 0; i < lengthof(states); i++)
		buf_printf(b, "portico_envelopes{state=\"%s\"} %lld\n", states[i],
		           (long long)row_int(counts, 0, states[i]));
	head(b, "envelope_overdue_seconds", "gauge",
	     "How long the oldest mail that is due has waited.");
	buf_printf(b, "portico_envelope_overdue_seconds %g\n",
	           oldest == TIME_NULL || oldest > now_ms ? 0 : (double)(now_ms - oldest) / 1000);
}

void metrics_write(struct buf *b, const struct rows *counts, int64_t now_ms)
{
	head(b, "build_info", "gauge", "Always 1; the label has the version.");
	buf_printf(b, "portico_build_info{version=\"%s\"} 1\n", PORTICO_VERSION);
	gauge(b, "database_up", counts != NULL, "1 when the database answers.");
	if (counts)
		write_counts(b, counts, now_ms);
	gauge(b, "store_free_bytes", blob_free_bytes(), "Room for documents in the store.");
	gauge(b, "spool_free_bytes", blob_spool_free_bytes(), "Room for arriving documents.");
	if (!shared)
		return;
	write_gauges(b);
	write_limits(b);
	write_requests(b);
	write_durations(b);
}
