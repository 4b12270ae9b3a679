/* janitor.c - ends what has expired, a little at a time. */
#include "janitor.h"

#include "db.h"
#include "json.h"
#include "log.h"
#include "sql_janitor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	EVERY_MS = 60 * 1000,
	TEST_EVERY_MS = 2 * 1000,
	DIRS = 256, /* blobs/00 to blobs/ff */
	DIRS_A_TURN = 16,
	FILES_A_DIR = 2000,         /* looked at in one turn; more wait for the next round */
	ORPHAN_MS = 60 * 60 * 1000, /* an upload's row follows its file within seconds */
	UNIT_ARENA_MAX = 64 * 1024 * 1024,
	PATH_MAX_BYTES = 64 /* of one below blobs/ */
};

struct janitor {
	const struct conf *conf;
	struct db_pool *pool;
	int64_t at_ms; /* not before, on the monotonic clock */
	unsigned dir;  /* of the store, the next to be looked at */
};

struct janitor *janitor_new(const struct conf *conf)
{
	struct janitor *j = calloc(1, sizeof(*j));

	if (!j)
		abort();
	j->conf = conf;
	j->pool = db_pool_new(conf->janitor_database, 1);
	return j;
}

void janitor_free(struct janitor *j)
{
	if (!j)
		return;
	db_pool_free(j->pool);
	free(j);
}

/* ---- files without a row ---- */

