/*
 * fuzz_field.c - bodies by their field tables: each fault points into the body or at a member that
 * is missing, and what was taken is the same after a trip to the database.
 */
#include "fuzz.h"

#include "client.h"
#include "contact.h"
#include "field.h"
#include "firm.h"
#include "folder.h"
#include "invitation.h"
#include "session.h"
#include "share.h"
#include "testmode.h"

void (*const fuzz_start)(void) = NULL;

static const struct entity *const entities[] = {
	&client_entity,    &contact_entity,  &relation_entity,      &folder_entity,
	&share_in_entity,  &login_in_entity, &invitation_in_entity, &accept_in_entity,
	&access_in_entity, &setup_in_entity, &clock_in_entity,      &token_in_entity,
};

/* The member that one step of a JSON Pointer names; the name is unescaped (RFC 6901). */
static const struct json *step(struct fuzz *f, const struct json *v, const char *name, size_t len)
{
	char *plain = arena_strndup(f->arena, name, len), *to = plain;
	size_t index = 0;

	for (const char *c = plain; *c; c++) {
		if (c[0] == '~' && (c[1] == '0' || c[1] == '1'))
			*to++ = *++c == '0' ? '~' : '/';
		else
			*to++ = *c;
	}
	*to = '\0';
	if (json_type(v) != JSON_ARRAY)
		return json_member(v, plain);
	for (const char *c = plain; *c; c++)
		index = 10 * index + (size_t)(*c - '0');
	v = json_first(v);
	while (v && index-- > 0)
		v = json_next(v);
	return v;
}

/* Does the pointer lead to a value of the body? A missing member may be its last step. */
static bool resolves(struct fuzz *f, const struct json *body, const char *pointer, bool missing)
{
	while (*pointer == '/') {
		size_t len = strcspn(pointer + 1, "/");
		const struct json *next = step(f, body, pointer + 1, len);

		pointer += 1 + len;
		if (!next)
			return missing && *pointer == '\0' && json_type(body) == JSON_OBJECT;
		body = next;
	}
	return *pointer == '\0' && !missing;
}

static void faults_point(struct fuzz *f, const struct json *body, const struct err *err)
{
	FUZZ_HOLDS(err->problem == PROBLEM_validation_failed && err->fault_count > 0);
	for (unsigned i = 0; i < err->fault_count; i++) {
		const struct fault *fault = &err->faults[i];

		FUZZ_HOLDS(resolves(f, body, fault->pointer, false) ||
		           (strcmp(fault->code, "required") == 0 &&
		            resolves(f, body, fault->pointer, true)));
	}
}

static const char *written(struct fuzz *f, const struct field *fields, const void *entity)
{
	struct json_writer w;
	struct buf b;

	buf_init(&b, f->arena, FUZZ_ARENA_MAX);
	json_start(&w, &b);
	json_open(&w, '{');
	field_write(fields, entity, &w);
	json_close(&w, '}');
	return b.data;
}

/* A Ref goes as its id and comes with its name; a secret never comes back. */
static bool is_symmetric(enum field_kind kind)
{
	return kind != FIELD_REF && kind != FIELD_REFS && kind != FIELD_ITEM &&
	       kind != FIELD_SECRET;
}

static void travels(struct fuzz *f, const struct entity *kind, void *entity)
{
	const char *before = written(f, kind->fields, entity);
	const struct json *json;
	struct err err;

	err_init(&err, f->arena);
	FUZZ_HOLDS(json_parse(f->arena, before, strlen(before), &json, &err) == 0);
	for (const struct field *field = kind->fields; field->name; field++) {
		const char *param;

		if (!is_symmetric(field->kind))
			continue;
		param = field_to_param(field, entity, f->arena);
		FUZZ_HOLDS(field_from_column(field, param, entity, f->arena) == 0);
		FUZZ_HOLDS(fuzz_same(param, field_to_param(field, entity, f->arena)));
	}
	FUZZ_HOLDS(strcmp(before, written(f, kind->fields, entity)) == 0);
}

void fuzz_one(struct fuzz *f)
{
	uint8_t choice = fuzz_byte(f);
	const struct entity *kind = entities[(choice & 127) % lengthof(entities)];
	void *entity = arena_alloc(f->arena, kind->size);
	const struct json *body;
	struct err err;
	uint64_t sent;

	err_init(&err, f->arena);
	for (const struct field *field = kind->fields; field->name; field++)
		field_set_null(field, entity);
	if (json_parse(f->arena, (const char *)f->bytes, f->len, &body, &err) < 0)
		return;
	if (field_read(kind->fields, body, choice & 128 ? FIELD_PATCH : FIELD_CREATE, entity, &sent,
	               f->arena, &err) < 0)
		faults_point(f, body, &err);
	else
		travels(f, kind, entity);
}
