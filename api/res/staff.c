/* staff.c - the members of the firm's staff: invited, changed, deactivated; and their roles.
 *
 * GET,POST /v1/staff   GET,PATCH,DELETE /v1/staff/{staff_id}   GET /v1/roles
 */
#include "staff.h"

#include "auth.h"
#include "crew.h"
#include "reply.h"
#include "res.h"
#include "sql_staff.h"
#include "text.h"

int staff_list(struct rq *rq)
{
	return reply_list(rq, &staff_entity, &sql_staff_list, ARGS({NULL, NULL}));
}

static int staff_load(struct rq *rq, const struct id *id, struct staff *s_r)
{
	return find_one(rq, &sql_staff_get, ARGS({"id", arg_id(rq->arena, id)}), &staff_entity,
	                s_r);
}

int staff_get(struct rq *rq)
{
	struct staff s = {0};

	TRY(staff_load(rq, &rq->ids[0], &s));
	return reply_one(rq, &staff_entity, &s, VERSION_OF_STATE);
}

/* The key of a role of this firm, or a fault. */
static int role_key(struct rq *rq, const struct id *role, const char **key_r)
{
	struct rows rows;

	*key_r = "";
	TRY(db_query(&rq->db, &sql_staff_role, ARGS({"role_id", arg_id(rq->arena, role)}), &rows));
	if (rows.n == 0)
		return err_fault(&rq->err, "/role_id", "not_found",
		                 "There is no such role; see GET /v1/roles.");
	*key_r = row_text(&rows, 0, "key");
	return 0;
}

static int staff_judge(struct rq *rq, const void *entity)
{
	const struct staff *s = entity;
	const char *key;

	return id_is_none(&s->role_id) ? 0 : role_key(rq, &s->role_id, &key);
}

/* The row of somebody new, or of somebody who was deactivated: the same person with the same
 * address keeps what they made. */
static int staff_put(struct rq *rq, struct staff *s, const char *role)
{
	const char *email, *key;
	struct rows rows;

	if (email_parse(rq->arena, s->email, &email, &key) < 0)
		return err_fault(&rq->err, "/email", "invalid_email", "This is no address.");
	s->id = id_new();
	TRY(db_query(&rq->db, &sql_staff_invite,
	             ARGS({"id", arg_id(rq->arena, &s->id)}, {"role", role}, {"name", s->name},
	                  {"email", email}, {"email_key", key}),
	             &rows));
	if (rows.n == 0) {
		err_set(&rq->err, PROBLEM_login_email_taken,
		        "Somebody of the staff signs in with this address.");
		return err_fault(&rq->err, "/email", "taken", "Somebody has this address.");
	}
	s->id = row_id(&rows, 0, "id");
	return 0;
}

int staff_create(struct rq *rq)
{
	struct staff s = {0};
	struct id invitation;
	const char *role;

	TRY(auth_known(rq)); /* before the judge asks the database about a body that is wrong */
	TRY(body_read_judged(rq, &staff_entity, FIELD_CREATE, &s, NULL, staff_judge));
	TRY(role_key(rq, &s.role_id, &role));
	TRY(crew_may_rule(rq, role));
	TRY(staff_put(rq, &s, role));
	TRY(record(rq, "staff.created", s.id, id_none));
	TRY(crew_invite(rq, &s.id, 0, &invitation));
	TRY(staff_load(rq, &s.id, &s));
	return reply_created(rq, &staff_entity, &s, VERSION_OF_STATE, "/v1/staff");
}

/* Locked, and as the caller saw it. */
static int staff_open(struct rq *rq, struct staff *s_r, struct rows *row_r)
{
	TRY(db_query(&rq->db, &sql_staff_lock, NULL, row_r));
	if (row_r->n == 0)
		return err_set(&rq->err, PROBLEM_not_found, "There is nothing here for you.");
	TRY(staff_load(rq, &rq->ids[0], s_r));
	return match_state(rq, &staff_entity, s_r);
}

/* Another role: neither the old nor the new one may hold more than the caller has. */
static int role_change(struct rq *rq, const char *from, const struct id *to, const char **key_r)
{
	TRY(role_key(rq, to, key_r));
	if (strcmp(from, *key_r) == 0)
		return 0;
	TRY(crew_may_rule(rq, from));
	return crew_may_rule(rq, *key_r);
}

int staff_patch(struct rq *rq)
{
	const char *role;
	struct staff s = {0};
	struct rows row;
	uint64_t sent;

	TRY(staff_open(rq, &s, &row));
	TRY(body_read_judged(rq, &staff_entity, FIELD_PATCH, &s, &sent, staff_judge));
	TRY(role_change(rq, row_text(&row, 0, "role"), &s.role_id, &role));
	TRY(db_query(&rq->db, &sql_staff_update, ARGS({"name", s.name}, {"role", role}), NULL));
	TRY(record_change(rq, "staff.updated", s.id, id_none,
	                  changed_names(rq, staff_entity.fields, sent)));
	TRY(staff_load(rq, &s.id, &s));
	return reply_one(rq, &staff_entity, &s, VERSION_OF_STATE);
}

/* Who takes over: both are locked in one order, so that two who put each other down do not wait for
 * ever. */
static int heir_read(struct rq *rq, struct id *heir_r)
{
	struct rows rows;

	TRY(rq_param_id(rq, "handover_to", "stf", heir_r));
	if (id_is_none(heir_r))
		return 0;
	if (id_equal(heir_r, &rq->ids[0]))
		return err_fault(&rq->err, "?handover_to", "not_allowed",
		                 "It has to be somebody else.");
	TRY(db_query(&rq->db, &sql_staff_lock_heir, ARGS({"heir", arg_id(rq->arena, heir_r)}),
	             &rows));
	if (rows.n == 0 || !row_bool(&rows, 0, "there"))
		return err_fault(&rq->err, "?handover_to", "not_found",
		                 "There is nobody of the staff with this id; see GET /v1/staff.");
	if (!row_bool(&rows, 0, "works"))
		return err_set(&rq->err, PROBLEM_staff_deactivated,
		               "Whoever takes over must not be deactivated.");
	return 0;
}

int staff_deactivate(struct rq *rq)
{
	struct staff s = {0};
	struct rows row;
	struct id heir;

	TRY(heir_read(rq, &heir));
	TRY(staff_open(rq, &s, &row));
	if (strcmp(row_text(&row, 0, "state"), "suspended") == 0)
		return err_set(&rq->err, PROBLEM_not_found, "The person is deactivated already.");
	TRY(crew_may_rule(rq, row_text(&row, 0, "role")));
	TRY(crew_dismiss(rq, &s.id, &heir));
	return reply_none(rq);
}

int role_list(struct rq *rq)
{
	return reply_list(rq, &role_entity, &sql_staff_roles, ARGS({NULL, NULL}));
}
