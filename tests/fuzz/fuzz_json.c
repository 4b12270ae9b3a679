/* fuzz_json.c - bodies: what is read prints as it reads, and any text survives the writer. */
#include "fuzz.h"

#include "json.h"
#include "text.h"

void (*const fuzz_start)(void) = NULL;

static const struct json *parse(struct fuzz *f, const char *text, size_t len)
{
	const struct json *root = NULL;
	struct err err;

	err_init(&err, f->arena);
	if (json_parse(f->arena, text, len, &root, &err) == 0)
		return root;
	FUZZ_HOLDS(err.problem == PROBLEM_malformed_request);
	return NULL;
}

static const char *print(struct fuzz *f, const struct json *v)
{
	struct buf b;

	buf_init(&b, f->arena, FUZZ_ARENA_MAX);
	json_print(v, &b);
	return b.data;
}

/* Every value of the tree answers every question. */
static void walk(const struct json *v)
{
	int64_t number;
	size_t n = 0;

	if (json_type(v) == JSON_STRING)
		FUZZ_HOLDS(text_utf8_valid(json_string(v), strlen(json_string(v))));
	if (json_integer(v, &number) == 0)
		FUZZ_HOLDS(json_type(v) == JSON_NUMBER);
	for (const struct json *item = json_first(v); item; item = json_next(item), n++) {
		if (json_name(item))
			FUZZ_HOLDS(json_member(v, json_name(item)) == item);
		walk(item);
	}
	FUZZ_HOLDS(n == json_count(v));
}

static void write_text(struct fuzz *f, const char *text)
{
	struct json_writer w;
	struct buf b;
	const struct json *back;

	buf_init(&b, f->arena, FUZZ_ARENA_MAX);
	json_start(&w, &b);
	json_put_text(&w, text);
	back = parse(f, b.data, b.len);
	FUZZ_HOLDS(back && json_string(back));
	if (text_utf8_valid(text, strlen(text)))
		FUZZ_HOLDS(strcmp(json_string(back), text) == 0);
}

void fuzz_one(struct fuzz *f)
{
	const struct json *root = parse(f, (const char *)f->bytes, f->len), *again;
	const char *printed;

	write_text(f, arena_strndup(f->arena, (const char *)f->bytes, f->len));
	if (!root)
		return;
	walk(root);
	printed = print(f, root);
	again = parse(f, printed, strlen(printed));
	FUZZ_HOLDS(again && strcmp(printed, print(f, again)) == 0);
}
