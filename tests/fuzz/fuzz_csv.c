/* fuzz_csv.c - files of clients and contacts: what is read of a row is text that can be kept,
 * however the file is cut into pieces. */
#include "fuzz.h"

#include "../unit/pieces.h"
#include "import.h"
#include "json.h"
#include "text.h"

void (*const fuzz_start)(void) = NULL;

static void check_row(struct fuzz *f, const struct import_plan *plan, const struct sheet_row *row)
{
	const struct json *made;
	struct json_writer w;
	struct err err;
	struct buf b;

	err_init(&err, f->arena);
	buf_init(&b, f->arena, FUZZ_ARENA_MAX / 4);
	json_start(&w, &b);
	import_row_write(plan, row, f->arena, &w);
	FUZZ_HOLDS(!b.over && json_parse(f->arena, b.data, b.len, &made, &err) == 0);
	FUZZ_HOLDS(json_type(json_member(made, "faults")) == JSON_ARRAY);
	FUZZ_HOLDS(json_type(json_member(made, "codes")) == JSON_ARRAY);
}

static int rows(struct fuzz *f, const char *kind, size_t each)
{
	struct pieces p = {.bytes = (const char *)f->bytes, .len = f->len, .each = each};
	struct sheet *sheet = sheet_new(f->arena, give, &p);
	struct import_plan plan;
	struct sheet_row row;
	int64_t line = 0;
	struct err err;
	int n = 0;

	err_init(&err, f->arena);
	if (sheet_next(sheet, f->arena, &row, &err) <= 0 ||
	    import_header(kind, &row, f->arena, &plan, &err) < 0)
		return 0;
	line = row.line;
	for (; sheet_next(sheet, f->arena, &row, &err) > 0; n++) {
		FUZZ_HOLDS(row.n > 0 && row.line > line);
		line = row.line;
		for (size_t i = 0; i < row.n && i < SHEET_COLUMNS_MAX; i++)
			FUZZ_HOLDS(row.cells[i] == NULL ||
			           text_utf8_valid(row.cells[i], strlen(row.cells[i])));
		check_row(f, &plan, &row);
	}
	return n;
}

void fuzz_one(struct fuzz *f)
{
	const char *kind = fuzz_byte(f) & 1 ? "clients" : "contacts";

	FUZZ_HOLDS(rows(f, kind, 1) == rows(f, kind, 4096));
}
