/* access.c - a contact's access to the portal: off, on, and what stands in the way.
 *
 * GET,PUT,PATCH,DELETE /v1/contacts/{contact_id}/portal_access
 * POST /v1/contacts/{contact_id}/portal_access/reissue   POST …/suspend   POST …/resume
 */
#include "auth.h"
#include "feature.h"
#include "invite.h"
#include "matters.h"
#include "reply.h"
#include "res.h"
#include "share.h"
#include "sql_access.h"

/* The state of a candidate as staff see it, with every reason against it (S0-10, S0-12). */
static int access_read(struct rq *rq, const struct candidate *c, struct access *access)
{
	struct invitation invitation;
	struct id last;
	struct rows rows;

	*access = (struct access){.contact_id = c->contact.id};
	TRY(auth_known(rq));
	TRY(db_query(&rq->db, &sql_access_get,
	             ARGS({"matters", arg_bool(rq_may(rq, "matters:read"))}), &rows));
	if (rows.n == 0) /* archived since the candidate was read */
		return err_set(&rq->err, PROBLEM_not_found, "There is nothing here for you.");
	row_read(&rows, 0, access_entity.fields, access, rq->arena);
	TRY(candidate_reasons(rq, c, NULL, &access->ineligible_reasons));
	access->eligible = access->ineligible_reasons.n == 0;
	last = row_id(&rows, 0, "invitation_id");
	if (id_is_none(&last))
		return 0;
	TRY(invitation_load(rq, last, &invitation));
	access->invitation = reply_part(rq, &invitation_entity, &invitation);
	return 0;
}

static int access_show(struct rq *rq, const struct candidate *c)
{
	struct access access;

	TRY(access_read(rq, c, &access));
	return reply_one(rq, &access_entity, &access, VERSION_OF_STATE);
}

/* If-Match needs the state of before; without one it is not read. */
static int access_match(struct rq *rq, const struct candidate *c)
{
	struct access access;

	if (rq_header(rq, "if-match") == NULL)
		return 0;
	TRY(access_read(rq, c, &access));
	return match_state(rq, &access_entity, &access);
}

int access_get(struct rq *rq)
{
	struct candidate c;

	TRY(candidate_load(rq, &c));
	return access_show(rq, &c);
}

/* What is asked of the contact: an address that is set with the request counts already (S0-9). */
static int may_turn_on(struct rq *rq, struct candidate *c, const struct access_in *in)
{
	struct texts reasons;

	if (in->primary_email != NULL) {
		c->contact.primary_email = in->primary_email;
		contact_settle_emails(&c->contact, true, rq->arena);
	}
	TRY(candidate_reasons(rq, c, in->login_email, &reasons));
	return reasons.n > 0 ? candidate_refuse(rq, &reasons) : 0;
}

/* A snapshot is this contact's, and taken up by whoever may share, when access begins (C21). */
static int may_restore(struct rq *rq, const struct candidate *c, const struct access_in *in)
{
	struct rows rows;

	if (id_is_none(&in->restore_from))
		return 0;
	if (!id_is_none(&c->membership))
		return err_fault(
			&rq->err, "/restore_from", "not_allowed",
			"Portal access is on: what was shared is taken up when it begins.");
	TRY(db_query(&rq->db, &sql_access_snapshot,
	             ARGS({"snapshot", arg_id(rq->arena, &in->restore_from)}), &rows));
	if (rows.n == 0)
		return err_fault(&rq->err, "/restore_from", "not_found",
		                 "No access of this contact left this behind.");
	return rq_need(rq, "shares:write");
}

static int in_judge(struct rq *rq, const void *entity)
{
	const struct access_in *in = entity;

	return access_end_check(rq, in->ends_at);
}

/* on, once: same address and nothing left to send is no change and no second mail (S0-11). */
int access_put(struct rq *rq)
{
	struct access_in in = {.ends_at = TIME_NULL};
	struct candidate c;

	TRY(candidate_load(rq, &c));
	TRY(access_match(rq, &c));
	TRY(body_read_judged(rq, &access_in_entity, FIELD_CREATE, &in, NULL, in_judge));
	TRY(may_turn_on(rq, &c, &in));
	TRY(may_restore(rq, &c, &in));
	TRY(matters_check(rq, &in.matters));
	TRY(access_turn_on(rq, &c, &in));
	TRY(matters_share(rq, &in.matters, &c.membership));
	TRY(candidate_load(rq, &c));
	return access_show(rq, &c);
}

static int must_be_on(struct rq *rq, const struct candidate *c)
{
	if (id_is_none(&c->membership))
		return err_set(&rq->err, PROBLEM_portal_access_off, "Portal access is off.");
	return 0;
}

static int change_judge(struct rq *rq, const void *entity)
{
	const struct access_change *change = entity;
	int bad = tools_check(&change->tools, &rq->err);

	return bad | access_end_check(rq, change->ends_at);
}

/* 1 when the person's tools are others now, whatever way he or she came in (S1-20); 0: as they
 * were. */
static int tools_set(struct rq *rq, const struct id *membership, const char *wanted)
{
	struct rows rows;

	TRY(db_query(&rq->db, &sql_access_tools_set,
	             ARGS({"membership", arg_id(rq->arena, membership)}, {"tools", wanted}),
	             &rows));
	return rows.n;
}

