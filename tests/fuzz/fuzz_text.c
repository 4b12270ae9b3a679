/* fuzz_text.c - people's text: cleaning it twice is cleaning it once, and file names are harmless.
 */
#include "fuzz.h"

#include "text.h"

#include <limits.h>

void (*const fuzz_start)(void) = NULL;

/* UTF-8 as RFC 3629 has it in its table, without NUL. */
static bool is_utf8(const uint8_t *b, size_t len)
{
	for (size_t i = 0, n; i < len; i += n) {
		n = b[i] < 0x80 ? 1 : b[i] < 0xe0 ? 2 : b[i] < 0xf0 ? 3 : 4;
		if (b[i] == 0 || (b[i] >= 0x80 && b[i] < 0xc2) || b[i] > 0xf4 || i + n > len)
			return false;
		for (size_t k = 1; k < n; k++)
			if ((b[i + k] & 0xc0) != 0x80)
				return false;
		if ((b[i] == 0xe0 && b[i + 1] < 0xa0) || (b[i] == 0xed && b[i + 1] > 0x9f) ||
		    (b[i] == 0xf0 && b[i + 1] < 0x90) || (b[i] == 0xf4 && b[i + 1] > 0x8f))
			return false;
	}
	return true;
}

static void clean(struct fuzz *f, const char *text)
{
	const char *once = text_clean(f->arena, text), *key = text_key(f->arena, text);

	FUZZ_HOLDS(text_utf8_valid(once, strlen(once)) && text_utf8_valid(key, strlen(key)));
	FUZZ_HOLDS(strcmp(text_clean(f->arena, once), once) == 0);
	FUZZ_HOLDS(strcmp(text_key(f->arena, once), key) == 0);
	FUZZ_HOLDS(strcmp(text_key(f->arena, key), key) == 0);
	FUZZ_HOLDS(text_length(once) <= strlen(once));
}

static void trim(struct fuzz *f, const char *text)
{
	const char *once = text_trim(f->arena, text);

	FUZZ_HOLDS(strstr(text, once) && strcmp(text_trim(f->arena, once), once) == 0);
}

static void file_name(struct fuzz *f, const char *text)
{
	const char *name, *again;

	if (file_name_parse(f->arena, text, &name) < 0)
		return;
	FUZZ_HOLDS(*name && strlen(name) <= 255 && !strpbrk(name, "/\\\r\n"));
	FUZZ_HOLDS(strcmp(name, ".") != 0 && strcmp(name, "..") != 0);
	FUZZ_HOLDS(!text_has_control(name, false));
	FUZZ_HOLDS(file_name_parse(f->arena, name, &again) == 0 && strcmp(name, again) == 0);
}

static void distance(const char *a, const char *b)
{
	unsigned d = text_distance(a, b);

	FUZZ_HOLDS(d == text_distance(b, a));
	FUZZ_HOLDS(d == UINT_MAX || (d == 0) == (strcmp(a, b) == 0));
	FUZZ_HOLDS(d == UINT_MAX || d <= strlen(a) + strlen(b));
}

void fuzz_one(struct fuzz *f)
{
	const char *text, *first;

	FUZZ_HOLDS(text_utf8_valid((const char *)f->bytes, f->len) == is_utf8(f->bytes, f->len));
	first = fuzz_line(&(struct fuzz){f->bytes, f->len, f->arena});
	text = fuzz_rest(f);
	distance(first, text);
	text_has_control(text, true);
	file_name(f, text);
	if (!text_utf8_valid(text, strlen(text)))
		return;
	clean(f, text);
	trim(f, text);
}
