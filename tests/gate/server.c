/* server.c - the gate with a dispatcher of its own: each path waits, works or fails in a way of its
 * own. */
#include "crypt.h"
#include "db.h"
#include "door.h"
#include "fiber.h"
#include "io.h"
#include "log.h"
#include "routes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What the tests look at: strands that ended, and what they saw. */
static struct {
	uint64_t begun, ended, cancelled, refused, background;
} seen;

/* routes.h wants all of rq.h; the server has no routes. */
void routes_print(FILE *out)
{
	fprintf(out, "GET / public\n");
}

static int number(const struct door_in *in, int otherwise)
{
	return in->query ? (int)strtol(in->query, NULL, 10) : otherwise;
}

static void reply(struct arena *a, struct door_out *out, int status, const char *text)
{
	out->status = status;
	out->body = arena_strdup(a, text);
	out->body_len = strlen(text);
}

static void echo(const struct door_in *in, struct arena *a, struct door_out *out)
{
	struct buf b;

	buf_init(&b, a, (size_t)4 * 1024 * 1024);
	buf_printf(&b, "%s %s %s\n", in->method, in->path, in->query ? in->query : "-");
	for (unsigned i = 0; i < in->header_count; i++)
		buf_printf(&b, "%s: %s\n", in->headers[i].name, in->headers[i].value);
	buf_char(&b, '\n');
	buf_add(&b, in->body, in->body_len);
	reply(a, out, 200, b.data);
	out->headers[out->header_count++] = (struct door_header){"x-split", "one\r\ntwo: three"};
}

static void burn(void *data)
{
	int64_t end_ms = clock_mono_ms() + *(int *)data;

	while (clock_mono_ms() < end_ms) {
	}
	*(int *)data = 42;
}

static int work(int ms)
{
	int data = ms, r = io_run(burn, &data, sizeof(data));

	if (r < 0 && errno == EAGAIN)
		seen.refused++;
	return r < 0 ? (errno == EAGAIN ? 503 : 499) : data == 42 ? 200 : 500;
}

/* Many waits of all kinds, so that a client may vanish in each of them. */
static int mixed(int rounds)
{
	struct pollfd fds[IO_WAIT_FDS_MAX];
	int pipes[2], r = 0;

	if (pipe(pipes) < 0)
		return 500;
	for (int i = 0; i < rounds && r >= 0; i++) {
		fds[0] = (struct pollfd){.fd = pipes[0], .events = POLLIN};
		fds[1] = (struct pollfd){.fd = pipes[1], .events = i % 2 ? POLLOUT : 0};
		r = i % 5 == 4 ? work(1) : io_wait(fds, 2, 1 + i % 3);
		if (r == 503)
			r = io_sleep(1);
	}
	close(pipes[0]);
	close(pipes[1]);
	return r < 0 || r == 499 ? 499 : 200;
}

/* Wait without end for what nobody writes. */
static int never(void)
{
	int pair[2], r;

	if (pipe(pair) < 0)
		return 500;
	r = io_wait_fd(pair[0], POLLIN, -1);
	close(pair[0]);
	close(pair[1]);
	return r < 0 ? 499 : 200;
}

/* ---- the database ---- */

static const struct stmt set_firm = {.name = "set_firm",
                                     .text = "select set_config('portico.firm', 'f', true)"};
static const struct stmt get_firm = {
	.name = "get_firm",
	.text = "select coalesce(current_setting('portico.firm', true), '') as firm"};
static const struct stmt nap = {.name = "nap",
                                .text = "select pg_sleep($1::float8 / 1000)",
                                .nparams = 1,
                                .params = (const char *const[]){"ms"}};
static const struct stmt insert = {.name = "insert",
                                   .text = "insert into thing values ($1::int)",
                                   .nparams = 1,
                                   .params = (const char *const[]){"id"}};

static struct db_pool *pool;

static int use_db(struct db *db, const struct door_in *in, struct rows *rows)
{
	const char *given = in->query ? in->query : "0";

	if (strcmp(in->path, "/firm") != 0)
		db_prelude(db, &set_firm, NULL, NULL);
	if (strcmp(in->path, "/read") == 0 || strcmp(in->path, "/write") == 0)
		TRY(db_query(db, &nap, ARGS({"ms", given}), NULL));
	if (strcmp(in->path, "/write") == 0)
		TRY(db_query(db, &insert, ARGS({"id", arg_int(db->arena, id_new().b[15] + 1000)}),
		             NULL));
	if (strcmp(in->path, "/insert") == 0)
		TRY(db_query(db, &insert, ARGS({"id", given}), NULL));
	TRY(db_query(db, &get_firm, NULL, rows));
	return db_commit(db);
}

