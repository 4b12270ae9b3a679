/* setting.h - the worker's settings and pools, made once at start. */
#ifndef PORTICO_SETTING_H
#define PORTICO_SETTING_H

#include "conf.h"
#include "db.h"
#include "redis.h"

struct worker {
	struct conf conf;
	struct arena arena;   /* lives as long as the worker */
	struct db_pool *pool; /* role portico_api */
	const char *openapi;  /* the contract as JSON, served at /openapi.json */
	size_t openapi_len;
	bool stopping;
};

/* The one worker of this process. */
extern struct worker this_worker;

#endif
