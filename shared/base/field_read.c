/* field_read.c - a JSON body read into an entity by its field table, with every fault found. */
#include "field.h"

#include "base.h"
#include "text.h"

#include <assert.h>
#include <string.h>

enum {
	ITEM_LENGTH_MAX = 1000, /* code points of an item of a list, of a map's value */
	MAP_KEY_MAX = 64,
	LIST_COUNT_MAX = 1000, /* items of a list whose field names no maximum */
	MAP_COUNT_MAX = 50,    /* members of such a map */
	MAP_SENT_MAX = 1000,   /* members sent at once, most of them null */
	OBJECT_TEXT_MAX = 1024 * 1024
};

/* What a reader works with: the field, where its value stands in the body, who gets the result. */
struct place {
	const struct field *field;
	const char *pointer;
	bool patch;
	struct arena *arena;
	struct err *err;
};

#define FAULT(p, ...) err_fault((p)->err, (p)->pointer, __VA_ARGS__)

/* All faults that are told have been found: the rest is not worth anybody's time. */
static bool enough(const struct place *p)
{
	return p->err->fault_count >= ERR_FAULTS_MAX;
}

/* The place of the item `index`, or of the member `name`, inside `p`. */
static struct place place_item(const struct place *p, size_t index)
{
	struct place item = *p;

	item.pointer = arena_printf(p->arena, "%s/%zu", p->pointer, index);
	return item;
}

/* RFC 6901: "~" and "/" of a name are written "~0" and "~1". */
static struct place place_member(const struct place *p, const char *name)
{
	struct place member = *p;
	struct buf b;

	buf_init(&b, p->arena, strlen(p->pointer) + 1 + 2 * strlen(name));
	buf_str(&b, p->pointer);
	buf_char(&b, '/');
	for (; *name; name++) {
		if (*name == '~' || *name == '/')
			buf_str(&b, *name == '~' ? "~0" : "~1");
		else
			buf_char(&b, *name);
	}
	member.pointer = b.data;
	return member;
}

static int wrong_type(const struct place *p, const char *wanted)
{
	return FAULT(p, "wrong_type", "It must be %s.", wanted);
}

static int want_string(const struct place *p, const struct json *v, const char **text_r)
{
	*text_r = json_string(v);
	if (*text_r)
		return 0;
	wrong_type(p, "a string");
	return -1;
}

/* ---- texts ---- */

/* A cleaned text of `min` to `max` (0: any number of) code points. */
static int clean_text(const struct place *p, const char *raw, unsigned min, unsigned max,
                      const char **text_r)
{
	const char *text = text_clean(p->arena, raw);
	const size_t len = text_length(text);

	if (text_has_control(text, p->field->kind == FIELD_BODY))
		return FAULT(p, "control_character", "It must not hold control characters.");
	if (len < min)
		return FAULT(p, "too_short", "It must have at least %u character%s.", min,
		             min == 1 ? "" : "s");
	if (max && len > max)
		return FAULT(p, "too_long", "It must have at most %u characters, not %zu.", max,
		             len);
	*text_r = text;
	return 0;
}

static int read_text(const struct place *p, const struct json *v, void *at)
{
	const char *raw;

	TRY(want_string(p, v, &raw));
	return clean_text(p, raw, p->field->min, p->field->max, at);
}

static int read_secret(const struct place *p, const struct json *v, void *at)
{
	const char *raw;

	TRY(want_string(p, v, &raw));
	*(const char **)at = arena_strdup(p->arena, raw);
	return 0;
}

static int read_email(const struct place *p, const struct json *v, void *at)
{
	const char *raw;

	TRY(want_string(p, v, &raw));
	if (email_parse(p->arena, raw, at, NULL) < 0)
		return FAULT(p, "invalid_email", "It is not an e-mail address.");
	return 0;
}

static int read_enum(const struct place *p, const struct json *v, void *at)
{
	const char *raw, *allowed = "";

	TRY(want_string(p, v, &raw));
	for (const char *const *choice = p->field->choices; *choice; choice++) {
		if (!strcmp(*choice, raw)) {
			*(const char **)at = *choice;
			return 0;
		}
		allowed = arena_printf(p->arena, "%s%s%s", allowed, *allowed ? ", " : "", *choice);
	}
	return FAULT(p, "not_allowed", "It must be one of: %s.", allowed);
}

/* ---- scalars ---- */

