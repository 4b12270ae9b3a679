/* field.c - members of an entity: written as JSON, taken from columns, given as parameters. */
#include "field.h"

#include "base.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A list in a column or parameter: far more than the items that field_read lets in. */
enum { LIST_TEXT_MAX = 4 * 1024 * 1024 };

static void __attribute__((noreturn)) die(const struct field *f, const char *why)
{
	fprintf(stderr, "field: %s %s\n", f->name, why);
	abort();
}

const struct field *field_find(const struct field *fields, const char *name)
{
	for (const struct field *f = fields; f->name; f++)
		if (!strcmp(f->name, name))
			return f;
	return NULL;
}

bool field_sent(const struct field *fields, uint64_t sent, const char *name)
{
	const struct field *f = field_find(fields, name);

	assert(f);
	return sent >> (f - fields) & 1;
}

bool texts_hold(const struct texts *texts, const char *text)
{
	for (size_t i = 0; i < texts->n; i++)
		if (strcmp(texts->v[i], text) == 0)
			return true;
	return false;
}

const char *field_ref_prefix(const char *type)
{
	static const struct {
		const char *type, *prefix;
	} refs[] = {
		{"firm", "frm"},         {"staff", "stf"},      {"portal_user", "mem"},
		{"member", "mem"},       {"client", "cli"},     {"contact", "con"},
		{"folder", "fol"},       {"document", "doc"},   {"share", "shr"},
		{"session", "ses"},      {"invitation", "inv"}, {"email", "eml"},
		{"event", "evt"},        {"request", "req"},    {"identity", "idn"},
		{"delivery", "dlv"},     {"audit", "aud"},      {"portal_access", "mem"},
		{"membership", "mem"},   {"matter", "mat"},     {"role", "rol"},
		{"api_key", "key"},      {"import", "imp"},     {"registration", "reg"},
		{"sign_up_link", "sul"},
	};

	for (size_t i = 0; i < lengthof(refs); i++)
		if (type && !strcmp(refs[i].type, type))
			return refs[i].prefix;
	return NULL;
}

/* ---- where a member lies in the entity ---- */

#define AT(type, f, entity)   ((type *)(void *)((char *)(entity) + (f)->offset))
#define LOOK(type, f, entity) ((type const *)(const void *)((const char *)(entity) + (f)->offset))

void field_set_null(const struct field *f, void *entity)
{
	switch (f->kind) {
	case FIELD_ID:
		*AT(struct id, f, entity) = id_none;
		break;
	case FIELD_BOOL:
		*AT(bool, f, entity) = false;
		break;
	case FIELD_INT:
		*AT(int64_t, f, entity) = INT64_MIN;
		break;
	case FIELD_TIME:
		*AT(int64_t, f, entity) = TIME_NULL;
		break;
	case FIELD_TEXTS:
	case FIELD_EMAILS:
		*AT(struct texts, f, entity) = (struct texts){0};
		break;
	case FIELD_IDS:
		*AT(struct ids, f, entity) = (struct ids){0};
		break;
	case FIELD_REF:
	case FIELD_ITEM:
		*AT(struct ref, f, entity) = (struct ref){0};
		break;
	case FIELD_REFS:
		*AT(struct refs, f, entity) = (struct refs){0};
		break;
	case FIELD_TEXT:
	case FIELD_BODY:
	case FIELD_EMAIL:
	case FIELD_ENUM:
	case FIELD_MAP:
	case FIELD_OBJECT:
	case FIELD_LIST:
	case FIELD_JSON:
	case FIELD_SECRET:
		*AT(const char *, f, entity) = NULL;
		break;
	}
}

/* ---- JSON: ids in their public form, or as PostgreSQL has them when `prefix` is NULL ---- */

static void put_id(struct json_writer *w, const struct id *id, const char *prefix)
{
	char text[ID_UUID_SIZE];

	if (id_is_none(id)) {
		json_put_null(w);
		return;
	}
	if (prefix)
		id_format(id, prefix, text);
	else
		id_uuid(id, text);
	json_put_text(w, text);
}

static void put_ref(struct json_writer *w, const struct ref *ref, bool shown)
{
	const char *prefix = field_ref_prefix(ref->type);

	if (!ref->type) {
		json_put_null(w);
		return;
	}
	assert(prefix);
	json_open(w, '{');
	json_key(w, "type");
	json_put_text(w, ref->type);
	json_key(w, "id");
	put_id(w, &ref->id, shown ? prefix : NULL);
	json_key(w, "name");
	json_put_text(w, ref->name);
	json_close(w, '}');
}

static void put_item(struct json_writer *w, const struct ref *ref)
{
	if (!ref->type)
		json_put_null(w);
	else
		put_id(w, &ref->id, field_ref_prefix(ref->type));
}

static void put_texts(struct json_writer *w, const struct texts *texts)
{
	json_open(w, '[');
	for (size_t i = 0; i < texts->n; i++)
		json_put_text(w, texts->v[i]);
	json_close(w, ']');
}

