/* sheet.h - comma-separated values (RFC 4180), row by row, in memory that does not grow with the
 * file. */
#ifndef PORTICO_SHEET_H
#define PORTICO_SHEET_H

#include "err.h"

#include <stdint.h>
#include <sys/types.h>

/* No sheet of ours has more columns; and the longest row there can be, with twenty addresses of the
 * greatest length and every other cell full, is half as long. */
enum { SHEET_COLUMNS_MAX = 32, SHEET_ROW_MAX = 32 * 1024 };

struct sheet_row {
	int64_t line; /* where it begins; the first line of the file is 1 */
	size_t n;     /* how many cells it has, also beyond SHEET_COLUMNS_MAX */
	const char *cells[SHEET_COLUMNS_MAX]; /* trimmed; NULL: it is not UTF-8 */
};

/* Up to `max` bytes of the file: how many, 0 at its end, -1 with errno. */
typedef ssize_t sheet_source(void *from, char *bytes, size_t max);

struct sheet;

/* Read rows of what `source` gives; it all belongs to `a`. A byte order mark is passed over. */
struct sheet *sheet_new(struct arena *a, sheet_source *source, void *from);

/* A source of the file behind a descriptor, which `from` points at. */
sheet_source sheet_from_fd;

/*
 * The next row that has a cell with something in it; its texts belong to `a`. 1, 0 at the end, -1
 * with a fault in `e`: malformed_csv, row_too_long; internal_error when it cannot be read. After -1
 * there is no next one.
 */
int sheet_next(struct sheet *s, struct arena *a, struct sheet_row *row_r, struct err *e);

#endif
