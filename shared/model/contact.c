/* contact.c - a contact: a person or organisation with addresses; individuals may get portal
 * access. */
#include "contact.h"

#include "base.h"
#include "client.h"
#include "text.h"

enum { OPEN = FIELD_CREATE | FIELD_PATCH, MAY = OPEN | FIELD_NULLABLE };

const char *const portal_states[] = {
	"off",    "not_sent",  "invited", "expired", "pending_verification",
	"active", "suspended", NULL};

/* clang-format off */
static const struct field contact_fields[] = {
	F_ID(contact, id, "con", 0),
	F_ENUM(contact, entity, entity_kinds, OPEN | FIELD_REQUIRED),
	F_TEXT(contact, first_name, 1, 100, MAY),
	F_TEXT(contact, last_name, 1, 100, MAY),
	F_TEXT(contact, display_name, 1, 200, OPEN | FIELD_REQUIRED),
	F_EMAIL(contact, primary_email, MAY),
	F_EMAILS(contact, emails, 20, OPEN),
	F_TEXT(contact, phone, 1, 50, MAY),
	F_REFS(contact, clients, 0),
	F_ENUM(contact, portal_status, portal_states, 0),
	F_BOOL(contact, portal_login_differs, 0),
	F_MAP(contact, custom_fields, 50, OPEN),
	F_OBJECT(contact, external_ref, external_ref_fields, MAY),
	F_TIME(contact, created_at, 0),
	F_TIME(contact, updated_at, 0),
	F_INT(contact, version, 0, 0, FIELD_HIDDEN),
	FIELD_END,
};
/* clang-format on */

const struct entity contact_entity = {"contact", "con", sizeof(struct contact), contact_fields};

static const char *key_of(struct arena *a, const char *email)
{
	const char *key;

	return email_parse(a, email, NULL, &key) == 0 ? key : email;
}

static bool same_email(struct arena *a, const char *one, const char *other)
{
	return strcmp(key_of(a, one), key_of(a, other)) == 0;
}

bool contact_has_email(const struct contact *c, const char *email, struct arena *a)
{
	for (size_t i = 0; i < c->emails.n; i++)
		if (same_email(a, c->emails.v[i], email))
			return true;
	return false;
}

void contact_settle_emails(struct contact *c, bool primary_sent, struct arena *a)
{
	const char **v = arena_array(a, const char *, c->emails.n + 1);
	size_t n = 0;

	if (c->primary_email == NULL ||
	    (!primary_sent && !contact_has_email(c, c->primary_email, a)))
		c->primary_email = c->emails.n > 0 && !primary_sent ? c->emails.v[0] : NULL;
	if (c->primary_email != NULL)
		v[n++] = c->primary_email;
	for (size_t i = 0; i < c->emails.n; i++)
		if (n == 0 || c->primary_email == NULL ||
		    !same_email(a, c->emails.v[i], c->primary_email))
			v[n++] = c->emails.v[i];
	c->emails = (struct texts){.n = n, .v = v};
}

const char *contact_email_keys(const struct contact *c, struct arena *a)
{
	struct json_writer w;
	struct buf b;

	buf_init(&b, a, 64 * 1024);
	json_start(&w, &b);
	json_open(&w, '[');
	for (size_t i = 0; i < c->emails.n; i++)
		json_put_text(&w, key_of(a, c->emails.v[i]));
	json_close(&w, ']');
	return b.data;
}
