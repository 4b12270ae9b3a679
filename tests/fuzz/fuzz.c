/* fuzz.c - what the fuzzers of our parsers share. */
#include "fuzz.h"

#include "door.h"
#include "setting.h"

#include <stdio.h>
#include <stdlib.h>

struct worker this_worker; /* what a worker of the API has; no fuzzer starts one */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static bool started;
	struct arena a;
	struct fuzz f = {.bytes = bytes, .len = len, .arena = &a};

	if (!started && fuzz_start)
		fuzz_start();
	started = true;
	arena_init(&a, FUZZ_ARENA_MAX);
	fuzz_one(&f);
	arena_release(&a);
	return 0;
}

/* ---- the network's side of door.h, which no parser comes to ---- */

void gate_spawn(void (*fn)(void *arg), void *arg)
{
	(void)fn, (void)arg;
	abort();
}

bool gate_stopping(void)
{
	return true;
}

int gate_event_fd(void)
{
	return -1;
}

void *gate_shared(void)
{
	return NULL;
}

/* ---- input ---- */

static void take(struct fuzz *f, size_t len)
{
	f->bytes += len;
	f->len -= len;
}

uint8_t fuzz_byte(struct fuzz *f)
{
	uint8_t byte = f->len > 0 ? *f->bytes : 0;

	take(f, f->len > 0);
	return byte;
}

const char *fuzz_line(struct fuzz *f)
{
	const uint8_t *end = f->len > 0 ? memchr(f->bytes, '\n', f->len) : NULL;
	size_t len = end ? (size_t)(end - f->bytes) : f->len;
	const char *line = arena_strndup(f->arena, len > 0 ? (const char *)f->bytes : "", len);

	take(f, len + (end != NULL));
	return line;
}

const char *fuzz_rest(struct fuzz *f)
{
	const char *rest =
		arena_strndup(f->arena, f->len > 0 ? (const char *)f->bytes : "", f->len);

	take(f, f->len);
	return rest;
}

bool fuzz_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

void fuzz_holds(bool so, const char *what, const char *file, int line)
{
	if (so)
		return;
	fprintf(stderr, "%s:%d: this does not hold: %s\n", file, line, what);
	abort();
}
