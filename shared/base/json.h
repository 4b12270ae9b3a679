/*
 * json.h - strict JSON: a reader for bodies (cJSON inside, its gaps closed) and a writer.
 *
 * Refused beyond RFC 8259: duplicate member names, U+0000, invalid UTF-8, lone surrogates, numbers
 * that neither int64 nor a finite double gives back with the digits that were written, or that are
 * longer than 63 characters, a byte order mark, more than JSON_DEPTH_MAX levels.
 */
#ifndef PORTICO_JSON_H
#define PORTICO_JSON_H

#include "buf.h"
#include "err.h"

#include <stdint.h>

enum { JSON_DEPTH_MAX = 16 };

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json; /* one parsed value; lives as long as its arena */

/* Parse `len` bytes. 0 and *root_r owned by `a`; -1 with malformed_request in `e`. */
int json_parse(struct arena *a, const char *text, size_t len, const struct json **root_r,
               struct err *e);

/* What kind of value `v` is. */
enum json_type json_type(const struct json *v);

/* The member `name` (exact case), NULL when `v` is no object or has none. */
const struct json *json_member(const struct json *v, const char *name);

/* Walk an array's items or an object's members: first, then next until NULL. */
const struct json *json_first(const struct json *v);
const struct json *json_next(const struct json *v);

/* Name of an object's member, NULL for others. */
const char *json_name(const struct json *v);

/* Number of items or members; 0 for scalars. */
size_t json_count(const struct json *v);

/* Value of a string (NULL when it is none), of a bool. */
const char *json_string(const struct json *v);
bool json_bool(const struct json *v);

/*
 * 0 and *value_r when `v` is a number without fraction (1.0 and 1e3 have none) that int64 holds
 * exactly, else -1.
 */
int json_integer(const struct json *v, int64_t *value_r);

/* Add `v` to `b` as compact JSON; numbers as they were written. */
void json_print(const struct json *v, struct buf *b);

enum { JSON_ESCAPED_MAX = 6 };

/*
 * Take one character of the text *text_r and write it as it stands inside a JSON string (what is no
 * UTF-8 as U+FFFD). Returns the number of bytes written, 0 at the end of the text.
 */
size_t json_escape(const char **text_r, char escaped[JSON_ESCAPED_MAX]);

/* ---- writer: commas are put by itself ---- */

struct json_writer {
	struct buf *buf;
	bool comma; /* a value stands before, at this level */
};

/* Write one JSON value to `b`, by the calls below in the order of the text. */
void json_start(struct json_writer *w, struct buf *b);
void json_open(struct json_writer *w, char bracket);    /* '{' or '[' */
void json_close(struct json_writer *w, char bracket);   /* '}' or ']' */
void json_key(struct json_writer *w, const char *name); /* inside an object, before its value */
void json_put_text(struct json_writer *w, const char *text); /* NULL writes null */
void json_put_int(struct json_writer *w, int64_t value);
void json_put_bool(struct json_writer *w, bool value);
void json_put_null(struct json_writer *w);
void json_put_time(struct json_writer *w, int64_t ms);      /* TIME_NULL writes null */
void json_put_raw(struct json_writer *w, const char *json); /* trusted JSON; NULL writes null */

/* The faults of `e` as an array of {pointer, code, message}. */
void json_put_faults(struct json_writer *w, const struct err *e);

#endif
