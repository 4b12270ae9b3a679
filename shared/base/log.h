/* log.h - structured log lines: one JSON object a line on standard error. */
#ifndef PORTICO_LOG_H
#define PORTICO_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOGL_DEBUG, LOGL_INFO, LOGL_WARN, LOGL_ERROR };

/* One line that is being written; longer ones are cut, stay valid JSON and say `"cut":true`. */
struct log_line {
	enum log_level level;
	size_t len;
	bool cut;
	char text[2048];
};

/* Name the program and the least level that is written ("debug", "info", "warn", "error"). */
void log_open(const char *program, const char *level);

/*
 * log_begin(&l, LOGL_INFO, "request"); log_text(&l, "path", p); log_end(&l);
 * Never give it a secret: passwords, tokens, keys, file names of documents, bodies.
 */
void log_begin(struct log_line *l, enum log_level level, const char *event);
void log_text(struct log_line *l, const char *key, const char *value); /* NULL writes null */
void log_int(struct log_line *l, const char *key, int64_t value);
void log_end(struct log_line *l); /* one write(2) */

/* A whole line with one formatted `detail`. Programs log, library code does not. */
void log_say(enum log_level level, const char *event, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
