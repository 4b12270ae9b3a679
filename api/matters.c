/* matters.c - sharing matters with a contact while its portal access is switched on. */
#include "matters.h"

#include "sql_matters.h"

static void refuse(struct rq *rq, const struct rows *rows, int i)
{
	const char *pointer = arena_printf(rq->arena, "/matters/%d", i);

	if (!row_bool(rows, i, "open")) {
		err_fault(&rq->err, pointer, "not_found", "There is no such matter.");
	} else if (row_bool(rows, i, "archived")) {
		err_fault(&rq->err, pointer, "client_archived", "The matter's client is archived.");
	} else if (!row_bool(rows, i, "takes_part")) {
		err_set(&rq->err, PROBLEM_not_client_on_matter,
		        "Make the contact a client on each matter first.");
		err_fault(&rq->err, pointer, "not_client_on_matter",
		          "The contact is no client on this matter.");
	}
}

int matters_check(struct rq *rq, const struct ids *matters)
{
	struct rows rows;

	if (matters->n == 0)
		return 0;
	TRY(rq_need(rq, "matters:read"));
	TRY(rq_need(rq, "shares:write"));
	TRY(db_query(&rq->db, &sql_matters_state,
	             ARGS({"matters", arg_ids(rq->arena, matters->v, matters->n)}), &rows));
	for (int i = 0; i < rows.n; i++)
		refuse(rq, &rows, i);
	return rq->err.problem == PROBLEM_NONE ? 0 : -1;
}

int matters_share(struct rq *rq, const struct ids *matters, const struct id *membership)
{
	struct rows made;

	if (matters->n == 0)
		return 0;
	TRY(db_query(&rq->db, &sql_matters_share,
	             ARGS({"matters", arg_ids(rq->arena, matters->v, matters->n)},
	                  {"membership", arg_id(rq->arena, membership)}),
	             &made));
	for (int i = 0; i < made.n; i++)
		TRY(record(rq, "share.created", row_id(&made, i, "id"),
		           row_id(&made, i, "client_id")));
	return 0;
}
