/* text.c - UTF-8: is it valid, how long is it, its clean form, its key. */
#include "text.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* The code point at *text_r, which is moved behind it; -1 when it is no UTF-8, 0 at the end. */
static int32_t next_char(const char **text_r)
{
	utf8proc_int32_t cp;
	const utf8proc_ssize_t len = utf8proc_iterate((const uint8_t *)*text_r, -1, &cp);

	if (len < 1)
		return -1;
	if (cp > 0)
		*text_r += len;
	return cp;
}

bool text_utf8_valid(const char *text, size_t len)
{
	size_t at = 0;

	while (at < len) {
		utf8proc_int32_t cp;
		const utf8proc_ssize_t n = utf8proc_iterate((const uint8_t *)text + at,
		                                            (utf8proc_ssize_t)(len - at), &cp);

		if (n < 1 || cp == 0)
			return false;
		at += (size_t)n;
	}
	return true;
}

size_t text_length(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static bool is_separator(int32_t cp)
{
	return cp == 0x2028 || cp == 0x2029;
}

static bool is_control(int32_t cp, bool multiline)
{
	if (multiline && (cp == '\n' || cp == '\t' || is_separator(cp)))
		return false;
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || is_separator(cp) ||
	       (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
}

bool text_has_control(const char *text, bool multiline)
{
	int32_t cp;

	while ((cp = next_char(&text)) != 0)
		if (is_control(cp, multiline))
			return true;
	return false;
}

/* White space, and what pasted text has at its ends without showing it. */
static bool is_space(int32_t cp)
{
	const utf8proc_category_t category = utf8proc_category(cp);

	return (cp >= '\t' && cp <= '\r') || cp == 0x85 || cp == 0x200b || cp == 0x2060 ||
	       cp == 0xfeff || category == UTF8PROC_CATEGORY_ZS || is_separator(cp);
}

/* Where the text without white space at its ends begins, and its length. Valid UTF-8 only. */
static const char *trim(const char *text, size_t *len_r)
{
	const char *start = NULL, *end = text;
	int32_t cp;

	for (const char *at = text; (cp = next_char(&at)) > 0;) {
		if (!is_space(cp)) {
			end = at;
			continue;
		}
		if (end == text)
			start = at;
	}
	if (!start || end == text)
		start = text;
	*len_r = end > start ? (size_t)(end - start) : 0;
	return start;
}

static char *map(struct arena *a, const char *text, utf8proc_option_t options)
{
	size_t len;
	const char *start;
	utf8proc_uint8_t *mapped;
	utf8proc_ssize_t mapped_len;
	char *copy;

	if (!text_utf8_valid(text, strlen(text)))
		return arena_strdup(a, "");
	start = trim(text, &len);
	mapped_len = utf8proc_map((const uint8_t *)start, (utf8proc_ssize_t)len, &mapped,
	                          options | UTF8PROC_STABLE | UTF8PROC_COMPOSE);
	if (mapped_len < 0)
		return arena_strdup(a, "");
	copy = arena_strndup(a, (const char *)mapped, (size_t)mapped_len);
	free(mapped);
	return copy;
}

char *text_trim(struct arena *a, const char *text)
{
	size_t len;
	const char *start = trim(text, &len);

	return arena_strndup(a, start, len);
}

char *text_clean(struct arena *a, const char *text)
{
	return map(a, text, 0);
}

/* Taken apart before it is folded, else marks that fold to letters lose their place (Unicode D145).
 */
char *text_key(struct arena *a, const char *text)
{
	utf8proc_uint8_t *apart = NULL;
	char *key;

	if (!text_utf8_valid(text, strlen(text)))
		return arena_strdup(a, "");
	utf8proc_map((const uint8_t *)text, 0, &apart,
	             UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_DECOMPOSE);
	key = map(a, apart ? (const char *)apart : "", UTF8PROC_CASEFOLD);
	free(apart);
	return key;
}

static bool is_visible(const char *text)
{
	int32_t cp;

	while ((cp = next_char(&text)) > 0)
		if (!is_space(cp) && !utf8proc_get_property(cp)->ignorable)
			return true;
	return false;
}

int file_name_parse(struct arena *a, const char *text, const char **name_r)
{
	const char *name;

	if (!text || !text_utf8_valid(text, strlen(text)))
		return -1;
	name = text_clean(a, text);
	if (strlen(name) > 255 || !is_visible(name) || text_has_control(name, false) ||
	    strpbrk(name, "/\\") || !strcmp(name, ".") || !strcmp(name, ".."))
		return -1;
	*name_r = name;
	return 0;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned text_distance(const char *a, const char *b)
{
	enum { LONGEST = 64 };
	unsigned row[LONGEST + 1];
	const size_t len = strlen(b);

	if (len > LONGEST || strlen(a) > LONGEST)
		return UINT_MAX;
	for (unsigned j = 0; j <= len; j++)
		row[j] = j;
	for (; *a; a++) {
		unsigned diagonal = row[0]++;

		for (size_t j = 1; j <= len; j++) {
			const unsigned replaced = diagonal + (*a != b[j - 1]);

			diagonal = row[j];
			row[j] = least(replaced, least(row[j], row[j - 1]) + 1);
		}
	}
	return row[len];
}
