/* letter.c - freezes what a mail is made from, and makes it. */
#include "letter.h"

#include "mime.h"
#include "render.h"

#include <stdio.h>

/* ---- freezing ---- */

static void put(struct json_writer *w, const char *name, const char *value)
{
	json_key(w, name);
	json_put_text(w, value ? value : "");
}

/* "folder.shared" -> "folder_shared", the template's name. */
static const char *template_name(struct arena *a, const char *kind)
{
	char *name = arena_strdup(a, kind);

	for (char *c = name; *c; c++)
		if (*c == '.')
			*c = '_';
	return name;
}

/* Where links of mails lead that are about no item; behind a '#' follows a token. */
static const struct path {
	const char *kind, *path;
} paths[] = {
	{"invitation", "/accept#"},           {"staff_invitation", "/accept#"},
	{"address_confirmation", "/accept#"}, {"sign_in", "/m#"},
	{"password_reset", "/reset#"},        {"credential_changed", "/forgot"},
	{"find_portals", "/signin"},          {"portal_address", "/signin"},
	{"access_ending", "/signin"},         {"access_idle", "/signin"},
	{"pending_email_changed", "/signin"}, {"registration_received", "/confirm#"},
	{"registration_pending", "/signin"},  {"registration_verified", "/signin"},
	{"items.shared", "/signin"},
};

/* The link's path: the item that the mail is about, for several folders' documents the sign-in. */
static const char *link_path(struct arena *a, const struct letter_facts *f)
{
	char id[ID_TEXT_SIZE];

	if (f->known && strcmp(f->kind, "registration_received") == 0)
		return "/signin";
	for (size_t i = 0; i < lengthof(paths); i++)
		if (strcmp(f->kind, paths[i].kind) == 0)
			return paths[i].path;
	if (strcmp(f->kind, "document.uploaded") == 0 && f->count > 1) {
		if (!f->one_folder)
			return "/signin";
		id_format(&f->folder, "fol", id);
	} else if (!id_is_none(&f->document)) {
		id_format(&f->document, "doc", id);
	} else {
		id_format(&f->folder, "fol", id);
	}
	return arena_printf(a, "/items/%s", id);
}

/* The link, which names the firm where its base does not and no token will. */
static const char *link_of(struct arena *a, const struct letter_facts *f)
{
	const char *path = link_path(a, f);
	bool named = f->slug && *f->slug && !strpbrk(path, "#?");

	return arena_printf(a, "%s%s%s%s", f->portal, path, named ? "?firm=" : "",
	                    named ? f->slug : "");
}

/* The text of the member, NULL when there is no such member, or no object at all. */
static const char *member_text(const struct json *object, const char *name)
{
	const struct json *v = object ? json_member(object, name) : NULL;

	return v ? json_string(v) : NULL;
}

static const struct json *first(const struct json *list)
{
	return list ? json_first(list) : NULL;
}

static void put_documents(struct json_writer *w, struct arena *a, const struct letter_facts *f)
{
	json_key(w, "documents");
	json_open(w, '[');
	for (const struct json *d = first(f->documents); d; d = json_next(d)) {
		json_open(w, '{');
		put(w, "name", member_text(d, "name"));
		put(w, "folder", member_text(d, "folder"));
		put(w, "by", member_text(d, "by"));
		put(w, "of", member_text(d, "client"));
		put(w, "at", render_time(a, f->locale, member_text(d, "at")));
		json_close(w, '}');
	}
	json_close(w, ']');
}

/* What of a sign-in is another now: one of these is set. */
static void put_about(struct json_writer *w, const char *about)
{
	static const char *const all[] = {"password", "second_factor", "address"};

	for (size_t i = 0; i < lengthof(all); i++)
		put(w, all[i], about && strcmp(about, all[i]) == 0 ? "yes" : "");
}

static void put_help(struct json_writer *w, const struct letter_facts *f)
{
	put(w, "helped", first(f->help) ? "yes" : "");
	json_key(w, "help");
	json_open(w, '[');
	for (const struct json *h = first(f->help); h; h = json_next(h)) {
		json_open(w, '{');
		put(w, "title", member_text(h, "title"));
		put(w, "url", member_text(h, "url"));
		json_close(w, '}');
	}
	json_close(w, ']');
}

/* Where each portal's people sign in: at its own address, or at the installation's by its name. */
static void put_portals(struct json_writer *w, struct arena *a, const struct letter_facts *f)
{
	json_key(w, "portals");
	json_open(w, '[');
	for (const struct json *p = first(f->portals); p; p = json_next(p)) {
		const char *url = member_text(p, "url");

		json_open(w, '{');
		put(w, "name", member_text(p, "name"));
		put(w, "url",
		    url ? arena_printf(a, "%s/signin", url)
		        : arena_printf(a, "%s/signin?firm=%s", f->public_url,
		                       member_text(p, "slug")));
		json_close(w, '}');
	}
	json_close(w, ']');
}

/* The variables of the templates. */
static void put_vars(struct json_writer *w, struct arena *a, const struct letter_facts *f)
{
	int64_t listed = f->documents ? (int64_t)json_count(f->documents) : 0;

	json_key(w, "vars");
	json_open(w, '{');
	put(w, "firm", f->firm);
	put(w, "accent", f->accent);
	put(w, "on_accent", render_contrast(f->accent));
	put(w, "support_email", f->support_email);
	put(w, "to_name", f->to_name);
	put(w, "actor", f->actor);
	put(w, "client", f->client);
	put(w, "item", f->item);
	put(w, "can_upload", f->can_upload ? "yes" : "");
	put(w, "known", f->known ? "yes" : "");
	put(w, "has_credential", f->has_credential ? "yes" : "");
	put(w, "applicant", f->applicant);
	put(w, "applicant_email", f->applicant_email);
	put(w, "expires", render_time(a, f->locale, f->until));
	put(w, "name", member_text(first(f->documents), "name"));
	put(w, "many", f->count > 1 ? "yes" : "");
	put(w, "count", arena_printf(a, "%lld", (long long)f->count));
	put(w, "more",
	    f->count > listed ? arena_printf(a, "%lld", (long long)(f->count - listed)) : "");
	put_about(w, f->about);
	put_documents(w, a, f);
	put_help(w, f);
	put_portals(w, a, f);
	json_close(w, '}');
}

