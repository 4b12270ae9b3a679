/* import.c - clients and contacts that come in one file: how its rows are read. */
#include "import.h"

#include "base.h"
#include "client.h"
#include "contact.h"
#include "text.h"

#include <strings.h>

const char *const import_kinds[] = {"clients", "contacts", NULL};
const char *const import_sends[] = {"now", "later", "none", NULL};
const char *const import_row_states[] = {"ok", "error", NULL};

static const char *const import_states[] = {"validating", "ready",  "running",
                                            "done",       "failed", NULL};
static const char *const results[] = {"created", "updated", "unchanged", NULL};
static const char *const invitations[] = {"sent", "not_sent", "refused", NULL};

/* clang-format off */
static const struct field import_fields[] = {
	F_ID(import, id, "imp", 0),
	F_ENUM(import, kind, import_kinds, 0),
	F_ENUM(import, status, import_states, 0),
	F_BOOL(import, dry_run, 0),
	F_ENUM(import, send_invitations, import_sends, 0),
	F_INT(import, row_count, 0, 0, 0),
	F_INT(import, created_count, 0, 0, 0),
	F_INT(import, updated_count, 0, 0, 0),
	F_INT(import, unchanged_count, 0, 0, 0),
	F_INT(import, error_count, 0, 0, 0),
	F_INT(import, invited_count, 0, 0, 0),
	F_JSON(import, errors, 0),
	F_TIME(import, created_at, 0),
	F_TIME(import, finished_at, 0),
	FIELD_END,
};

static const struct field import_line_fields[] = {
	F_INT(import_line, line, 0, 0, 0),
	F_ENUM(import_line, status, import_row_states, 0),
	F_ENUM(import_line, result, results, 0),
	F_ENUM(import_line, invitation, invitations, 0),
	F_REF(import_line, resource, 0),
	F_JSON(import_line, errors, 0),
	FIELD_END,
};
/* clang-format on */

const struct entity import_entity = {"import", "imp", sizeof(struct import), import_fields};
const struct entity import_line_entity = {"import_row", NULL, sizeof(struct import_line),
                                          import_line_fields};

/* ---- columns ---- */

enum client_column { CL_CODE, CL_ENTITY, CL_NAME, CL_EMAILS, CL_CONTACT_NAME, CL_CONTACT_EMAIL };
enum contact_column { CO_ENTITY, CO_NAME, CO_FIRST, CO_LAST, CO_EMAILS, CO_PHONE, CO_CODES };

static const char *const client_columns[] = {"code",         "entity",        "name", "emails",
                                             "contact_name", "contact_email", NULL};
static const char *const contact_columns[] = {"entity", "name",  "first_name",   "last_name",
                                              "emails", "phone", "client_codes", NULL};

#define CLIENT_EXAMPLE                                                                     \
	"code,entity,name,emails,contact_name,contact_email\r\n"                           \
	"1001,business,Millstone Ltd,office@millstone.example;accounts@millstone.example," \
	"Mia Miller,mia@millstone.example\r\n"
#define CONTACT_EXAMPLE                                                            \
	"entity,name,first_name,last_name,emails,phone,client_codes\r\n"           \
	"individual,Mia Miller,Mia,Miller,mia@millstone.example,+44 20 7946 0000," \
	"1001;1002\r\n"

static bool of_clients(const char *kind)
{
	return strcmp(kind, "clients") == 0;
}

static const char *const *columns_of(const char *kind)
{
	return of_clients(kind) ? client_columns : contact_columns;
}

const char *import_template(const char *kind)
{
	if (strcmp(kind, "clients") == 0)
		return CLIENT_EXAMPLE;
	return strcmp(kind, "contacts") == 0 ? CONTACT_EXAMPLE : NULL;
}

/* ---- the header ---- */

enum { NO_CELL = SHEET_COLUMNS_MAX };

static int column_find(const char *const *columns, const char *name)
{
	for (int i = 0; columns[i] != NULL; i++)
		if (strcasecmp(columns[i], name) == 0)
			return i;
	return -1;
}

