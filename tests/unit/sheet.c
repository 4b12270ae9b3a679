/* sheet.c - tests of shared/base/sheet: rows and cells of files, however they come in pieces. */
#include "fresh.h"
#include "pieces.h"

#include <errno.h>

#define MARK "\xef\xbb\xbf"

static ssize_t broken(void *from, char *bytes, size_t max)
{
	(void)from;
	(void)bytes;
	(void)max;
	errno = EIO;
	return -1;
}

/* The rows as "line:cell|cell/line:…", "~" for a cell that is no text, and the fault at the end. */
static const char *read_all(struct pieces from)
{
	struct sheet *sheet = sheet_new(&arena, give, &from);
	struct sheet_row row;
	struct buf b;
	int got;

	err_clear(&err);
	buf_init(&b, &arena, 4096);
	while ((got = sheet_next(sheet, &arena, &row, &err)) > 0) {
		buf_printf(&b, "%s%lld:", b.len > 0 ? "/" : "", (long long)row.line);
		for (size_t i = 0; i < row.n; i++)
			buf_printf(&b, "%s%s", i > 0 ? "|" : "", row.cells[i] ? row.cells[i] : "~");
	}
	if (got < 0)
		buf_printf(&b, "!%s", err.faults[0].code);
	assert_int_equal(sheet_next(sheet, &arena, &row, &err), 0);
	return b.data;
}

static const struct {
	const char *name, *bytes;
	size_t len; /* 0: up to its NUL */
	const char *rows;
} files[] = {
	{"nothing", "", 0, ""},
	{"a mark alone", MARK, 0, ""},
	{"a row", "a,b\n", 0, "1:a|b"},
	{"a row that ends with the file", "a,b", 0, "1:a|b"},
	{"a mark before it", MARK "a,b\n", 0, "1:a|b"},
	{"a mark elsewhere is trimmed as white space", "a," MARK "b\n", 0, "1:a|b"},
	{"CRLF", "a,b\r\nc,d\r\n", 0, "1:a|b/2:c|d"},
	{"CR alone ends nothing", "a\rb,c\n", 0, "1:a\rb|c"},
	{"empty cells", ",a,\n", 0, "1:|a|"},
	{"rows without a word", "\n , \n\"\",\"\"\r\n\na\n", 0, "5:a"},
	{"blanks around cells", " a\t, b c \r\n", 0, "1:a|b c"},
	{"quotes", "\"a\",\"b, c\"\n", 0, "1:a|b, c"},
	{"quotes within quotes", "\"a \"\"b\"\"\"\n", 0, "1:a \"b\""},
	{"line feeds within quotes", "\"a\nb\",c\ne\n", 0, "1:a\nb|c/3:e"},
	{"blanks before a quote", " \"a\" ,b\n", 0, "1:a|b"},
	{"a semicolon parts nothing", "a;b,c\n", 0, "1:a;b|c"},
	{"rows of different lengths", "a\nb,c,d\n", 0, "1:a/2:b|c|d"},
	{"a quote within a word", "x\na\"b\n", 0, "1:x!malformed_csv"},
	{"a word behind a quote", "\"a\"b\n", 0, "!malformed_csv"},
	{"a quote that is never closed", "x\n\"a,b\nc", 0, "1:x!malformed_csv"},
	{"no UTF-8", "a,\xff,\xc3\xa4\n", 0, "1:a|~|\xc3\xa4"},
	{"a NUL", "a,b\0c,d\n", 8, "1:a|~|d"},
	{"the other Unicode",
         "\xff\xfe"
         "a\0,\0b\0",
         8, "1:~|~"},
};

static void test_sheet_rows(void **state)
{
	static const size_t eaches[] = {1, 2, 3, 4096};

	(void)state;
	for (size_t i = 0; i < lengthof(files); i++)
		for (size_t k = 0; k < lengthof(eaches); k++) {
			size_t len = files[i].len > 0 ? files[i].len : strlen(files[i].bytes);
			const char *got = read_all((struct pieces){files[i].bytes, len, eaches[k]});

			if (strcmp(got, files[i].rows) != 0)
				fail_msg("%s, by %zu: %s", files[i].name, eaches[k], got);
		}
}

/* `n` times `c`, then the rest. */
static struct pieces long_file(char c, size_t n, const char *rest)
{
	char *bytes = arena_alloc(&arena, n + strlen(rest) + 1);

	memset(bytes, c, n);
	memcpy(bytes + n, rest, strlen(rest) + 1);
	return (struct pieces){bytes, n + strlen(rest), 1000};
}

static void test_sheet_longest_row(void **state)
{
	struct sheet_row row;
	struct pieces most = long_file('a', SHEET_ROW_MAX - 3, ",b\n");

	(void)state;
	assert_int_equal(sheet_next(sheet_new(&arena, give, &most), &arena, &row, &err), 1);
	assert_int_equal(strlen(row.cells[0]), SHEET_ROW_MAX - 3);
	assert_string_equal(row.cells[1], "b");
	assert_string_equal(read_all(long_file('a', SHEET_ROW_MAX, "\n")), "!row_too_long");
	assert_string_equal(read_all(long_file('"', 1, long_file('\n', SHEET_ROW_MAX, "").bytes)),
	                    "!row_too_long");
}

static void test_sheet_more_columns_are_counted(void **state)
{
	struct pieces wide = long_file(',', SHEET_COLUMNS_MAX + 9, "x\n");
	struct sheet_row row;

	(void)state;
	assert_int_equal(sheet_next(sheet_new(&arena, give, &wide), &arena, &row, &err), 1);
	assert_int_equal(row.n, SHEET_COLUMNS_MAX + 10);
	assert_string_equal(row.cells[SHEET_COLUMNS_MAX - 1], "");
}

static void test_sheet_cannot_be_read(void **state)
{
	struct sheet *sheet = sheet_new(&arena, broken, NULL);
	struct sheet_row row;

	(void)state;
	assert_int_equal(sheet_next(sheet, &arena, &row, &err), -1);
	assert_int_equal(err.problem, PROBLEM_internal_error);
	assert_int_equal(sheet_next(sheet, &arena, &row, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sheet_rows, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_sheet_longest_row, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_sheet_more_columns_are_counted, set_up,
	                                        tear_down),
		cmocka_unit_test_setup_teardown(test_sheet_cannot_be_read, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("sheet", tests, NULL, NULL);
}
