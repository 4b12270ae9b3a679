/* render.c - fills mail templates. */
#include "render.h"

#include "templates.h"

#include <stdlib.h>

enum { NAME_MAX_BYTES = 64, DEPTH_MAX = 8 };

struct context {
	struct buf *out;
	const char *source; /* the file that is being rendered, from its start */
	bool html;
	const struct json *scopes[DEPTH_MAX + 1]; /* the innermost is last */
	unsigned depth;
	const struct render_extra *extras;
	bool wrong; /* the template is malformed */
};

/* One {{tag}}: what it is, its name, and where the text before and after it ends and begins. */
struct tag {
	char kind; /* 'v' value, '#', '^', '/', '>' */
	char name[NAME_MAX_BYTES];
	const char *before, *after;
};

static void render_span(struct context *c, const char *from, const char *to);

/* ---- values ---- */

static const char *html_escape(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

static void add_value(struct context *c, const char *value)
{
	for (; value && *value; value++) {
		const char *escaped = c->html ? html_escape(*value) : NULL;

		if (escaped)
			buf_str(c->out, escaped);
		else if ((unsigned char)*value < ' ' || *value == 0x7f)
			buf_char(c->out, ' ');
		else
			buf_char(c->out, *value);
	}
}

static const char *find_extra(const struct context *c, const char *name)
{
	for (const struct render_extra *e = c->extras; e && e->name; e++)
		if (strcmp(e->name, name) == 0)
			return e->value;
	return NULL;
}

static const struct json *find_value(const struct context *c, const char *name)
{
	for (unsigned i = c->depth + 1; i-- > 0;) {
		const struct json *v = json_member(c->scopes[i], name);

		if (v)
			return v;
	}
	return NULL;
}

static const char *find_text(const struct context *c, const char *name)
{
	const struct json *v = find_value(c, name);

	return v ? json_string(v) : find_extra(c, name);
}

/* ---- tags ---- */

static bool alone_on_line(const char *source, const char *open, const char *close)
{
	return (open == source || open[-1] == '\n') && (*close == '\n' || *close == '\0');
}

/* The next tag between `from` and `to`. 1, 0 when there is none, -1 when it is malformed. */
static int next_tag(const char *source, const char *from, const char *to, struct tag *tag_r)
{
	const char *open = strstr(from, "{{"), *name, *close;
	size_t len;

	if (!open || open >= to)
		return 0;
	close = strstr(open, "}}");
	if (!close || close >= to)
		return -1;
	name = open + 2;
	tag_r->kind = strchr("#^/>", *name) ? *name++ : 'v';
	len = (size_t)(close - name);
	if (len == 0 || len >= sizeof(tag_r->name))
		return -1;
	memcpy(tag_r->name, name, len);
	tag_r->name[len] = '\0';
	tag_r->before = open;
	tag_r->after = close + 2;
	if (tag_r->kind != 'v' && alone_on_line(source, open, tag_r->after) && *tag_r->after)
		tag_r->after++;
	return 1;
}

/* The {{/name}} that ends the section opened by `open`; sections nest. */
static int closing_tag(const char *source, const struct tag *open, const char *to,
                       struct tag *close_r)
{
	const char *at = open->after;

	for (int depth = 1; depth > 0; at = close_r->after) {
		if (next_tag(source, at, to, close_r) <= 0)
			return -1;
		if (close_r->kind == '#' || close_r->kind == '^')
			depth++;
		else if (close_r->kind == '/')
			depth--;
	}
	return strcmp(open->name, close_r->name) == 0 ? 0 : -1;
}

static void render_items(struct context *c, const struct json *list, const char *from,
                         const char *to)
{
	if (c->depth == DEPTH_MAX) {
		c->wrong = true;
		return;
	}
	c->depth++;
	for (const struct json *item = json_first(list); item; item = json_next(item)) {
		c->scopes[c->depth] = item;
		render_span(c, from, to);
	}
	c->depth--;
}

static void render_section(struct context *c, const struct tag *open, const struct tag *close)
{
	const struct json *v = find_value(c, open->name);
	const char *text = find_text(c, open->name);
	bool list = v && json_type(v) == JSON_ARRAY;
	bool there = list ? json_count(v) > 0 : text && *text;

	if (open->kind == '^') {
		if (!there)
			render_span(c, open->after, close->before);
	} else if (list) {
		render_items(c, v, open->after, close->before);
	} else if (there) {
		render_span(c, open->after, close->before);
	}
}

static const char *find_file(const char *name)
{
	for (const struct tpl_file *f = tpl_files; f->name; f++)
		if (strcmp(f->name, name) == 0)
			return f->text;
	return NULL;
}

static void render_file(struct context *c, const char *name)
{
	const char *outer = c->source;

	c->source = find_file(name);
	if (c->source)
		render_span(c, c->source, c->source + strlen(c->source));
	else
		c->wrong = true;
	c->source = outer;
}

static void render_span(struct context *c, const char *from, const char *to)
{
	struct tag tag, close;
	int found;

	while ((found = next_tag(c->source, from, to, &tag)) > 0) {
		buf_add(c->out, from, (size_t)(tag.before - from));
		from = tag.after;
		if (tag.kind == 'v') {
			add_value(c, find_text(c, tag.name));
		} else if (tag.kind == '>') {
			render_file(c, tag.name);
		} else if (tag.kind == '/' || closing_tag(c->source, &tag, to, &close) < 0) {
			c->wrong = true;
			return;
		} else {
			render_section(c, &tag, &close);
			from = close.after;
		}
	}
	if (found < 0)
		c->wrong = true;
	buf_add(c->out, from, (size_t)(to - from));
}

const char *render_text(struct arena *a, const char *source, bool html, const struct json *vars,
                        const struct render_extra *extras)
{
	struct context c = {.source = source, .html = html, .scopes = {vars}, .extras = extras};
	struct buf out;

	buf_init(&out, a, RENDER_PART_MAX);
	c.out = &out;
	render_span(&c, source, source + strlen(source));
	return c.wrong || out.over ? NULL : out.data;
}

/* ---- mails ---- */

/* The part `name`.LANG.`type` in the language of `locale`, else in English. */
static const char *find_part(struct arena *a, const char *name, const char *locale,
                             const char *type)
{
	size_t language = locale ? strcspn(locale, "-_") : 0;
	const char *text = NULL;

	if (language)
		text = find_file(arena_printf(a, "%s.%.*s.%s", name, (int)language, locale, type));
	return text ? text : find_file(arena_printf(a, "%s.en.%s", name, type));
}

int render_mail(struct arena *a, const char *name, const char *locale, const struct json *vars,
                const struct render_extra *extras, struct rendered *out_r)
{
	static const char subject[] = "Subject: ";
	const char *text = find_part(a, name, locale, "txt");
	const char *html = find_part(a, name, locale, "html");
	const char *end;

	if (!text || !html)
		return -1;
	text = render_text(a, text, false, vars, extras);
	out_r->html = render_text(a, html, true, vars, extras);
	end = text ? strstr(text, "\n\n") : NULL;
	if (!end || !out_r->html || strncmp(text, subject, strlen(subject)) != 0)
		return -1;
	out_r->subject =
		arena_strndup(a, text + strlen(subject), (size_t)(end - text) - strlen(subject));
	out_r->text = end + 2;
	return 0;
}

static int two_digits(const char *text)
{
	return (text[0] - '0') * 10 + (text[1] - '0');
}

const char *render_time(struct arena *a, const char *locale, const char *local)
{
	static const char shape[] = "dddd-dd-dd dd:dd ";
	static const char *const months[] = {"January",   "February", "March",    "April",
	                                     "May",       "June",     "July",     "August",
	                                     "September", "October",  "November", "December"};
	int month;

	(void)locale; /* English is the only language so far */
	if (!local || strlen(local) <= strlen(shape))
		return NULL;
	for (size_t i = 0; shape[i]; i++)
		if (shape[i] == 'd' ? local[i] < '0' || local[i] > '9' : local[i] != shape[i])
			return NULL;
	month = two_digits(local + 5);
	if (month < 1 || month > 12)
		return NULL;
	return arena_printf(a, "%d %s %.4s, %.5s (%s)", two_digits(local + 8), months[month - 1],
	                    local, local + 11, local + strlen(shape));
}

/* What one channel ("ff") adds to the luminance; v^2.2 is near enough to a polynomial. */
static double channel(const char *hex)
{
	const char digits[3] = {hex[0], hex[1], '\0'};
	double v = (double)strtol(digits, NULL, 16) / 255;

	return v * v * (0.8 + 0.2 * v);
}

const char *render_contrast(const char *color)
{
	if (!color || strlen(color) != 7)
		return "#ffffff";
	/* White and near-black are equally readable at a luminance of about 0.18. */
	return 0.2126 * channel(color + 1) + 0.7152 * channel(color + 3) +
	                               0.0722 * channel(color + 5) >
	                       0.18
	               ? "#1a1a1a"
	               : "#ffffff";
}
