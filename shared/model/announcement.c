/* announcement.c - texts with which a firm tells its clients of the portal. */
#include "announcement.h"

#include "base.h"
#include "html.h"
#include "template.h"

#include "announcements.h"

/*
 * The longest text of all: 8,000 characters hold 615 times {{firm.name}}, and a name of 200
 * characters that are ampersands in an address becomes 2,000 bytes of HTML: 1.2 MiB.
 */
enum { SUBJECT_MAX = 200, BODY_MAX = 8000, FILLED_MAX = 2 * 1024 * 1024 };

/* All of it to be kept, any of it to be looked at. */
enum { NEED = FIELD_CREATE | FIELD_PATCH | FIELD_REQUIRED };

/* clang-format off */
static const struct shipped {
	const char *key, *about;
} shipped[] = {
	{ "portal_is_new",     "When the portal opens: what it is for, where it is, that an invitation follows." },
	{ "register_yourself", "How a client gets access: by asking for it, where the firm lets people register themselves, else by invitation." },
	{ "working_remotely",  "When clients cannot or should not come to the office: how documents are exchanged without meeting." },
	{ "going_paperless",   "When letters are to become fewer: what comes through the portal from now on, and a question for consent." },
	{ "signing_in_safely", "For whoever has access: where to sign in, what to do when it fails, how to tell a forged message." },
};

static const struct field announcement_fields[] = {
	F_TEXT(announcement, key, 0, 0, 0),
	F_TEXT(announcement, about, 0, 0, 0),
	F_TEXT(announcement, subject, 0, 0, 0),
	F_BODY(announcement, body_text, 0, 0, 0),
	F_BOOL(announcement, customised, 0),
	F_TEXTS(announcement, variables, 0, 0),
	F_TIME(announcement, updated_at, 0),
	FIELD_END,
};

const struct field announcement_columns[] = {
	F_TEXT(announcement, subject, 0, 0, 0),
	F_BODY(announcement, body_text, 0, 0, 0),
	F_TIME(announcement, updated_at, 0),
	FIELD_END,
};

static const struct field in_fields[] = {
	F_TEXT(announcement_in, subject, 1, SUBJECT_MAX, NEED),
	F_BODY(announcement_in, body_text, 1, BODY_MAX, NEED),
	FIELD_END,
};

static const struct field filled_fields[] = {
	F_TEXT(announcement_filled, key, 0, 0, 0),
	F_TEXT(announcement_filled, subject, 0, 0, 0),
	F_BODY(announcement_filled, body_text, 0, 0, 0),
	F_BODY(announcement_filled, body_html, 0, 0, 0),
	FIELD_END,
};

/* All that is not hidden is a variable: firm.name, firm.phone, … */
static const struct field firm_fields[] = {
	F_TEXT(announcement_firm, name, 0, 0, 0),
	F_TEXT(announcement_firm, phone, 0, 0, 0),
	F_TEXT(announcement_firm, support_email, 0, 0, 0),
	F_TEXT(announcement_firm, portal_url, 0, 0, 0),
	F_TEXT(announcement_firm, sign_in_url, 0, 0, 0),
	F_TEXT(announcement_firm, registration_url, 0, 0, 0),
	F_TEXT(announcement_firm, logo_url, 0, 0, 0),
	F_TEXT(announcement_firm, accent_color, 0, 0, FIELD_HIDDEN),
	FIELD_END,
};
/* clang-format on */

const struct entity announcement_entity = {"firm", "frm", sizeof(struct announcement),
                                           announcement_fields};
const struct entity announcement_in_entity = {"firm", "frm", sizeof(struct announcement_in),
                                              in_fields};
const struct entity announcement_filled_entity = {"firm", "frm", sizeof(struct announcement_filled),
                                                  filled_fields};
const struct entity announcement_firm_entity = {"firm", "frm", sizeof(struct announcement_firm),
                                                firm_fields};

/* ---- what is shipped ---- */

static struct texts variable_names(struct arena *a)
{
	struct texts names = {.v = arena_array(a, const char *, lengthof(firm_fields))};

