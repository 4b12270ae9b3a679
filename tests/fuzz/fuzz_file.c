/* fuzz_file.c - conditions, ranges and names of downloads: judged as RFC 9110 and RFC 6266 have it.
 */
#include "fuzz.h"

#include "file.c" /* its readers are its own affair */
#include "text.h"

void (*const fuzz_start)(void) = NULL;

/* Digits only, in doubles that no number overflows; -1 when there is none. */
static double digits(const char **at)
{
	double n = isdigit((unsigned char)**at) ? 0 : -1;

	for (; isdigit((unsigned char)**at); ++*at)
		n = 10 * n + (**at - '0');
	return n;
}

/* The same judgement once more, written from the grammar: 1 fits, 0 none does, -1 no set of ranges.
 */
static int expected(const char *text, int64_t size)
{
	int fits = 0;

	for (;; text++) {
		double first, last;

		text += strspn(text, " ");
		first = digits(&text);
		if (*text++ != '-')
			return -1;
		last = digits(&text);
		if ((first < 0 && last < 0) || (first >= 0 && last >= 0 && last < first))
			return -1;
		fits |= first < 0 ? last > 0 : first < (double)size;
		text += strspn(text, " ");
		if (*text == '\0')
			return fits;
		if (*text != ',')
			return -1;
	}
}

/* Beyond 18 digits the server may refuse what it cannot count. */
static bool is_countable(const char *text)
{
	for (; *text; text += strcspn(text, "0123456789")) {
		size_t n = strspn(text, "0123456789");

		if (n > 18)
			return false;
		text += n;
	}
	return true;
}

static void ranges(const char *text, int64_t size)
{
	int want = strncasecmp(text, "bytes=", 6) == 0 ? expected(text + 6, size) : 1;
	int got = range_read(text, size);

	FUZZ_HOLDS(!is_countable(text) || got == (want > 0 ? 0 : -1));
}

/* One quoted string, then one extended value: nothing in a name gets out of either. */
static void name(struct fuzz *f, const char *given)
{
	struct rq rq = {.arena = f->arena};
	const char *file, *header, *at;

	if (file_name_parse(f->arena, given, &file) < 0)
		return;
	header = disposition(&rq, file);
	for (at = header; *at; at++)
		FUZZ_HOLDS(*at >= ' ' && *at <= '~');
	at = strchr(header, '"');
	FUZZ_HOLDS(at && (at = strchr(at + 1, '"')) && strchr(at + 1, '"') == NULL);
	FUZZ_HOLDS(strncmp(at, "\"; filename*=UTF-8''", 19) == 0 && !strpbrk(at + 19, "\";, "));
}

static void whole(struct fuzz *f, const char *range, const char *if_range, const char *match)
{
	struct door_in in = {
		.header_count = 3,
		.headers = {{"range", range}, {"if-range", if_range}, {"if-match", match}}};
	struct file file = {.path = "00/0",
	                    .name = "a",
	                    .content_type = "text/plain",
	                    .size = 1000,
	                    .sha256_hex = "00ff"};
	struct rq rq = {.arena = f->arena, .in = &in, .out = arena_new(f->arena, struct door_out)};

	err_init(&rq.err, f->arena);
	if (reply_file(&rq, &file) < 0)
		FUZZ_HOLDS(rq.err.problem == PROBLEM_version_changed ||
		           rq.err.problem == PROBLEM_range_not_satisfiable);
	else
		FUZZ_HOLDS(rq.out->status == 200);
}

void fuzz_one(struct fuzz *f)
{
	const char *range = fuzz_line(f), *if_range = fuzz_line(f), *match = fuzz_line(f);

	ranges(range, fuzz_byte(f));
	whole(f, range, if_range, match);
	name(f, fuzz_rest(f));
}
