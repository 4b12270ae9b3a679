/* firm_show.c - a firm as it is shown: its row and what the installation's settings say of it. */
#include "firm_show.h"

#include "crypt.h"
#include "setting.h"
#include "sql_firm_show.h"

int firm_load(struct rq *rq, struct firm *firm_r)
{
	int64_t most = this_worker.conf.max_upload_bytes;

	return find_one(rq, &sql_firm_show_all,
	                ARGS({"public_url", this_worker.conf.public_url},
	                     {"max_upload_bytes", arg_int(rq->arena, most)}),
	                &firm_entity, firm_r);
}

static int not_told(struct rq *rq, const char *slug)
{
	if (slug != NULL)
		return err_set(&rq->err, PROBLEM_not_found, "There is no firm of this name.");
	return err_set(&rq->err, PROBLEM_firm_required,
	               "Several firms are served here: send firm.");
}

/* Its id is what a mailed link tells of it; a slug has no underscore, so it is never taken for one.
 */
static int find_firm(struct rq *rq, const char *named, struct id *firm_r)
{
	struct rows rows;

	if (id_parse(named, "frm", firm_r) == 0)
		return 0;
	TRY(look(rq, NULL, &sql_firm_show_find,
	         ARGS({"slug", named}, {"host", rq_header(rq, "host")}), &rows));
	if (rows.n == 0)
		return not_told(rq, named);
	*firm_r = row_id(&rows, 0, "id");
	return 0;
}

const char *firm_public_json(struct rq *rq, const struct firm_public *firm)
{
	struct json_writer w;
	struct buf b;

	buf_init(&b, rq->arena, 64 * 1024);
	json_start(&w, &b);
	json_open(&w, '{');
	field_write(firm_public_entity.fields, firm, &w);
	json_close(&w, '}');
	return b.data;
}

int firm_load_public(struct rq *rq, const char *named, struct firm_public *firm_r)
{
	struct rows rows;
	struct id firm;

	TRY(find_firm(rq, named, &firm));
	TRY(look(rq, &sql_firm_show_claim, &sql_firm_show_public,
	         ARGS({"firm", arg_id(rq->arena, &firm)},
	              {"public_url", this_worker.conf.public_url},
	              {"password_min", arg_int(rq->arena, PASSWORD_LENGTH_MIN)}),
	         &rows));
	if (rows.n == 0)
		return not_told(rq, named);
	*firm_r = (struct firm_public){0};
	row_read(&rows, 0, firm_public_entity.fields, firm_r, rq->arena);
	return 0;
}