static void put_ids(struct json_writer *w, const struct ids *ids, const char *prefix)
{
	json_open(w, '[');
	for (size_t i = 0; i < ids->n; i++)
		put_id(w, &ids->v[i], prefix);
	json_close(w, ']');
}

static void put_refs(struct json_writer *w, const struct refs *refs, bool shown)
{
	json_open(w, '[');
	for (size_t i = 0; i < refs->n; i++)
		put_ref(w, &refs->v[i], shown);
	json_close(w, ']');
}

static void put_int(struct json_writer *w, int64_t value)
{
	if (value == INT64_MIN)
		json_put_null(w);
	else
		json_put_int(w, value);
}

static void put_value(struct json_writer *w, const struct field *f, const void *entity)
{
	switch (f->kind) {
	case FIELD_ID:
		put_id(w, LOOK(struct id, f, entity), f->prefix);
		break;
	case FIELD_BOOL:
		json_put_bool(w, *LOOK(bool, f, entity));
		break;
	case FIELD_INT:
		put_int(w, *LOOK(int64_t, f, entity));
		break;
	case FIELD_TIME:
		json_put_time(w, *LOOK(int64_t, f, entity));
		break;
	case FIELD_TEXTS:
	case FIELD_EMAILS:
		put_texts(w, LOOK(struct texts, f, entity));
		break;
	case FIELD_IDS:
		put_ids(w, LOOK(struct ids, f, entity), f->prefix);
		break;
	case FIELD_REF:
		put_ref(w, LOOK(struct ref, f, entity), true);
		break;
	case FIELD_REFS:
		put_refs(w, LOOK(struct refs, f, entity), true);
		break;
	case FIELD_ITEM:
		put_item(w, LOOK(struct ref, f, entity));
		break;
	case FIELD_TEXT:
	case FIELD_BODY:
	case FIELD_EMAIL:
	case FIELD_ENUM:
		json_put_text(w, *LOOK(const char *, f, entity));
		break;
	case FIELD_MAP:
	case FIELD_OBJECT:
	case FIELD_LIST:
	case FIELD_JSON:
		json_put_raw(w, *LOOK(const char *, f, entity));
		break;
	case FIELD_SECRET:
		die(f, "is a secret and never written");
	}
}

void field_write(const struct field *fields, const void *entity, struct json_writer *w)
{
	for (const struct field *f = fields; f->name; f++) {
		if (f->flags & FIELD_HIDDEN || f->kind == FIELD_SECRET)
			continue;
		json_key(w, f->name);
		put_value(w, f, entity);
	}
}

/* ---- columns ---- */

/* Parse a column of JSON whose root must be of `type`; NULL when it is not. */
static const struct json *column_json(const char *column, enum json_type type, struct arena *a)
{
	const struct json *root;
	struct err e;

	err_init(&e, a);
	if (json_parse(a, column, strlen(column), &root, &e) < 0 || json_type(root) != type)
		return NULL;
	return root;
}

static int int_from(const char *column, int64_t *value_r)
{
	char *end;

	errno = 0;
	*value_r = strtoll(column, &end, 10);
	return errno || end == column || *end ? -1 : 0;
}

static int bool_from(const char *column, bool *value_r)
{
	*value_r = !strcmp(column, "t") || !strcmp(column, "true");
	return *value_r || !strcmp(column, "f") || !strcmp(column, "false") ? 0 : -1;
}

static int texts_from(const char *column, struct texts *texts_r, struct arena *a)
{
	const struct json *list = column_json(column, JSON_ARRAY, a);
	struct texts texts = {0};

	if (!list)
		return -1;
	texts.v = arena_array(a, const char *, json_count(list));
	for (const struct json *item = json_first(list); item; item = json_next(item)) {
		if (json_type(item) != JSON_STRING)
			return -1;
		texts.v[texts.n++] = arena_strdup(a, json_string(item));
	}
	*texts_r = texts;
	return 0;
}

static int ids_from(const char *column, struct ids *ids_r, struct arena *a)
{
	const struct json *list = column_json(column, JSON_ARRAY, a);
	struct ids ids = {0};

	if (!list)
		return -1;
	ids.v = arena_array(a, struct id, json_count(list));
	for (const struct json *item = json_first(list); item; item = json_next(item))
		TRY(id_from_uuid(json_string(item), &ids.v[ids.n++]));
	*ids_r = ids;
	return 0;
}

static const char *text_of(const struct json *object, const char *name)
{
	const struct json *member = json_member(object, name);

	return member ? json_string(member) : NULL;
}

static int read_ref(const struct json *v, struct ref *ref_r, struct arena *a)
{
	ref_r->type = arena_strdup(a, text_of(v, "type"));
	ref_r->name = arena_strdup(a, text_of(v, "name"));
	return field_ref_prefix(ref_r->type) ? id_from_uuid(text_of(v, "id"), &ref_r->id) : -1;
}

