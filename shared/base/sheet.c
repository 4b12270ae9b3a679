/* sheet.c - comma-separated values, row by row: the home of libcsv. */
#include "sheet.h"

#include "base.h"
#include "text.h"

#include <csv.h>
#include <errno.h>
#include <unistd.h>

enum { CHUNK_BYTES = 16 * 1024 };

struct sheet {
	sheet_source *source;
	void *from;
	struct csv_parser parser;
	char chunk[CHUNK_BYTES];
	size_t at, len;   /* of the chunk: what was parsed, what there is */
	int64_t line;     /* of the file, that is parsed next */
	size_t row_bytes; /* of the row so far */
	bool began, ended;
	bool in_row;           /* some of the row was parsed */
	bool whole;            /* all of it */
	bool has_text;         /* some cell of it is not empty */
	struct sheet_row *row; /* where it is put, and whose its texts are */
	struct arena *arena;
};

/* Only a line feed ends a row; a carriage return before it is white space. */
static int is_term(unsigned char c)
{
	return c == '\n';
}

static int is_space(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void parser_free(void *parser)
{
	csv_free(parser);
}

struct sheet *sheet_new(struct arena *a, sheet_source *source, void *from)
{
	struct sheet *s = arena_new(a, struct sheet);

	s->source = source;
	s->from = from;
	s->line = 1;
	csv_init(&s->parser, CSV_STRICT | CSV_STRICT_FINI);
	csv_set_term_func(&s->parser, is_term);
	csv_set_space_func(&s->parser, is_space);
	arena_defer(a, parser_free, &s->parser);
	return s;
}

ssize_t sheet_from_fd(void *from, char *bytes, size_t max)
{
	ssize_t n;

	do
		n = read(*(int *)from, bytes, max);
	while (n < 0 && errno == EINTR);
	return n;
}

/* ---- what libcsv tells ---- */

static void on_cell(void *bytes, size_t len, void *data)
{
	struct sheet *s = data;
	size_t i = s->row->n++;

	s->has_text |= len > 0;
	if (i >= SHEET_COLUMNS_MAX)
		return;
	if (len == 0)
		s->row->cells[i] = "";
	else if (text_utf8_valid(bytes, len))
		s->row->cells[i] = text_trim(s->arena, arena_strndup(s->arena, bytes, len));
}

static void on_row(int end, void *data)
{
	struct sheet *s = data;

	(void)end;
	s->whole = true;
}

/* ---- reading ---- */

static void skip_mark(struct sheet *s)
{
	static const char mark[] = {'\xef', '\xbb', '\xbf'};

	if (s->len >= sizeof(mark) && memcmp(s->chunk, mark, sizeof(mark)) == 0)
		s->at = sizeof(mark);
}

/* As much as the chunk takes: a mark may come in pieces. 0, or -1 with errno. */
static int fill(struct sheet *s)
{
	ssize_t n;

	s->at = s->len = 0;
	while (s->len < CHUNK_BYTES) {
		n = s->source(s->from, s->chunk + s->len, CHUNK_BYTES - s->len);
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		s->len += (size_t)n;
	}
	if (!s->began)
		skip_mark(s);
	s->began = true;
	return 0;
}

/* How much of the chunk is parsed next: to the end of the line at most. 0: the file's end. */
static int piece(struct sheet *s, size_t *len_r)
{
	const char *feed;

	if (s->at == s->len && fill(s) < 0)
		return -1;
	feed = memchr(s->chunk + s->at, '\n', s->len - s->at);
	*len_r = feed ? (size_t)(feed - (s->chunk + s->at)) + 1 : s->len - s->at;
	return 0;
}

static bool is_blank(const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_space((unsigned char)bytes[i]) && !is_term((unsigned char)bytes[i]))
			return false;
	return true;
}

static int malformed(struct sheet *s, const char *what, struct err *e)
{
	s->ended = true;
	return err_fault(e, "", "malformed_csv", "The row of line %lld %s.",
	                 (long long)s->row->line, what);
}

/* The row that ends with the file, without a line feed. */
static int finish(struct sheet *s, struct err *e)
{
	s->ended = true;
	if (csv_fini(&s->parser, on_cell, on_row, s) != 0)
		return malformed(s, "has a quote that is never closed", e);
	return 0;
}

static int parse(struct sheet *s, size_t len, struct err *e)
{
	const char *bytes = s->chunk + s->at;
	bool line_ends = bytes[len - 1] == '\n';

	if (!s->in_row && !is_blank(bytes, len)) {
		s->in_row = true;
		s->row->line = s->line;
		s->row_bytes = 0;
	}
	s->at += len;
	s->line += line_ends;
	if (!s->in_row)
		return 0;
	s->row_bytes += len;
	if (s->row_bytes > SHEET_ROW_MAX) {
		s->ended = true;
		return err_fault(e, "", "row_too_long", "The row of line %lld has over %d bytes.",
		                 (long long)s->row->line, SHEET_ROW_MAX);
	}
	if (csv_parse(&s->parser, bytes, len, on_cell, on_row, s) != len)
		return malformed(s, "has a quote in the wrong place", e);
	return 0;
}

static int step(struct sheet *s, struct err *e)
{
	size_t len;

	if (piece(s, &len) < 0) {
		s->ended = true;
		return err_internal(e, "cannot read the sheet: errno %d", errno);
	}
	return len > 0 ? parse(s, len, e) : finish(s, e);
}

static int row_read(struct sheet *s, struct err *e)
{
	*s->row = (struct sheet_row){.line = s->line};
	s->in_row = s->whole = s->has_text = false;
	while (!s->whole && !s->ended)
		TRY(step(s, e));
	return s->whole;
}

int sheet_next(struct sheet *s, struct arena *a, struct sheet_row *row_r, struct err *e)
{
	int got;

	s->row = row_r;
	s->arena = a;
	do
		got = s->ended ? 0 : row_read(s, e);
	while (got > 0 && !s->has_text);
	return got;
}
