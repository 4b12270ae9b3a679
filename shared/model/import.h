/* import.h - clients and contacts that come in one file: what is told of it, and how its rows are
 * read. */
#ifndef PORTICO_IMPORT_H
#define PORTICO_IMPORT_H

#include "err.h"
#include "field.h"
#include "sheet.h"

enum { IMPORT_ROWS_MAX = 100000, IMPORT_BYTES_MAX = 64 * 1024 * 1024, IMPORT_COLUMNS_MAX = 8 };

struct import {
	struct id id;
	const char *kind; /* "clients" or "contacts" */
	/*
	 * validating: its rows are read and compared, by the worker
	 * ready: a dry run without a fault; POST …/commit moves it on
	 * running: what its rows say is being made, then its people are invited, by the worker
	 * done: all of it is there
	 * failed: none of it is there
	 */
	const char *status;
	bool dry_run;
	const char *send_invitations; /* "now", "later" or "none" */
	int64_t row_count, created_count, updated_count, unchanged_count, error_count,
		invited_count;
	const char *errors; /* JSON array: faults of the file as a whole */
	int64_t created_at, finished_at;
};

/* What became of one row. */
struct import_line {
	int64_t line;
	const char *status;     /* "ok" or "error" */
	const char *result;     /* "created", "updated", "unchanged"; NULL: nothing */
	const char *invitation; /* "sent", "not_sent", "refused"; NULL: none was asked for */
	struct ref resource;    /* the client or contact; type NULL: none */
	const char *errors;     /* JSON array: every fault of the row */
};

extern const char *const import_kinds[];
extern const char *const import_sends[];
extern const char *const import_row_states[];
extern const struct entity import_entity;
extern const struct entity import_line_entity;

/* Header line and one example, or NULL when there is no such kind. */
const char *import_template(const char *kind);

/* Which cell of a row each column of the kind is in. */
struct import_plan {
	const char *kind;
	size_t width; /* cells of the header */
	size_t cell[IMPORT_COLUMNS_MAX];
};

/*
 * Read the header: every column of the kind once, in any order and case, and no other. 0, or -1
 * with csv_header_invalid and a fault for every column that is missing, unknown or there twice.
 */
int import_header(const char *kind, const struct sheet_row *header, struct arena *a,
                  struct import_plan *plan_r, struct err *e);

/*
 * Read a row by the same tables as the body of a single call, and write it as one JSON object for
 * statement import_stage: line, faults (every one of the row, each at its column), code, email_key,
 * codes, client and contact. Memory belongs to `a`.
 */
void import_row_write(const struct import_plan *plan, const struct sheet_row *row, struct arena *a,
                      struct json_writer *w);

#endif
