/* crew.c - the firm's staff: who may make whom what, inviting, leaving; what two resources share.
 */
#include "crew.h"

#include "crypt.h"
#include "sql_crew.h"

int crew_may_rule(struct rq *rq, const char *role)
{
	struct rows rows;

	TRY(db_query(&rq->db, &sql_crew_beyond, ARGS({"role", role}), &rows));
	if (!row_bool(&rows, 0, "beyond"))
		return 0;
	return err_set(&rq->err, PROBLEM_cannot_grant_more_than_own,
	               "The role %s holds rights that you do not have.", role);
}

int crew_invite(struct rq *rq, const struct id *membership, int64_t sends, struct id *invitation_r)
{
	const char *member = arg_id(rq->arena, membership);
	uint8_t nonce[NONCE_SIZE];

	crypt_random(nonce, sizeof(nonce));
	*invitation_r = id_new();
	TRY(db_query(&rq->db, &sql_crew_close_open,
	             ARGS({"membership", member}, {"state", "superseded"}), NULL));
	TRY(change_one(rq, &sql_crew_invite,
	               ARGS({"invitation", arg_id(rq->arena, invitation_r)}, {"membership", member},
	                    {"nonce", arg_bytes(rq->arena, nonce, sizeof(nonce))},
	                    {"sends", arg_int(rq->arena, sends + 1)})));
	TRY(record(rq, "invitation.sent", *invitation_r, id_none));
	return outbox_mail_invitation(&rq->db, &rq->event, invitation_r, rq->now);
}

/* Out of the teams of matters, to the heir or to nobody, so that nobody who comes back still knows
 * of a restricted one. */
static int leave_matters(struct rq *rq, const struct arg *args, bool handed)
{
	static const char *const changed[] = {"team", NULL};
	struct rows rows;

	if (handed)
		TRY(db_query(&rq->db, &sql_crew_hand_over_matters, args, NULL));
	TRY(db_query(&rq->db, &sql_crew_leave_matters, args, &rows));
	for (int i = 0; i < rows.n; i++)
		TRY(record_change(rq, "matter.updated", row_id(&rows, i, "id"),
		                  row_id(&rows, i, "client_id"), changed));
	return 0;
}

/* Each team that the person leaves, to the heir or to nobody, is a change of its client. */
static int leave_teams(struct rq *rq, const char *member, const struct id *heir)
{
	static const char *const changed[] = {"team", NULL};
	struct rows rows;
	struct id client;

	if (!id_is_none(heir))
		TRY(db_query(&rq->db, &sql_crew_hand_over,
		             ARGS({"membership", member}, {"heir", arg_id(rq->arena, heir)}),
		             NULL));
	TRY(db_query(&rq->db, &sql_crew_leave_teams, ARGS({"membership", member}), &rows));
	for (int i = 0; i < rows.n; i++) {
		client = row_id(&rows, i, "client_id");
		TRY(record_change(rq, "client.updated", client, client, changed));
	}
	return leave_matters(rq, ARGS({"membership", member}, {"heir", arg_id(rq->arena, heir)}),
	                     !id_is_none(heir));
}

int crew_dismiss(struct rq *rq, const struct id *membership, const struct id *heir)
{
	const char *member = arg_id(rq->arena, membership);
	const struct arg *args = ARGS({"membership", member}, {"state", "revoked"});
	struct rows rows;
	struct id identity;

	TRY(db_query(&rq->db, &sql_crew_hold_firm, NULL, NULL));
	TRY(leave_teams(rq, member, heir));
	TRY(db_query(&rq->db, &sql_crew_hold_access, args, &rows));
	identity = row_id(&rows, 0, "identity");
	TRY(db_query(&rq->db, &sql_crew_suspend, args, NULL));
	TRY(db_query(&rq->db, &sql_crew_end_sessions, args, NULL));
	TRY(db_query(&rq->db, &sql_crew_close_open, args, NULL));
	TRY(db_query(&rq->db, &sql_crew_drop_password,
	             ARGS({"identity", arg_id(rq->arena, &identity)}), NULL));
	return record(rq, "staff.deleted", *membership, id_none);
}