static int read_id(const struct place *p, const struct json *v, void *at)
{
	const char *raw;

	TRY(want_string(p, v, &raw));
	if (id_parse(raw, p->field->prefix, at) < 0)
		return FAULT(p, "invalid_id", "It is not an id of the form %s_...",
		             p->field->prefix);
	return 0;
}

static int read_bool(const struct place *p, const struct json *v, void *at)
{
	if (json_type(v) != JSON_BOOL)
		return wrong_type(p, "true or false");
	*(bool *)at = json_bool(v);
	return 0;
}

static int read_int(const struct place *p, const struct json *v, void *at)
{
	const struct field *f = p->field;
	int64_t value;

	if (json_integer(v, &value) < 0)
		return wrong_type(p, "an integer");
	if ((f->min || f->max) && (value < f->min || value > f->max))
		return FAULT(p, "out_of_range", "It must be from %u to %u.", f->min, f->max);
	if (value == INT64_MIN)
		return FAULT(p, "out_of_range", "It is too small.");
	*(int64_t *)at = value;
	return 0;
}

static int read_time(const struct place *p, const struct json *v, void *at)
{
	const char *raw;

	TRY(want_string(p, v, &raw));
	if (strchr(raw, ' ') || time_parse(raw, at) < 0)
		return FAULT(p, "invalid_time",
		             "It must be a time of RFC 3339, such as 2026-11-21T22:40:28Z.");
	return 0;
}

/* ---- lists ---- */

static size_t list_max(const struct field *f)
{
	return f->max ? f->max : LIST_COUNT_MAX;
}

static int check_count(const struct place *p, size_t n)
{
	const struct field *f = p->field;

	if (n < f->min)
		return FAULT(p, "too_short", "It must have at least %u item%s.", f->min,
		             f->min == 1 ? "" : "s");
	if (n > list_max(f))
		return FAULT(p, "too_long", "It must have at most %zu items.", list_max(f));
	return 0;
}

static int read_texts(const struct place *p, const struct json *v, void *at)
{
	struct texts texts = {0};
	size_t index = 0;
	int result = 0;

	if (json_type(v) != JSON_ARRAY)
		return wrong_type(p, "an array");
	texts.v = arena_array(p->arena, const char *, json_count(v));
	for (const struct json *item = json_first(v); item; item = json_next(item)) {
		const struct place here = place_item(p, index++);
		const char *raw;

		if (want_string(&here, item, &raw) < 0 ||
		    clean_text(&here, raw, 1, ITEM_LENGTH_MAX, &texts.v[texts.n++]) < 0)
			result = -1;
	}
	TRY(result);
	*(struct texts *)at = texts;
	return check_count(p, texts.n);
}

/* Addresses, each once, in the order of their first appearance; never more than `room`. */
struct folding {
	struct texts emails, keys;
	size_t room;
	bool over; /* there were more */
};

static void fold_email(struct folding *f, const char *email, const char *key)
{
	for (size_t i = 0; i < f->keys.n; i++)
		if (!strcmp(f->keys.v[i], key))
			return;
	if (f->keys.n == f->room) {
		f->over = true;
		return;
	}
	f->emails.v[f->emails.n++] = email;
	f->keys.v[f->keys.n++] = key;
}

/* The beginning of a text that somebody sent, short enough to be said back. */
static const char *excerpt(struct arena *a, const char *text)
{
	size_t len = 0;

	for (int shown = 0; text[len] && shown <= 60; len++)
		shown += ((unsigned char)text[len + 1] & 0xc0) != 0x80;
	return text[len] ? arena_printf(a, "%.*s...", (int)len, text) : text;
}

/* S4-20: an item may be several addresses with semicolons between them; empty ones are nothing. */
static int split_emails(const struct place *p, const char *text, struct folding *f)
{
	int result = 0;

	for (const char *end = text; *end && !f->over && !enough(p); text = end + 1) {
		const char *one, *email, *key;

		end = text + strcspn(text, ";");
		one = text_trim(p->arena, arena_strndup(p->arena, text, (size_t)(end - text)));
		if (!*one)
			continue;
		if (email_parse(p->arena, one, &email, &key) == 0)
			fold_email(f, email, key);
		else
			result = FAULT(p, "invalid_email", "\"%s\" is not an e-mail address.",
			               excerpt(p->arena, one));
	}
	return result;
}

