/* reply.c - the answers a handler can end with, and problems (RFC 9457). */
#include "reply.h"

#include "setting.h"

enum { REPLY_MAX = 4 * 1024 * 1024 };

void reply_header(struct rq *rq, const char *name, const char *value)
{
	char *clean = arena_strdup(rq->arena, value);

	for (char *c = clean; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = ' ';
	if (rq->out->header_count < DOOR_HEADERS_MAX)
		rq->out->headers[rq->out->header_count++] = (struct door_header){name, clean};
}

void reply_forget(struct rq *rq)
{
	rq->out->header_count = 0;
}

static void reply_body(struct rq *rq, int status, const char *type, const struct buf *body)
{
	rq->out->status = status;
	rq->out->body = body->data;
	rq->out->body_len = body->len;
	reply_header(rq, "content-type", type);
}

static void write_entity(struct json_writer *w, const struct entity *kind, const void *entity)
{
	json_open(w, '{');
	field_write(kind->fields, entity, w);
	json_close(w, '}');
}

const char *reply_part(struct rq *rq, const struct entity *kind, const void *entity)
{
	struct json_writer w;
	struct buf b;

	buf_init(&b, rq->arena, REPLY_MAX);
	json_start(&w, &b);
	write_entity(&w, kind, entity);
	return b.data;
}

int reply_status(struct rq *rq, int status, const struct entity *kind, const void *entity)
{
	struct json_writer w;
	struct buf body;

	buf_init(&body, rq->arena, REPLY_MAX);
	json_start(&w, &body);
	write_entity(&w, kind, entity);
	if (body.over)
		return err_internal(&rq->err, "reply larger than %d bytes", (int)REPLY_MAX);
	reply_body(rq, status, "application/json", &body);
	return 0;
}

/* Strong ETag of what has no row of its own: what is shown, hashed. */
static const char *text_etag(struct rq *rq, const char *text)
{
	uint8_t hash[HASH_SIZE];

	crypt_sha256(text, strlen(text), hash);
	return arena_printf(rq->arena, "\"%s\"", crypt_hex(rq->arena, hash, 16));
}

static const char *state_etag(struct rq *rq, const struct entity *kind, const void *entity)
{
	return text_etag(rq, reply_part(rq, kind, entity));
}

/* Does If-None-Match name this ETag? Weak comparison, RFC 9110 13.1.2. */
static bool none_match(const struct rq *rq, const char *etag)
{
	const char *seen = rq_header(rq, "if-none-match");

	return seen != NULL && (strcmp(seen, "*") == 0 || strstr(seen, etag) != NULL);
}

static const char *etag_of(struct rq *rq, const struct entity *kind, const void *entity,
                           int64_t version)
{
	return version > 0 ? arena_printf(rq->arena, "\"%lld\"", (long long)version)
	                   : state_etag(rq, kind, entity);
}

static bool reads(const struct rq *rq)
{
	return strcmp(rq->in->method, "GET") == 0 || strcmp(rq->in->method, "HEAD") == 0;
}

int match_state(struct rq *rq, const struct entity *kind, const void *entity)
{
	const char *wanted = rq_header(rq, "if-match"), *etag;

	if (wanted == NULL || strcmp(wanted, "*") == 0)
		return 0;
	etag = state_etag(rq, kind, entity);
	if (strstr(wanted, etag) != NULL)
		return 0;
	reply_header(rq, "etag", etag);
	return err_set(&rq->err, PROBLEM_version_changed,
	               "It has been changed since; read it again and decide anew.");
}

/* Send the ETag; 1: the caller has this state already, and 304 says so. */
static int etag_told(struct rq *rq, const char *etag)
{
	reply_header(rq, "etag", etag);
	if (!reads(rq) || !none_match(rq, etag))
		return 0;
	rq->out->status = 304;
	return 1;
}

int reply_one(struct rq *rq, const struct entity *kind, const void *entity, int64_t version)
{
	if (version != 0 && etag_told(rq, etag_of(rq, kind, entity, version)))
		return 0;
	return reply_status(rq, 200, kind, entity);
}

int reply_created(struct rq *rq, const struct entity *kind, const void *entity, int64_t version,
                  const char *path)
{
	char text[ID_TEXT_SIZE];
	const struct field *id = field_find(kind->fields, "id");

	if (path != NULL) {
		id_format((const struct id *)(const void *)((const char *)entity + id->offset),
		          kind->prefix, text);
		reply_header(rq, "location", arena_printf(rq->arena, "%s/%s", path, text));
	}
	if (version != 0)
		reply_header(rq, "etag", etag_of(rq, kind, entity, version));
	return reply_status(rq, 201, kind, entity);
}

int reply_accepted(struct rq *rq)
{
	rq->out->status = 202;
	rq->out->body_len = 0;
	return 0;
}

int reply_none(struct rq *rq)
{
	rq->out->status = 204;
	rq->out->body_len = 0;
	return 0;
}

int reply_json(struct rq *rq, int status, const char *json, size_t len)
{
	struct buf body = {.data = arena_strndup(rq->arena, json, len), .len = len};

	reply_body(rq, status, "application/json", &body);
	return 0;
}

int reply_text(struct rq *rq, const char *type, const char *text, size_t len)
{
	struct buf body = {.data = arena_strndup(rq->arena, text, len), .len = len};

	reply_body(rq, 200, type, &body);
	return 0;
}

int reply_attachment(struct rq *rq, const struct download *file)
{
	if (etag_told(rq, text_etag(rq, file->text)))
		return 0;
	reply_header(rq, "content-disposition",
	             arena_printf(rq->arena, "attachment; filename=\"%s\"", file->name));
	reply_header(rq, "x-content-type-options", "nosniff");
	reply_header(rq, "content-security-policy", "sandbox");
	return reply_text(rq, file->type, file->text, strlen(file->text));
}

/* {data: […], next_cursor}: the items are written between the two. */
static void list_open(struct rq *rq, struct json_writer *w, struct buf *body)
{
	buf_init(body, rq->arena, REPLY_MAX);
	json_start(w, body);
	json_open(w, '{');
	json_key(w, "data");
	json_open(w, '[');
}

static int list_close(struct rq *rq, int status, struct json_writer *w, const char *next)
{
	json_close(w, ']');
	json_key(w, "next_cursor");
	json_put_text(w, next);
	json_close(w, '}');
	if (w->buf->over)
		return err_internal(&rq->err, "list larger than %d bytes", (int)REPLY_MAX);
	reply_body(rq, status, "application/json", w->buf);
	return 0;
}

int reply_page(struct rq *rq, int status, const struct entity *kind, const struct rows *rows,
               int count, const char *next)
{
	struct json_writer w;
	struct buf body;

	list_open(rq, &w, &body);
	for (int i = 0; i < count; i++) {
		void *entity = arena_alloc(rq->arena, kind->size);

		row_read(rows, i, kind->fields, entity, rq->arena);
		write_entity(&w, kind, entity);
	}
	return list_close(rq, status, &w, next);
}

int reply_all(struct rq *rq, const struct entity *kind, const void *first, size_t n)
{
	struct json_writer w;
	struct buf body;

	list_open(rq, &w, &body);
	for (size_t i = 0; i < n; i++)
		write_entity(&w, kind, (const char *)first + i * kind->size);
	return list_close(rq, 200, &w, NULL);
}

int reply_rows(struct rq *rq, int status, const struct entity *kind, const struct rows *rows)
{
	return reply_page(rq, status, kind, rows, rows->n, NULL);
}

/* ---- problems ---- */

static void write_extras(struct json_writer *w, const struct err *e)
{
	if (e->required != NULL) {
		json_key(w, "required_scopes");
		json_open(w, '[');
		json_put_text(w, e->required);
		json_close(w, ']');
	}
	if (e->retry_after_s > 0) {
		json_key(w, "retry_after");
		json_put_int(w, e->retry_after_s);
	}
	if (e->existing_id != NULL) {
		json_key(w, "existing_id");
		json_put_text(w, e->existing_id);
	}
}

static void problem_headers(struct rq *rq, enum problem p)
{
	const struct err *e = &rq->err;

	if (problem_status(p) == 401)
		reply_header(rq, "www-authenticate", "Bearer");
	if (e->retry_after_s > 0)
		reply_header(rq, "retry-after", arena_printf(rq->arena, "%d", e->retry_after_s));
}

void reply_problem(struct rq *rq)
{
	const struct err *e = &rq->err;
	enum problem p = e->problem == PROBLEM_NONE ? PROBLEM_internal_error : e->problem;
	const char *code = problem_code(p);
	struct json_writer w;
	struct buf body;

	buf_init(&body, rq->arena, REPLY_MAX);
	json_start(&w, &body);
	json_open(&w, '{');
	json_key(&w, "type");
	json_put_text(&w,
	              arena_printf(rq->arena, "%s/problems/%s", this_worker.conf.public_url, code));
	json_key(&w, "title");
	json_put_text(&w, problem_title(p));
	json_key(&w, "status");
	json_put_int(&w, problem_status(p));
	json_key(&w, "code");
	json_put_text(&w, code);
	json_key(&w, "detail");
	json_put_text(&w, e->detail != NULL ? e->detail : problem_title(p));
	json_key(&w, "request_id");
	json_put_text(&w, rq->request_id);
	json_key(&w, "errors");
	json_put_faults(&w, e);
	write_extras(&w, e);
	json_close(&w, '}');
	problem_headers(rq, p);
	reply_body(rq, problem_status(p), "application/problem+json", &body);
}
