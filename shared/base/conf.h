/* conf.h - the settings of all programs: one table, from the environment. */
#ifndef PORTICO_CONF_H
#define PORTICO_CONF_H

#include "arena.h"

#include <stdint.h>
#include <stdio.h>

/* Which program needs or knows a setting. */
enum { CONF_API = 1, CONF_MAILER = 2, CONF_CTL = 4 };

struct conf {
	const char *public_url;
	const char *api_database, *relay_database, *mailer_database, *janitor_database,
		*owner_database;
	const char *redis_url;
	uint8_t secret_key[32];
	const char *socket;
	const char *store_dir, *spool_dir;
	const char *schema_dir;
	int64_t workers, db_pool;
	const char *smtp_url, *smtp_user, *smtp_password, *smtp_tls, *smtp_ca_file, *mail_from;
	bool test_mode;
	const char *clock_file;
	const char *setup_token, *metrics_token;
	const char *cors_origins;
	const char *openapi;
	int64_t max_upload_bytes;
	int64_t limit_reads, limit_writes, limit_uploads, limit_public, limit_sign_in;
	const char *log_level;
};

/*
 * Fill `c` from the environment for the program `who`; NAME_FILE stands for the content of a file.
 * Every fault (missing, malformed, unknown PORTICO_* name with the nearest known one) is written to
 * `faults`, one a line. 0, or -1 when there was any. Texts belong to `a`.
 */
int conf_load(struct conf *c, unsigned who, struct arena *a, FILE *faults);

/* Print the settings table: name, unit, default, meaning. */
void conf_help(FILE *out);

#endif
