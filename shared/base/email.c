/* email.c - e-mail addresses: which are taken, the form mail is sent to, the form they match by. */
#include "text.h"

#include <idn2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/*
 * Two addresses that look alike must not be two people, and two that differ only in case must be
 * one (P6, P7). So an address is kept in NFC with its domain in A-labels, and what would let a
 * stranger write another's address in other characters is refused: invisible characters, ones that
 * fold to an ASCII letter, and scripts mixed between two dots (UTS 39, "highly restrictive").
 */

enum { LOCAL_MAX = 64, DOMAIN_MAX = 253, LABEL_MAX = 63, INPUT_MAX = 4 * EMAIL_MAX };

enum {
	LATIN = 1,
	HAN = 2,
	HIRAGANA = 4,
	KATAKANA = 8,
	BOPOMOFO = 16,
	HANGUL = 32,
	OTHER_SCRIPT = 64 /* and above: numbers, not bits */
};

/*
 * Letters' scripts. Those that are not listed live in blocks of 128 of their own, so the block
 * tells them apart: the scripts of India and South-East Asia, for example.
 */
/* clang-format off */
static const struct {
	int32_t first, last;
	int script;
} scripts[] = {
	{ 0x0041, 0x024f, LATIN },
	{ 0x0250, 0x02af, LATIN },
	{ 0x0370, 0x03ff, OTHER_SCRIPT }, /* Greek */
	{ 0x0400, 0x052f, OTHER_SCRIPT + 1 }, /* Cyrillic */
	{ 0x0530, 0x058f, OTHER_SCRIPT + 2 }, /* Armenian */
	{ 0x0590, 0x05ff, OTHER_SCRIPT + 3 }, /* Hebrew */
	{ 0x0600, 0x06ff, OTHER_SCRIPT + 4 }, /* Arabic */
	{ 0x0750, 0x077f, OTHER_SCRIPT + 4 },
	{ 0x0870, 0x08ff, OTHER_SCRIPT + 4 },
	{ 0x0f00, 0x0fff, OTHER_SCRIPT + 5 }, /* Tibetan */
	{ 0x1000, 0x109f, OTHER_SCRIPT + 6 }, /* Myanmar */
	{ 0x10a0, 0x10ff, OTHER_SCRIPT + 7 }, /* Georgian */
	{ 0x1100, 0x11ff, HANGUL },
	{ 0x1200, 0x139f, OTHER_SCRIPT + 8 }, /* Ethiopic */
	{ 0x13a0, 0x13ff, OTHER_SCRIPT + 9 }, /* Cherokee */
	{ 0x1400, 0x167f, OTHER_SCRIPT + 10 }, /* Canadian syllabics */
	{ 0x1800, 0x18af, OTHER_SCRIPT + 11 }, /* Mongolian */
	{ 0x1c80, 0x1c8f, OTHER_SCRIPT + 1 },
	{ 0x1c90, 0x1cbf, OTHER_SCRIPT + 7 },
	{ 0x1e00, 0x1eff, LATIN },
	{ 0x1f00, 0x1fff, OTHER_SCRIPT },
	{ 0x2c60, 0x2c7f, LATIN },
	{ 0x2d00, 0x2d2f, OTHER_SCRIPT + 7 },
	{ 0x2d80, 0x2ddf, OTHER_SCRIPT + 8 },
	{ 0x2e80, 0x3029, HAN },
	{ 0x3040, 0x309f, HIRAGANA },
	{ 0x30a0, 0x30ff, KATAKANA },
	{ 0x3100, 0x312f, BOPOMOFO },
	{ 0x3130, 0x318f, HANGUL },
	{ 0x31a0, 0x31bf, BOPOMOFO },
	{ 0x31f0, 0x31ff, KATAKANA },
	{ 0x3400, 0x9fff, HAN },
	{ 0xa640, 0xa69f, OTHER_SCRIPT + 1 },
	{ 0xa720, 0xa7ff, LATIN },
	{ 0xa960, 0xa97f, HANGUL },
	{ 0xab30, 0xab6f, LATIN },
	{ 0xab70, 0xabbf, OTHER_SCRIPT + 9 },
	{ 0xac00, 0xd7ff, HANGUL },
	{ 0xf900, 0xfaff, HAN },
	{ 0x20000, 0x3ffff, HAN },
};
/* clang-format on */