static int read_emails(const struct place *p, const struct json *v, void *at)
{
	struct folding f = {.room = list_max(p->field)};
	size_t index = 0;
	int result = 0;

	if (json_type(v) != JSON_ARRAY)
		return wrong_type(p, "an array");
	f.emails.v = arena_array(p->arena, const char *, f.room);
	f.keys.v = arena_array(p->arena, const char *, f.room);
	for (const struct json *item = json_first(v); item && !f.over && !enough(p);
	     item = json_next(item)) {
		const struct place here = place_item(p, index++);
		const char *raw;

		if (want_string(&here, item, &raw) < 0 || split_emails(&here, raw, &f) < 0)
			result = -1;
	}
	TRY(result);
	TRY(check_count(p, f.emails.n + f.over));
	*(struct texts *)at = f.emails;
	return 0;
}

/* Add `id` unless it is there. False when there is no room for it. */
static bool fold_id(struct ids *ids, size_t room, const struct id *id)
{
	for (size_t i = 0; i < ids->n; i++)
		if (id_equal(&ids->v[i], id))
			return true;
	if (ids->n == room)
		return false;
	ids->v[ids->n++] = *id;
	return true;
}

static int read_ids(const struct place *p, const struct json *v, void *at)
{
	const size_t room = list_max(p->field);
	struct ids ids = {0};
	bool over = false;
	size_t index = 0;
	int result = 0;

	if (json_type(v) != JSON_ARRAY)
		return wrong_type(p, "an array");
	ids.v = arena_array(p->arena, struct id, room);
	for (const struct json *item = json_first(v); item; item = json_next(item)) {
		const struct place here = place_item(p, index++);
		struct id id;

		if (read_id(&here, item, &id) < 0)
			result = -1;
		else if (!fold_id(&ids, room, &id))
			over = true;
	}
	TRY(result);
	TRY(check_count(p, ids.n + over));
	*(struct ids *)at = ids;
	return 0;
}

/* ---- maps and objects, kept as JSON text ---- */

/* The JSON text that the entity holds now, parsed; NULL when there is none. */
static const struct json *present_value(const struct place *p, const char *text)
{
	const struct json *root;
	struct err e;

	if (!p->patch || !text)
		return NULL;
	err_init(&e, p->arena);
	if (json_parse(p->arena, text, strlen(text), &root, &e) < 0 ||
	    json_type(root) != JSON_OBJECT)
		return NULL;
	return root;
}

static void open_object(struct json_writer *w, struct buf *b, const struct place *p)
{
	buf_init(b, p->arena, OBJECT_TEXT_MAX);
	json_start(w, b);
	json_open(w, '{');
}

static int close_object(struct json_writer *w, const struct place *p, void *at)
{
	json_close(w, '}');
	if (w->buf->over)
		return FAULT(p, "too_long", "It is too large.");
	*(const char **)at = w->buf->data;
	return 0;
}

static bool is_map_key(const char *name)
{
	const size_t len = strlen(name);

	return len > 0 && len <= MAP_KEY_MAX &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz"
	                    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == len;
}

/* One member of a map that was sent: a text, or NULL for null. */
static int read_map_member(const struct place *p, const struct json *v, const char **text_r)
{
	*text_r = NULL;
	if (!is_map_key(json_name(v)))
		return FAULT(p, "invalid_key",
		             "A name here has 1 to %d of the characters A-Z, a-z, 0-9 and _.",
		             MAP_KEY_MAX);
	if (json_type(v) == JSON_NULL)
		return 0;
	if (json_type(v) != JSON_STRING)
		return wrong_type(p, "a string or null");
	return clean_text(p, json_string(v), 0, ITEM_LENGTH_MAX, text_r);
}

/* Write what is kept of the present map: the keys that were not sent. Returns how many. */
static size_t keep_members(const struct json *present, const struct json *sent,
                           struct json_writer *w)
{
	size_t n = 0;

	for (const struct json *m = present ? json_first(present) : NULL; m; m = json_next(m)) {
		if (json_member(sent, json_name(m)))
			continue;
		json_key(w, json_name(m));
		json_put_text(w, json_string(m));
		n++;
	}
	return n;
}

