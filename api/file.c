/*
 * file.c - sending a document: conditions and ranges are judged here, the bytes are moved by the
 * edge.
 *
 * The edge's X-Accel-Redirect would answer 412 and 416 by itself, in HTML, so they are answered
 * here.
 */
#include "reply.h"

#include <ctype.h>
#include <stdlib.h>

/* Is the entity tag in this If-Match or If-None-Match list, or is the list "*"? */
static bool tag_listed(const char *list, const char *etag)
{
	return strcmp(list, "*") == 0 || strstr(list, etag) != NULL;
}

/* First and last byte of a single range of `size` bytes. 1 ok, 0 not to be honoured, -1 outside. */
static int range_read(const char *text, int64_t size)
{
	char *end;
	int64_t first, last;

	if (strncmp(text, "bytes=", 6) != 0 || strchr(text, ',') != NULL)
		return 0;
	text += 6;
	if (*text == '-') {
		first = strtoll(text + 1, &end, 10);
		return !isdigit((unsigned char)text[1]) || *end != '\0' ? 0 : first == 0 ? -1 : 1;
	}
	if (!isdigit((unsigned char)*text))
		return 0;
	first = strtoll(text, &end, 10);
	if (*end++ != '-')
		return 0;
	last = *end == '\0' ? size - 1 : strtoll(end, &end, 10);
	if (*end != '\0' || (last < first && first < size))
		return 0;
	return first >= size ? -1 : 1;
}

/* RFC 6266: a plain ASCII name for old readers, the real one in UTF-8. */
static const char *disposition(struct rq *rq, const char *name)
{
	struct buf b;

	buf_init(&b, rq->arena, 4096);
	buf_str(&b, "attachment; filename=\"");
	for (const char *c = name; *c != '\0'; c++) {
		if ((unsigned char)*c >= 0xc0)
			buf_char(&b, '_');
		else if ((unsigned char)*c < 0x80)
			buf_char(&b, strchr("\"\\%;", *c) != NULL ? '_' : *c);
	}
	buf_str(&b, "\"; filename*=UTF-8''");
	for (const char *c = name; *c != '\0'; c++) {
		if (isalnum((unsigned char)*c) || ((unsigned char)*c < 0x80 && strchr("-._~", *c)))
			buf_char(&b, *c);
		else
			buf_printf(&b, "%%%02X", (unsigned char)*c);
	}
	return b.data;
}

static int range_check(struct rq *rq, const struct file *file, const char *etag)
{
	const char *range = rq_header(rq, "range"), *if_range = rq_header(rq, "if-range");

	if (range == NULL || (if_range != NULL && strcmp(if_range, etag) != 0))
		return 0;
	if (range_read(range, file->size) >= 0)
		return 0;
	reply_header(rq, "content-range",
	             arena_printf(rq->arena, "bytes */%lld", (long long)file->size));
	return err_set(&rq->err, PROBLEM_range_not_satisfiable, "The document has %lld bytes.",
	               (long long)file->size);
}

int reply_file(struct rq *rq, const struct file *file)
{
	const char *etag = arena_printf(rq->arena, "\"%s\"", file->sha256_hex);
	const char *match = rq_header(rq, "if-match"), *none = rq_header(rq, "if-none-match");

	reply_header(rq, "etag", etag);
	if (match != NULL && !tag_listed(match, etag))
		return err_set(&rq->err, PROBLEM_version_changed, "The document has changed.");
	reply_header(rq, "cache-control", "private, no-cache");
	if (none != NULL && tag_listed(none, etag)) {
		rq->out->status = 304;
		return 0;
	}
	TRY(range_check(rq, file, etag));
	rq->out->status = 200;
	reply_header(rq, "content-type", file->content_type);
	reply_header(rq, "content-disposition", disposition(rq, file->name));
	reply_header(rq, "x-content-type-options", "nosniff");
	reply_header(rq, "content-security-policy", "sandbox");
	reply_header(rq, "x-accel-redirect", arena_printf(rq->arena, "/_store/%s", file->path));
	return 0;
}