static bool is_letter(int32_t cp)
{
	const utf8proc_category_t c = utf8proc_category(cp);

	return c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LO;
}

static bool is_mark(int32_t cp)
{
	const utf8proc_category_t c = utf8proc_category(cp);

	return c >= UTF8PROC_CATEGORY_MN && c <= UTF8PROC_CATEGORY_ME;
}

/* The script of a letter, 0 for all else. */
static int script_of(int32_t cp)
{
	if (!is_letter(cp))
		return 0;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++)
		if (cp >= scripts[i].first && cp <= scripts[i].last)
			return scripts[i].script;
	return 0x1000 + cp / 128;
}

static bool may_mix(int set)
{
	return !(set & ~(LATIN | HAN | HIRAGANA | KATAKANA)) ||
	       !(set & ~(LATIN | HAN | BOPOMOFO)) || !(set & ~(LATIN | HAN | HANGUL));
}

/* Does every part between dots keep to one script, or to those that one language mixes? */
static bool scripts_fit(const char *text)
{
	int set = 0, other = 0;
	utf8proc_int32_t cp;

	for (; *text; text += utf8proc_iterate((const uint8_t *)text, -1, &cp)) {
		int script;

		utf8proc_iterate((const uint8_t *)text, -1, &cp);
		script = script_of(cp);
		if (cp == '.')
			set = other = 0;
		else if (script < OTHER_SCRIPT)
			set |= script;
		else if (other && other != script)
			return false;
		else
			other = script;
		if ((other && set) || !may_mix(set))
			return false;
	}
	return true;
}

/* An ASCII character written otherwise: Kelvin sign, full width, ligatures, long s, dotless i. */
static bool is_disguise(int32_t cp)
{
	const utf8proc_option_t how = UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT;
	utf8proc_int32_t parts[32];
	int bound = 0;
	const utf8proc_ssize_t n = utf8proc_decompose_char(cp, parts, 32, how, &bound);

	if (utf8proc_tolower(cp) < 0x80 || utf8proc_toupper(cp) < 0x80)
		return true;
	for (utf8proc_ssize_t i = 0; i < n && i < 32; i++)
		if (parts[i] >= 0x80)
			return false;
	return true;
}

static bool char_fits(int32_t cp)
{
	if (cp < 0x80)
		return cp > ' ' && cp < 0x7f;
	return (is_letter(cp) || is_mark(cp) || utf8proc_category(cp) == UTF8PROC_CATEGORY_ND) &&
	       !utf8proc_get_property(cp)->ignorable && !is_disguise(cp);
}