	for (const struct field *f = firm_fields; f->name != NULL; f++)
		if (!(f->flags & FIELD_HIDDEN))
			names.v[names.n++] = arena_printf(a, "firm.%s", f->name);
	return names;
}

bool announcement_shipped(struct arena *a, size_t n, struct announcement *text_r)
{
	static const char start[] = "Subject: ";
	const char *text, *end;

	if (n >= lengthof(shipped))
		return false;
	text = template_file(tpl_files, arena_printf(a, "%s.en.txt", shipped[n].key));
	text += strlen(start);
	end = strstr(text, "\n\n");
	*text_r = (struct announcement){
		.key = shipped[n].key,
		.about = shipped[n].about,
		.subject = arena_strndup(a, text, (size_t)(end - text)),
		.body_text = end + 2,
		.variables = variable_names(a),
		.updated_at = TIME_NULL,
	};
	return true;
}

/* ---- what a firm writes ---- */

static void check_text(const char *pointer, const char *text, struct arena *a, struct err *e)
{
	const struct texts known = variable_names(a);
	struct texts names;

	if (text == NULL)
		return;
	if (template_names(a, text, &names) < 0)
		err_fault(e, pointer, "invalid_template",
		          "Two braces open a tag: {{firm.name}}, or {{#firm.phone}} up to "
		          "{{/firm.phone}}; one of them is not as it should be.");
	for (size_t i = 0; i < names.n; i++) {
		if (texts_hold(&known, names.v[i]))
			continue;
		err_set(e, PROBLEM_unknown_variable, "The variables are listed in variables.");
		err_fault(e, pointer, "unknown_variable", "There is no variable %s.", names.v[i]);
	}
}

int announcement_check(const struct announcement_in *text, struct arena *a, struct err *e)
{
	check_text("/subject", text->subject, a, e);
	check_text("/body_text", text->body_text, a, e);
	return e->fault_count > 0 ? -1 : 0;
}

/* ---- with the firm's values ---- */

static const struct template_value *values_of(const struct announcement_firm *firm, struct arena *a)
{
	struct template_value *values =
		arena_array(a, struct template_value, lengthof(firm_fields));
	size_t n = 0;

	for (const struct field *f = firm_fields; f->name != NULL; f++)
		values[n++] = (struct template_value){arena_printf(a, "firm.%s", f->name),
		                                      field_to_param(f, firm, a)};
	return values;
}

/* The page that mails have too, around the text; NULL: too long. */
static const char *page_of(const struct announcement_filled *text,
                           const struct announcement_firm *firm, struct arena *a)
{
	const struct template_value values[] = {
		{"firm", firm->name},
		{"accent", firm->accent_color},
		{"support_email", firm->support_email},
		{"subject", text->subject},
		{NULL, NULL},
	};
	struct template_part part = {
		.html = true,
		.max = FILLED_MAX,
		.files = tpl_files,
	};
	struct buf b;

	buf_init(&b, a, FILLED_MAX);
	part.source = "{{>top.html}}{{>heading.html}}";
	buf_str(&b, template_fill(a, &part, NULL, values));
	html_text(&b, text->body_text);
	part.source = "{{>bottom.en.html}}";
	buf_str(&b, template_fill(a, &part, NULL, values));
	return b.over ? NULL : b.data;
}

int announcement_fill(const struct announcement *text, const struct announcement_firm *firm,
                      struct arena *a, struct announcement_filled *filled_r, struct err *e)
{
	const struct template_value *values = values_of(firm, a);
	struct template_part part = {.max = FILLED_MAX};

	*filled_r = (struct announcement_filled){.key = text->key};
	part.source = text->subject;
	filled_r->subject = template_fill(a, &part, NULL, values);
	part.source = text->body_text;
	filled_r->body_text = template_fill(a, &part, NULL, values);
	if (filled_r->subject != NULL && filled_r->body_text != NULL)
		filled_r->body_html = page_of(filled_r, firm, a);
	if (filled_r->body_html == NULL)
		return err_internal(e, "the announcement %s cannot be filled", text->key);
	return 0;
}
