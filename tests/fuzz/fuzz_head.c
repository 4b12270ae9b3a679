/* fuzz_head.c - header blocks at the socket: what is handed on is what any reader would take it
 * for. */
#include "fuzz.h"

#include "head.h"

#include <strings.h>

void (*const fuzz_start)(void) = NULL;

/* Every line but the first has a name, a colon and no control character; exactly one is Host. */
static void is_plain(const char *head, size_t len)
{
	unsigned hosts = 0, lines = 0;

	for (size_t at = 0; at + 2 < len; lines++) {
		const char *end = memmem(head + at, len - at, "\r\n", 2);
		size_t size = end ? (size_t)(end - head) - at : 0;

		FUZZ_HOLDS(end != NULL && size > 0);
		for (size_t i = 0; i < size; i++)
			FUZZ_HOLDS(head[at + i] >= ' ' && head[at + i] <= '~');
		FUZZ_HOLDS(lines == 0 || memchr(head + at, ':', size));
		FUZZ_HOLDS(size < 18 || strncasecmp(head + at, "transfer-encoding:", 18) != 0);
		hosts += size > 5 && strncasecmp(head + at, "host:", 5) == 0;
		at += size + 2;
	}
	FUZZ_HOLDS(hosts == 1 && lines <= HEAD_LINES_MAX);
}

void fuzz_one(struct fuzz *f)
{
	size_t len = head_length((const char *)f->bytes, f->len), rest = f->len - len;
	char *head = arena_strndup(f->arena, (const char *)f->bytes, len);
	const char *why = NULL;
	enum problem problem;

	if (len == 0 || len > HEAD_BYTES_MAX)
		return;
	problem = head_check(head, len, rest, &why);
	FUZZ_HOLDS((problem == PROBLEM_NONE) == (why == NULL));
	if (problem != PROBLEM_NONE) {
		FUZZ_HOLDS(problem_status(problem) >= 400 && problem_status(problem) < 500);
		return;
	}
	is_plain(head, len);
	FUZZ_HOLDS(head_check(head, len, rest, &why) == PROBLEM_NONE);
}
