/* log.c - structured lines on standard error. */
#include "log.h"

#include "clock.h"
#include "json.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const level_names[] = {"debug", "info", "warn", "error"};

/* What log_end still needs: the mark that something was cut, the bracket, the line feed. */
static const char cut_mark[] = ",\"cut\":true";
enum { RESERVED = sizeof(cut_mark) - 1 + 2 };

static const char *program_name = "portico";
static enum log_level least = LOGL_INFO;

void log_open(const char *program, const char *level)
{
	program_name = program;
	least = LOGL_INFO;
	for (int i = LOGL_DEBUG; i <= LOGL_ERROR; i++)
		if (level && !strcmp(level, level_names[i]))
			least = (enum log_level)i;
}

static bool add(struct log_line *l, const char *bytes, size_t len)
{
	if (l->cut || len > sizeof(l->text) - RESERVED - l->len)
		return false;
	memcpy(l->text + l->len, bytes, len);
	l->len += len;
	return true;
}

/* Open a member whose value is at least `need` bytes; nothing is written when they do not fit. */
static bool add_key(struct log_line *l, const char *key, size_t need)
{
	const size_t key_len = strlen(key);
	const size_t len = key_len + 3 + (l->len > 1);

	if (l->level < least)
		return false;
	if (l->cut || len + need > sizeof(l->text) - RESERVED - l->len) {
		l->cut = true;
		return false;
	}
	if (l->len > 1)
		add(l, ",", 1);
	add(l, "\"", 1);
	add(l, key, key_len);
	return add(l, "\":", 2);
}

void log_begin(struct log_line *l, enum log_level level, const char *event)
{
	char now[TIME_TEXT_SIZE];

	l->level = level;
	l->len = 0;
	l->cut = false;
	if (level < least)
		return;
	add(l, "{", 1);
	time_format(clock_now_ms(), now);
	log_text(l, "time", now);
	log_text(l, "level", level_names[level]);
	log_text(l, "program", program_name);
	log_int(l, "pid", getpid());
	log_text(l, "event", event);
}

void log_text(struct log_line *l, const char *key, const char *value)
{
	char escaped[JSON_ESCAPED_MAX];
	size_t len;

	if (!value) {
		if (add_key(l, key, 4))
			add(l, "null", 4);
		return;
	}
	if (!add_key(l, key, 2))
		return;
	add(l, "\"", 1);
	while ((len = json_escape(&value, escaped)) > 0) {
		if (len + 1 > sizeof(l->text) - RESERVED - l->len) {
			l->text[l->len++] = '"';
			l->cut = true;
			return;
		}
		add(l, escaped, len);
	}
	add(l, "\"", 1);
}

void log_int(struct log_line *l, const char *key, int64_t value)
{
	char text[24];
	const int len = snprintf(text, sizeof(text), "%" PRId64, value);

	if (add_key(l, key, (size_t)len))
		add(l, text, (size_t)len);
}

void log_end(struct log_line *l)
{
	if (l->level < least)
		return;
	if (l->cut) {
		memcpy(l->text + l->len, cut_mark, sizeof(cut_mark) - 1);
		l->len += sizeof(cut_mark) - 1;
	}
	memcpy(l->text + l->len, "}\n", 2);
	l->len += 2;
	if (write(STDERR_FILENO, l->text, l->len) < 0)
		return; /* there is nowhere left to say so */
}

void log_say(enum log_level level, const char *event, const char *fmt, ...)
{
	struct log_line l;
	char detail[sizeof(l.text) / 2];
	va_list ap;

	if (level < least)
		return;
	log_begin(&l, level, event);
	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	log_text(&l, "detail", detail);
	log_end(&l);
}
