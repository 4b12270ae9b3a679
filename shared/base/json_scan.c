/* json_scan.c - strict check of JSON text before cJSON, which passes too much, sees it. */
#include "json_scan.h"

#include "base.h"
#include "json.h"
#include "text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* cJSON copies a number into 64 bytes and reads on behind what it cut off. */
enum { NUMBER_MAX = 63 };

struct scan {
	const char *at, *end;
	const char *why;
	int depth;
};

static int scan_value(struct scan *s);

static int refuse(struct scan *s, const char *why)
{
	s->why = why;
	return -1;
}

/* The next character, 0 at the end: a NUL in the text is refused wherever it is met. */
static char peek(const struct scan *s)
{
	return s->at < s->end ? *s->at : '\0';
}

static bool take(struct scan *s, char c)
{
	if (s->at >= s->end || *s->at != c)
		return false;
	s->at++;
	return true;
}

static void skip_space(struct scan *s)
{
	while (s->at < s->end &&
	       (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
		s->at++;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Four hex digits of a \u escape, -1 when they are not there. */
static int scan_hex(struct scan *s)
{
	int value = 0;

	for (int i = 0; i < 4; i++) {
		const char c = peek(s);
		const char lower = (char)(c | 0x20);

		if (is_digit(c))
			value = value * 16 + (c - '0');
		else if (lower >= 'a' && lower <= 'f')
			value = value * 16 + (lower - 'a' + 10);
		else
			return refuse(s, "a \\u escape needs four hexadecimal digits");
		s->at++;
	}
	return value;
}

static int scan_escape(struct scan *s)
{
	const char c = peek(s);
	int unit;

	if (!c || !strchr("\"\\/bfnrtu", c))
		return refuse(s, "unknown escape in a string");
	s->at++;
	if (c != 'u')
		return 0;
	TRY(unit = scan_hex(s));
	if (unit == 0)
		return refuse(s, "U+0000 in a string");
	if (unit >= 0xdc00 && unit <= 0xdfff)
		return refuse(s, "lone surrogate in a string");
	if (unit < 0xd800 || unit > 0xdbff)
		return 0;
	if (!take(s, '\\') || !take(s, 'u'))
		return refuse(s, "lone surrogate in a string");
	TRY(unit = scan_hex(s));
	return unit >= 0xdc00 && unit <= 0xdfff ? 0 : refuse(s, "lone surrogate in a string");
}

static int scan_string(struct scan *s)
{
	s->at++;
	while (!take(s, '"')) {
		if (s->at >= s->end)
			return refuse(s, "a string is not closed");
		if ((unsigned char)*s->at < 0x20)
			return refuse(s, "control character in a string");
		if (*s->at++ == '\\')
			TRY(scan_escape(s));
	}
	return 0;
}

/* A decimal number: its significant digits, and the exponent as if the point stood before them. */
struct decimal {
	char digits[NUMBER_MAX + 1];
	int n;
	long exponent;
};

/* What stands behind the e; one out of range becomes one that no double has. */
static long exponent_of(const char *text)
{
	const long most = 100000;
	const char *e = strpbrk(text, "eE");
	const long exponent = e ? strtol(e + 1, NULL, 10) : 0;

	return exponent > most ? most : exponent < -most ? -most : exponent;
}

static struct decimal decimal_of(const char *text)
{
	struct decimal d = {.n = 0};
	bool point = false;

	for (text += *text == '-'; is_digit(*text) || *text == '.'; text++) {
		const bool significant = *text != '.' && (d.n > 0 || *text != '0');

		if (significant)
			d.digits[d.n++] = *text;
		if (significant && !point)
			d.exponent++;
		else if (!significant && point)
			d.exponent--;
		point = point || *text == '.';
	}
	while (d.n > 0 && d.digits[d.n - 1] == '0')
		d.n--;
	d.exponent = d.n ? d.exponent + exponent_of(text) : 0;
	return d;
}

/* Does a finite double, written with as many digits, give back what was written? */
static bool double_holds(const char *text)
{
	const struct decimal written = decimal_of(text);
	struct decimal held;
	char back[NUMBER_MAX + 16];
	const double value = strtod(text, NULL);

	if (!isfinite(value))
		return false;
	snprintf(back, sizeof(back), "%.*e", written.n > 0 ? written.n - 1 : 0, value);
	held = decimal_of(back);
	return held.n == written.n && held.exponent == written.exponent &&
	       !memcmp(held.digits, written.digits, (size_t)held.n);
}

static bool int64_holds(const char *text)
{
	if (text[strcspn(text, ".eE")])
		return false;
	errno = 0;
	strtoll(text, NULL, 10);
	return errno == 0;
}

/* At least one digit. */
static int scan_digits(struct scan *s)
{
	if (!is_digit(peek(s)))
		return refuse(s, "a number lacks a digit");
	while (is_digit(peek(s)))
		s->at++;
	return 0;
}

static int scan_number(struct scan *s)
{
	const char *start = s->at;
	char text[NUMBER_MAX + 1] = "";

	take(s, '-');
	if (take(s, '0')) {
		if (is_digit(peek(s)))
			return refuse(s, "a number begins with 0");
	} else {
		TRY(scan_digits(s));
	}
	if (take(s, '.'))
		TRY(scan_digits(s));
	if (take(s, 'e') || take(s, 'E')) {
		if (!take(s, '+'))
			take(s, '-');
		TRY(scan_digits(s));
	}
	if (s->at - start > NUMBER_MAX)
		return refuse(s, "a number is too long");
	memcpy(text, start, (size_t)(s->at - start));
	return int64_holds(text) || double_holds(text)
	               ? 0
	               : refuse(s, "a number cannot be kept exactly");
}

static int scan_word(struct scan *s)
{
	static const char *const words[] = {"true", "false", "null"};

	for (size_t i = 0; i < lengthof(words); i++) {
		const size_t len = strlen(words[i]);

		if ((size_t)(s->end - s->at) >= len && !memcmp(s->at, words[i], len)) {
			s->at += len;
			return 0;
		}
	}
	return refuse(s, s->at < s->end ? "no value begins like this" : "it ends too early");
}

/* The items of an array or the members of an object, up to the closing bracket. */
static int scan_items(struct scan *s, char close)
{
	s->at++;
	skip_space(s);
	if (take(s, close))
		return 0;
	do {
		skip_space(s);
		if (close == '}') {
			if (peek(s) != '"')
				return refuse(s, "a member needs a name");
			TRY(scan_string(s));
			skip_space(s);
			if (!take(s, ':'))
				return refuse(s, "a name needs a colon");
		}
		TRY(scan_value(s));
		skip_space(s);
	} while (take(s, ','));
	return take(s, close) ? 0 : refuse(s, "a comma or a closing bracket is missing");
}

static int scan_nested(struct scan *s, char close)
{
	if (++s->depth > JSON_DEPTH_MAX)
		return refuse(s, "too many levels");
	TRY(scan_items(s, close));
	s->depth--;
	return 0;
}

static int scan_value(struct scan *s)
{
	skip_space(s);
	switch (peek(s)) {
	case '{':
		return scan_nested(s, '}');
	case '[':
		return scan_nested(s, ']');
	case '"':
		return scan_string(s);
	case '-':
	case '0' ... '9':
		return scan_number(s);
	default:
		return scan_word(s);
	}
}

const char *json_scan(const char *text, size_t len, size_t *at_r)
{
	struct scan s = {.at = text, .end = text + len};

	*at_r = 0;
	if (!text_utf8_valid(text, len))
		return "it is not UTF-8 without U+0000";
	if (scan_value(&s) == 0) {
		skip_space(&s);
		if (s.at < s.end)
			refuse(&s, "something follows the value");
	}
	*at_r = (size_t)(s.at - text);
	return s.why;
}

const char *json_scan_number(const char **at_r, const char *end, size_t *len_r)
{
	const char *at = *at_r, *start;

	for (; at < end && *at != '-' && !is_digit(*at); at++) {
		if (*at != '"')
			continue;
		for (at++; *at != '"'; at++)
			at += *at == '\\';
	}
	start = at;
	while (at < end && (is_digit(*at) || strchr("+-.eE", *at)))
		at++;
	*at_r = at;
	*len_r = (size_t)(at - start);
	return at > start ? start : NULL;
}
