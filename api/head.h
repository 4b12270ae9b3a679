/* head.h - the header block of a request, judged before Kore's lenient parser sees it. */
#ifndef PORTICO_HEAD_H
#define PORTICO_HEAD_H

#include "base.h"

enum {
	HEAD_BYTES_MAX = 8 * 1024,
	HEAD_LINES_MAX = 23, /* Kore silently drops what comes after */
	HEAD_TARGET_MAX = 1990,
	HEAD_HOST_MAX = 250,
	BODY_BYTES_MAX = 1024 * 1024
};

/*
 * Length of the header block at `bytes`, up to and with its empty line; 0 while it is not complete.
 * A line feed without carriage return ends nothing here.
 */
size_t head_length(const char *bytes, size_t len);

/*
 * May this header block (`len` bytes, by head_length) be handed on? `body_here` bytes of what
 * follows have arrived with it. Bytes of values that mean nothing to us (tabs, beyond ASCII) are
 * rewritten to blanks and question marks. PROBLEM_NONE, or the problem to refuse with; *why_r then
 * says it in words.
 */
enum problem head_check(char *head, size_t len, size_t body_here, const char **why_r);

#endif
