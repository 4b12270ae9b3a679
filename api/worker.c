/* worker.c - what one API worker makes at start and gives back at the end. */
#include "blob.h"
#include "constraints.h"
#include "crypt.h"
#include "door.h"
#include "feed.h"
#include "importer.h"
#include "limit.h"
#include "log.h"
#include "metrics.h"
#include "relay.h"
#include "setting.h"

#include <errno.h>
#include <stdio.h>

struct worker this_worker;

enum { WORKER_ARENA_MAX = 16 * 1024 * 1024 };

/* The whole file at `path`, owned by the worker; NULL when it cannot be read. */
static const char *read_file(const char *path, size_t *len_r)
{
	FILE *in = path == NULL ? NULL : fopen(path, "re");
	char chunk[2048];
	struct buf b;
	size_t n;

	*len_r = 0;
	if (in == NULL)
		return NULL;
	buf_init(&b, &this_worker.arena, WORKER_ARENA_MAX / 4);
	while ((n = fread(chunk, 1, sizeof(chunk), in)) > 0)
		buf_add(&b, chunk, n);
	fclose(in);
	*len_r = b.len;
	return b.data;
}

static int start_failed(const char *what)
{
	log_say(LOGL_ERROR, "start", "%s: %s", what, strerror(errno));
	return -1;
}

int worker_start(void)
{
	const struct conf *conf = &this_worker.conf;

	arena_init(&this_worker.arena, WORKER_ARENA_MAX);
	if (conf_load(&this_worker.conf, CONF_API, &this_worker.arena, stderr) < 0)
		return -1;
	log_open("api", conf->log_level);
	if (crypt_init(conf->secret_key) < 0)
		return start_failed("libsodium");
	if (conf->test_mode && clock_attach(conf->clock_file) < 0)
		return start_failed(conf->clock_file);
	if (blob_init(conf->store_dir, conf->spool_dir) < 0)
		return start_failed(conf->store_dir);
	db_set_constraints(constraints);
	this_worker.openapi = read_file(conf->openapi, &this_worker.openapi_len);
	this_worker.pool = db_pool_new(conf->api_database, (unsigned)conf->db_pool);
	limit_start(conf);
	metrics_start();
	gate_spawn(relay_run, &this_worker.conf);
	gate_spawn(feed_listen, &this_worker.conf);
	gate_spawn(importer_run, &this_worker.conf);
	return 0;
}

void worker_drain(void)
{
	feed_close();
}

void worker_stop(void)
{
	limit_stop();
	metrics_stop();
	db_pool_free(this_worker.pool);
	this_worker.pool = NULL;
	arena_release(&this_worker.arena);
}
