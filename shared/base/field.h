/*
 * field.h - one table per entity that drives row -> struct, struct -> JSON and JSON -> struct.
 *
 * A field's name is the member's name in JSON, the column's name in a statement and the parameter's
 * name (":name") in a statement. The FIELD_… macros check at compile time that the struct's member
 * has the type that the kind of field needs.
 */
#ifndef PORTICO_FIELD_H
#define PORTICO_FIELD_H

#include "clock.h"
#include "id.h"
#include "json.h"

struct texts {
	size_t n;
	const char **v;
};
struct ids {
	size_t n;
	struct id *v;
};

/* Is `text` one of them? */
bool texts_hold(const struct texts *texts, const char *text);
/* Ref of the contract: what kind of thing (its id's prefix follows from it), which, its name. */
struct ref {
	const char *type; /* "client", "contact", "staff", "folder", "firm", …; NULL: null */
	struct id id;
	const char *name;
};
struct refs {
	size_t n;
	struct ref *v;
};

/* clang-format off */
/* kind          C type          null is       JSON                      column, parameter       */
enum field_kind {
	FIELD_ID,     /* struct id     id_none       "cli_…"                   uuid                */
	FIELD_TEXT,   /* const char *  NULL          string, cleaned (NFC)     text                */
	FIELD_BODY,   /* const char *  NULL          string, line feeds pass   text                */
	FIELD_EMAIL,  /* const char *  NULL          string, checked           text                */
	FIELD_ENUM,   /* const char *  NULL          one of .choices           text                */
	FIELD_BOOL,   /* bool          -             true, false               boolean             */
	FIELD_INT,    /* int64_t       INT64_MIN     integer                   bigint              */
	FIELD_TIME,   /* int64_t ms    TIME_NULL     RFC 3339                  timestamptz         */
	FIELD_TEXTS,  /* struct texts  n = 0 ([])    array of strings          jsonb array         */
	FIELD_EMAILS, /* struct texts  n = 0 ([])    array; items split on ';', checked, folded    jsonb array */
	FIELD_IDS,    /* struct ids    n = 0 ([])    array of "con_…"          jsonb array of uuid */
	FIELD_REF,    /* struct ref    type NULL     {type,id,name}            jsonb {type,id,name}, id as uuid */
	FIELD_REFS,   /* struct refs   n = 0 ([])    array of those            jsonb array of those */
	FIELD_ITEM,   /* struct ref    type NULL     its id alone: "fol_…"     as FIELD_REF, name or not */
	FIELD_MAP,    /* const char *  NULL          object string -> string|null, kept as JSON text   jsonb */
	FIELD_OBJECT, /* const char *  NULL          object of the texts in .sub, kept as JSON text    jsonb */
	FIELD_LIST,   /* const char *  NULL          array of objects of .sub, kept as JSON text       jsonb */
	FIELD_JSON,   /* const char *  NULL          written as it is, never read from a body          jsonb */
	FIELD_SECRET  /* const char *  NULL          string as sent (password, token), never written   -    */
};
/* clang-format on */

/* flags: what a caller may do with it; what is not shown is kept from the reply */
enum {
	FIELD_CREATE = 1,   /* may be sent when the entity is made */
	FIELD_PATCH = 2,    /* may be sent in a patch */
	FIELD_REQUIRED = 4, /* must be sent when the entity is made */
	FIELD_NULLABLE = 8, /* null may be sent */
	FIELD_HIDDEN = 16   /* never written to JSON */
};

struct field {
	const char *name;
	enum field_kind kind;
	unsigned flags;
	size_t offset;
	unsigned min, max;          /* code points, items, bounds of an int (0,0: none) */
	const char *prefix;         /* FIELD_ID, FIELD_IDS */
	const char *const *choices; /* FIELD_ENUM, ends with NULL */
	const struct field
		*sub; /* FIELD_OBJECT: texts; FIELD_LIST: texts and bools; ends with FIELD_END */
};

/* offsetof, refused by the compiler when the member is not of type T */
#define FIELD_IS(S, m, T) __builtin_types_compatible_p(__typeof__(((struct S *)0)->m), T)
#define FIELD_AT(S, m, T) (offsetof(struct S, m) + 0 * sizeof(char[FIELD_IS(S, m, T) ? 1 : -1]))

