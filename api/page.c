/*
 * page.c - cursor lists: fixed order (created_at, id), a cursor that is sealed to its route and
 * filter.
 *
 * A cursor is base64url(created_at in ms ‖ id ‖ mac), the mac over both and over the route and all
 * other query parameters, so that a cursor of another list or filter is refused and never misread.
 */
#include "auth.h"
#include "crypt.h"
#include "reply.h"
#include "routes.h"

enum {
	LIMIT_DEFAULT = 25,
	LIMIT_MAX = 100,
	CURSOR_PLAIN = 8 + 16,
	CURSOR_SIZE = CURSOR_PLAIN + 16,
	PAGE_BYTES_MAX = 3 * 1024 * 1024, /* less than an answer may have */
	ROW_EXTRA_BYTES = 2 * 1024        /* of member names and the like */
};

struct page {
	int64_t limit;
	const char *after_at;
	const char *after_id;
};

/* Does the parameter choose a part of the list, and not which list it is? */
static bool is_about_the_page(const struct door_header *p)
{
	return strcmp(p->name, "limit") == 0 || strcmp(p->name, "cursor") == 0 ||
	       strcmp(p->name, "wait") == 0 ||
	       (strcmp(p->name, "from") == 0 && strcmp(p->value, "beginning") == 0);
}

/* The mac of a position in this list. */
static void cursor_mac(struct rq *rq, const uint8_t plain[CURSOR_PLAIN], uint8_t mac[HASH_SIZE])
{
	struct buf b;

	buf_init(&b, rq->arena, 64 * 1024);
	buf_add(&b, plain, CURSOR_PLAIN);
	buf_str(&b, rq->route->path);
	for (unsigned i = 0; i < rq->param_count; i++) {
		const struct door_header *p = &rq->params[i];

		if (is_about_the_page(p))
			continue;
		buf_add(&b, p->name, strlen(p->name) + 1);
		buf_add(&b, p->value, strlen(p->value) + 1);
	}
	buf_add(&b, rq->who.firm.b, sizeof(rq->who.firm.b));
	crypt_mac(KEY_CURSOR, b.data, b.len, mac);
}

static const char *cursor_make(struct rq *rq, int64_t at_ms, const struct id *id)
{
	uint8_t bytes[CURSOR_SIZE], mac[HASH_SIZE];

	memcpy(bytes, &at_ms, sizeof(at_ms));
	memcpy(bytes + sizeof(at_ms), id->b, sizeof(id->b));
	cursor_mac(rq, bytes, mac);
	memcpy(bytes + CURSOR_PLAIN, mac, CURSOR_SIZE - CURSOR_PLAIN);
	return crypt_base64(rq->arena, bytes, sizeof(bytes));
}

static int cursor_read(struct rq *rq, const char *text, int64_t *at_ms_r, struct id *id_r)
{
	uint8_t mac[HASH_SIZE];
	const uint8_t *bytes;
	size_t len;
	bool ours;

	ours = crypt_unbase64(rq->arena, text, &bytes, &len) == 0 && len == CURSOR_SIZE;
	if (ours) {
		cursor_mac(rq, bytes, mac);
		ours = crypt_equal(mac, bytes + CURSOR_PLAIN, CURSOR_SIZE - CURSOR_PLAIN);
	}
	if (!ours)
		return err_set(&rq->err, PROBLEM_cursor_invalid,
		               "The cursor belongs to another list or filter; start without one.");
	memcpy(at_ms_r, bytes, sizeof(*at_ms_r));
	memcpy(id_r->b, bytes + sizeof(*at_ms_r), sizeof(id_r->b));
	return 0;
}

int page_limit(struct rq *rq, int64_t *limit_r)
{
	*limit_r = LIMIT_DEFAULT;
	return rq_param_int(rq, "limit", 1, LIMIT_MAX, limit_r);
}

static int page_read(struct rq *rq, struct page *page)
{
	const char *cursor = rq_param(rq, "cursor");
	struct id id = id_none;
	int64_t at_ms = 0;

	*page = (struct page){.after_at = "-infinity",
	                      .after_id = "00000000-0000-0000-0000-000000000000"};
	TRY(page_limit(rq, &page->limit));
	if (cursor == NULL)
		return 0;
	TRY(cursor_read(rq, cursor, &at_ms, &id));
	page->after_at = arg_time(rq->arena, at_ms);
	page->after_id = arg_id(rq->arena, &id);
	return 0;
}

/* Add Link: <…>; rel="next" (RFC 8288): the same query with the next cursor. */
static void link_next(struct rq *rq, const char *next)
{
	struct buf b;

	buf_init(&b, rq->arena, 16 * 1024);
	buf_printf(&b, "<%s?cursor=%s", rq->in->path, next);
	for (const char *at = rq->in->query; at != NULL && *at != '\0';) {
		size_t len = strcspn(at, "&");

		if (len > 0 && strncmp(at, "cursor=", 7) != 0) {
			buf_char(&b, '&');
			buf_add(&b, at, len);
		}
		at += len + (at[len] == '&');
	}
	buf_str(&b, ">; rel=\"next\"");
	if (!b.over)
		reply_header(rq, "link", b.data);
}

/* How many of the rows fit in one page, one at least. JSON makes a text up to twice as long. */
static int rows_fitting(const struct rows *rows, int64_t limit)
{
	size_t bytes = 0;
	int n = 0;

	while (n < rows->n && n < limit) {
		bytes += ROW_EXTRA_BYTES + 2 * row_size(rows, n);
		if (n > 0 && bytes > PAGE_BYTES_MAX)
			break;
		n++;
	}
	return n;
}

int reply_list(struct rq *rq, const struct entity *kind, const struct stmt *stmt,
               const struct arg *args)
{
	const char *next = NULL;
	struct rows rows;
	struct page page;
	struct id last;
	int count;

	TRY(page_read(rq, &page));
	db_bind(&rq->db, "after_at", page.after_at);
	db_bind(&rq->db, "after_id", page.after_id);
	db_bind(&rq->db, "limit", arg_int(rq->arena, page.limit + 1));
	TRY(db_query(&rq->db, stmt, args, &rows));
	TRY(auth_known(rq));
	count = rows_fitting(&rows, page.limit);
	if (rows.n > count) {
		last = row_id(&rows, count - 1, "id");
		next = cursor_make(rq, row_time(&rows, count - 1, "created_at"), &last);
		link_next(rq, next);
	}
	return reply_page(rq, 200, kind, &rows, count, next);
}

int page_place(struct rq *rq, int64_t *place_r)
{
	const char *cursor = rq_param(rq, "cursor");
	struct id none;

	return cursor == NULL ? 0 : cursor_read(rq, cursor, place_r, &none);
}

int reply_from(struct rq *rq, const struct entity *kind, const struct rows *rows, int64_t place)
{
	const char *next = cursor_make(rq, place, &id_none);

	link_next(rq, next);
	return reply_page(rq, 200, kind, rows, rows->n, next);
}
