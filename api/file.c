/*
 * file.c - sending a document: conditions and ranges are judged here, the bytes are moved by the
 * edge.
 *
 * The edge's X-Accel-Redirect would answer 412 and 416 by itself, in HTML, so they are answered
 * here.
 */
#include "reply.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

/* Is the entity tag in this If-Match or If-None-Match list, or is the list "*"? */
static bool tag_listed(const char *list, const char *etag)
{
	return strcmp(list, "*") == 0 || strstr(list, etag) != NULL;
}

static int number_read(const char **at, int64_t *n_r)
{
	char *end;

	if (!isdigit((unsigned char)**at))
		return -1;
	errno = 0;
	*n_r = strtoll(*at, &end, 10);
	*at = end;
	return errno == 0 ? 0 : -1;
}

/* One range, and move behind it. 1: some of `size` bytes are in it, 0: none, -1: it is no range. */
static int range_one(const char **at, int64_t size)
{
	int64_t first, last;
	bool of_end = **at == '-';

	*at += of_end;
	TRY(number_read(at, &first));
	if (of_end)
		return first > 0;
	if (**at != '-')
		return -1;
	++*at;
	if (isdigit((unsigned char)**at) && (number_read(at, &last) < 0 || last < first))
		return -1;
	return first < size;
}

/*
 * 0 when the edge can be left to it, -1 when it would refuse: no range fits, or one is malformed.
 * Units other than bytes are no business of ours (RFC 9110 14.2).
 */
static int range_read(const char *text, int64_t size)
{
	bool fits = false;
	int one;

	if (strncasecmp(text, "bytes=", 6) != 0)
		return 0;
	for (text += 6;; text++) {
		text += strspn(text, " ");
		one = range_one(&text, size);
		fits |= one > 0;
		text += strspn(text, " ");
		if (one < 0 || (*text != ',' && *text != '\0'))
			return -1;
		if (*text == '\0')
			return fits ? 0 : -1;
	}
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
	if (range_read(range, file->size) == 0)
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