/* "/name", with what a JSON Pointer escapes; of a long name the beginning. */
static const char *pointer_to(struct arena *a, const char *column)
{
	struct buf b;

	buf_init(&b, a, 256);
	buf_char(&b, '/');
	for (const char *c = column; *c != '\0' && b.len < 120; c++) {
		if (*c == '~' || *c == '/')
			buf_str(&b, *c == '~' ? "~0" : "~1");
		else
			buf_char(&b, *c);
	}
	return text_utf8_valid(b.data, b.len) ? b.data : "/";
}

static void header_cell(struct import_plan *plan, const char *name, size_t i, struct arena *a,
                        struct err *e)
{
	int column = name == NULL ? -1 : column_find(columns_of(plan->kind), name);

	if (name == NULL || *name == '\0')
		err_fault(e, "/", "unknown_column", "Column %zu has no name that can be read.",
		          i + 1);
	else if (column < 0)
		err_fault(e, pointer_to(a, name), "unknown_column",
		          "There is no such column; the template has all there are.");
	else if (plan->cell[column] != NO_CELL)
		err_fault(e, pointer_to(a, name), "duplicate_column", "The column is there twice.");
	else
		plan->cell[column] = i;
}

int import_header(const char *kind, const struct sheet_row *header, struct arena *a,
                  struct import_plan *plan_r, struct err *e)
{
	const char *const *columns = columns_of(kind);
	struct err faults;

	err_init(&faults, a);
	*plan_r = (struct import_plan){.kind = kind, .width = header->n};
	for (size_t i = 0; i < IMPORT_COLUMNS_MAX; i++)
		plan_r->cell[i] = NO_CELL;
	for (size_t i = 0; i < header->n && i < SHEET_COLUMNS_MAX; i++)
		header_cell(plan_r, header->cells[i], i, a, &faults);
	if (header->n > SHEET_COLUMNS_MAX)
		err_fault(&faults, "/", "unknown_column", "There are %zu columns.", header->n);
	for (size_t i = 0; columns[i] != NULL; i++)
		if (plan_r->cell[i] == NO_CELL)
			err_fault(&faults, pointer_to(a, columns[i]), "missing_column",
			          "The column %s is missing.", columns[i]);
	if (faults.fault_count == 0)
		return 0;
	err_set(e, PROBLEM_csv_header_invalid,
	        "The first line must name these columns, with commas between them.");
	for (unsigned i = 0; i < faults.fault_count; i++)
		err_fault(e, faults.faults[i].pointer, faults.faults[i].code, "%s",
		          faults.faults[i].message);
	return -1;
}

/* ---- a row ---- */

/* One row while it is read. */
struct reading {
	const struct import_plan *plan;
	const struct sheet_row *row;
	struct arena *arena;
	struct err err; /* all faults of the row */
};

/* The cell of a column; NULL when it is empty. */
static const char *cell(struct reading *r, size_t column)
{
	size_t i = r->plan->cell[column];
	const char *text = i < r->row->n ? r->row->cells[i] : "";

	return text == NULL || *text == '\0' ? NULL : text;
}

static void put_cell(struct json_writer *w, const char *name, const char *text)
{
	if (text == NULL)
		return;
	json_key(w, name);
	json_put_text(w, text);
}

/* A list of one, which the field table parts by semicolons. */
static void put_list(struct json_writer *w, const char *name, const char *text)
{
	if (text == NULL)
		return;
	json_key(w, name);
	json_open(w, '[');
	json_put_text(w, text);
	json_close(w, ']');
}

/* Where the table's member stands in the file: the pointer of its column. */
static const char *column_pointer(struct reading *r, const char *pointer,
                                  const char *const (*names)[2])
{
	const char *member = arena_strndup(r->arena, pointer, 1 + strcspn(pointer + 1, "/"));

	for (; (*names)[0] != NULL; names++)
		if (strcmp((*names)[0], member) == 0)
			return (*names)[1];
	return member;
}

