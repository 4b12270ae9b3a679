/* buf.h - growing text with a maximum given at birth; the bytes belong to an arena. */
#ifndef PORTICO_BUF_H
#define PORTICO_BUF_H

#include "arena.h"

struct buf {
	struct arena *arena;
	char *data; /* always NUL-terminated, never NULL after buf_init */
	size_t len;
	size_t cap;
	size_t max;
	bool over; /* something did not fit: what is there is cut, do not use it */
};

/* Make `b` an empty text of at most `max` bytes whose memory belongs to `a`. */
void buf_init(struct buf *b, struct arena *a, size_t max);

/*
 * Add `len` bytes; beyond the maximum nothing is added and `over` is set, also by those below. Once
 * over, everything is ignored until buf_clear.
 */
void buf_add(struct buf *b, const void *bytes, size_t len);
void buf_str(struct buf *b, const char *text);
void buf_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Empty `b`, keeping its memory; `over` is cleared. */
void buf_clear(struct buf *b);

#endif
