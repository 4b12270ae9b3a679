/* fuzz_email.c - addresses and lists of them: what is taken is taken again, as it is, and can be
 * mailed to. */
#include "fuzz.h"

#include "field.h"
#include "mime.h"
#include "text.h"

#include <ctype.h>

void (*const fuzz_start)(void) = NULL;

struct addresses {
	struct texts emails;
};

static const struct field fields[] = {
	F_EMAILS(addresses, emails, 50, FIELD_CREATE | FIELD_REQUIRED),
	FIELD_END,
};

static bool is_ascii(const char *text)
{
	while (*text && (unsigned char)*text < 0x80)
		text++;
	return !*text;
}

static void one(struct fuzz *f, const char *text)
{
	const char *email, *key, *again, *again_key, *of_key;

	if (email_parse(f->arena, text, &email, &key) < 0)
		return;
	FUZZ_HOLDS(strlen(email) <= EMAIL_MAX && text_utf8_valid(email, strlen(email)));
	FUZZ_HOLDS(!strpbrk(email, "\r\n\t ,;:<>()[]\\\"") && !text_has_control(email, false));
	FUZZ_HOLDS(!is_ascii(email) || mime_address_ok(email));
	FUZZ_HOLDS(is_ascii(strchr(email, '@')));
	for (const char *c = key; *c; c++)
		FUZZ_HOLDS(!isupper((unsigned char)*c));
	FUZZ_HOLDS(email_parse(f->arena, email, &again, &again_key) == 0);
	FUZZ_HOLDS(strcmp(again, email) == 0 && strcmp(again_key, key) == 0);
	if (email_parse(f->arena, key, NULL, &of_key) == 0)
		FUZZ_HOLDS(strcmp(of_key, key) == 0);
	else
		FUZZ_HOLDS(!is_ascii(key));
}

/* The text as one item of a list, whose addresses it parts by ';'. */
static void list(struct fuzz *f, const char *text)
{
	struct addresses read = {{0, NULL}};
	const struct json *body;
	struct json_writer w;
	struct err err;
	struct buf b;

	err_init(&err, f->arena);
	buf_init(&b, f->arena, FUZZ_ARENA_MAX);
	json_start(&w, &b);
	json_open(&w, '{');
	json_key(&w, "emails");
	json_open(&w, '[');
	json_put_text(&w, text);
	json_close(&w, ']');
	json_close(&w, '}');
	FUZZ_HOLDS(json_parse(f->arena, b.data, b.len, &body, &err) == 0);
	if (field_read(fields, body, FIELD_CREATE, &read, NULL, f->arena, &err) < 0)
		return;
	for (size_t i = 0; i < read.emails.n; i++) {
		FUZZ_HOLDS(email_parse(f->arena, read.emails.v[i], NULL, NULL) == 0);
		for (size_t j = 0; j < i; j++)
			FUZZ_HOLDS(strcmp(read.emails.v[i], read.emails.v[j]) != 0);
	}
}

void fuzz_one(struct fuzz *f)
{
	const char *text = fuzz_rest(f);

	one(f, text);
	if (text_utf8_valid(text, strlen(text)))
		list(f, text);
}