/* Read the object by the table of a single call; its faults are told at the columns. */
static void read_object(struct reading *r, const struct buf *object, const struct entity *kind,
                        const char *const (*names)[2], void *entity)
{
	const struct json *body;
	struct err e;

	err_init(&e, r->arena);
	if (json_parse(r->arena, object->data, object->len, &body, &e) < 0)
		err_fault(&r->err, "", "not_allowed", "The row holds what cannot be kept.");
	else
		(void)field_read(kind->fields, body, FIELD_CREATE, entity, NULL, r->arena, &e);
	for (unsigned i = 0; i < e.fault_count; i++)
		err_fault(&r->err, column_pointer(r, e.faults[i].pointer, names), e.faults[i].code,
		          "%s", e.faults[i].message);
}

static void object_begin(struct reading *r, struct buf *b, struct json_writer *w)
{
	buf_init(b, r->arena, 4 * (size_t)SHEET_ROW_MAX + 1024);
	json_start(w, b);
	json_open(w, '{');
}

/* What the file needs more than a single call: without it, a second run would make all twice. */
static void need(struct reading *r, bool there, const char *pointer, const char *why)
{
	if (!there)
		err_fault(&r->err, pointer, "required", "%s", why);
}

static bool at_fault(const struct reading *r, const char *pointer)
{
	for (unsigned i = 0; i < r->err.fault_count; i++)
		if (strcmp(r->err.faults[i].pointer, pointer) == 0)
			return true;
	return false;
}

static void read_cells(struct reading *r)
{
	const char *const *columns = columns_of(r->plan->kind);

	err_init(&r->err, r->arena);
	if (r->row->n != r->plan->width)
		err_fault(&r->err, "", "wrong_column_count",
		          "The row has %zu cells, the header %zu.", r->row->n, r->plan->width);
	for (size_t i = 0; columns[i] != NULL; i++)
		if (r->plan->cell[i] < r->row->n && r->row->cells[r->plan->cell[i]] == NULL)
			err_fault(&r->err, pointer_to(r->arena, columns[i]), "not_utf8",
			          "The cell is not UTF-8: save the file as CSV UTF-8.");
}

/* ---- what is kept of it ---- */

static void put_texts(struct json_writer *w, const char *name, const struct texts *texts)
{
	json_key(w, name);
	json_open(w, '[');
	for (size_t i = 0; i < texts->n; i++)
		json_put_text(w, texts->v[i]);
	json_close(w, ']');
}

static void put_member(struct json_writer *w, const char *name, const char *text)
{
	json_key(w, name);
	json_put_text(w, text);
}

static void put_client(struct json_writer *w, const struct client *c)
{
	put_member(w, "code", c->code);
	json_key(w, "client");
	json_open(w, '{');
	put_member(w, "entity", c->entity);
	put_member(w, "name", c->name);
	put_texts(w, "emails", &c->emails);
	json_close(w, '}');
}

static void put_contact(struct json_writer *w, struct contact *c, struct arena *a)
{
	const char *key = NULL;

	contact_settle_emails(c, c->primary_email != NULL, a);
	if (c->primary_email != NULL)
		(void)email_parse(a, c->primary_email, NULL, &key);
	put_member(w, "email_key", key);
	json_key(w, "contact");
	json_open(w, '{');
	put_member(w, "entity", c->entity);
	put_member(w, "display_name", c->display_name);
	put_member(w, "first_name", c->first_name);
	put_member(w, "last_name", c->last_name);
	put_member(w, "phone", c->phone);
	put_texts(w, "emails", &c->emails);
	json_key(w, "email_keys");
	json_put_raw(w, contact_email_keys(c, a));
	json_close(w, '}');
}

/* ---- clients ---- */

static void read_client(struct reading *r, struct client *c)
{
	static const char *const names[][2] = {{NULL, NULL}};
	struct json_writer w;
	struct buf b;

	object_begin(r, &b, &w);
	put_cell(&w, "code", cell(r, CL_CODE));
	put_cell(&w, "entity", cell(r, CL_ENTITY));
	put_cell(&w, "name", cell(r, CL_NAME));
	put_list(&w, "emails", cell(r, CL_EMAILS));
	json_close(&w, '}');
	read_object(r, &b, &client_entity, names, c);
	if (!at_fault(r, "/code"))
		need(r, c->code != NULL, "/code", "The client needs a code, by which it is found.");
}

