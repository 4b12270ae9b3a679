/* pieces.h - a source of a sheet that gives so many bytes at a time. */
#ifndef PORTICO_PIECES_H
#define PORTICO_PIECES_H

#include "sheet.h"

#include <string.h>

struct pieces {
	const char *bytes;
	size_t len, each;
};

static inline ssize_t give(void *from, char *bytes, size_t max)
{
	struct pieces *p = from;
	size_t n = p->len < p->each ? p->len : p->each;

	n = n < max ? n : max;
	memcpy(bytes, p->bytes, n);
	p->bytes += n;
	p->len -= n;
	return (ssize_t)n;
}

#endif