static int read_map(const struct place *p, const struct json *v, void *at)
{
	const size_t max = p->field->max ? p->field->max : MAP_COUNT_MAX;
	struct json_writer w;
	struct buf b;
	size_t n;
	int result = 0;

	if (json_type(v) != JSON_OBJECT)
		return wrong_type(p, "an object");
	if (json_count(v) > MAP_SENT_MAX)
		return FAULT(p, "too_long", "It must have at most %zu members.", max);
	open_object(&w, &b, p);
	n = keep_members(present_value(p, *(const char **)at), v, &w);
	for (const struct json *m = json_first(v); m; m = json_next(m)) {
		const struct place here = place_member(p, json_name(m));
		const char *text;

		if (read_map_member(&here, m, &text) < 0) {
			result = -1;
		} else if (text || !p->patch) {
			json_key(&w, json_name(m));
			json_put_text(&w, text);
			n++;
		}
	}
	TRY(result);
	if (n > max)
		return FAULT(p, "too_long", "It must have at most %zu members.", max);
	return close_object(&w, p, at);
}

static int read_value(const struct place *p, const struct json *v, void *at);
static int unknown_member(const struct place *p, const struct field *fields, unsigned how,
                          const char *name);

/* The text of the member `f` of an object: as sent, else as it is now, else null. */
static int read_sub(const struct place *p, const struct json *sent, const struct json *present,
                    const char **text_r)
{
	*text_r = present ? json_string(present) : NULL;
	if (!sent && !*text_r && p->field->flags & FIELD_REQUIRED)
		return FAULT(p, "required", "It is required.");
	if (!sent)
		return 0;
	*text_r = NULL;
	if (json_type(sent) != JSON_NULL)
		return read_value(p, sent, text_r);
	if (p->field->flags & FIELD_REQUIRED)
		return FAULT(p, "not_nullable", "It must not be null.");
	return 0;
}

static int read_object(const struct place *p, const struct json *v, void *at)
{
	const struct json *present = present_value(p, *(const char **)at);
	struct json_writer w;
	struct buf b;
	int result = 0;

	if (json_type(v) != JSON_OBJECT)
		return wrong_type(p, "an object");
	for (const struct json *m = json_first(v); m && !enough(p); m = json_next(m))
		if (!field_find(p->field->sub, json_name(m)))
			result = unknown_member(p, p->field->sub, 0, json_name(m));
	open_object(&w, &b, p);
	for (const struct field *f = p->field->sub; f->name; f++) {
		struct place here = place_member(p, f->name);
		const char *text;

		here.field = f;
		if (read_sub(&here, json_member(v, f->name),
		             present ? json_member(present, f->name) : NULL, &text) < 0)
			result = -1;
		json_key(&w, f->name);
		json_put_text(&w, text);
	}
	TRY(result);
	return close_object(&w, p, at);
}

/* ---- lists of objects ---- */

/* One member of a list's object: as sent, else null; a truth value must be sent. */
static int write_sub(const struct place *p, const struct json *sent, struct json_writer *w)
{
	const char *text;
	bool truth = false;

	json_key(w, p->field->name);
	if (p->field->kind != FIELD_BOOL) {
		TRY(read_sub(p, sent, NULL, &text));
		json_put_text(w, text);
		return 0;
	}
	if (!sent)
		return FAULT(p, "required", "It is required.");
	TRY(read_bool(p, sent, &truth));
	json_put_bool(w, truth);
	return 0;
}

static int write_item(const struct place *p, const struct json *v, struct json_writer *w)
{
	const struct field *sub = p->field->sub;
	int result = 0;

	if (json_type(v) != JSON_OBJECT)
		return wrong_type(p, "an object");
	for (const struct json *m = json_first(v); m && !enough(p); m = json_next(m))
		if (!field_find(sub, json_name(m)))
			result = unknown_member(p, sub, 0, json_name(m));
	json_open(w, '{');
	for (const struct field *f = sub; f->name; f++) {
		struct place here = place_member(p, f->name);

		here.field = f;
		if (write_sub(&here, json_member(v, f->name), w) < 0)
			result = -1;
	}
	json_close(w, '}');
	return result;
}

static int read_list(const struct place *p, const struct json *v, void *at)
{
	struct json_writer w;
	struct buf b;
	size_t index = 0;
	int result = 0;

	if (json_type(v) != JSON_ARRAY)
		return wrong_type(p, "an array");
	TRY(check_count(p, json_count(v)));
	buf_init(&b, p->arena, OBJECT_TEXT_MAX);
	json_start(&w, &b);
	json_open(&w, '[');
	for (const struct json *item = json_first(v); item; item = json_next(item)) {
		const struct place here = place_item(p, index++);

		if (write_item(&here, item, &w) < 0)
			result = -1;
	}
	json_close(&w, ']');
	TRY(result);
	if (b.over)
		return FAULT(p, "too_long", "It is too large.");
	*(const char **)at = b.data;
	return 0;
}

