/* me.c - the person who is signed in.
 *
 * GET,PATCH /v1/me   GET /v1/me/capabilities
 */
#include "auth.h"
#include "feature.h"
#include "reply.h"
#include "res.h"
#include "session.h"
#include "signin.h"
#include "sql_me.h"
#include "tenant.h"

static int me_load(struct rq *rq, struct me *me_r)
{
	if (find_one(rq, &sql_me_get, NULL, &me_entity, me_r) < 0)
		return auth_gone(rq);
	me_r->id = membership_id_text(rq, &rq->who.membership, me_r->audience);
	return 0;
}

/* S0-26: what the firm has and what the person may do with it. */
int me_capabilities(struct rq *rq)
{
	struct capabilities can;

	if (find_one(rq, &sql_me_capabilities, NULL, &capabilities_entity, &can) < 0)
		return auth_gone(rq);
	return reply_one(rq, &capabilities_entity, &can, VERSION_OF_STATE);
}

int me_get(struct rq *rq)
{
	struct me me = {0};

	TRY(me_load(rq, &me));
	return reply_one(rq, &me_entity, &me, me.version);
}

/* The person as patched, and what was before: what stays need not be looked up. */
struct me_change {
	struct me me;
	const char *locale, *timezone;
};

static int me_judge(struct rq *rq, const void *entity)
{
	const struct me_change *change = entity;

	if (change->me.locale != change->locale)
		tenant_check_locale(&rq->db, change->me.locale, "/locale");
	if (change->me.timezone == change->timezone)
		return 0;
	return tenant_check_timezone(&rq->db, change->me.timezone, "/timezone");
}

static const char *me_event(const struct me *me)
{
	return strcmp(me->audience, "staff") == 0 ? "staff.updated" : "portal_access.updated";
}

/* The name shown, phone, locale and time zone; never the sign-in address. */
int me_patch(struct rq *rq)
{
	struct me_change change = {0};
	struct me *me = &change.me;
	uint64_t sent;

	if (change_one(rq, &sql_me_lock, NULL) < 0)
		return auth_gone(rq);
	TRY(me_load(rq, me));
	TRY(match_version(rq, me->version));
	change.locale = me->locale;
	change.timezone = me->timezone;
	TRY(body_read_judged(rq, &me_entity, FIELD_PATCH, &change, &sent, me_judge));
	TRY(db_put(&rq->db, &sql_me_update, me_entity.fields, me, NULL, NULL));
	TRY(record_change(rq, me_event(me), rq->who.membership, id_none,
	                  changed_names(rq, me_entity.fields, sent)));
	TRY(me_load(rq, me));
	return reply_one(rq, &me_entity, me, me->version);
}