static void read_person(struct reading *r, struct contact *c)
{
	static const char *const names[][2] = {{"/display_name", "/contact_name"},
	                                       {"/primary_email", "/contact_email"},
	                                       {NULL, NULL}};
	struct json_writer w;
	struct buf b;

	object_begin(r, &b, &w);
	put_cell(&w, "entity", "individual");
	put_cell(&w, "display_name", cell(r, CL_CONTACT_NAME));
	put_cell(&w, "primary_email", cell(r, CL_CONTACT_EMAIL));
	json_close(&w, '}');
	read_object(r, &b, &contact_entity, names, c);
	if (!at_fault(r, "/contact_email"))
		need(r, c->primary_email != NULL, "/contact_email",
		     "The contact needs an address, by which they are found.");
}

static void client_row(struct reading *r, struct json_writer *w)
{
	struct client client = {0};
	struct contact contact = {0};
	struct texts codes = {.v = &client.code};

	read_client(r, &client);
	put_client(w, &client);
	codes.n = client.code != NULL;
	put_texts(w, "codes", &codes);
	if (cell(r, CL_CONTACT_NAME) == NULL && cell(r, CL_CONTACT_EMAIL) == NULL)
		return;
	read_person(r, &contact);
	put_contact(w, &contact, r->arena);
}

/* ---- contacts ---- */

static void read_contact(struct reading *r, struct contact *c)
{
	static const char *const names[][2] = {{"/display_name", "/name"}, {NULL, NULL}};
	struct json_writer w;
	struct buf b;

	object_begin(r, &b, &w);
	put_cell(&w, "entity", cell(r, CO_ENTITY));
	put_cell(&w, "display_name", cell(r, CO_NAME));
	put_cell(&w, "first_name", cell(r, CO_FIRST));
	put_cell(&w, "last_name", cell(r, CO_LAST));
	put_list(&w, "emails", cell(r, CO_EMAILS));
	put_cell(&w, "phone", cell(r, CO_PHONE));
	json_close(&w, '}');
	read_object(r, &b, &contact_entity, names, c);
	if (!at_fault(r, "/emails"))
		need(r, c->emails.n > 0, "/emails",
		     "The contact needs an address, by which they are found.");
}

static bool is_listed(const struct texts *texts, const char *text)
{
	for (size_t i = 0; i < texts->n; i++)
		if (strcmp(texts->v[i], text) == 0)
			return true;
	return false;
}

/* Codes with semicolons between them. */
static struct texts codes_of(struct reading *r)
{
	enum { CODES_MAX = 100 };
	const char *text = cell(r, CO_CODES), *one;
	struct texts codes = {.v = arena_array(r->arena, const char *, CODES_MAX)};

	for (const char *at = text; at != NULL && *at != '\0'; at += *at == ';') {
		size_t len = strcspn(at, ";");

		one = text_clean(r->arena, arena_strndup(r->arena, at, len));
		at += len;
		if (*one == '\0' || is_listed(&codes, one))
			continue;
		if (codes.n == CODES_MAX) {
			err_fault(&r->err, "/client_codes", "too_long", "At most %d codes.",
			          CODES_MAX);
			break;
		}
		codes.v[codes.n++] = one;
	}
	return codes;
}

static void contact_row(struct reading *r, struct json_writer *w)
{
	struct contact contact = {0};
	struct texts codes;

	read_contact(r, &contact);
	put_contact(w, &contact, r->arena);
	codes = codes_of(r);
	put_texts(w, "codes", &codes);
}

void import_row_write(const struct import_plan *plan, const struct sheet_row *row, struct arena *a,
                      struct json_writer *w)
{
	struct reading r = {.plan = plan, .row = row, .arena = a};

	read_cells(&r);
	json_open(w, '{');
	json_key(w, "line");
	json_put_int(w, row->line);
	if (of_clients(plan->kind))
		client_row(&r, w);
	else
		contact_row(&r, w);
	json_key(w, "faults");
	json_put_faults(w, &r.err);
	json_close(w, '}');
}