static int change_tools(struct rq *rq, const struct candidate *c,
                        const struct access_change *change)
{
	const struct field *tools = field_find(access_change_entity.fields, "tools");

	return tools_set(rq, &c->membership, field_to_param(tools, change, rq->arena));
}

int access_patch(struct rq *rq)
{
	struct access_change change = {0};
	struct candidate c;
	uint64_t sent;
	int changed = 0;

	TRY(candidate_load(rq, &c));
	TRY(access_match(rq, &c));
	change.ends_at = c.ends_at;
	TRY(body_read_judged(rq, &access_change_entity, FIELD_PATCH, &change, &sent, change_judge));
	TRY(must_be_on(rq, &c));
	if (field_sent(access_change_entity.fields, sent, "tools"))
		TRY(changed = change_tools(rq, &c, &change));
	if (change.ends_at != c.ends_at) {
		TRY(access_end_set(rq, &c, change.ends_at));
		changed = 1;
	}
	if (changed > 0)
		TRY(record_change(rq, "portal_access.updated", c.membership, id_none,
		                  changed_names(rq, access_change_entity.fields, sent)));
	return access_show(rq, &c);
}

int access_off(struct rq *rq)
{
	struct candidate c;
	struct id snapshot;
	struct rows shares;

	TRY(candidate_load(rq, &c));
	if (id_is_none(&c.membership))
		return err_set(&rq->err, PROBLEM_not_found, "Portal access is off.");
	TRY(access_match(rq, &c));
	TRY(access_shares(rq, &shares));
	TRY(access_turn_off(rq, &c, &snapshot));
	return reply_rows(rq, 200, &share_entity, &shares);
}

/*
 * Off and on in one, for another address or name or only for another link: another membership with
 * what was shared with the one before, unless it is not to be kept. Its end stays its end.
 */
int access_reissue(struct rq *rq)
{
	struct access_in in = {.keep_shares = true};
	struct candidate c;
	struct id snapshot;
	struct rows shares, tools;

	TRY(candidate_load(rq, &c));
	TRY(access_match(rq, &c));
	TRY(body_read(rq, access_reissue_entity.fields, FIELD_CREATE, &in, NULL));
	TRY(must_be_on(rq, &c));
	if (strcmp(c.state, "suspended") == 0)
		return err_set(&rq->err, PROBLEM_portal_access_suspended,
		               "Resume the access first, then issue it anew.");
	TRY(may_turn_on(rq, &c, &in));
	TRY(access_shares(rq, &shares));
	in.ends_at = c.ends_at;
	TRY(db_query(&rq->db, &sql_access_tools,
	             ARGS({"membership", arg_id(rq->arena, &c.membership)}), &tools));
	TRY(access_tell_former(rq, &c,
	                       in.login_email != NULL ? in.login_email : c.contact.primary_email));
	TRY(access_turn_off(rq, &c, &snapshot));
	c.ends_at = TIME_NULL;
	if (in.keep_shares)
		in.restore_from = snapshot;
	TRY(access_turn_on(rq, &c, &in));
	TRY(candidate_load(rq, &c));
	TRY(tools_set(rq, &c.membership, row_text(&tools, 0, "tools")));
	return access_show(rq, &c);
}

/* ---- the lock that can be opened again ---- */

/* Somebody who has registered, active or suspended; else what there is to do instead. */
static int registered_load(struct rq *rq, struct candidate *c)
{
	TRY(candidate_load(rq, c));
	TRY(access_match(rq, c));
	TRY(must_be_on(rq, c));
	if (strcmp(c->state, "active") == 0 || strcmp(c->state, "suspended") == 0)
		return 0;
	return err_set(&rq->err, PROBLEM_not_registered,
	               "The person has not registered yet: withdraw the invitation instead.");
}

/* Move to `state`, once: asked again nothing happens. */
static int access_move(struct rq *rq, struct candidate *c, const char *state, const char *event)
{
	const struct arg *who =
		ARGS({"membership", arg_id(rq->arena, &c->membership)}, {"state", state});

	if (strcmp(c->state, state) == 0)
		return 0;
	TRY(db_query(&rq->db, &sql_access_hold, who, NULL));
	TRY(change_one(rq, &sql_access_move, who));
	TRY(db_query(&rq->db, &sql_access_end_sessions, who, NULL));
	return record(rq, event, c->membership, id_none);
}

/* Needs no right to what is shared, so that a leak can be stopped at once; the shares stay (C16).
 */
int access_suspend(struct rq *rq)
{
	struct candidate c;

	TRY(registered_load(rq, &c));
	TRY(access_move(rq, &c, "suspended", "portal_access.suspended"));
	return access_show(rq, &c);
}

/* The old sessions stay ended; one mail tells what was shared meanwhile (pitfall P17). */
int access_resume(struct rq *rq)
{
	struct candidate c;

	TRY(registered_load(rq, &c));
	TRY(access_move(rq, &c, "active", "portal_access.resumed"));
	TRY(outbox_mail_untold(&rq->db, &rq->event, &c.membership, rq->now));
	return access_show(rq, &c);
}
