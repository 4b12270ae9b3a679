/* fuzz_render.c - templates and what fills them: values stay values. */
#include "fuzz.h"

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

static void values(struct fuzz *f, const struct json *vars, const char *value)
{
	const struct render_extra extras[] = {{"link", value}, {NULL, NULL}};
	const char *html = render_text(f->arena, "{{link}}", true, vars, extras);
	const char *text = render_text(f->arena, "{{link}}", false, vars, extras);

	FUZZ_HOLDS(html && text && !strpbrk(text, "\r\n"));
	is_escaped(html);
}

static void mails(struct fuzz *f, const struct json *vars, const char *locale)
{
	static const char *const names[] = {"invitation", "folder_shared", "document_uploaded"};
	static const struct render_extra extras[] = {{"link", "https://x.test/"}, {NULL, NULL}};
	struct rendered mail;

	for (size_t i = 0; i < lengthof(names); i++)
		if (render_mail(f->arena, names[i], locale, vars, extras, &mail) == 0)
			FUZZ_HOLDS(!strpbrk(mail.subject, "\r\n"));
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
	if (json_parse(f->arena, body, strlen(body), &vars, &err) < 0 ||
	    json_type(vars) != JSON_OBJECT)
		return;
	values(f, vars, locale);
	mails(f, vars, locale);
	if (!strstr(source, "{{>")) /* the files are ours */
		render_text(f->arena, source, true, vars, NULL);
}
