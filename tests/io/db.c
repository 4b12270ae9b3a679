/* db.c - tests of shared/io/db.h against a real server of our own. */
#include "db.h"

#include "../unit/unit.h"
#include "crypt.h"
#include "loop.h"
#include "servers.h"

#include <libpq-fe.h>
#include <pthread.h>

#define STMT(id, sql, n, ...)                        \
	static const struct stmt id = {.name = #id,  \
	                               .text = sql,  \
	                               .nparams = n, \
	                               .params = (const char *const[]){__VA_ARGS__}}

STMT(one, "select 1 as one, null::text as nothing", 0, NULL);
STMT(echo, "select $1::text as a, $2::uuid as b", 2, "a", "b");
STMT(firm_set, "select set_config('portico.firm', $1::text, true) as was", 1, "firm");
STMT(firm_get, "select coalesce(current_setting('portico.firm', true), '') as firm", 0, NULL);
STMT(refuse, "select refuse($1::text, $2::text, $3::text)", 3, "state", "message", "detail");
STMT(insert, "insert into thing (id, name) values ($1::int, $2::text) returning id", 2, "id",
     "name");
STMT(count, "select count(*) as n from thing", 0, NULL);
STMT(erase, "delete from thing", 0, NULL);
STMT(nap, "select pg_sleep($1::float8)", 1, "s");
STMT(later, "select count(*) as n from later", 0, NULL);
STMT(my_pid, "select pg_backend_pid() as pid", 0, NULL);
STMT(kill_pid, "select pg_terminate_backend($1::int)", 1, "pid");
STMT(bytes, "select $1::bytea as b", 1, "b");
STMT(lock, "select pg_try_advisory_lock(42) as got", 0, NULL);
STMT(has, "select 1 from thing where id = $1::int", 1, "id");
STMT(status, "select pg_xact_status($1::text::xid8) as was", 1, "xid");
STMT(types,
     "select 7::bigint as i, true as yes, false as no, '2026-11-21 22:40:28.123+00'::timestamptz "
     "as t, '\\x00ff10'::bytea as b, '018f0000-0000-7000-8000-000000000001'::uuid as id, "
     "current_setting('TimeZone') as tz, current_setting('statement_timeout') as st",
     0, NULL);
STMT(busy_others,
     "select count(*) as n from pg_stat_activity where pid <> pg_backend_pid() and "
     "backend_type = 'client backend' and state <> 'idle'",
     0, NULL);

static const char schema[] =
	"create table thing (id int constraint thing_pkey primary key, name text constraint "
	"thing_name_key unique constraint thing_name_short check (length(name) < 10), "
	"parent int constraint thing_parent_fkey references thing deferrable initially deferred);"
	"create function refuse(state text, message text, detail text) returns int language plpgsql "
	"as $$ begin raise exception using errcode = state, message = message, detail = detail; end $$";

static const struct db_constraint constraints[] = {
	{"thing_name_key", PROBLEM_name_taken, "/name", "is taken"},
	{"thing_pkey", PROBLEM_code_taken, NULL, NULL},
	{NULL, PROBLEM_NONE, NULL, NULL}};

/* A unit of work and all it needs. */
struct work {
	struct arena arena;
	struct err err;
	struct db db;
};

static struct db_pool *pool;

static void work_open(struct work *w, struct db_pool *p, bool writes)
{
	arena_init(&w->arena, TEST_ARENA_MAX);
	err_init(&w->err, &w->arena);
	db_init(&w->db, p, &w->arena, &w->err, writes);
}

static void work_close(struct work *w)
{
	db_end(&w->db);
	db_end(&w->db);
	arena_release(&w->arena);
}

static int64_t ask_int(const struct stmt *stmt, const char *column)
{
	struct work w;
	struct rows rows;
	int64_t n;

	work_open(&w, pool, false);
	w.db.wait_ms = 10000;
	assert_int_equal(db_query(&w.db, stmt, NULL, &rows), 0);
	n = row_int(&rows, 0, column);
	work_close(&w);
	return n;
}

static void run_once(const struct stmt *stmt)
{
	struct work w;

	work_open(&w, pool, false);
	assert_int_equal(db_query(&w.db, stmt, NULL, NULL), 0);
	work_close(&w);
}

static void assert_all_idle(struct db_pool *p)
{
	struct db_pool_stats stats;

	db_pool_stats(p, &stats);
	assert_int_equal(stats.busy, 0);
	assert_int_equal(stats.waiting, 0);
	assert_int_equal(stats.open, stats.idle);
}

/* ---- plain use ---- */

static void test_db_query(void **state)
{
	struct rows rows;
	struct work w;

	(void)state;
	work_open(&w, pool, false);
	assert_int_equal(db_query(&w.db, &one, NULL, &rows), 0);
	assert_int_equal(rows.n, 1);
	assert_int_equal(row_int(&rows, 0, "one"), 1);
	assert_null(row_text(&rows, 0, "nothing"));
	assert_int_equal(row_int(&rows, 0, "nothing"), INT64_MIN);
	assert_int_equal(rows_columns(&rows), 2);
	assert_string_equal(rows_column(&rows, 1), "nothing");
	db_bind(&w.db, "b", "018f0000-0000-7000-8000-000000000001");
	db_bind(&w.db, "a", "bound");
	assert_int_equal(db_query(&w.db, &echo, ARGS({"a", "given"}), &rows), 0);
	assert_string_equal(row_text(&rows, 0, "a"), "given");
	assert_int_equal(db_query(&w.db, &echo, ARGS({"b", NULL}), &rows), 0);
	assert_string_equal(row_text(&rows, 0, "a"), "bound");
	assert_null(row_text(&rows, 0, "b"));
	assert_int_equal(db_commit(&w.db), 0);
	work_close(&w);
	assert_all_idle(pool);
}