/* clang-format off */
#define F_ID(S, m, pfx, fl) { .name = #m, .kind = FIELD_ID, .flags = (fl), .offset = FIELD_AT(S, m, struct id), .prefix = (pfx) }
#define F_TEXT(S, m, lo, hi, fl) { .name = #m, .kind = FIELD_TEXT, .flags = (fl), .offset = FIELD_AT(S, m, const char *), .min = (lo), .max = (hi) }
#define F_BODY(S, m, lo, hi, fl) { .name = #m, .kind = FIELD_BODY, .flags = (fl), .offset = FIELD_AT(S, m, const char *), .min = (lo), .max = (hi) }
#define F_EMAIL(S, m, fl) { .name = #m, .kind = FIELD_EMAIL, .flags = (fl), .offset = FIELD_AT(S, m, const char *) }
#define F_ENUM(S, m, list, fl) { .name = #m, .kind = FIELD_ENUM, .flags = (fl), .offset = FIELD_AT(S, m, const char *), .choices = (list) }
#define F_BOOL(S, m, fl) { .name = #m, .kind = FIELD_BOOL, .flags = (fl), .offset = FIELD_AT(S, m, bool) }
#define F_INT(S, m, lo, hi, fl) { .name = #m, .kind = FIELD_INT, .flags = (fl), .offset = FIELD_AT(S, m, int64_t), .min = (lo), .max = (hi) }
#define F_TIME(S, m, fl) { .name = #m, .kind = FIELD_TIME, .flags = (fl), .offset = FIELD_AT(S, m, int64_t) }
#define F_TEXTS(S, m, hi, fl) { .name = #m, .kind = FIELD_TEXTS, .flags = (fl), .offset = FIELD_AT(S, m, struct texts), .max = (hi) }
#define F_EMAILS(S, m, hi, fl) { .name = #m, .kind = FIELD_EMAILS, .flags = (fl), .offset = FIELD_AT(S, m, struct texts), .max = (hi) }
#define F_IDS(S, m, pfx, lo, hi, fl) { .name = #m, .kind = FIELD_IDS, .flags = (fl), .offset = FIELD_AT(S, m, struct ids), .prefix = (pfx), .min = (lo), .max = (hi) }
#define F_REF(S, m, fl) { .name = #m, .kind = FIELD_REF, .flags = (fl), .offset = FIELD_AT(S, m, struct ref) }
#define F_REFS(S, m, fl) { .name = #m, .kind = FIELD_REFS, .flags = (fl), .offset = FIELD_AT(S, m, struct refs) }
#define F_ITEM(S, m, fl) { .name = #m, .kind = FIELD_ITEM, .flags = (fl), .offset = FIELD_AT(S, m, struct ref) }
#define F_MAP(S, m, hi, fl) { .name = #m, .kind = FIELD_MAP, .flags = (fl), .offset = FIELD_AT(S, m, const char *), .max = (hi) }
#define F_OBJECT(S, m, table, fl) { .name = #m, .kind = FIELD_OBJECT, .flags = (fl), .offset = FIELD_AT(S, m, const char *), .sub = (table) }
#define F_LIST(S, m, table, hi, fl) { .name = #m, .kind = FIELD_LIST, .flags = (fl), .offset = FIELD_AT(S, m, const char *), .max = (hi), .sub = (table) }
#define F_JSON(S, m, fl) { .name = #m, .kind = FIELD_JSON, .flags = (fl), .offset = FIELD_AT(S, m, const char *) }
#define F_SECRET(S, m, fl) { .name = #m, .kind = FIELD_SECRET, .flags = (fl), .offset = FIELD_AT(S, m, const char *) }
#define FIELD_END { .name = NULL }
/* clang-format on */

/* An entity as the API knows it: name in events and Refs, prefix of ids, struct, fields. */
struct entity {
	const char *type;
	const char *prefix;
	size_t size;
	const struct field *fields;
};

/* The field called `name`, or NULL. */
const struct field *field_find(const struct field *fields, const char *name);

/* The id prefix of a Ref's type ("client" -> "cli"); NULL when the type is not known. */
const char *field_ref_prefix(const char *type);

/*
 * Read a body into `entity`. `how` is FIELD_CREATE or FIELD_PATCH: members without that flag, and
 * unknown ones, are faults; so is every wrong or missing one, all at once, each with its JSON
 * Pointer. Texts are cleaned and belong to `a`. What was not sent keeps its value; *sent_r (may be
 * NULL) gets bit i for fields[i] that was sent (a table has at most 64 fields).
 *
 * A patch is merged (RFC 7396) into what `entity` holds: load it first. An object's members that
 * are not sent stay; so do a map's keys, and those sent as null go. When an entity is made, an
 * object's members that are not sent are null.
 *
 * Codes of the faults: wrong_type, unknown_member, read_only, fixed_after_create, required,
 * not_nullable, too_short, too_long, out_of_range, control_character, not_allowed, invalid_email,
 * invalid_id, invalid_time, invalid_key. 0, or -1 with the faults in `e`.
 */
int field_read(const struct field *fields, const struct json *body, unsigned how, void *entity,
               uint64_t *sent_r, struct arena *a, struct err *e);

/* True when the field `name` was sent, by *sent_r of field_read. */
bool field_sent(const struct field *fields, uint64_t sent, const char *name);

/* Write the shown fields of `entity` as members of the object that is open in `w`. */
void field_write(const struct field *fields, const void *entity, struct json_writer *w);

/* Put null (or an empty list) into the entity's member; a bool becomes false. */
void field_set_null(const struct field *f, void *entity);

/*
 * One column's text (NULL for null) into the entity's member, and the reverse: the parameter's text
 * (NULL for null). Memory belongs to `a`. field_from_column returns -1 when the text does not fit
 * the kind: a programming error of the statement.
 */
int field_from_column(const struct field *f, const char *column, void *entity, struct arena *a);
const char *field_to_param(const struct field *f, const void *entity, struct arena *a);

#endif
