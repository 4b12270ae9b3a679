/* buf.c - growing text with a maximum, in an arena. */
#include "buf.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { FIRST_CAP = 64 };

void buf_init(struct buf *b, struct arena *a, size_t max)
{
	assert(max < SIZE_MAX / 4);
	*b = (struct buf){.arena = a, .max = max};
	b->cap = (max < FIRST_CAP ? max : FIRST_CAP) + 1;
	b->data = arena_alloc(a, b->cap);
}

/* Make room for `len` more bytes and the NUL. False, and over, when the maximum forbids it. */
static bool make_room(struct buf *b, size_t len)
{
	size_t cap = b->cap;
	char *data;

	if (b->over || len > b->max - b->len) {
		b->over = true;
		return false;
	}
	if (len < cap - b->len)
		return true;
	while (cap - b->len <= len)
		cap *= 2;
	if (cap > b->max + 1)
		cap = b->max + 1;
	data = arena_alloc(b->arena, cap);
	memcpy(data, b->data, b->len + 1);
	b->data = data;
	b->cap = cap;
	return true;
}

void buf_add(struct buf *b, const void *bytes, size_t len)
{
	if (!len || !make_room(b, len))
		return;
	memcpy(b->data + b->len, bytes, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void buf_str(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void buf_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0 || !make_room(b, (size_t)len)) {
		b->over = true;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(b->data + b->len, (size_t)len + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)len;
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->data[0] = '\0';
	b->over = false;
}