/* Only characters of which an address may be made: printed ASCII, other letters and digits. */
static bool chars_fit(const char *text)
{
	utf8proc_int32_t cp;

	for (; *text; text += utf8proc_iterate((const uint8_t *)text, -1, &cp)) {
		utf8proc_iterate((const uint8_t *)text, -1, &cp);
		if (!char_fits(cp))
			return false;
	}
	return true;
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Dot-string of RFC 5321 with UTF-8 of RFC 6531. */
static bool local_fits(const char *local)
{
	const size_t len = strlen(local);
	bool dot = true;

	if (!len || len > LOCAL_MAX)
		return false;
	for (const char *c = local; *c; c++) {
		utf8proc_int32_t cp;

		utf8proc_iterate((const uint8_t *)c, -1, &cp);
		if (dot && (*c == '.' || is_mark(cp)))
			return false;
		dot = *c == '.';
		if (!dot && (unsigned char)*c < 0x80 && !is_alnum(*c) &&
		    !strchr("!#$%&'*+-/=?^_`{|}~", *c))
			return false;
	}
	return !dot && scripts_fit(local);
}

/* Letters, digits and inner hyphens, 1 to LABEL_MAX of them; returns its length, 0 when not. */
static size_t label_length(const char *label)
{
	const size_t len = strcspn(label, ".");

	if (!len || len > LABEL_MAX || label[0] == '-' || label[len - 1] == '-')
		return 0;
	for (size_t i = 0; i < len; i++)
		if (!is_alnum(label[i]) && label[i] != '-')
			return 0;
	return len;
}

/* A host name in ASCII: at least two labels, the last of which is no number. */
static bool host_fits(const char *host)
{
	const char *label = host;
	unsigned labels = 0;

	if (strlen(host) > DOMAIN_MAX)
		return false;
	for (;;) {
		const size_t len = label_length(label);

		if (!len)
			return false;
		labels++;
		if (!label[len])
			return labels >= 2 && label[strspn(label, "0123456789")];
		label += len + 1;
	}
}

/* A-labels must be the ones that their own meaning leads to, and mix no scripts either. */
static bool a_labels_fit(const char *host)
{
	char *unicode = NULL, *again = NULL;
	bool fit = idn2_to_unicode_8z8z(host, &unicode, IDN2_NONTRANSITIONAL) == IDN2_OK &&
	           idn2_lookup_u8((const uint8_t *)unicode, (uint8_t **)&again,
	                          IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) == IDN2_OK &&
	           !strcmp(host, again) && chars_fit(unicode) && scripts_fit(unicode);

	idn2_free(unicode);
	idn2_free(again);
	return fit;
}

static char *ascii_lower(char *text)
{
	for (char *c = text; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c | 0x20);
	return text;
}

static bool is_ascii(const char *text)
{
	while (*text && (unsigned char)*text < 0x80)
		text++;
	return !*text;
}

/* The domain in A-labels and lower case, NULL when it is none. */
static const char *domain_parse(struct arena *a, const char *text)
{
	char *lower = ascii_lower(arena_strdup(a, text));
	uint8_t *looked_up = NULL;
	const char *host;

	if (is_ascii(lower) && !strstr(lower, "xn--"))
		return host_fits(lower) ? lower : NULL;
	if (idn2_lookup_u8((const uint8_t *)lower, &looked_up,
	                   IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
		return NULL;
	host = arena_strdup(a, (const char *)looked_up);
	idn2_free(looked_up);
	return host_fits(host) && a_labels_fit(host) ? host : NULL;
}

/* The local part in lower case, through upper case so that both forms of a sigma meet. */
static const char *lower_local(struct arena *a, const char *local)
{
	char *lower = arena_alloc(a, 4 * strlen(local) + 1);
	char *at = lower;
	utf8proc_int32_t cp;

	while (*local) {
		local += utf8proc_iterate((const uint8_t *)local, -1, &cp);
		at += utf8proc_encode_char(utf8proc_tolower(utf8proc_toupper(cp)), (uint8_t *)at);
	}
	return text_clean(a, lower);
}

int email_parse(struct arena *a, const char *text, const char **email_r, const char **key_r)
{
	const char *local, *domain, *at;

	if (!text || strlen(text) > INPUT_MAX || !text_utf8_valid(text, strlen(text)))
		return -1;
	text = text_trim(a, text);
	if (!chars_fit(text))
		return -1;
	text = text_clean(a, text);
	at = strchr(text, '@');
	if (!at || strchr(at + 1, '@'))
		return -1;
	local = arena_strndup(a, text, (size_t)(at - text));
	domain = domain_parse(a, at + 1);
	if (!domain || !local_fits(local) || strlen(local) + 1 + strlen(domain) > EMAIL_MAX)
		return -1;
	if (email_r)
		*email_r = arena_printf(a, "%s@%s", local, domain);
	if (key_r)
		*key_r = arena_printf(a, "%s@%s", lower_local(a, local), domain);
	return 0;
}

const char *email_masked(struct arena *a, const char *email)
{
	const char *at = strchr(email, '@');
	int first = 1;

	while (((unsigned char)email[first] & 0xc0) == 0x80)
		first++;
	return arena_printf(a, "%.*s…%s", first, email, at == NULL ? "" : at);
}