static void test_db_types(void **state)
{
	char uuid[ID_UUID_SIZE];
	const uint8_t *b;
	struct rows rows;
	struct work w;
	struct id id;

	(void)state;
	work_open(&w, pool, false);
	assert_int_equal(db_query(&w.db, &types, NULL, &rows), 0);
	assert_int_equal(row_int(&rows, 0, "i"), 7);
	assert_true(row_bool(&rows, 0, "yes"));
	assert_false(row_bool(&rows, 0, "no"));
	assert_int_equal(row_time(&rows, 0, "t"), 1795300828123);
	assert_int_equal(row_bytes(&rows, 0, "b", &w.arena, &b), 3);
	assert_memory_equal(b, "\x00\xff\x10", 3);
	id = row_id(&rows, 0, "id");
	id_uuid(&id, uuid);
	assert_string_equal(uuid, "018f0000-0000-7000-8000-000000000001");
	assert_string_equal(row_text(&rows, 0, "tz"), "UTC");
	assert_string_equal(row_text(&rows, 0, "st"), "10s");
	work_close(&w);
}

static void test_db_large_parameter(void **state)
{
	size_t len = 5 * 1024 * 1024;
	const uint8_t *back;
	struct rows rows;
	struct work w;
	uint8_t *big;

	(void)state;
	work_open(&w, pool, false);
	big = arena_alloc(&w.arena, len);
	crypt_random(big, len);
	assert_int_equal(db_query(&w.db, &bytes, ARGS({"b", arg_bytes(&w.arena, big, len)}), &rows),
	                 0);
	assert_int_equal(row_bytes(&rows, 0, "b", &w.arena, &back), len);
	assert_memory_equal(back, big, len);
	work_close(&w);
}

static void query_without_value(void)
{
	struct work w;

	work_open(&w, pool, false);
	db_query(&w.db, &echo, ARGS({"a", "x"}), NULL);
}

static void read_missing_column(void)
{
	struct rows rows;
	struct work w;

	work_open(&w, pool, false);
	db_query(&w.db, &one, NULL, &rows);
	row_text(&rows, 0, "two");
}

static void test_db_misfits_abort(void **state)
{
	(void)state;
	assert_true(unit_aborts(query_without_value));
	assert_true(unit_aborts(read_missing_column));
	db_pool_free(pool); /* the children shared its connections */
	pool = db_pool_new(servers.conninfo, 4);
}

/* ---- the prelude, and what is left behind ---- */

/* A helper whose list of arguments is gone when the statement runs. */
static void queue_firm(struct work *w, const char *firm)
{
	db_prelude(&w->db, &firm_set, ARGS({"firm", firm}), NULL);
}

static void test_db_prelude_holds_for_each_statement(void **state)
{
	struct db_pool_stats before, after;
	struct rows rows, set;
	struct work w;

	(void)state;
	for (int writes = 0; writes < 2; writes++) {
		run_once(&one);
		db_pool_stats(pool, &before);
		work_open(&w, pool, writes);
		db_prelude(&w.db, &firm_set, ARGS({"firm", "f1"}), &set);
		assert_int_equal(db_query(&w.db, &firm_get, NULL, &rows), 0);
		assert_string_equal(row_text(&rows, 0, "firm"), "f1");
		assert_string_equal(row_text(&set, 0, "was"), "f1");
		assert_int_equal(db_query(&w.db, &firm_get, NULL, &rows), 0);
		assert_string_equal(row_text(&rows, 0, "firm"), "f1");
		assert_int_equal(db_commit(&w.db), 0);
		work_close(&w);
		db_pool_stats(pool, &after);
		assert_int_equal(after.round_trips - before.round_trips, writes ? 3 : 2);
		work_open(&w, pool, false);
		assert_int_equal(db_query(&w.db, &firm_get, NULL, &rows), 0);
		assert_string_equal(row_text(&rows, 0, "firm"), "");
		work_close(&w);
	}
}

static void test_db_prelude_alone(void **state)
{
	struct rows rows, set = {0};
	struct work w;

	(void)state;
	work_open(&w, pool, false);
	assert_int_equal(db_flush_prelude(&w.db), 0);
	assert_null(w.db.conn);
	db_prelude(&w.db, &firm_set, ARGS({"firm", "f2"}), &set);
	assert_int_equal(db_flush_prelude(&w.db), 0);
	assert_string_equal(row_text(&set, 0, "was"), "f2");
	assert_int_equal(db_flush_prelude(&w.db), 0);
	assert_int_equal(db_query(&w.db, &firm_get, NULL, &rows), 0);
	assert_string_equal(row_text(&rows, 0, "firm"), "f2");
	work_close(&w);
	work_open(&w, pool, false);
	queue_firm(&w, "f3");
	assert_int_equal(db_query(&w.db, &firm_get, NULL, &rows), 0);
	assert_int_equal(db_query(&w.db, &firm_get, NULL, &rows), 0);
	assert_string_equal(row_text(&rows, 0, "firm"), "f3");
	work_close(&w);
}