/* What is frozen anew is another mail. */
static const char *message_id(struct arena *a, const struct letter_facts *f)
{
	const char *at = strrchr(f->from_email, '@');
	char id[ID_TEXT_SIZE];

	id_format(&f->envelope, "eml", id);
	return arena_printf(a, "%s%s%s", id,
	                    f->attempt > 1 ? arena_printf(a, ".%d", f->attempt) : "",
	                    at ? at : "@localhost");
}

const char *letter_freeze(struct arena *a, const struct letter_facts *f)
{
	struct json_writer w;
	struct buf b;

	buf_init(&b, a, LETTER_FROZEN_MAX);
	json_start(&w, &b);
	json_open(&w, '{');
	put(&w, "template", template_name(a, f->kind));
	json_key(&w, "version");
	json_put_int(&w, RENDER_VERSION);
	put(&w, "locale", f->locale);
	put(&w, "from", f->from_email);
	put(&w, "to", f->to_email);
	put(&w, "reply_to", f->in_charge);
	put(&w, "message_id", message_id(a, f));
	json_key(&w, "date_ms");
	json_put_int(&w, f->now_ms);
	put(&w, "link", link_of(a, f));
	if (f->one_click) {
		put(&w, "unsubscribe", arena_printf(a, "%s/unsubscribe#", f->portal));
		put(&w, "one_click", arena_printf(a, "%s/unsubscribe/", f->one_click));
	}
	json_key(&w, "named");
	json_put_raw(&w, f->named ? f->named : "[]");
	put_vars(&w, a, f);
	json_close(&w, '}');
	return b.over ? NULL : b.data;
}

/* ---- writing ---- */

/* The whole text as one parsed object, NULL when it is none. */
static const struct json *thaw(struct arena *a, const char *frozen)
{
	const struct json *root;
	struct err err;

	err_init(&err, a);
	if (json_parse(a, frozen, strlen(frozen), &root, &err) < 0 ||
	    json_type(root) != JSON_OBJECT)
		return NULL;
	return root;
}

/* The part of the Message-ID before the '@' as the boundary: never in quoted-printable, since '='
 * is not. */
static const char *boundary(struct arena *a, const char *id)
{
	return arena_printf(a, "=_%.*s", (int)strcspn(id, "@"), id);
}

/* The frozen base of a link with its token behind; NULL when there is no such link. */
static const char *with_token(struct arena *a, const struct json *root, const char *name,
                              const char *token)
{
	const char *base = member_text(root, name);

	return base && token ? arena_printf(a, "%s%s", base, token) : NULL;
}

/* Answers go to whoever is in charge (pitfall 37), else to the firm; NULL: neither can be written
 * to. */
static const char *reply_to(const struct json *root)
{
	const char *in_charge = member_text(root, "reply_to");
	const char *support = member_text(json_member(root, "vars"), "support_email");

	if (mime_address_ok(in_charge))
		return in_charge;
	return mime_address_ok(support) ? support : NULL;
}

static int write_mime(struct arena *a, const struct json *root, const char *one_click,
                      struct letter *out)
{
	const struct json *vars = json_member(root, "vars");
	struct mime_mail mail = {
		.from_email = member_text(root, "from"),
		.from_name = member_text(vars, "firm"),
		.to_email = out->to_email,
		.to_name = member_text(vars, "to_name"),
		.reply_to = reply_to(root),
		.subject = out->subject,
		.message_id = out->message_id,
		.boundary = boundary(a, out->message_id),
		.one_click = one_click,
		.date_ms = out->date_ms,
		.text = out->text,
		.html = out->html,
	};
	struct buf b;

	buf_init(&b, a, LETTER_MAX);
	TRY(mime_write(&mail, &b));
	out->message = b.data;
	out->len = b.len;
	return 0;
}

int letter_write(struct arena *a, const char *frozen, const struct letter_tokens *tokens,
                 struct letter *out_r, const char **why_r)
{
	const struct json *root = thaw(a, frozen);
	struct template_value extras[] = {
		{"link", NULL}, {"unsubscribe", NULL}, {"code", tokens->code}, {NULL, NULL}};
	struct rendered parts;

	*why_r = "what was frozen cannot be read";
	if (!root || !member_text(root, "message_id") || !member_text(root, "template") ||
	    !member_text(root, "link") || !json_member(root, "vars") ||
	    !json_member(root, "date_ms") ||
	    json_integer(json_member(root, "date_ms"), &out_r->date_ms) < 0)
		return -1;
	out_r->to_email = member_text(root, "to");
	out_r->message_id = member_text(root, "message_id");
	extras[0].value = with_token(a, root, "link", tokens->link ? tokens->link : "");
	extras[1].value = with_token(a, root, "unsubscribe", tokens->unsubscribe);
	*why_r = "there is no template for this kind";
	TRY(render_mail(a, member_text(root, "template"), member_text(root, "locale"),
	                json_member(root, "vars"), extras, &parts));
	out_r->subject = parts.subject;
	out_r->text = parts.text;
	out_r->html = parts.html;
	*why_r = "the address is not one that mail can be sent to";
	return write_mime(a, root, with_token(a, root, "one_click", tokens->unsubscribe), out_r);
}