static int ref_from(const char *column, struct ref *ref_r, struct arena *a)
{
	const struct json *object = column_json(column, JSON_OBJECT, a);

	return object ? read_ref(object, ref_r, a) : -1;
}

static int refs_from(const char *column, struct refs *refs_r, struct arena *a)
{
	const struct json *list = column_json(column, JSON_ARRAY, a);
	struct refs refs = {0};

	if (!list)
		return -1;
	refs.v = arena_array(a, struct ref, json_count(list));
	for (const struct json *item = json_first(list); item; item = json_next(item))
		TRY(read_ref(item, &refs.v[refs.n++], a));
	*refs_r = refs;
	return 0;
}

int field_from_column(const struct field *f, const char *column, void *entity, struct arena *a)
{
	if (!column) {
		field_set_null(f, entity);
		return 0;
	}
	switch (f->kind) {
	case FIELD_ID:
		return id_from_uuid(column, AT(struct id, f, entity));
	case FIELD_BOOL:
		return bool_from(column, AT(bool, f, entity));
	case FIELD_INT:
		return int_from(column, AT(int64_t, f, entity));
	case FIELD_TIME:
		return time_parse(column, AT(int64_t, f, entity));
	case FIELD_TEXTS:
	case FIELD_EMAILS:
		return texts_from(column, AT(struct texts, f, entity), a);
	case FIELD_IDS:
		return ids_from(column, AT(struct ids, f, entity), a);
	case FIELD_REF:
	case FIELD_ITEM:
		return ref_from(column, AT(struct ref, f, entity), a);
	case FIELD_REFS:
		return refs_from(column, AT(struct refs, f, entity), a);
	case FIELD_TEXT:
	case FIELD_BODY:
	case FIELD_EMAIL:
	case FIELD_ENUM:
	case FIELD_MAP:
	case FIELD_OBJECT:
	case FIELD_LIST:
	case FIELD_JSON:
		*AT(const char *, f, entity) = arena_strdup(a, column);
		return 0;
	case FIELD_SECRET:
		break;
	}
	return -1;
}

/* ---- parameters ---- */

static const char *int_param(int64_t value, struct arena *a)
{
	return value == INT64_MIN ? NULL : arena_printf(a, "%" PRId64, value);
}

static const char *time_param(int64_t ms, struct arena *a)
{
	char text[TIME_TEXT_SIZE];

	if (ms == TIME_NULL)
		return NULL;
	time_format(ms, text);
	return arena_strdup(a, text);
}

static const char *id_param(const struct id *id, struct arena *a)
{
	char text[ID_UUID_SIZE];

	if (id_is_none(id))
		return NULL;
	id_uuid(id, text);
	return arena_strdup(a, text);
}

/* Lists and Refs: JSON with the ids as PostgreSQL has them. */
static const char *json_param(const struct field *f, const void *entity, struct arena *a)
{
	struct json_writer w;
	struct buf b;

	buf_init(&b, a, LIST_TEXT_MAX);
	json_start(&w, &b);
	if (f->kind == FIELD_IDS)
		put_ids(&w, LOOK(struct ids, f, entity), NULL);
	else if (f->kind == FIELD_REFS)
		put_refs(&w, LOOK(struct refs, f, entity), false);
	else if (f->kind == FIELD_REF || f->kind == FIELD_ITEM)
		put_ref(&w, LOOK(struct ref, f, entity), false);
	else
		put_texts(&w, LOOK(struct texts, f, entity));
	if (b.over)
		die(f, "is more than a parameter may be");
	return b.data;
}

const char *field_to_param(const struct field *f, const void *entity, struct arena *a)
{
	switch (f->kind) {
	case FIELD_ID:
		return id_param(LOOK(struct id, f, entity), a);
	case FIELD_BOOL:
		return *LOOK(bool, f, entity) ? "true" : "false";
	case FIELD_INT:
		return int_param(*LOOK(int64_t, f, entity), a);
	case FIELD_TIME:
		return time_param(*LOOK(int64_t, f, entity), a);
	case FIELD_REF:
	case FIELD_ITEM:
		return LOOK(struct ref, f, entity)->type ? json_param(f, entity, a) : NULL;
	case FIELD_TEXTS:
	case FIELD_EMAILS:
	case FIELD_IDS:
	case FIELD_REFS:
		return json_param(f, entity, a);
	case FIELD_TEXT:
	case FIELD_BODY:
	case FIELD_EMAIL:
	case FIELD_ENUM:
	case FIELD_MAP:
	case FIELD_OBJECT:
	case FIELD_LIST:
	case FIELD_JSON:
		return arena_strdup(a, *LOOK(const char *, f, entity));
	case FIELD_SECRET:
		break;
	}
	die(f, "is a secret: only its hash goes to the database");
}