static void test_db_prelude_refuses(void **state)
{
	struct work w;

	(void)state;
	for (int writes = 0; writes < 2; writes++) {
		work_open(&w, pool, writes);
		db_prelude(
			&w.db, &refuse,
			ARGS({"state", "PT401"}, {"message", "unauthenticated"}, {"detail", "no"}),
			NULL);
		assert_int_equal(db_query(&w.db, &insert, ARGS({"id", "1"}, {"name", "x"}), NULL),
		                 -1);
		assert_int_equal(w.err.problem, PROBLEM_unauthenticated);
		assert_string_equal(w.err.detail, "no");
		assert_int_equal(db_query(&w.db, &one, NULL, NULL), -1);
		assert_int_equal(db_commit(&w.db), -1);
		work_close(&w);
		assert_all_idle(pool);
		assert_int_equal(ask_int(&count, "n"), 0);
	}
}

/* ---- writing ---- */

static void test_db_commit_and_roll_back(void **state)
{
	struct work w;

	(void)state;
	work_open(&w, pool, true);
	assert_int_equal(db_commit(&w.db), 0); /* nothing ran */
	assert_int_equal(db_query(&w.db, &insert, ARGS({"id", "1"}, {"name", "a"}), NULL), 0);
	assert_int_equal(ask_int(&count, "n"), 0);
	assert_int_equal(db_query(&w.db, &insert, ARGS({"id", "2"}, {"name", "b"}), NULL), 0);
	assert_int_equal(db_commit(&w.db), 0);
	work_close(&w);
	assert_int_equal(ask_int(&count, "n"), 2);
	work_open(&w, pool, true);
	assert_int_equal(db_query(&w.db, &erase, NULL, NULL), 0);
	work_close(&w); /* no commit */
	assert_int_equal(ask_int(&count, "n"), 2);
	assert_int_equal(ask_int(&busy_others, "n"), 0);
	run_once(&erase);
	assert_all_idle(pool);
}

static void test_db_script(void **state)
{
	struct rows rows;
	struct work w;

	(void)state;
	work_open(&w, pool, true);
	assert_int_equal(db_script(&w.db, "create table s (i int); insert into s values (1), (2);"),
	                 0);
	assert_int_equal(db_script(&w.db, "drop table s; select 1"), 0);
	assert_int_equal(db_commit(&w.db), 0);
	work_close(&w);
	work_open(&w, pool, true);
	assert_int_equal(db_script(&w.db, "create table s (i int); insert into nowhere values (1)"),
	                 -1);
	assert_int_equal(w.err.problem, PROBLEM_internal_error);
	assert_non_null(strstr(w.err.internal, "42P01"));
	work_close(&w);
	work_open(&w, pool, false);
	assert_int_equal(db_script(&w.db, "drop table if exists s"), 0);
	work_close(&w);
	work_open(&w, pool, false);
	assert_int_equal(db_query(&w.db, &types, NULL, &rows), 0);
	assert_string_equal(row_text(&rows, 0, "st"),
	                    "10s"); /* its patience ended with its session */
	work_close(&w);
}

static void test_db_private_session(void **state)
{
	struct rows rows;
	static struct work w, v;

	(void)state;
	work_open(&w, pool, false);
	w.db.private_session = true;
	assert_int_equal(db_query(&w.db, &lock, NULL, &rows), 0);
	assert_true(row_bool(&rows, 0, "got"));
	assert_true(db_backend_pid(&w.db) > 0);
	for (int i = 0; i < 2; i++) {
		if (i == 1) {
			work_close(&w);
			usleep(100000);
		}
		work_open(&v, pool, false);
		v.db.private_session = true;
		assert_int_equal(db_query(&v.db, &lock, NULL, &rows), 0);
		assert_int_equal(row_bool(&rows, 0, "got"), i == 1);
		work_close(&v);
	}
}

/* ---- errors ---- */

#define MET "It is just being changed by somebody else, or by an import. Try again in a moment."

static const struct {
	const char *state, *message;
	enum problem problem;
	const char *detail;
	int retry_after_s;
} refusals[] = {
	{"PT409", "name_taken", PROBLEM_name_taken, "why", 0},
	{"PT404", "not_found", PROBLEM_not_found, "why", 0},
	{"PT409", "no such code", PROBLEM_internal_error, NULL, 0},
	{"40001", "conflict", PROBLEM_unavailable, MET, 1},
	{"40P01", "deadlock", PROBLEM_unavailable, MET, 1},
	{"55P03", "lock", PROBLEM_unavailable, MET, 1},
	{"57014", "cancelled", PROBLEM_unavailable, NULL, 1},
	{"57P01", "going down", PROBLEM_unavailable, NULL, 1},
	{"53300", "too many", PROBLEM_unavailable, NULL, 1},
	{"53100", "disk full", PROBLEM_quota_exceeded, NULL, 0},
	{"25006", "read only", PROBLEM_unavailable, NULL, 1},
	{"22012", "division", PROBLEM_internal_error, NULL, 0},
	{"42501", "privilege", PROBLEM_internal_error, NULL, 0},
};

