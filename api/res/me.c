/* me.c - the person who is signed in.
 *
 * GET,PATCH /v1/me
 */
#include "auth.h"
#include "reply.h"
#include "res.h"
#include "session.h"
#include "signin.h"
#include "sql_me.h"

static int me_load(struct rq *rq, struct me *me_r)
{
	TRY(find_one(rq, &sql_me_get, NULL, &me_entity, me_r));
	me_r->id = membership_id_text(rq, &rq->who.membership, me_r->audience);
	return 0;
}

int me_get(struct rq *rq)
{
	struct me me = {0};

	TRY(me_load(rq, &me));
	return reply_one(rq, &me_entity, &me, me.version);
}

static int me_check(struct rq *rq, const struct me *me)
{
	struct rows rows;

	TRY(db_query(&rq->db, &sql_me_timezone_known, ARGS({"timezone", me->timezone}), &rows));
	if (!row_bool(&rows, 0, "known"))
		return err_fault(&rq->err, "/timezone", "not_allowed",
		                 "A name such as Europe/Berlin is needed.");
	return 0;
}

static const char *me_event(const struct me *me)
{
	return strcmp(me->audience, "staff") == 0 ? "staff.updated" : "portal_access.updated";
}

/* The name shown, phone, locale and time zone; never the sign-in address. */
int me_patch(struct rq *rq)
{
	struct me me = {0};
	uint64_t sent;

	TRY(change_one(rq, &sql_me_lock, NULL));
	TRY(me_load(rq, &me));
	TRY(match_version(rq, me.version));
	TRY(body_read(rq, me_entity.fields, FIELD_PATCH, &me, &sent));
	TRY(me_check(rq, &me));
	TRY(db_put(&rq->db, &sql_me_update, me_entity.fields, &me, NULL, NULL));
	TRY(record_change(rq, me_event(&me), rq->who.membership, id_none,
	                  changed_names(rq, me_entity.fields, sent)));
	TRY(me_load(rq, &me));
	return reply_one(rq, &me_entity, &me, me.version);
}
