/*
 * fuzz.h - what the fuzzers of our parsers share: fuzz_*.c beside it hold one each.
 *
 * A fuzzer is one function, fuzz_one(), which is given what libFuzzer made of the seeds in
 * seeds/NAME, and an arena for its turn. It asks more than that nothing crashes: FUZZ_HOLDS()
 * states what must be true of each result, such as that what was written reads back the same.
 */
#ifndef PORTICO_FUZZ_H
#define PORTICO_FUZZ_H

#include "base.h"

enum { FUZZ_ARENA_MAX = 256 * 1024 * 1024 };

struct fuzz {
	const uint8_t *bytes; /* what is left of the input */
	size_t len;
	struct arena *arena;
};

/* libFuzzer's door; fuzz.c opens it once for all. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* Once, before the first turn; NULL when there is nothing to prepare. Each fuzzer defines both. */
extern void (*const fuzz_start)(void);
void fuzz_one(struct fuzz *f);

/* Take one byte (0 when none is left), a line, all that is left; texts end at a NUL. */
uint8_t fuzz_byte(struct fuzz *f);
const char *fuzz_line(struct fuzz *f);
const char *fuzz_rest(struct fuzz *f);

/* Both texts, or both NULL. */
bool fuzz_same(const char *a, const char *b);

/* Ends the program, which libFuzzer takes for a finding, when `what` is not so. */
void fuzz_holds(bool so, const char *what, const char *file, int line);
#define FUZZ_HOLDS(what) fuzz_holds((what), #what, __FILE__, __LINE__)

#endif