static void test_db_refusals(void **state)
{
	struct work w;

	(void)state;
	for (size_t i = 0; i < lengthof(refusals); i++) {
		work_open(&w, pool, i % 2);
		assert_int_equal(db_query(&w.db, &refuse,
		                          ARGS({"state", refusals[i].state},
		                               {"message", refusals[i].message}, {"detail", "why"}),
		                          NULL),
		                 -1);
		if (w.err.problem != refusals[i].problem)
			fail_msg("%s: %s", refusals[i].state, problem_code(w.err.problem));
		assert_int_equal(w.err.retry_after_s, refusals[i].retry_after_s);
		if (refusals[i].detail)
			assert_string_equal(w.err.detail, refusals[i].detail);
		if (w.err.problem == PROBLEM_internal_error)
			assert_non_null(strstr(w.err.internal, refusals[i].state));
		work_close(&w);
		assert_all_idle(pool);
	}
}

static void test_db_constraints(void **state)
{
	static const struct {
		const char *id, *name;
		enum problem problem;
		unsigned faults;
	} cases[] = {{"2", "a", PROBLEM_name_taken, 1},
	             {"1", "b", PROBLEM_code_taken, 0},
	             {"3", "far too long a name", PROBLEM_internal_error, 0}};
	struct work w;

	(void)state;
	work_open(&w, pool, true);
	assert_int_equal(db_query(&w.db, &insert, ARGS({"id", "1"}, {"name", "a"}), NULL), 0);
	assert_int_equal(db_commit(&w.db), 0);
	work_close(&w);
	for (size_t i = 0; i < lengthof(cases); i++) {
		work_open(&w, pool, true);
		assert_int_equal(db_query(&w.db, &insert,
		                          ARGS({"id", cases[i].id}, {"name", cases[i].name}), NULL),
		                 -1);
		assert_int_equal(w.err.problem, cases[i].problem);
		assert_int_equal(w.err.fault_count, cases[i].faults);
		if (cases[i].faults)
			assert_string_equal(w.err.faults[0].pointer, "/name");
		if (cases[i].problem == PROBLEM_internal_error)
			assert_null(strstr(w.err.internal, "far too long"));
		work_close(&w);
	}
	run_once(&erase);
}

/* Deferred: it is COMMIT that is refused. */
static void test_db_commit_refused(void **state)
{
	static const struct stmt orphan = {.name = "orphan",
	                                   .text = "insert into thing (id, parent) values (9, 99)"};
	struct work w;

	(void)state;
	work_open(&w, pool, true);
	assert_int_equal(db_query(&w.db, &orphan, NULL, NULL), 0);
	assert_int_equal(db_commit(&w.db), -1);
	assert_int_equal(w.err.problem, PROBLEM_internal_error);
	assert_non_null(strstr(w.err.internal, "thing_parent_fkey"));
	work_close(&w);
	assert_all_idle(pool);
	assert_int_equal(ask_int(&count, "n"), 0);
}

/* What could not be parsed, or was never reached, is parsed again. */
static void test_db_prepared_only_when_parsed(void **state)
{
	struct rows rows;
	struct work w;

	(void)state;
	for (int i = 0; i < 2; i++) {
		work_open(&w, pool, i);
		assert_int_equal(db_query(&w.db, &later, NULL, NULL), -1);
		assert_int_equal(w.err.problem, PROBLEM_internal_error);
		work_close(&w);
	}
	work_open(&w, pool, false);
	db_prelude(&w.db, &refuse,
	           ARGS({"state", "PT403"}, {"message", "permission_denied"}, {"detail", ""}),
	           NULL);
	assert_int_equal(db_query(&w.db, &bytes, ARGS({"b", NULL}), NULL), -1);
	assert_string_equal(w.err.detail, problem_title(PROBLEM_permission_denied));
	work_close(&w);
	work_open(&w, pool, false);
	assert_int_equal(db_query(&w.db, &bytes, ARGS({"b", NULL}), NULL), 0);
	work_close(&w);
	work_open(&w, pool, false);
	assert_int_equal(db_script(&w.db, "create table later ()"), 0);
	work_close(&w);
	work_open(&w, pool, false);
	assert_int_equal(db_query(&w.db, &later, NULL, &rows), 0);
	work_close(&w);
}

/* ---- connections that go away ---- */

static void test_db_backend_killed_idle(void **state)
{
	struct rows rows;
	struct work w;
	char pid[16];

	(void)state;
	work_open(&w, pool, false);
	assert_int_equal(db_query(&w.db, &my_pid, NULL, &rows), 0);
	snprintf(pid, sizeof(pid), "%d", (int)row_int(&rows, 0, "pid"));
	{
		struct db_pool *other = db_pool_new(servers.conninfo, 1);
		struct work v;

		work_open(&v, other, false);
		work_close(&w); /* idle from here on */
		assert_int_equal(db_query(&v.db, &kill_pid, ARGS({"pid", pid}), NULL), 0);
		usleep(100000);
		work_close(&v);
		db_pool_free(other);
	}
	for (int i = 0; i < 5; i++)
		run_once(&one);
}