/* A regular file, untouched for an hour of true time: the test clock must not age an upload. */
static bool is_old_file(DIR *dir, const char *name)
{
	int64_t now = clock_now_ms() - clock_offset_ms();
	struct stat st;

	return fstatat(dirfd(dir), name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	       now - (int64_t)st.st_mtime * 1000 > ORPHAN_MS;
}

static void remove_file(DIR *dir, const char *name)
{
	if (unlinkat(dirfd(dir), name, 0) == 0)
		log_say(LOGL_INFO, "orphan", "removed %s", name);
}

/* Files that arrived and went no further. They have no row yet, whatever happens. */
static void sweep_dir(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (is_old_file(dir, entry->d_name))
			remove_file(dir, entry->d_name);
	if (dir)
		closedir(dir);
}

/* The old files of blobs/`name` as a JSON array of paths below blobs/; NULL when there are none. */
static const char *old_blobs(DIR *dir, const char *name, struct arena *a)
{
	struct dirent *entry;
	struct json_writer w;
	struct buf b;
	int n = 0;

	buf_init(&b, a, (size_t)FILES_A_DIR * PATH_MAX_BYTES);
	json_start(&w, &b);
	json_open(&w, '[');
	while (n < FILES_A_DIR && (entry = readdir(dir))) {
		if (!is_old_file(dir, entry->d_name))
			continue;
		json_put_text(&w, arena_printf(a, "%s/%s", name, entry->d_name));
		n++;
	}
	json_close(&w, ']');
	return n > 0 && !b.over ? b.data : NULL;
}

static may_wait int remove_orphans(DIR *dir, const char *name, struct db *db)
{
	const char *paths = old_blobs(dir, name, db->arena);
	struct rows rows;

	if (!paths)
		return 0;
	TRY(db_query(db, &sql_janitor_orphans, ARGS({"paths", paths}), &rows));
	for (int i = 0; i < rows.n; i++)
		remove_file(dir, row_text(&rows, i, "path") + strlen(name) + 1);
	return 0;
}

static may_wait int sweep_blobs(const char *blobs, struct db *db, unsigned number)
{
	const char *name = arena_printf(db->arena, "%02x", number);
	DIR *dir = opendir(arena_printf(db->arena, "%s/%s", blobs, name));
	int result;

	if (!dir)
		return 0;
	result = remove_orphans(dir, name, db);
	closedir(dir);
	return result;
}

/* ---- the trash ---- */

/* Is the file of a doomed blob gone, now or since? */
static bool doomed_removed(const char *blobs, const char *path, struct arena *a)
{
	return unlink(arena_printf(a, "%s/%s", blobs, path)) == 0 || errno == ENOENT;
}

/* The files first, then their rows: what a crash leaves in between is met here again. */
static may_wait int remove_doomed(const char *blobs, struct db *db)
{
	struct json_writer w;
	struct rows rows;
	struct buf b;

	TRY(db_query(db, &sql_janitor_doomed, NULL, &rows));
	buf_init(&b, db->arena, 128 * 1024);
	json_start(&w, &b);
	json_open(&w, '[');
	for (int i = 0; i < rows.n; i++) {
		if (!doomed_removed(blobs, row_text(&rows, i, "path"), db->arena))
			continue;
		json_open(&w, '{');
		json_key(&w, "firm");
		json_put_text(&w, row_text(&rows, i, "firm_id"));
		json_key(&w, "id");
		json_put_text(&w, row_text(&rows, i, "id"));
		json_close(&w, '}');
	}
	json_close(&w, ']');
	return db_query(db, &sql_janitor_forget, ARGS({"blobs", b.data}), NULL);
}

static may_wait int sweep_store(struct janitor *j, struct db *db)
{
	unsigned dirs = j->conf->test_mode ? DIRS : DIRS_A_TURN;
	const char *blobs;

	if (j->conf->spool_dir)
		sweep_dir(j->conf->spool_dir);
	if (!j->conf->store_dir)
		return 0;
	sweep_dir(arena_printf(db->arena, "%s/incoming", j->conf->store_dir));
	blobs = arena_printf(db->arena, "%s/blobs", j->conf->store_dir);
	TRY(remove_doomed(blobs, db));
	for (; dirs > 0; dirs--, j->dir = (j->dir + 1) % DIRS)
		TRY(sweep_blobs(blobs, db, j->dir));
	return 0;
}

/* ---- a turn ---- */

/* In this order. NULL: the files of the store. */
static const struct stmt *const duties[] = {
	&sql_janitor_idempotency,
	&sql_janitor_attempts,
	&sql_janitor_requests,
	&sql_janitor_tokens,
	&sql_janitor_uses,
	&sql_janitor_sessions,
	&sql_janitor_places,
	&sql_janitor_challenges,
	&sql_janitor_registrations,
	&sql_janitor_snapshots,
	NULL,
	&sql_janitor_trash,
	&sql_janitor_folders,
	&sql_janitor_accesses,
	&sql_janitor_imports,
	&sql_janitor_events,
};

static may_wait int do_duty(struct janitor *j, struct db *db, const struct stmt *duty)
{
	const struct arg *now = ARGS({"now", arg_time(db->arena, clock_now_ms())});
	struct rows rows;

	TRY(db_query(db, &sql_janitor_lock, NULL, &rows));
	if (!row_bool(&rows, 0, "mine"))
		return 0;
	TRY(duty == NULL ? sweep_store(j, db) : db_query(db, duty, now, NULL));
	return db_commit(db);
}

/* A unit of its own: what one duty has locked is free before the next one waits for anything. */
static may_wait int attend(struct janitor *j, const struct stmt *duty)
{
	struct arena arena;
	struct err err;
	struct db db;
	int result;

	arena_init(&arena, UNIT_ARENA_MAX);
	err_init(&err, &arena);
	db_init(&db, j->pool, &arena, &err, true);
	result = do_duty(j, &db, duty);
	if (result < 0 && err.problem != PROBLEM_unavailable)
		log_say(LOGL_ERROR, "janitor", "%s", err.internal ? err.internal : "failed");
	db_end(&db);
	arena_release(&arena);
	return result;
}

void janitor_turn(struct janitor *j)
{
	if (clock_mono_ms() < j->at_ms)
		return;
	j->at_ms = clock_mono_ms() + (j->conf->test_mode ? TEST_EVERY_MS : EVERY_MS);
	for (size_t i = 0; i < lengthof(duties); i++)
		if (attend(j, duties[i]) < 0)
			return;
}
