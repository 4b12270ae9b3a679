/* viewers.c - whom what has just been placed is seen by: nobody is to see it by surprise (pitfall
 * P20). */
#include "viewers.h"

#include "auth.h"
#include "sql_viewers.h"

enum { VIEWERS_JSON_MAX = 1024 * 1024 }; /* a thousand with long names */

static void put_contact(struct json_writer *w, const struct rows *rows, int i)
{
	char text[ID_TEXT_SIZE];
	struct id id = row_id(rows, i, "id");

	id_format(&id, "con", text);
	json_open(w, '{');
	json_key(w, "type");
	json_put_text(w, "contact");
	json_key(w, "id");
	json_put_text(w, text);
	json_key(w, "name");
	json_put_text(w, row_text(rows, i, "name"));
	json_close(w, '}');
}

static may_wait int viewers(struct rq *rq, const struct stmt *stmt, const char **json_r)
{
	struct json_writer w;
	struct rows rows;
	struct buf b;

	*json_r = NULL;
	TRY(auth_known(rq));
	if (!rq_may(rq, "shares:read"))
		return 0;
	TRY(db_query(&rq->db, stmt, NULL, &rows));
	buf_init(&b, rq->arena, VIEWERS_JSON_MAX);
	json_start(&w, &b);
	json_open(&w, '[');
	for (int i = 0; i < rows.n; i++)
		put_contact(&w, &rows, i);
	json_close(&w, ']');
	*json_r = b.data;
	return 0;
}

int viewers_of_document(struct rq *rq, const char **json_r)
{
	return viewers(rq, &sql_viewers_document, json_r);
}

int viewers_of_folder(struct rq *rq, const char **json_r)
{
	return viewers(rq, &sql_viewers_folder, json_r);
}