/* ---- the body ---- */

static int (*const readers[])(const struct place *p, const struct json *v, void *at) = {
	[FIELD_ID] = read_id,         [FIELD_TEXT] = read_text, [FIELD_BODY] = read_text,
	[FIELD_EMAIL] = read_email,   [FIELD_ENUM] = read_enum, [FIELD_BOOL] = read_bool,
	[FIELD_INT] = read_int,       [FIELD_TIME] = read_time, [FIELD_TEXTS] = read_texts,
	[FIELD_EMAILS] = read_emails, [FIELD_IDS] = read_ids,   [FIELD_MAP] = read_map,
	[FIELD_OBJECT] = read_object, [FIELD_LIST] = read_list, [FIELD_SECRET] = read_secret,
};

/* Can a body hold this kind of field at all? Refs and ready JSON are the server's. */
static bool is_readable(const struct field *f)
{
	return (size_t)f->kind < lengthof(readers) && readers[f->kind];
}

static int read_value(const struct place *p, const struct json *v, void *at)
{
	assert(is_readable(p->field));
	return readers[p->field->kind](p, v, at);
}

/* Among the fields that may be sent (`how` 0: all), the one whose name is likely meant, or NULL. */
static const char *likely_name(const struct field *fields, unsigned how, const char *name)
{
	const char *likely = NULL;
	unsigned least = 4; /* three slips are a misspelling, more are another word */

	for (const struct field *f = fields; f->name; f++) {
		const unsigned distance = text_distance(f->name, name);

		if (distance < least && distance < strlen(f->name) && (f->flags & how) == how) {
			least = distance;
			likely = f->name;
		}
	}
	return likely;
}

static int unknown_member(const struct place *p, const struct field *fields, unsigned how,
                          const char *name)
{
	const struct place here = place_member(p, name);
	const char *likely = likely_name(fields, how, name);

	if (likely)
		return FAULT(&here, "unknown_member", "It is not known here. Is %s meant?", likely);
	return FAULT(&here, "unknown_member", "It is not known here.");
}

/* May the field be sent now? */
static int check_access(const struct place *p, unsigned how)
{
	const struct field *f = p->field;

	if (is_readable(f) && f->flags & how)
		return 0;
	if (is_readable(f) && f->flags & FIELD_CREATE)
		return FAULT(p, "fixed_after_create", "It cannot be changed any more.");
	if (is_readable(f) && f->flags & FIELD_PATCH)
		return FAULT(p, "read_only", "It can be set by a later change only.");
	return FAULT(p, "read_only", "It is set by the server.");
}

static int read_member(const struct place *p, const struct json *v, unsigned how, void *entity)
{
	const struct field *f = p->field;

	TRY(check_access(p, how));
	if (json_type(v) != JSON_NULL)
		return read_value(p, v, (char *)entity + f->offset);
	if (!(f->flags & FIELD_NULLABLE))
		return FAULT(p, "not_nullable", "It must not be null.");
	field_set_null(f, entity);
	return 0;
}

static int check_required(const struct field *fields, uint64_t sent, const struct place *root)
{
	int result = 0;

	for (const struct field *f = fields; f->name; f++) {
		const struct place here = place_member(root, f->name);

		if (f->flags & FIELD_REQUIRED && !(sent >> (f - fields) & 1))
			result = FAULT(&here, "required", "It is required.");
	}
	return result;
}

int field_read(const struct field *fields, const struct json *body, unsigned how, void *entity,
               uint64_t *sent_r, struct arena *a, struct err *e)
{
	const struct place root = {NULL, "", how == FIELD_PATCH, a, e};
	uint64_t sent = 0;
	int result = 0;

	assert(how == FIELD_CREATE || how == FIELD_PATCH);
	if (json_type(body) != JSON_OBJECT)
		return wrong_type(&root, "an object");
	for (const struct json *v = json_first(body); v && !enough(&root); v = json_next(v)) {
		struct place here = place_member(&root, json_name(v));

		here.field = field_find(fields, json_name(v));
		if (!here.field) {
			result = unknown_member(&root, fields, how, json_name(v));
			continue;
		}
		assert(here.field - fields < 64);
		sent |= UINT64_C(1) << (here.field - fields);
		if (read_member(&here, v, how, entity) < 0)
			result = -1;
	}
	if (how == FIELD_CREATE && check_required(fields, sent, &root) < 0)
		result = -1;
	if (sent_r)
		*sent_r = sent;
	return result;
}
