/* template.c - fills templates, and tells what a template names. */
#include "template.h"

#include "base.h"
#include "html.h"

struct context {
	struct buf *out;
	const char *source; /* the file that is being rendered, from its start */
	bool html;
	const struct json *scopes[TEMPLATE_DEPTH_MAX + 1]; /* the innermost is last */
	unsigned depth;
	const struct template_value *values;
	const struct template_file *files;
	bool wrong; /* the template is malformed */
};

/* One {{tag}}: what it is, its name, and where the text before and after it ends and begins. */
struct tag {
	char kind; /* 'v' value, '#', '^', '/', '>' */
	char name[TEMPLATE_NAME_MAX + 1];
	const char *before, *after;
};

static void fill_span(struct context *c, const char *from, const char *to);

/* ---- values ---- */

static void add_value(struct context *c, const char *value)
{
	for (; value && *value; value++) {
		if ((unsigned char)*value < ' ' || *value == 0x7f)
			buf_char(c->out, ' ');
		else if (c->html)
			html_escape(c->out, value, 1);
		else
			buf_char(c->out, *value);
	}
}

static const char *find_listed(const struct context *c, const char *name)
{
	for (const struct template_value *v = c->values; v && v->name; v++)
		if (strcmp(v->name, name) == 0)
			return v->value;
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

	return v ? json_string(v) : find_listed(c, name);
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
	name += strspn(name, " ");
	len = (size_t)(close - name);
	while (len > 0 && name[len - 1] == ' ')
		len--;
	if (name >= close || len == 0 || len >= sizeof(tag_r->name))
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

static void fill_items(struct context *c, const struct json *list, const char *from, const char *to)
{
	if (c->depth == TEMPLATE_DEPTH_MAX) {
		c->wrong = true;
		return;
	}
	c->depth++;
	for (const struct json *item = json_first(list); item; item = json_next(item)) {
		c->scopes[c->depth] = item;
		fill_span(c, from, to);
	}
	c->depth--;
}

static void fill_section(struct context *c, const struct tag *open, const struct tag *close)
{
	const struct json *v = find_value(c, open->name);
	const char *text = find_text(c, open->name);
	bool list = v && json_type(v) == JSON_ARRAY;
	bool there = list ? json_count(v) > 0 : text && *text;

	if (open->kind == '^') {
		if (!there)
			fill_span(c, open->after, close->before);
	} else if (list) {
		fill_items(c, v, open->after, close->before);
	} else if (there) {
		fill_span(c, open->after, close->before);
	}
}

const char *template_file(const struct template_file *files, const char *name)
{
	for (; files && files->name; files++)
		if (strcmp(files->name, name) == 0)
			return files->text;
	return NULL;
}

static void fill_file(struct context *c, const char *name)
{
	const char *outer = c->source;

	c->source = template_file(c->files, name);
	if (c->source)
		fill_span(c, c->source, c->source + strlen(c->source));
	else
		c->wrong = true;
	c->source = outer;
}

static void fill_span(struct context *c, const char *from, const char *to)
{
	struct tag tag, close;
	int found;

	while ((found = next_tag(c->source, from, to, &tag)) > 0) {
		buf_add(c->out, from, (size_t)(tag.before - from));
		from = tag.after;
		if (tag.kind == 'v') {
			add_value(c, find_text(c, tag.name));
		} else if (tag.kind == '>') {
			fill_file(c, tag.name);
		} else if (tag.kind == '/' || closing_tag(c->source, &tag, to, &close) < 0) {
			c->wrong = true;
			return;
		} else {
			fill_section(c, &tag, &close);
			from = close.after;
		}
	}
	if (found < 0)
		c->wrong = true;
	buf_add(c->out, from, (size_t)(to - from));
}

const char *template_fill(struct arena *a, const struct template_part *t, const struct json *vars,
                          const struct template_value *values)
{
	struct context c = {
		.source = t->source,
		.html = t->html,
		.scopes = {vars},
		.values = values,
		.files = t->files,
	};
	struct buf out;

	buf_init(&out, a, t->max);
	c.out = &out;
	fill_span(&c, t->source, t->source + strlen(t->source));
	return c.wrong || out.over ? NULL : out.data;
}

/* ---- what a template names ---- */

/* Sections that are open, the innermost last. */
struct open_sections {
	char names[TEMPLATE_DEPTH_MAX][TEMPLATE_NAME_MAX + 1];
	size_t n;
};

/* 0, or -1 when the tag does not belong where it is. */
static int nest(struct open_sections *open, const struct tag *tag)
{
	switch (tag->kind) {
	case '#':
	case '^':
		if (open->n == TEMPLATE_DEPTH_MAX)
			return -1;
		memcpy(open->names[open->n++], tag->name, sizeof(tag->name));
		return 0;
	case '/':
		return open->n > 0 && strcmp(open->names[--open->n], tag->name) == 0 ? 0 : -1;
	case '>':
		return -1;
	default:
		return 0;
	}
}

int template_names(struct arena *a, const char *source, struct texts *names_r)
{
	struct open_sections open = {.n = 0};
	const char *at = source, *end = source + strlen(source);
	struct tag tag;
	int found;

	/* the shortest tag has five characters */
	*names_r = (struct texts){.v = arena_array(a, const char *, (end - source) / 5 + 1)};
	while ((found = next_tag(source, at, end, &tag)) > 0) {
		at = tag.after;
		TRY(nest(&open, &tag));
		if (!texts_hold(names_r, tag.name))
			names_r->v[names_r->n++] = arena_strdup(a, tag.name);
	}
	return found == 0 && open.n == 0 ? 0 : -1;
}
