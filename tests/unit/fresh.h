/* fresh.h - an arena and an error made anew for each test: give set_up and tear_down to cmocka. */
#ifndef PORTICO_FRESH_H
#define PORTICO_FRESH_H

#include "unit.h"

static struct arena arena;
static struct err err;

static inline int set_up(void **state)
{
	(void)state;
	arena_init(&arena, TEST_ARENA_MAX);
	err_init(&err, &arena);
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

#endif
