/* preference.c - which notices the person who is signed in wants by mail.
 *
 * GET,PUT /v1/me/notification_preferences
 */
#include "preference.h"

#include "auth.h"
#include "reply.h"
#include "res.h"
#include "sql_preference.h"

static int preference_load(struct rq *rq, struct preference *p_r)
{
	struct rows rows;

	TRY(db_query(&rq->db, &sql_preference_get, NULL, &rows));
	if (rows.n == 0)
		return err_set(&rq->err, PROBLEM_unauthenticated, "The session has ended.");
	*p_r = (struct preference){0};
	row_read(&rows, 0, preference_columns, p_r, rq->arena);
	return 0;
}

int preference_get(struct rq *rq)
{
	struct preference p;
	struct preference_shown shown;

	TRY(preference_load(rq, &p));
	shown = preference_show(&p, rq->arena);
	return reply_one(rq, &preference_shown_entity, &shown, VERSION_OF_STATE);
}

/* What was sent, and the preferences that it is to become. */
struct preference_change {
	struct preference_in in;
	struct preference *p;
};

static int preference_judge(struct rq *rq, const void *entity)
{
	const struct preference_change *change = entity;

	return preference_take(change->p, &change->in, rq->arena, &rq->err);
}

/* The whole list: what is not in it is as at first. */
int preference_put(struct rq *rq)
{
	static const char *const names[] = {"notification_preferences", NULL};
	struct preference p;
	struct preference_change change = {.p = &p};
	struct preference_shown shown;

	if (change_one(rq, &sql_preference_lock, NULL) < 0)
		return auth_gone(rq);
	TRY(preference_load(rq, &p));
	shown = preference_show(&p, rq->arena);
	TRY(match_state(rq, &preference_shown_entity, &shown));
	TRY(body_read_judged(rq, &preference_in_entity, FIELD_CREATE, &change, NULL,
	                     preference_judge));
	TRY(db_put(&rq->db, &sql_preference_put, preference_columns, &p, NULL, NULL));
	TRY(record_change(rq, preference_event(p.audience), rq->who.membership, id_none, names));
	shown = preference_show(&p, rq->arena);
	return reply_one(rq, &preference_shown_entity, &shown, VERSION_OF_STATE);
}
