/*
 * migrate.c - porticoctl migrate: schema/NNNN_name.sql, forward only, each once, under one lock.
 *
 * A file that was applied must not change: its checksum is kept and compared. All new files are
 * applied in one transaction: a schema is there whole or not at all.
 */
#include "crypt.h"
#include "ctl.h"
#include "sql_migrate.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

enum { MIGRATION_MAX = 4 * 1024 * 1024 };

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

static int read_all(struct ctl *ctl, const char *path, struct buf *b)
{
	FILE *in = fopen(path, "re");
	char chunk[2048];
	size_t n;

	if (in == NULL)
		return err_internal(&ctl->err, "%s: %s", path, strerror(errno));
	buf_init(b, &ctl->arena, MIGRATION_MAX);
	while ((n = fread(chunk, 1, sizeof(chunk), in)) > 0)
		buf_add(b, chunk, n);
	fclose(in);
	return b->over ? err_internal(&ctl->err, "%s is too large", path) : 0;
}

/* 1 applied now, 0 was there already, -1 failed. */
static int apply(struct ctl *ctl, struct db *db, const char *path)
{
	const char *name = base_name(path), *checksum;
	uint8_t hash[HASH_SIZE];
	struct rows rows;
	struct buf sql = {0};
	struct arg version = {"version", arg_int(&ctl->arena, strtol(name, NULL, 10))};

	TRY(read_all(ctl, path, &sql));
	crypt_sha256(sql.data, sql.len, hash);
	checksum = crypt_hex(&ctl->arena, hash, sizeof(hash));
	TRY(db_query(db, &sql_migrate_applied, ARGS(version), &rows));
	if (rows.n > 0) {
		if (strcmp(row_text(&rows, 0, "checksum"), checksum) == 0)
			return 0;
		return err_internal(&ctl->err, "%s was applied and has changed since", name);
	}
	TRY(db_script(db, sql.data));
	TRY(db_query(db, &sql_migrate_note,
	             ARGS(version, {"name", name}, {"checksum", checksum},
	                  {"at", arg_time(&ctl->arena, clock_now_ms())}),
	             NULL));
	printf("applied %s\n", name);
	return 1;
}

static int migrate(struct ctl *ctl, struct db *db, const glob_t *files)
{
	int applied = 0;

	TRY(db_query(db, &sql_migrate_lock, NULL, NULL));
	TRY(db_query(db, &sql_migrate_table, NULL, NULL));
	for (size_t i = 0; i < files->gl_pathc; i++) {
		int rc = apply(ctl, db, files->gl_pathv[i]);

		TRY(rc);
		applied += rc;
	}
	TRY(db_query(db, &sql_migrate_test_mode, ARGS({"test_mode", arg_bool(ctl->conf.test_mode)}),
	             NULL));
	TRY(db_commit(db));
	return applied;
}

int ctl_migrate(struct ctl *ctl, char *const *words)
{
	const char *pattern =
		arena_printf(&ctl->arena, "%s/[0-9][0-9][0-9][0-9]_*.sql", ctl->conf.schema_dir);
	glob_t files;
	struct db db;
	int applied;

	(void)words;
	if (glob(pattern, 0, NULL, &files) != 0) {
		fprintf(stderr, "porticoctl: no migrations in %s\n", ctl->conf.schema_dir);
		return 1;
	}
	ctl_unit(ctl, &db);
	applied = migrate(ctl, &db, &files);
	db_end(&db);
	globfree(&files);
	if (applied < 0)
		return ctl_fail(ctl);
	printf("%d migrations applied\n", applied);
	return 0;
}
