/* announcement.c - texts with which the firm tells its clients of the portal, to read, to take away
 * and to write anew. They are sent by the firm's own means, so nothing here sends one.
 *
 * GET /v1/templates/announcements   GET,PUT,DELETE /v1/templates/announcements/{key}
 * POST /v1/templates/announcements/{key}/preview
 */
#include "announcement.h"

#include "auth.h"
#include "reply.h"
#include "res.h"
#include "setting.h"
#include "sql_announcement.h"

enum { TEXTS_MAX = 20 };

static int own_load(struct rq *rq, const char *key, struct rows *rows_r)
{
	return db_query(&rq->db, &sql_announcement_own, ARGS({"key", key}), rows_r);
}

/* Put the firm's own text in the place of the shipped one, if it has one. */
static void own_read(struct rq *rq, const struct rows *own, struct announcement *text)
{
	for (int i = 0; i < own->n; i++) {
		if (strcmp(row_text(own, i, "key"), text->key) != 0)
			continue;
		row_read(own, i, announcement_columns, text, rq->arena);
		text->customised = true;
	}
}

int announcement_list(struct rq *rq)
{
	struct announcement *texts = arena_array(rq->arena, struct announcement, TEXTS_MAX);
	struct rows own;
	size_t n = 0;

	TRY(own_load(rq, NULL, &own));
	for (; n < TEXTS_MAX && announcement_shipped(rq->arena, n, &texts[n]); n++)
		own_read(rq, &own, &texts[n]);
	return reply_all(rq, &announcement_entity, texts, n);
}

/* The text of the path: 404 where none of this key is shipped. */
static int text_load(struct rq *rq, struct announcement *text_r)
{
	const char *key = rq_segment(rq, "key");
	struct rows own;

	TRY(own_load(rq, key, &own));
	for (size_t n = 0; announcement_shipped(rq->arena, n, text_r); n++) {
		if (strcmp(text_r->key, key) != 0)
			continue;
		own_read(rq, &own, text_r);
		return 0;
	}
	return err_set(&rq->err, PROBLEM_not_found, "There is nothing here for you.");
}

static int text_fill(struct rq *rq, const struct announcement *text,
                     struct announcement_filled *filled_r)
{
	struct announcement_firm firm;

	TRY(find_one(rq, &sql_announcement_firm, ARGS({"public_url", this_worker.conf.public_url}),
	             &announcement_firm_entity, &firm));
	return announcement_fill(text, &firm, rq->arena, filled_r, &rq->err);
}

/* S0-5: the text as a file, to be pasted into whatever sends the firm's letters. */
static int reply_download(struct rq *rq, const struct announcement *text, const char *format)
{
	struct announcement_filled filled;
	struct download file = {.name = arena_printf(rq->arena, "%s.%s", text->key, format)};

	TRY(text_fill(rq, text, &filled));
	if (strcmp(format, "html") == 0) {
		file.type = "text/html; charset=utf-8";
		file.text = filled.body_html;
	} else {
		file.type = "text/plain; charset=utf-8";
		file.text = arena_printf(rq->arena, "Subject: %s\n\n%s", filled.subject,
		                         filled.body_text);
	}
	return reply_attachment(rq, &file);
}

int announcement_get(struct rq *rq)
{
	static const char *const formats[] = {"txt", "html", NULL};
	struct announcement text;
	const char *format;

	TRY(rq_param_enum(rq, "format", formats, &format));
	TRY(text_load(rq, &text));
	if (format != NULL)
		return reply_download(rq, &text, format);
	return reply_one(rq, &announcement_entity, &text, VERSION_OF_STATE);
}

static int judge(struct rq *rq, const void *entity)
{
	return announcement_check(entity, rq->arena, &rq->err);
}

/* Which of them changed stands in the event and in the audit log. */
static int record_text(struct rq *rq, const char *key)
{
	const char *const names[] = {arena_printf(rq->arena, "announcements/%s", key), NULL};

	TRY(auth_known(rq));
	return record_change(rq, "firm.updated", rq->who.firm, id_none, names);
}

/* The text, held until the commit, when it is the one that If-Match names. */
static int text_take(struct rq *rq, struct announcement *text_r)
{
	TRY(change_one(rq, &sql_announcement_lock, NULL));
	TRY(text_load(rq, text_r));
	return match_state(rq, &announcement_entity, text_r);
}

int announcement_put(struct rq *rq)
{
	struct announcement text;
	struct announcement_in in = {0};

	TRY(text_take(rq, &text));
	TRY(body_read_judged(rq, &announcement_in_entity, FIELD_CREATE, &in, NULL, judge));
	TRY(db_put(&rq->db, &sql_announcement_put, announcement_in_entity.fields, &in,
	           ARGS({"key", text.key}), NULL));
	TRY(record_text(rq, text.key));
	TRY(text_load(rq, &text));
	return reply_one(rq, &announcement_entity, &text, VERSION_OF_STATE);
}

int announcement_delete(struct rq *rq)
{
	struct announcement text;

	TRY(text_take(rq, &text));
	if (!text.customised)
		return reply_none(rq);
	TRY(db_query(&rq->db, &sql_announcement_delete, ARGS({"key", text.key}), NULL));
	TRY(record_text(rq, text.key));
	return reply_none(rq);
}

/* S0-6: what is kept, or what is about to be, with the firm's values; nothing is changed. */
int announcement_preview(struct rq *rq)
{
	struct announcement text;
	struct announcement_in in;
	struct announcement_filled filled;

	TRY(text_load(rq, &text));
	in = (struct announcement_in){text.subject, text.body_text};
	if (rq->in->body_len > 0)
		TRY(body_read_judged(rq, &announcement_in_entity, FIELD_PATCH, &in, NULL, judge));
	text.subject = in.subject;
	text.body_text = in.body_text;
	TRY(text_fill(rq, &text, &filled));
	return reply_one(rq, &announcement_filled_entity, &filled, 0);
}
