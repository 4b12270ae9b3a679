/* fuzz_render.c - templates and what fills them: values stay values. */
#include "fuzz.h"

#include "html.h"
#include "render.h"

void (*const fuzz_start)(void) = NULL;

/* No character that means something to HTML, but those of the entities we write. */
static void is_escaped(const char *html)
{
	static const char *const entities[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};

	for (; *html; html++) {
		bool known = *html != '&';

		FUZZ_HOLDS(!strchr("<>\"'", *html) && (unsigned char)*html >= ' ');
		for (size_t i = 0; i < lengthof(entities); i++)
			known |= strncmp(html, entities[i], strlen(entities[i])) == 0;
		FUZZ_HOLDS(known);
	}
}

/* What a template becomes; NULL: refused. */
static const char *filled(struct fuzz *f, const char *source, bool html, const struct json *vars,
                          const struct template_value *values)
{
	static const struct template_file files[] = {{"file", "{{#a}}{{link}}{{/a}}"},
	                                             {NULL, NULL}};
	const struct template_part part = {source, html, 1 << 20, files};

	return template_fill(f->arena, &part, vars, values);
}

static void values(struct fuzz *f, const struct json *vars, const char *value)
{
	const struct template_value extras[] = {{"link", value}, {NULL, NULL}};
	const char *html = filled(f, "{{link}}", true, vars, extras);
	const char *text = filled(f, "{{link}}", false, vars, extras);

	FUZZ_HOLDS(html && text && !strpbrk(text, "\r\n"));
	is_escaped(html);
}

static void mails(struct fuzz *f, const struct json *vars, const char *locale)
{
	static const char *const names[] = {"invitation", "folder_shared", "document_uploaded"};
	static const struct template_value extras[] = {{"link", "https://x.test/"}, {NULL, NULL}};
	struct rendered mail;

	for (size_t i = 0; i < lengthof(names); i++)
		if (render_mail(f->arena, names[i], locale, vars, extras, &mail) == 0)
			FUZZ_HOLDS(!strpbrk(mail.subject, "\r\n"));
}

/* How long the tag is that html_text writes at `html`, 0: it is none of them. */
static size_t own_tag(const char *html)
{
	static const char *const tags[] = {"<p style=\"margin:0 0 16px\">",
	                                   "</p>",
	                                   "<br>",
	                                   "<li>",
	                                   "</li>",
	                                   "<ul style=\"margin:0 0 16px;padding:0 0 0 20px\">",
	                                   "</ul>",
	                                   "</a>"};
	static const char end[] = "\" style=\"color:#1a1a1a\">";
	const char *close;

	for (size_t i = 0; i < lengthof(tags); i++)
		if (strncmp(html, tags[i], strlen(tags[i])) == 0)
			return strlen(tags[i]);
	if (strncmp(html, "<a href=\"http", 13) != 0)
		return 0;
	close = html + 13 + strcspn(html + 13, "\"<> \n");
	return strncmp(close, end, strlen(end)) == 0 ? (size_t)(close - html) + strlen(end) : 0;
}

/* What a firm writes: text in a page, between our own tags. */
static void page(struct fuzz *f, const char *text)
{
	struct buf b;

	buf_init(&b, f->arena, 1 << 20);
	html_text(&b, text);
	FUZZ_HOLDS(!b.over);
	for (const char *at = b.data; *at; at++) {
		size_t len = own_tag(at);

		FUZZ_HOLDS(len > 0 || !strchr("<>\"'", *at));
		at += len > 0 ? len - 1 : 0;
	}
}

/* What is taken can be filled in. */
static void taken(struct fuzz *f, const char *source)
{
	struct texts names;

	if (template_names(f->arena, source, &names) == 0)
		FUZZ_HOLDS(filled(f, source, false, NULL, NULL));
}

void fuzz_one(struct fuzz *f)
{
	const char *locale = fuzz_line(f), *body = fuzz_line(f), *source;
	const struct json *vars;
	struct err err;

	err_init(&err, f->arena);
	render_contrast(locale);
	render_time(f->arena, "en", locale);
	source = fuzz_rest(f);
	page(f, source);
	taken(f, source);
	if (json_parse(f->arena, body, strlen(body), &vars, &err) < 0 ||
	    json_type(vars) != JSON_OBJECT)
		return;
	values(f, vars, locale);
	mails(f, vars, locale);
	if (!strstr(source, "{{>")) /* the files are ours */
		filled(f, source, true, vars, NULL);
}
