/* db_rows.c - reading what a statement returned. */
#include "db.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

/* A statement and the code that reads it do not fit together. */
static _Noreturn void misfit(const char *what, const char *column)
{
	fprintf(stderr, "db: %s \"%s\"\n", what, column);
	abort();
}

int rows_columns(const struct rows *rows)
{
	return rows->result ? PQnfields(rows->result) : 0;
}

const char *rows_column(const struct rows *rows, int column)
{
	return PQfname(rows->result, column);
}

static const char *cell(const struct rows *rows, int row, int column)
{
	return PQgetisnull(rows->result, row, column) ? NULL
	                                              : PQgetvalue(rows->result, row, column);
}

const char *row_text(const struct rows *rows, int row, const char *column)
{
	int n = rows_columns(rows);

	if (row < 0 || row >= rows->n)
		misfit("no such row, asked for", column);
	for (int i = 0; i < n; i++) {
		if (strcmp(PQfname(rows->result, i), column) == 0)
			return cell(rows, row, i);
	}
	misfit("no column", column);
}

struct id row_id(const struct rows *rows, int row, const char *column)
{
	const char *text = row_text(rows, row, column);
	struct id id = id_none;

	if (text && id_from_uuid(text, &id) < 0)
		misfit("not a uuid: column", column);
	return id;
}

int64_t row_int(const struct rows *rows, int row, const char *column)
{
	const char *text = row_text(rows, row, column);
	char *end;
	int64_t value;

	if (!text)
		return INT64_MIN;
	value = strtoll(text, &end, 10);
	if (end == text || *end)
		misfit("not an integer: column", column);
	return value;
}

int64_t row_time(const struct rows *rows, int row, const char *column)
{
	const char *text = row_text(rows, row, column);
	int64_t ms = TIME_NULL;

	if (text && time_parse(text, &ms) < 0)
		misfit("not a time: column", column);
	return ms;
}

bool row_bool(const struct rows *rows, int row, const char *column)
{
	const char *text = row_text(rows, row, column);

	return text && text[0] == 't';
}

size_t row_size(const struct rows *rows, int row)
{
	int n = rows_columns(rows);
	size_t size = 0;

	for (int i = 0; i < n; i++)
		size += (size_t)PQgetlength(rows->result, row, i);
	return size;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int row_bytes(const struct rows *rows, int row, const char *column, struct arena *a,
              const uint8_t **bytes_r)
{
	const char *text = row_text(rows, row, column);
	uint8_t *bytes;
	size_t len;

	if (!text)
		return -1;
	len = strlen(text);
	if (len < 2 || len % 2 || text[0] != '\\' || text[1] != 'x')
		misfit("not bytes: column", column);
	len = len / 2 - 1;
	bytes = arena_alloc(a, len + 1);
	for (size_t i = 0; i < len; i++) {
		int high = hex_digit(text[2 + 2 * i]), low = hex_digit(text[3 + 2 * i]);

		if (high < 0 || low < 0)
			misfit("not bytes: column", column);
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	*bytes_r = bytes;
	return (int)len;
}

void row_read(const struct rows *rows, int row, const struct field *fields, void *entity,
              struct arena *a)
{
	int n = rows_columns(rows);

	for (int i = 0; i < n; i++) {
		const char *name = PQfname(rows->result, i);
		const struct field *f = field_find(fields, name);

		if (f && field_from_column(f, cell(rows, row, i), entity, a) < 0)
			misfit("does not fit its field: column", name);
	}
}