static void test_db_backend_killed_busy(void **state)
{
	struct db_pool *other = db_pool_new(servers.conninfo, 1);
	struct rows rows;
	static struct work w, v;
	char pid[16];

	(void)state;
	for (int writes = 0; writes < 2; writes++) {
		work_open(&w, pool, writes);
		assert_int_equal(db_query(&w.db, &my_pid, NULL, &rows), 0);
		snprintf(pid, sizeof(pid), "%d", (int)row_int(&rows, 0, "pid"));
		work_open(&v, other, false);
		assert_int_equal(db_query(&v.db, &kill_pid, ARGS({"pid", pid}), NULL), 0);
		work_close(&v);
		assert_int_equal(db_query(&w.db, &one, NULL, NULL), -1);
		assert_int_equal(w.err.problem, PROBLEM_unavailable);
		assert_int_equal(w.err.retry_after_s, 1);
		work_close(&w);
		run_once(&one);
	}
	db_pool_free(other);
	assert_all_idle(pool);
}

/* ---- a commit whose answer is lost ---- */

/* A man in the middle who can swallow the answer to COMMIT, or COMMIT itself. */
static struct {
	int listener;
	char dir[64];
	enum { PASS, SWALLOW_ANSWER, SWALLOW_COMMIT, REBIRTH } mode;
	pthread_t thread;
} proxy;

static void run_sql(const char *sql)
{
	PGconn *pg = PQconnectdb(servers.conninfo);

	while (PQstatus(pg) != CONNECTION_OK) { /* it is still starting */
		usleep(20000);
		PQreset(pg);
	}
	PQclear(PQexec(pg, sql));
	PQfinish(pg);
}

/* The server crashes before COMMIT, and the transaction's number goes to another one that commits.
 */
static void rebirth(void)
{
	server_kill(&servers.postgres, SIGKILL);
	if (postgres_start(true) == 0)
		run_sql("insert into thing (id) values (900)");
}

static bool pump(int from, int to, bool *commit)
{
	char buf[65536];
	ssize_t n = read(from, buf, sizeof(buf));

	if (n <= 0)
		return false;
	if (commit && proxy.mode != PASS && memmem(buf, (size_t)n, "db_commit", 9)) {
		*commit = true;
		if (proxy.mode == REBIRTH)
			rebirth();
		if (proxy.mode != SWALLOW_ANSWER)
			return false;
	}
	return write(to, buf, (size_t)n) == n;
}

static void *proxy_connection(void *arg)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int client = (int)(intptr_t)arg, server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pollfd p[2] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
	bool commit = false, alive = true;
	char buf[4096];

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/.s.PGSQL.5432", servers.dir);
	alive = connect(server, (struct sockaddr *)&address, sizeof(address)) == 0;
	while (alive) {
		poll(p, 2, -1);
		if (p[0].revents)
			alive = pump(client, server, &commit);
		if (alive && commit && proxy.mode == SWALLOW_ANSWER) {
			alive = read(server, buf, sizeof(buf)) < 0; /* it is committed now */
			proxy.mode = PASS;
		} else if (alive && p[1].revents) {
			alive = pump(server, client, NULL);
		}
	}
	if (commit)
		proxy.mode = PASS;
	close(client);
	close(server);
	return NULL;
}

static void *proxy_main(void *arg)
{
	pthread_t t;
	int fd;

	while ((fd = accept(proxy.listener, NULL, NULL)) >= 0) {
		if (pthread_create(&t, NULL, proxy_connection, (void *)(intptr_t)fd) == 0)
			pthread_detach(t);
	}
	return arg;
}