static void with_db(const struct door_in *in, struct arena *a, struct door_out *out)
{
	bool writes = strcmp(in->path, "/write") == 0 || strcmp(in->path, "/insert") == 0;
	struct rows rows;
	struct err err;
	struct db db;

	err_init(&err, a);
	db_init(&db, pool, a, &err, writes);
	if (use_db(&db, in, &rows) == 0) {
		reply(a, out, 200, row_text(&rows, 0, "firm"));
	} else {
		reply(a, out, problem_status(err.problem), problem_code(err.problem));
		if (err.retry_after_s)
			out->headers[out->header_count++] =
				(struct door_header){"retry-after", "1"};
	}
	db_end(&db);
}

static void pool_state(struct arena *a, struct door_out *out)
{
	struct db_pool_stats s;

	db_pool_stats(pool, &s);
	reply(a, out, 200,
	      arena_printf(a,
	                   "{\"open\":%u,\"idle\":%u,\"busy\":%u,\"waiting\":%u,\"handed_out\":%lu,"
	                   "\"drained\":%lu,\"reconnects\":%lu,\"round_trips\":%lu}",
	                   s.open, s.idle, s.busy, s.waiting, s.handed_out, s.drained, s.reconnects,
	                   s.round_trips));
}

/* ---- the rest ---- */

static struct io_event event;

static void raise_event(void *arg)
{
	(void)arg;
	io_event_raise(&event);
}

static void stats(struct arena *a, struct door_out *out)
{
	reply(a, out, 200,
	      arena_printf(
		      a,
		      "{\"pid\":%d,\"begun\":%lu,\"ended\":%lu,\"cancelled\":%lu,\"refused\":%lu,"
		      "\"fibers\":%zu,\"stacks\":%zu,\"background\":%lu}\n",
		      (int)getpid(), seen.begun, seen.ended, seen.cancelled, seen.refused,
		      fiber_count(), fiber_stack_count(), seen.background));
}

static int route(const struct door_in *in, struct arena *a, struct door_out *out)
{
	if (strcmp(in->path, "/sleep") == 0)
		return io_sleep(number(in, 100)) < 0 ? 499 : 200;
	if (strcmp(in->path, "/work") == 0)
		return work(number(in, 10));
	if (strcmp(in->path, "/mixed") == 0)
		return mixed(number(in, 20));
	if (strcmp(in->path, "/never") == 0)
		return never();
	if (strcmp(in->path, "/event") == 0) {
		gate_spawn(raise_event, NULL);
		return io_event_wait(&event, 1000) == 1 ? 200 : 500;
	}
	if (strcmp(in->path, "/crash") == 0)
		abort();
	if (strcmp(in->path, "/exec") == 0)
		return execl("/bin/true", "true", (char *)NULL) < 0 && errno == ENOSYS ? 200 : 500;
	if (strcmp(in->path, "/status") == 0)
		return number(in, 200);
	if (strcmp(in->path, "/stats") == 0)
		stats(a, out);
	else if (strcmp(in->path, "/pool") == 0)
		pool_state(a, out);
	else if (pool)
		with_db(in, a, out);
	else
		echo(in, a, out);
	return 0;
}

void dispatch(const struct door_in *in, struct arena *a, struct door_out *out)
{
	int status;

	seen.begun++;
	status = route(in, a, out);
	if (status == 499)
		seen.cancelled++;
	if (status)
		reply(a, out, status, "{}\n");
	out->headers[out->header_count++] = (struct door_header){"content-type", "text/plain"};
	seen.ended++;
}

/* As the relay: it lives as long as the worker, and must be told to end. */
static void background(void *arg)
{
	(void)arg;
	seen.background++;
	while (!gate_stopping() && io_sleep(50) == 0) {
	}
	seen.background--;
	log_say(LOGL_INFO, "background", "ended, stopping %d", gate_stopping());
}

int worker_start(void)
{
	if (getenv("GATE_TEST_FAILS"))
		return -1;
	if (getenv("GATE_TEST_DB"))
		pool = db_pool_new(getenv("PORTICO_API_DATABASE"),
		                   (unsigned)strtol(getenv("PORTICO_DB_POOL"), NULL, 10));
	gate_spawn(background, NULL);
	return 0;
}

void worker_drain(void)
{
}

void worker_stop(void)
{
	db_pool_free(pool);
	log_say(LOGL_INFO, "stop", "begun %d ended %d fibers %d", (int)seen.begun, (int)seen.ended,
	        (int)fiber_count());
}
