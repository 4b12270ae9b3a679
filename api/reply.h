/* reply.h - the answers a handler can end with. Each returns 0, or -1 with the request's err set.
 */
#ifndef PORTICO_REPLY_H
#define PORTICO_REPLY_H

#include "blob.h"
#include "rq.h"

enum { VERSION_OF_STATE = -1 };

/*
 * 200 with the entity. `version` > 0 makes its ETag, VERSION_OF_STATE makes it of what is shown, 0:
 * it has none. If-None-Match then gets 304.
 */
int reply_one(struct rq *rq, const struct entity *kind, const void *entity, int64_t version);

/* match_version() for an entity whose ETag is made of what it shows. */
int match_state(struct rq *rq, const struct entity *kind, const void *entity);

/* As reply_one with another status, such as 202. */
int reply_status(struct rq *rq, int status, const struct entity *kind, const void *entity);

/* 201 with Location `path`/id (NULL: none) and the entity. */
int reply_created(struct rq *rq, const struct entity *kind, const void *entity, int64_t version,
                  const char *path);

/* The entity as JSON text, to be a member of another answer (FIELD_JSON); owned by the request. */
const char *reply_part(struct rq *rq, const struct entity *kind, const void *entity);

/* 204. */
int reply_none(struct rq *rq);

/* 202 without a body: it is queued, or it is not, and nobody is told which. */
int reply_accepted(struct rq *rq);

/* 200 (or `status`) with JSON text of our own making. */
int reply_json(struct rq *rq, int status, const char *json, size_t len);

/* 200 with a text of another type, such as "text/html; charset=utf-8". */
int reply_text(struct rq *rq, const char *type, const char *text, size_t len);

/* A text that is handed out as a file. */
struct download {
	const char *name; /* ASCII, neither quote nor backslash */
	const char *type; /* "text/html; charset=utf-8" */
	const char *text;
};

/* 200 with the text as attachment and its ETag; If-None-Match then gets 304. A browser runs nothing
 * in it. */
int reply_attachment(struct rq *rq, const struct download *file);

/*
 * 200 with {data, next_cursor} and Link: one page of what `stmt` finds. The statement takes
 * :after_at, :after_id and :limit besides `args`, orders by (created_at, id), and its rows have
 * both columns. Reads the parameters limit and cursor; a cursor is bound to the route and to the
 * other parameters, and refused elsewhere.
 */
may_wait int reply_list(struct rq *rq, const struct entity *kind, const struct stmt *stmt,
                        const struct arg *args);

/*
 * For a list that never ends, with places of its own in place of (created_at, id). The parameter
 * limit, and the place of the parameter cursor (*place_r stays when there is none): 0, or -1 with
 * err. Then 200 with the rows; next_cursor, never null, stands for `place`.
 */
int page_limit(struct rq *rq, int64_t *limit_r);
int page_place(struct rq *rq, int64_t *place_r);
int reply_from(struct rq *rq, const struct entity *kind, const struct rows *rows, int64_t place);

/* `status` with {data: […], next_cursor: null} of rows that are at hand. */
int reply_rows(struct rq *rq, int status, const struct entity *kind, const struct rows *rows);

/* 200 with {data: […], next_cursor: null} of the `n` entities that begin at `first`. */
int reply_all(struct rq *rq, const struct entity *kind, const void *first, size_t n);

/* `status` with the first `count` rows and the next page's cursor (NULL: the last page). */
int reply_page(struct rq *rq, int status, const struct entity *kind, const struct rows *rows,
               int count, const char *next);

/* What is sent by the edge: name, type and validators of a document's bytes. */
struct file {
	const char *path; /* in the store, as blob.h gives it */
	const char *name;
	const char *content_type;
	int64_t size;
	const char *sha256_hex;
};

/*
 * Send a document: conditional requests and ranges are judged here (304, 412, 416), the bytes are
 * sent by the edge through X-Accel-Redirect (RFC 9110 13-14, RFC 6266). Always as attachment.
 */
int reply_file(struct rq *rq, const struct file *file);

/* Take the answer back: what follows is a problem, and no header of the answer may go out with it.
 */
void reply_forget(struct rq *rq);

/* Add a header; values are cleaned of what would split them. */
void reply_header(struct rq *rq, const char *name, const char *value);

/* Turn rq->err into a problem (RFC 9457). Used by the dispatcher. */
void reply_problem(struct rq *rq);

#endif
