/* preference.c - which notices a person wants by mail. */
#include "preference.h"

#include "base.h"

#include <string.h>

enum { NEED = FIELD_CREATE | FIELD_REQUIRED, ITEMS_MAX = 50, JSON_MAX = 16 * 1024 };

static const char *const digests[] = {"instant", "off", NULL};

/* Every kind of mail that is about something and goes to people who can sign in. */
static const struct notice {
	const char *event;
	bool staff, portal;
	bool mandatory; /* nobody gets in without it */
	bool asked; /* mandatory for whoever leads the firm; others have it when they ask for it */
} notices[] = {
	{.event = "invitation", .portal = true, .mandatory = true},
	{.event = "staff_invitation", .staff = true, .mandatory = true},
	{.event = "registration_pending", .staff = true, .asked = true},
	{.event = "folder.shared", .portal = true},
	{.event = "document.shared", .portal = true},
	{.event = "items.shared", .portal = true},
	{.event = "document.uploaded", .staff = true, .portal = true},
};

/* clang-format off */
static const struct field item_fields[] = {
	{ .name = "event", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .min = 1, .max = 100 },
	{ .name = "email", .kind = FIELD_BOOL, .flags = FIELD_REQUIRED },
	FIELD_END,
};

const struct field preference_columns[] = {
	F_TEXT(preference, audience, 0, 0, 0),
	F_BOOL(preference, required, 0),
	F_BOOL(preference, leads, 0),
	F_TEXT(preference, digest, 0, 0, 0),
	F_TEXTS(preference, muted, 0, 0),
	F_TEXTS(preference, wanted, 0, 0),
	FIELD_END,
};

static const struct field shown_fields[] = {
	F_ENUM(preference_shown, digest, digests, 0),
	F_JSON(preference_shown, items, 0),
	F_TEXTS(preference_shown, mandatory, 0, 0),
	FIELD_END,
};

static const struct field unsubscription_fields[] = {
	F_JSON(unsubscription, firm, 0),
	F_TEXT(unsubscription, event, 0, 0, 0),
	F_TEXT(unsubscription, email, 0, 0, 0),
	F_BOOL(unsubscription, wanted, 0),
	F_BOOL(unsubscription, mandatory, 0),
	FIELD_END,
};

static const struct field in_fields[] = {
	F_ENUM(preference_in, digest, digests, NEED),
	F_LIST(preference_in, items, item_fields, ITEMS_MAX, NEED),
	FIELD_END,
};
/* clang-format on */

const struct entity preference_shown_entity = {"staff", "stf", sizeof(struct preference_shown),
                                               shown_fields};
const struct entity preference_in_entity = {"staff", "stf", sizeof(struct preference_in),
                                            in_fields};
const struct entity unsubscription_entity = {"staff", "stf", sizeof(struct unsubscription),
                                             unsubscription_fields};

bool preference_optional(const char *kind)
{
	const char *optional;

	for (size_t n = 0; (optional = preference_optional_nth(n)) != NULL; n++)
		if (strcmp(optional, kind) == 0)
			return true;
	return false;
}

const char *preference_optional_nth(size_t n)
{
	for (size_t i = 0; i < lengthof(notices); i++)
		if (!notices[i].mandatory && !notices[i].asked && n-- == 0)
			return notices[i].event;
	return NULL;
}

const char *preference_purpose(struct arena *a, const char *kind)
{
	return arena_printf(a, "unsubscribe:%s", kind);
}

static bool is_of(const struct notice *n, const struct preference *p)
{
	return strcmp(p->audience, "staff") == 0 ? n->staff : n->portal;
}

static bool is_mandatory(const struct notice *n, const struct preference *p)
{
	return n->mandatory || (n->asked ? p->leads : p->required);
}

static bool is_on(const struct notice *n, const struct preference *p)
{
	return is_mandatory(n, p) ||
	       (n->asked ? texts_hold(&p->wanted, n->event) : !texts_hold(&p->muted, n->event));
}

bool preference_wanted(const struct preference *p, const char *kind)
{
	return strcmp(p->digest, "off") != 0 && !texts_hold(&p->muted, kind);
}

