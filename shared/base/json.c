/* json.c - cJSON behind a strict check, and the writer. */
#include "json.h"

#include "base.h"
#include "json_scan.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/*
 * A struct json is a cJSON. cJSON keeps a number as a double only, so each number node also gets
 * its text as it was written in `valuestring`, which cJSON_Delete frees.
 */
static const cJSON *node_of(const struct json *v)
{
	return (const cJSON *)(const void *)v;
}

static const struct json *value_of(const cJSON *node)
{
	return (const struct json *)(const void *)node;
}

static void delete_tree(void *root)
{
	cJSON_Delete(root);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The name that an object's members share, or NULL. */
static const char *find_duplicate(struct arena *a, const cJSON *object)
{
	const size_t n = (size_t)cJSON_GetArraySize(object);
	const char **names = arena_array(a, const char *, n);
	const cJSON *member = object->child;

	for (size_t i = 0; i < n; i++, member = member->next)
		names[i] = member->string;
	qsort(names, n, sizeof(*names), compare_names);
	for (size_t i = 1; i < n; i++)
		if (!strcmp(names[i - 1], names[i]))
			return names[i];
	return NULL;
}

struct finish {
	struct arena *arena;
	struct err *err;
	const char *at, *end; /* where the text of the next number is looked for */
};

static int keep_number(struct finish *f, cJSON *node)
{
	size_t len;
	const char *text = json_scan_number(&f->at, f->end, &len);

	node->valuestring = text ? cJSON_malloc(len + 1) : NULL;
	if (!node->valuestring)
		return err_internal(f->err, "json: no memory for a number");
	memcpy(node->valuestring, text, len);
	node->valuestring[len] = '\0';
	return 0;
}

/* In the order of the text: keep the numbers' digits, refuse duplicate names. */
static int finish_node(struct finish *f, cJSON *node)
{
	const char *twice;

	if (cJSON_IsNumber(node))
		return keep_number(f, node);
	if (cJSON_IsObject(node) && (twice = find_duplicate(f->arena, node)))
		return err_set(f->err, PROBLEM_malformed_request,
		               "The JSON has the member \"%s\" twice in one object.", twice);
	for (cJSON *child = node->child; child; child = child->next)
		TRY(finish_node(f, child));
	return 0;
}

int json_parse(struct arena *a, const char *text, size_t len, const struct json **root_r,
               struct err *e)
{
	struct finish f = {a, e, text, text + len};
	size_t at;
	const char *why = json_scan(text, len, &at);
	cJSON *root;

	if (why)
		return err_set(e, PROBLEM_malformed_request, "The JSON is wrong at byte %zu: %s.",
		               at, why);
	root = cJSON_ParseWithLength(text, len);
	if (!root)
		return err_internal(e, "json: cJSON refused what the scan had passed");
	arena_defer(a, delete_tree, root);
	TRY(finish_node(&f, root));
	*root_r = value_of(root);
	return 0;
}

enum json_type json_type(const struct json *v)
{
	const cJSON *node = node_of(v);

	if (cJSON_IsObject(node))
		return JSON_OBJECT;
	if (cJSON_IsArray(node))
		return JSON_ARRAY;
	if (cJSON_IsString(node))
		return JSON_STRING;
	if (cJSON_IsNumber(node))
		return JSON_NUMBER;
	return cJSON_IsBool(node) ? JSON_BOOL : JSON_NULL;
}

const struct json *json_member(const struct json *v, const char *name)
{
	if (json_type(v) != JSON_OBJECT)
		return NULL;
	return value_of(cJSON_GetObjectItemCaseSensitive(node_of(v), name));
}

const struct json *json_first(const struct json *v)
{
	return value_of(node_of(v)->child);
}

const struct json *json_next(const struct json *v)
{
	return value_of(node_of(v)->next);
}

const char *json_name(const struct json *v)
{
	return node_of(v)->string;
}

size_t json_count(const struct json *v)
{
	return (size_t)cJSON_GetArraySize(node_of(v));
}

const char *json_string(const struct json *v)
{
	return json_type(v) == JSON_STRING ? node_of(v)->valuestring : NULL;
}

bool json_bool(const struct json *v)
{
	return cJSON_IsTrue(node_of(v));
}

int json_integer(const struct json *v, int64_t *value_r)
{
	const double exact = 9007199254740992.0; /* up to 2^53 a double counts every integer */
	const cJSON *node = node_of(v);
	const char *text = node->valuestring;

	if (json_type(v) != JSON_NUMBER)
		return -1;
	if (!text[strspn(text, "-0123456789")]) {
		errno = 0;
		*value_r = strtoll(text, NULL, 10);
		return errno ? -1 : 0;
	}
	if (node->valuedouble > exact || node->valuedouble < -exact)
		return -1;
	*value_r = (int64_t)node->valuedouble;
	return (double)*value_r < node->valuedouble || (double)*value_r > node->valuedouble ? -1
	                                                                                    : 0;
}

static void print_value(const struct json *v, struct json_writer *w)
{
	const bool object = json_type(v) == JSON_OBJECT;

	switch (json_type(v)) {
	case JSON_NULL:
		json_put_null(w);
		break;
	case JSON_BOOL:
		json_put_bool(w, json_bool(v));
		break;
	case JSON_NUMBER:
		json_put_raw(w, node_of(v)->valuestring);
		break;
	case JSON_STRING:
		json_put_text(w, json_string(v));
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		json_open(w, object ? '{' : '[');
		for (const struct json *child = json_first(v); child; child = json_next(child)) {
			if (object)
				json_key(w, json_name(child));
			print_value(child, w);
		}
		json_close(w, object ? '}' : ']');
		break;
	}
}

void json_print(const struct json *v, struct buf *b)
{
	struct json_writer w;

	json_start(&w, b);
	print_value(v, &w);
}

/* ---- writer ---- */

/* Characters that stand for themselves: ASCII but for controls, quote and backslash. */
static bool is_plain(char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static size_t escape_control(unsigned char c, char escaped[JSON_ESCAPED_MAX])
{
	static const char hex[] = "0123456789abcdef";
	static const char names[][2] = {{'"', '"'},  {'\\', '\\'}, {'\b', 'b'}, {'\f', 'f'},
	                                {'\n', 'n'}, {'\r', 'r'},  {'\t', 't'}};

	escaped[0] = '\\';
	for (size_t i = 0; i < lengthof(names); i++) {
		if (names[i][0] == (char)c) {
			escaped[1] = names[i][1];
			return 2;
		}
	}
	memcpy(escaped + 1, "u00", 3);
	escaped[4] = hex[c >> 4];
	escaped[5] = hex[c & 15];
	return 6;
}

size_t json_escape(const char **text_r, char escaped[JSON_ESCAPED_MAX])
{
	const char *text = *text_r;
	utf8proc_int32_t cp;
	utf8proc_ssize_t len;

	if (!*text)
		return 0;
	if ((unsigned char)*text < 0x80) {
		(*text_r)++;
		escaped[0] = *text;
		return is_plain(*text) ? 1 : escape_control((unsigned char)*text, escaped);
	}
	len = utf8proc_iterate((const utf8proc_uint8_t *)text, -1, &cp);
	if (len < 1) {
		(*text_r)++;
		memcpy(escaped, "\xef\xbf\xbd", 3);
		return 3;
	}
	*text_r += len;
	memcpy(escaped, text, (size_t)len);
	return (size_t)len;
}

void json_start(struct json_writer *w, struct buf *b)
{
	*w = (struct json_writer){.buf = b};
}

static void separate(struct json_writer *w)
{
	if (w->comma)
		buf_char(w->buf, ',');
	w->comma = true;
}

void json_open(struct json_writer *w, char bracket)
{
	assert(bracket == '{' || bracket == '[');
	separate(w);
	buf_char(w->buf, bracket);
	w->comma = false;
}

void json_close(struct json_writer *w, char bracket)
{
	assert(bracket == '}' || bracket == ']');
	buf_char(w->buf, bracket);
	w->comma = true;
}

static void put_string(struct buf *b, const char *text)
{
	char escaped[JSON_ESCAPED_MAX];

	buf_char(b, '"');
	while (*text) {
		size_t plain = 0;

		while (is_plain(text[plain]))
			plain++;
		buf_add(b, text, plain);
		text += plain;
		buf_add(b, escaped, json_escape(&text, escaped));
	}
	buf_char(b, '"');
}

void json_key(struct json_writer *w, const char *name)
{
	separate(w);
	put_string(w->buf, name);
	buf_char(w->buf, ':');
	w->comma = false;
}

void json_put_text(struct json_writer *w, const char *text)
{
	if (!text) {
		json_put_null(w);
		return;
	}
	separate(w);
	put_string(w->buf, text);
}

void json_put_int(struct json_writer *w, int64_t value)
{
	separate(w);
	buf_printf(w->buf, "%" PRId64, value);
}

void json_put_bool(struct json_writer *w, bool value)
{
	json_put_raw(w, value ? "true" : "false");
}

void json_put_null(struct json_writer *w)
{
	json_put_raw(w, "null");
}

void json_put_time(struct json_writer *w, int64_t ms)
{
	char text[TIME_TEXT_SIZE];

	if (ms == TIME_NULL) {
		json_put_null(w);
		return;
	}
	time_format(ms, text);
	json_put_text(w, text);
}

void json_put_raw(struct json_writer *w, const char *json)
{
	separate(w);
	buf_str(w->buf, json ? json : "null");
}

void json_put_faults(struct json_writer *w, const struct err *e)
{
	json_open(w, '[');
	for (unsigned i = 0; i < e->fault_count; i++) {
		json_open(w, '{');
		json_key(w, "pointer");
		json_put_text(w, e->faults[i].pointer);
		json_key(w, "code");
		json_put_text(w, e->faults[i].code);
		json_key(w, "message");
		json_put_text(w, e->faults[i].message);
		json_close(w, '}');
	}
	json_close(w, ']');
}
