/* id.h - UUIDv7 ids (RFC 9562), and their public form `cli_` + 26 characters. */
#ifndef PORTICO_ID_H
#define PORTICO_ID_H

#include <stdbool.h>
#include <stdint.h>

struct id {
	uint8_t b[16];
};

enum {
	ID_TEXT_SIZE = 4 + 1 + 26 + 1, /* prefix of at most 4, '_', 26 digits, NUL */
	ID_UUID_SIZE = 36 + 1
};

/* The id of nothing: all zero. It stands for null. */
extern const struct id id_none;

/*
 * A new UUIDv7 of the present time (clock_now_ms, so that ids sort with created_at in test mode
 * too). Ids of one process, all its threads included, never go back.
 */
struct id id_new(void);

/* The same id? The id of nothing? */
bool id_equal(const struct id *a, const struct id *b);
bool id_is_none(const struct id *id);

/*
 * Public form, Crockford's base32 in lower case, 130 bits of which the first two are zero (as
 * TypeID). Writes NUL-terminated text to `text`.
 */
void id_format(const struct id *id, const char *prefix, char text[ID_TEXT_SIZE]);

/*
 * Parse the public form with exactly this prefix. 0 and *id_r; -1 when it is not one (NULL, and the
 * text of id_none, are none).
 */
int id_parse(const char *text, const char *prefix, struct id *id_r);

/*
 * The 36-character form that travels to PostgreSQL and back. Reading: 0 and *id_r, or -1 (also for
 * NULL).
 */
void id_uuid(const struct id *id, char text[ID_UUID_SIZE]);
int id_from_uuid(const char *text, struct id *id_r);

#endif