const char *preference_event(const char *audience)
{
	return strcmp(audience, "staff") == 0 ? "staff.updated" : "portal_access.updated";
}

/* The notice of the audience that is called so; NULL: none. */
static const struct notice *find_notice(const struct preference *p, const char *event)
{
	for (size_t i = 0; i < lengthof(notices); i++)
		if (is_of(&notices[i], p) && strcmp(notices[i].event, event) == 0)
			return &notices[i];
	return NULL;
}

static void put_item(struct json_writer *w, const char *event, bool email)
{
	json_open(w, '{');
	json_key(w, "event");
	json_put_text(w, event);
	json_key(w, "email");
	json_put_bool(w, email);
	json_close(w, '}');
}

struct preference_shown preference_show(const struct preference *p, struct arena *a)
{
	struct preference_shown shown = {.digest = p->required ? "instant" : p->digest};
	struct json_writer w;
	struct buf b;

	shown.mandatory.v = arena_array(a, const char *, lengthof(notices));
	buf_init(&b, a, JSON_MAX);
	json_start(&w, &b);
	json_open(&w, '[');
	for (size_t i = 0; i < lengthof(notices); i++) {
		const struct notice *n = &notices[i];

		if (!is_of(n, p))
			continue;
		put_item(&w, n->event, is_on(n, p));
		if (is_mandatory(n, p))
			shown.mandatory.v[shown.mandatory.n++] = n->event;
	}
	json_close(&w, ']');
	shown.items = b.data;
	return shown;
}

/* What is judged: the list as sent, the events named so far. */
struct taking {
	struct preference *p;
	struct texts named;
	struct arena *arena;
	struct err *err;
};

static void take_item(struct taking *t, const struct json *item, size_t index)
{
	const char *event = json_string(json_member(item, "event"));
	bool wanted = json_bool(json_member(item, "email"));
	const struct notice *n = find_notice(t->p, event);
	const char *at = arena_printf(t->arena, "/items/%zu", index);

	if (n == NULL)
		err_fault(t->err, arena_printf(t->arena, "%s/event", at), "unknown_event",
		          "You get no such notices.");
	else if (texts_hold(&t->named, n->event))
		err_fault(t->err, arena_printf(t->arena, "%s/event", at), "duplicate",
		          "It is in the list already.");
	else if (!wanted && is_mandatory(n, t->p))
		err_fault(t->err, arena_printf(t->arena, "%s/email", at), "mandatory",
		          "This mail cannot be switched off.");
	if (n == NULL)
		return;
	t->named.v[t->named.n++] = n->event;
	if (n->asked && wanted)
		t->p->wanted.v[t->p->wanted.n++] = n->event;
	else if (!n->asked && !wanted)
		t->p->muted.v[t->p->muted.n++] = n->event;
}

/* An unknown event is a problem of its own when nothing else was wrong before. */
static void name_problem(const struct taking *t, const struct json *list)
{
	for (const struct json *i = json_first(list); i != NULL; i = json_next(i))
		if (find_notice(t->p, json_string(json_member(i, "event"))) == NULL)
			err_set(t->err, PROBLEM_unknown_event, "You get no notices of some event.");
}

int preference_take(struct preference *p, const struct preference_in *in, struct arena *a,
                    struct err *e)
{
	struct taking t = {.p = p, .arena = a, .err = e};
	const struct json *list;
	size_t index = 0;

	if (in->digest != NULL && strcmp(in->digest, "off") == 0 && p->required)
		err_fault(e, "/digest", "mandatory", "The firm wants its people told by mail.");
	if (in->items == NULL)
		return e->fault_count > 0 ? -1 : 0;
	TRY(json_parse(a, in->items, strlen(in->items), &list, e));
	t.named.v = arena_array(a, const char *, ITEMS_MAX);
	p->muted = (struct texts){.v = arena_array(a, const char *, ITEMS_MAX)};
	p->wanted = (struct texts){.v = arena_array(a, const char *, ITEMS_MAX)};
	p->digest = in->digest;
	name_problem(&t, list);
	for (const struct json *i = json_first(list); i != NULL; i = json_next(i))
		take_item(&t, i, index++);
	return e->fault_count > 0 ? -1 : 0;
}
