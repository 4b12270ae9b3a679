/* firm.c - the firm's settings, and what others may know of the firm.
 *
 * GET,PATCH /v1/firm   GET /v1/public/firm   GET /v1/portal/help
 */
#include "auth.h"
#include "firm_show.h"
#include "reply.h"
#include "res.h"
#include "setting.h"
#include "sql_firm.h"
#include "tenant.h"

#include <strings.h>

int firm_get(struct rq *rq)
{
	struct firm firm = {0};

	TRY(firm_load(rq, &firm));
	return reply_one(rq, &firm_entity, &firm, firm.version);
}

/* The firm as patched, and what it was: a name that stays need not be looked up. */
struct firm_change {
	struct firm firm;
	const char *portal_url, *locale, *timezone, *currency, *sign_in;
	bool require_staff_totp;
};

static int firm_judge(struct rq *rq, const void *entity)
{
	const struct firm_change *change = entity;
	const struct firm *firm = &change->firm;
	struct firm_limits limits = {this_worker.conf.max_upload_bytes};

	firm_check(firm, &limits, rq->arena, &rq->err);
	if (firm->portal_url != change->portal_url)
		firm_check_portal(firm->portal_url, this_worker.conf.public_url, &rq->err);
	if (firm->currency != change->currency)
		tenant_check_currency(firm->currency, "/currency", &rq->err);
	if (firm->locale != change->locale)
		tenant_check_locale(&rq->db, firm->locale, "/locale");
	if (firm->timezone != change->timezone)
		tenant_check_timezone(&rq->db, firm->timezone, "/timezone");
	return 0;
}

/*
 * Another way to sign in shuts nobody out. The staff keep their passwords; a client without one
 * gets one by mail, and a mailed link needs nothing but the mail. So only those are left to whom no
 * mail goes any more: their addresses are to be mended first.
 */
static int keep_a_door(struct rq *rq, const struct firm_change *change)
{
	const char *way = change->firm.sign_in;
	struct rows rows;

	if (strcmp(way, change->sign_in) == 0 || strcmp(way, "both") == 0)
		return 0;
	TRY(db_query(&rq->db, &sql_firm_locked_out, ARGS({"sign_in", way}), &rows));
	if (row_int(&rows, 0, "count") == 0)
		return 0;
	return err_set(&rq->err, PROBLEM_would_lock_out,
	               "Mail to the sign-in addresses of %lld people has bounced, and they would "
	               "have no other way in: give them other addresses first.",
	               (long long)row_int(&rows, 0, "count"));
}

/* Who has no second factor cannot ask others for one: they would be the first to be kept out. */
static int keep_oneself_in(struct rq *rq, const struct firm *firm, bool before)
{
	struct rows rows;

	if (before || !firm->require_staff_totp)
		return 0;
	TRY(db_query(&rq->db, &sql_firm_has_factor, NULL, &rows));
	if (rows.n > 0 && row_bool(&rows, 0, "enabled"))
		return 0;
	return err_set(&rq->err, PROBLEM_would_lock_out,
	               "Set up your own second factor first, with POST /v1/auth/totp.");
}

static bool same_url(const char *one, const char *other)
{
	const char *usual = this_worker.conf.public_url;

	return strcasecmp(one != NULL ? one : usual, other != NULL ? other : usual) == 0;
}

/*
 * Where the firm's links lead, with what opens doors behind them, and whether a password alone
 * opens the staff's: whoever finds a session open, or a key, is not to settle that.
 */
static int may_settle(struct rq *rq, const struct firm_change *change)
{
	const struct firm *firm = &change->firm;

	if (firm->require_staff_totp == change->require_staff_totp &&
	    same_url(firm->portal_url, change->portal_url))
		return 0;
	if (rq->by_key)
		return err_set(&rq->err, PROBLEM_recent_sign_in_required,
		               "portal_url and require_staff_totp are for people who have just "
		               "signed in, not for programs.");
	return auth_recent(rq);
}

static int firm_store(struct rq *rq, const struct firm *firm, uint64_t sent)
{
	bool bytes_sent = field_sent(firm_entity.fields, sent, "max_upload_bytes");
	bool portal_sent = field_sent(firm_entity.fields, sent, "portal_url");

	TRY(db_put(&rq->db, &sql_firm_update, firm_entity.fields, firm,
	           ARGS({"bytes_sent", arg_bool(bytes_sent)},
	                {"portal_sent", arg_bool(portal_sent)},
	                {"public_url", this_worker.conf.public_url}),
	           NULL));
	return record_change(rq, "firm.updated", firm->id, id_none,
	                     changed_names(rq, firm_entity.fields, sent));
}

int firm_patch(struct rq *rq)
{
	struct firm_change change = {0};
	struct firm *firm = &change.firm;
	uint64_t sent;

	TRY(change_one(rq, &sql_firm_lock, NULL));
	TRY(firm_load(rq, firm));
	TRY(match_version(rq, firm->version));
	change.portal_url = firm->portal_url;
	change.locale = firm->locale;
	change.timezone = firm->timezone;
	change.currency = firm->currency;
	change.sign_in = firm->sign_in;
	change.require_staff_totp = firm->require_staff_totp;
	TRY(body_read_judged(rq, &firm_entity, FIELD_PATCH, &change, &sent, firm_judge));
	TRY(may_settle(rq, &change));
	TRY(keep_a_door(rq, &change));
	TRY(keep_oneself_in(rq, firm, change.require_staff_totp));
	TRY(firm_store(rq, firm, sent));
	TRY(firm_load(rq, firm));
	return reply_one(rq, &firm_entity, firm, firm->version);
}

/* The same for everybody who asks, so caches may keep it; a change is seen a minute later. */
int firm_public_get(struct rq *rq)
{
	struct firm_public firm;

	TRY(firm_load_public(rq, rq_param(rq, "firm"), &firm));
	reply_header(rq, "cache-control", "public, max-age=60");
	return reply_one(rq, &firm_public_entity, &firm, VERSION_OF_STATE);
}

int portal_help(struct rq *rq)
{
	struct firm_help help;

	TRY(find_one(rq, &sql_firm_help, NULL, &firm_help_entity, &help));
	return reply_one(rq, &firm_help_entity, &help, VERSION_OF_STATE);
}