static void proxy_open(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(proxy.dir, sizeof(proxy.dir), "%s", "/tmp/portico-io-proxy.XXXXXX");
	assert_non_null(mkdtemp(proxy.dir));
	proxy.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/.s.PGSQL.5432", proxy.dir);
	assert_int_equal(bind(proxy.listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(proxy.listener, 16), 0);
	assert_int_equal(pthread_create(&proxy.thread, NULL, proxy_main, NULL), 0);
}

static void proxy_close(void)
{
	char path[96];

	shutdown(proxy.listener, SHUT_RDWR);
	pthread_join(proxy.thread, NULL);
	close(proxy.listener);
	snprintf(path, sizeof(path), "%s/.s.PGSQL.5432", proxy.dir);
	unlink(path);
	rmdir(proxy.dir);
}

static void test_db_lost_commit(void **state)
{
	struct db_pool *far;
	char conninfo[128], id[8];
	struct work w;

	(void)state;
	proxy_open();
	snprintf(conninfo, sizeof(conninfo), "host=%s user=postgres dbname=postgres", proxy.dir);
	far = db_pool_new(conninfo, 2);
	for (int i = 0; i < 6; i++) {
		bool lose = i % 2;

		snprintf(id, sizeof(id), "%d", 100 + i);
		work_open(&w, far, true);
		assert_int_equal(db_query(&w.db, &one, NULL, NULL), 0); /* no number yet */
		assert_int_equal(w.db.xid[0], 0);
		assert_int_equal(db_query(&w.db, &insert, ARGS({"id", id}, {"name", NULL}), NULL),
		                 0);
		assert_true(w.db.xid[0] != 0);
		proxy.mode = lose ? SWALLOW_COMMIT : SWALLOW_ANSWER;
		assert_int_equal(db_commit(&w.db), lose ? -1 : 0);
		assert_int_equal(w.err.problem, lose ? PROBLEM_unavailable : PROBLEM_NONE);
		work_close(&w);
	}
	assert_int_equal(ask_int(&count, "n"), 3);
	work_open(&w, far, true); /* nothing written: nothing can be lost */
	assert_int_equal(db_query(&w.db, &one, NULL, NULL), 0);
	proxy.mode = SWALLOW_ANSWER;
	assert_int_equal(db_commit(&w.db), 0);
	work_close(&w);
	run_once(&erase);
	db_pool_free(far);
	proxy_close();
}

/* A crash lost the transaction and gave its number to another: `committed` is not about ours. */
static void test_db_lost_commit_number_reused(void **state)
{
	struct db_pool *far;
	char conninfo[128];
	struct rows rows;
	struct work w, v;

	(void)state;
	run_sql("alter system set wal_writer_delay = '10s'"); /* nothing is flushed but commits */
	run_sql("select pg_reload_conf()");
	run_sql("checkpoint");
	proxy_open();
	snprintf(conninfo, sizeof(conninfo), "host=%s user=postgres dbname=postgres", proxy.dir);
	far = db_pool_new(conninfo, 2);
	work_open(&w, far, true);
	assert_int_equal(db_query(&w.db, &insert, ARGS({"id", "901"}, {"name", NULL}), NULL), 0);
	proxy.mode = REBIRTH;
	assert_int_equal(db_commit(&w.db), -1);
	assert_int_equal(w.err.problem, PROBLEM_unavailable);
	assert_string_equal(w.err.internal, "the commit's outcome is not known");
	work_open(&v, pool, false);
	v.db.wait_ms = 10000;
	assert_int_equal(db_query(&v.db, &status, ARGS({"xid", w.db.xid}), &rows), 0);
	assert_string_equal(row_text(&rows, 0, "was"), "committed"); /* else nothing was tested */
	work_close(&v);
	work_close(&w);
	assert_int_equal(ask_int(&count, "n"), 1);
	run_once(&erase);
	db_pool_free(far);
	proxy_close();
}

/* ---- many at once ---- */

struct one_of_many {
	struct db_pool *pool;
	const char *seconds;
	int64_t wait_ms;
	int result;
	enum problem problem;
	int64_t took_ms;
	unsigned order;
};

static unsigned order_next;

static void many_main(void *arg)
{
	struct one_of_many *m = arg;
	int64_t start_ms = clock_mono_ms();
	struct work w;

	work_open(&w, m->pool, false);
	if (m->wait_ms)
		w.db.wait_ms = m->wait_ms;
	queue_firm(&w, "many");
	m->result = db_query(&w.db, &nap, ARGS({"s", m->seconds}), NULL);
	m->problem = w.err.problem;
	m->took_ms = clock_mono_ms() - start_ms;
	m->order = order_next++;
	work_close(&w);
}

static void test_db_queue_is_fair(void **state)
{
	struct db_pool *small = db_pool_new(servers.conninfo, 2);
	struct one_of_many many[40];
	struct db_pool_stats stats;

	(void)state;
	loop_use();
	order_next = 0;
	for (size_t i = 0; i < lengthof(many); i++) {
		many[i] = (struct one_of_many){.pool = small, .seconds = "0.01", .wait_ms = 5000};
		loop_start(many_main, &many[i]);
	}
	loop_finish();
	for (unsigned i = 0; i < lengthof(many); i++) {
		assert_int_equal(many[i].result, 0);
		assert_in_range(many[i].order, i > 2 ? i - 2 : 0, i + 2);
	}
	db_pool_stats(small, &stats);
	assert_int_equal(stats.open, 2);
	assert_int_equal(stats.handed_out, lengthof(many));
	assert_all_idle(small);
	db_pool_free(small);
	io_driver = &io_poll_driver;
	assert_int_equal(fiber_count(), 0);
}

static void test_db_queue_times_out(void **state)
{
	struct db_pool *small = db_pool_new(servers.conninfo, 1);
	struct one_of_many first = {.pool = small, .seconds = "1.2"},
			   second = {.pool = small, .seconds = "0", .wait_ms = 300},
			   third = {.pool = small, .seconds = "0", .wait_ms = 3000};

	(void)state;
	loop_use();
	loop_start(many_main, &first);
	loop_start(many_main, &second);
	loop_start(many_main, &third);
	loop_finish();
	assert_int_equal(first.result, 0);
	assert_int_equal(second.result, -1);
	assert_int_equal(second.problem, PROBLEM_unavailable);
	assert_in_range(second.took_ms, 290, 600);
	assert_int_equal(third.result, 0);
	assert_all_idle(small);
	db_pool_free(small);
	io_driver = &io_poll_driver;
}

static void writer_main(void *arg)
{
	struct work w;
	char id[16];

	work_open(&w, pool, true);
	snprintf(id, sizeof(id), "%d", *(int *)arg);
	queue_firm(&w, "writer");
	if (db_query(&w.db, &insert, ARGS({"id", id}, {"name", NULL}), NULL) == 0 &&
	    db_query(&w.db, &nap, ARGS({"s", "0.003"}), NULL) == 0)
		(void)db_commit(&w.db);
	work_close(&w);
}

/* Clients vanish at any moment of readers and writers; nothing of theirs is ever seen again. */
static void test_db_cancelled_anywhere(void **state)
{
	enum { ROUNDS = 400 };
	static struct one_of_many many[ROUNDS];
	static int ids[ROUNDS];
	struct strand *s;
	uint64_t seed = 7;

	(void)state;
	loop_use();
	for (int i = 0; i < ROUNDS; i++) {
		many[i] = (struct one_of_many){.pool = pool, .seconds = "0.002"};
		ids[i] = 1000 + i;
		s = i % 2 ? loop_start(many_main, &many[i]) : loop_start(writer_main, &ids[i]);
		for (uint32_t turns = unit_random(&seed, 12); turns > 0; turns--) {
			bool there = false;

			loop_turn(1);
			for (struct strand *t = loop_strands; t; t = t->next)
				there |= t == s && (t->arg == &many[i] || t->arg == &ids[i]);
			if (!there)
				s = NULL;
		}
		if (s)
			loop_cancel(s);
	}
	loop_finish();
	io_driver = &io_poll_driver;
	assert_int_equal(fiber_count(), 0);
	assert_all_idle(pool);
	assert_int_equal(ask_int(&busy_others, "n"), 0);
	for (int i = 0; i < 8; i++) {
		struct rows rows;
		struct work w;

		work_open(&w, pool, false);
		assert_int_equal(db_query(&w.db, &firm_get, NULL, &rows), 0);
		assert_string_equal(row_text(&rows, 0, "firm"), "");
		work_close(&w);
	}
	run_once(&erase);
}

/* A reader that is cancelled gives its connection back when the server has answered, not before. */
static void test_db_cancelled_is_drained(void **state)
{
	struct db_pool *small = db_pool_new(servers.conninfo, 1);
	struct one_of_many gone = {.pool = small, .seconds = "0.3"},
			   next = {.pool = small, .seconds = "0", .wait_ms = 3000};
	struct db_pool_stats stats;
	struct strand *s;
	struct work w;

	(void)state;
	work_open(&w, small, false);
	assert_int_equal(db_query(&w.db, &one, NULL, NULL), 0);
	work_close(&w);
	loop_use();
	s = loop_start(many_main, &gone);
	loop_turn(10);
	loop_turn(10);
	loop_cancel(s);
	assert_int_equal(gone.problem, PROBLEM_internal_error);
	assert_in_range(gone.took_ms, 0, 100);
	loop_start(many_main, &next);
	loop_finish();
	assert_int_equal(next.result, 0);
	db_pool_stats(small, &stats);
	assert_int_equal(stats.open, 1);
	assert_int_equal(stats.drained, 1);
	db_pool_free(small);
	io_driver = &io_poll_driver;
}

/* A program that ends has its fibers cancelled one by one: the pool's owner before the drain. */
static void test_db_pool_freed_while_drained(void **state)
{
	struct db_pool *small = db_pool_new(servers.conninfo, 2);
	struct one_of_many gone = {.pool = small, .seconds = "0.3"};
	struct strand *s;
	struct work w;

	(void)state;
	work_open(&w, small, false);
	assert_int_equal(db_query(&w.db, &one, NULL, NULL), 0);
	work_close(&w);
	for (int cancelled = 0; cancelled < 2; cancelled++) {
		if (cancelled)
			gone.pool = small = db_pool_new(servers.conninfo, 2);
		loop_use();
		s = loop_start(many_main, &gone);
		for (int i = 0; i < 100 && ask_int(&busy_others, "n") == 0; i++)
			loop_turn(10);
		loop_cancel(s);
		assert_non_null(loop_strands);
		db_pool_free(small);
		if (cancelled)
			loop_cancel(loop_strands);
		loop_finish();
		io_driver = &io_poll_driver;
		assert_int_equal(fiber_count(), 0);
	}
}

/* ---- the server goes and comes ---- */

static void test_db_server_down_and_up(void **state)
{
	int64_t start_ms;
	struct work w;
	bool committed;
	int r = -1;

	(void)state;
	run_once(&one);
	work_open(&w, pool, true);
	assert_int_equal(db_query(&w.db, &insert, ARGS({"id", "7"}, {"name", NULL}), NULL), 0);
	server_kill(&servers.postgres, SIGKILL);
	committed = db_commit(&w.db) == 0; /* its backend may outlive the postmaster for a moment */
	assert_true(committed || w.err.problem == PROBLEM_unavailable);
	work_close(&w);
	for (int i = 0; i < 3; i++) {
		start_ms = clock_mono_ms();
		work_open(&w, pool, i == 1);
		assert_int_equal(db_query(&w.db, &one, NULL, NULL), -1);
		assert_int_equal(w.err.problem, PROBLEM_unavailable);
		assert_in_range(clock_mono_ms() - start_ms, 0, 1900);
		work_close(&w);
	}
	assert_int_equal(postgres_start(true), 0);
	start_ms = clock_mono_ms();
	while (r < 0 && clock_mono_ms() - start_ms < 10000) {
		work_open(&w, pool, false);
		r = db_query(&w.db, &one, NULL, NULL);
		work_close(&w);
	}
	assert_int_equal(r, 0);
	assert_int_equal(ask_int(&count, "n"), committed);
	run_once(&erase);
	assert_all_idle(pool);
}

/* Killed while many commit: what was answered is there, what was refused may or may not be. */
static int acked[2000], acked_count;

static void survivor_main(void *arg)
{
	struct work w;
	char id[16];
	int n = *(int *)arg;

	work_open(&w, pool, true);
	snprintf(id, sizeof(id), "%d", 10000 + n);
	if (db_query(&w.db, &insert, ARGS({"id", id}, {"name", NULL}), NULL) == 0 &&
	    db_commit(&w.db) == 0) {
		acked[n] = 1;
		acked_count++;
	}
	work_close(&w);
}

static void test_db_acknowledged_survives(void **state)
{
	static int numbers[2000];
	int started = 0, sum = 0;
	struct rows rows;
	struct work w;
	char id[16];

	(void)state;
	loop_use();
	for (int round = 0; round < 3; round++) {
		int64_t kill_ms = clock_mono_ms() + 150, limit_ms = kill_ms + 30000;
		int before = acked_count;

		/* a busy machine may need longer until the first is acknowledged */
		while (clock_mono_ms() < kill_ms ||
		       (acked_count == before && clock_mono_ms() < limit_ms)) {
			for (int i = 0; i < 4 && started < 600 * (round + 1); i++, started++) {
				numbers[started] = started;
				loop_start(survivor_main, &numbers[started]);
			}
			loop_turn(1);
		}
		server_kill(&servers.postgres, SIGKILL);
		loop_turn(1);
		assert_int_equal(postgres_start(true), 0);
		loop_finish();
	}
	io_driver = &io_poll_driver;
	work_open(&w, pool, false);
	w.db.wait_ms = 10000;
	for (int i = 0; i < started; i++) {
		snprintf(id, sizeof(id), "%d", 10000 + i);
		assert_int_equal(db_query(&w.db, &has, ARGS({"id", id}), &rows), 0);
		sum += acked[i];
		if (acked[i] && rows.n != 1)
			fail_msg("commit %d of %d was answered and is lost", i, started);
	}
	work_close(&w);
	print_message("%d of %d commits acknowledged over 3 kills\n", sum, started);
	assert_true(sum > 0);
	assert_int_equal(fiber_count(), 0);
	run_once(&erase);
}

static void test_db_no_server(void **state)
{
	struct db_pool *nowhere = db_pool_new("host=/nonexistent user=x dbname=x", 3);
	struct db_pool *unnamed = db_pool_new("host=no.such.host.invalid user=x dbname=x", 3);
	struct db_pool *bad = db_pool_new("this is no conninfo", 3);
	struct db_pool *all[] = {nowhere, unnamed, bad};
	struct work w;

	(void)state;
	for (size_t i = 0; i < lengthof(all); i++) {
		work_open(&w, all[i], false);
		w.db.wait_ms = 300;
		assert_int_equal(db_query(&w.db, &one, NULL, NULL), -1);
		assert_int_equal(w.err.problem, PROBLEM_unavailable);
		work_close(&w);
		db_pool_free(all[i]);
	}
	db_pool_free(NULL);
}

static int setup(void **state)
{
	static const uint8_t key[KEY_SIZE];
	struct work w;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(crypt_init(key), 0);
	assert_int_equal(servers_open(), 0);
	assert_int_equal(postgres_start(true), 0);
	pool = db_pool_new(servers.conninfo, 4);
	db_set_constraints(constraints);
	work_open(&w, pool, false);
	w.db.wait_ms = 10000;
	if (db_script(&w.db, schema) < 0)
		print_error("%s\n", w.err.internal ? w.err.internal : w.err.detail);
	work_close(&w);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	db_pool_free(pool);
	servers_close();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_db_query),
		cmocka_unit_test(test_db_types),
		cmocka_unit_test(test_db_large_parameter),
		cmocka_unit_test(test_db_misfits_abort),
		cmocka_unit_test(test_db_prelude_holds_for_each_statement),
		cmocka_unit_test(test_db_prelude_alone),
		cmocka_unit_test(test_db_prelude_refuses),
		cmocka_unit_test(test_db_commit_and_roll_back),
		cmocka_unit_test(test_db_script),
		cmocka_unit_test(test_db_private_session),
		cmocka_unit_test(test_db_refusals),
		cmocka_unit_test(test_db_constraints),
		cmocka_unit_test(test_db_commit_refused),
		cmocka_unit_test(test_db_prepared_only_when_parsed),
		cmocka_unit_test(test_db_backend_killed_idle),
		cmocka_unit_test(test_db_backend_killed_busy),
		cmocka_unit_test(test_db_lost_commit),
		cmocka_unit_test(test_db_lost_commit_number_reused),
		cmocka_unit_test(test_db_queue_is_fair),
		cmocka_unit_test(test_db_queue_times_out),
		cmocka_unit_test(test_db_cancelled_anywhere),
		cmocka_unit_test(test_db_cancelled_is_drained),
		cmocka_unit_test(test_db_pool_freed_while_drained),
		cmocka_unit_test(test_db_no_server),
		cmocka_unit_test(test_db_server_down_and_up),
		cmocka_unit_test(test_db_acknowledged_survives),
	};

	return cmocka_run_group_tests_name("io/db", tests, setup, teardown);
}
