/* arena.c - memory given out in blocks and freed all at once. */
#include "base.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Blocks grow from 4 to 16 KiB, so that a small request costs one malloc and a big one few. Under
 * AddressSanitizer every piece is a block of its own, so that it sees each overflow.
 */
enum { BLOCK_MIN = 4 * 1024, BLOCK_MAX = 16 * 1024, ALIGN = alignof(max_align_t) };
enum { BLOCKS_SHARED = !SANITIZED };

struct arena_block {
	struct arena_block *next;
	size_t size;
	size_t used;
	alignas(max_align_t) unsigned char bytes[];
};

struct arena_defer {
	struct arena_defer *next;
	void (*clean)(void *arg);
	void *arg;
};

static void __attribute__((noreturn)) die(const char *why)
{
	fprintf(stderr, "arena: %s\n", why);
	abort();
}

void arena_init(struct arena *a, size_t max)
{
	*a = (struct arena){.max = max};
}

void arena_release(struct arena *a)
{
	struct arena_block *next;

	if (!a)
		return;
	while (a->defers) {
		const struct arena_defer *d = a->defers;

		a->defers = d->next;
		d->clean(d->arg);
	}
	for (struct arena_block *b = a->blocks; b; b = next) {
		next = b->next;
		free(b);
	}
	arena_init(a, a->max);
}

/* A block with room for `size` bytes, put where the next allocations look if it has more room. */
static struct arena_block *add_block(struct arena *a, size_t size)
{
	size_t room = 0;
	struct arena_block *b;

	if (BLOCKS_SHARED) {
		room = a->blocks ? 2 * (a->blocks->size + sizeof(*b)) : BLOCK_MIN;
		room = (room > BLOCK_MAX ? BLOCK_MAX : room) - sizeof(*b);
	}
	if (room < size)
		room = size;
	b = malloc(sizeof(*b) + room);
	if (!b)
		die("out of memory");
	b->size = room;
	b->used = 0;
	if (a->blocks && room == size) {
		b->next = a->blocks->next;
		a->blocks->next = b;
	} else {
		b->next = a->blocks;
		a->blocks = b;
	}
	return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct arena_block *b = a->blocks;
	const size_t room = (size + !size + ALIGN - 1) / ALIGN * ALIGN;
	void *bytes;

	if (size > SIZE_MAX / 4 || room > a->max - a->used)
		die("more memory than the arena's maximum");
	if (!b || b->size - b->used < room)
		b = add_block(a, BLOCKS_SHARED ? room : size + !size);
	bytes = b->bytes + b->used;
	b->used = BLOCKS_SHARED ? b->used + room : b->size;
	a->used += room;
	return memset(bytes, 0, size);
}

void *arena_alloc_array(struct arena *a, size_t size, size_t n)
{
	size_t total;

	if (__builtin_mul_overflow(size, n, &total))
		die("an array too large to count");
	return arena_alloc(a, total);
}

char *arena_strdup(struct arena *a, const char *text)
{
	return text ? arena_strndup(a, text, strlen(text)) : NULL;
}

char *arena_strndup(struct arena *a, const char *text, size_t len)
{
	char *copy = arena_alloc(a, len + 1);

	if (len)
		memcpy(copy, text, len);
	return copy;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return text;
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	char *text;
	int len;

	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (len < 0)
		die("a text that cannot be formatted");
	text = arena_alloc(a, (size_t)len + 1);
	vsnprintf(text, (size_t)len + 1, fmt, ap);
	return text;
}

void arena_defer(struct arena *a, void (*clean)(void *arg), void *arg)
{
	struct arena_defer *d = arena_new(a, struct arena_defer);

	*d = (struct arena_defer){a->defers, clean, arg};
	a->defers = d;
}
