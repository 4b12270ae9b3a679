/* matter.c - what the firm does for its clients, who takes part, and who of the staff may see it.
 *
 * GET,POST /v1/matters   GET,PATCH,DELETE /v1/matters/{matter_id}
 * PUT,DELETE /v1/matters/{matter_id}/contacts/{contact_id}
 * PUT,DELETE /v1/matters/{matter_id}/team/{staff_id}
 * GET /v1/matters/{matter_id}/portal_invites/{contact_id}
 */
#include "matter.h"

#include "auth.h"
#include "reply.h"
#include "res.h"
#include "sql_matter.h"

int matter_list(struct rq *rq)
{
	const char *status;
	struct id client;
	int bad = 0;

	bad |= rq_param_id(rq, "client_id", "cli", &client);
	bad |= rq_param_enum(rq, "status", matter_states, &status);
	TRY(bad);
	return reply_list(rq, &matter_entity,
	                  id_is_none(&client) ? &sql_matter_list : &sql_matter_list_of_client,
	                  ARGS({"client_id", arg_id(rq->arena, &client)}, {"status", status}));
}

int matter_get(struct rq *rq)
{
	struct matter m;

	TRY(find_one(rq, &sql_matter_get, NULL, &matter_entity, &m));
	return reply_one(rq, &matter_entity, &m, m.version);
}

/* ---- made and changed ---- */

static int check_client(struct rq *rq, const struct id *client)
{
	struct rows rows;

	TRY(db_query(&rq->db, &sql_matter_client, ARGS({"client_id", arg_id(rq->arena, client)}),
	             &rows));
	if (rows.n == 0)
		return err_fault(&rq->err, "/client_id", "not_found", "There is no such client.");
	if (row_bool(&rows, 0, "archived"))
		return err_set(&rq->err, PROBLEM_client_archived, "The client is archived.");
	return 0;
}

/* The state of somebody of the staff, who is not dismissed before the commit; NULL: nobody is. It
 * comes ahead of the matter, as in a dismissal. */
static int staff_hold(struct rq *rq, const struct id *staff, const char **state_r)
{
	struct rows rows;

	TRY(db_query(&rq->db, &sql_matter_hold_staff, ARGS({"staff", arg_id(rq->arena, staff)}),
	             &rows));
	*state_r = rows.n == 0 ? NULL : row_text(&rows, 0, "state");
	return 0;
}

/* Who writes may become one of the team, and is no key: there until the commit. */
static int author_hold(struct rq *rq)
{
	const char *state;

	TRY(staff_hold(rq, &rq->who.membership, &state));
	if (state != NULL && strcmp(state, "active") != 0)
		return err_set(&rq->err, PROBLEM_unauthenticated, "The session has ended.");
	return 0;
}

static int assign(struct rq *rq, const struct id *staff)
{
	return db_query(&rq->db, &sql_matter_assign, ARGS({"staff", arg_id(rq->arena, staff)}),
	                NULL);
}

/* Whoever shuts the others out stays in. */
static int keep_author(struct rq *rq, const struct matter *m)
{
	if (!m->restricted)
		return 0;
	TRY(auth_known(rq));
	if (strcmp(rq->who.audience, "key") == 0)
		return err_fault(&rq->err, "/restricted", "not_allowed",
		                 "An API key is on no team and would not see it any more.");
	return assign(rq, &rq->who.membership);
}

int matter_create(struct rq *rq)
{
	struct matter m = {.id = id_new(), .status = "open", .custom_fields = "{}"};

	TRY(body_read(rq, matter_entity.fields, FIELD_CREATE, &m, NULL));
	if (m.restricted)
		TRY(author_hold(rq));
	TRY(check_client(rq, &m.client_id));
	TRY(reference_free(rq, &sql_matter_by_reference, &matter_entity, m.external_ref, m.id));
	TRY(db_put(&rq->db, &sql_matter_insert, matter_entity.fields, &m, NULL, NULL));
	db_bind(&rq->db, "matter_id", arg_id(rq->arena, &m.id));
	TRY(keep_author(rq, &m));
	TRY(record(rq, "matter.created", m.id, m.client_id));
	TRY(find_one(rq, &sql_matter_get, NULL, &matter_entity, &m));
	return reply_created(rq, &matter_entity, &m, m.version, "/v1/matters");
}

/* Lock it, so that its version stays what If-Match was compared with, and read it. */
static int matter_hold(struct rq *rq, struct matter *m)
{
	TRY(change_one(rq, &sql_matter_lock, NULL));
	return find_one(rq, &sql_matter_get, NULL, &matter_entity, m);
}

int matter_patch(struct rq *rq)
{
	struct matter m;
	uint64_t sent;

	TRY(author_hold(rq));
	TRY(matter_hold(rq, &m));
	TRY(match_version(rq, m.version));
	TRY(body_read(rq, matter_entity.fields, FIELD_PATCH, &m, &sent));
	TRY(reference_free(rq, &sql_matter_by_reference, &matter_entity, m.external_ref, m.id));
	if (field_sent(matter_entity.fields, sent, "restricted"))
		TRY(keep_author(rq, &m));
	TRY(db_put(&rq->db, &sql_matter_update, matter_entity.fields, &m, NULL, NULL));
	TRY(record_change(rq, "matter.updated", m.id, m.client_id,
	                  changed_names(rq, matter_entity.fields, sent)));
	TRY(find_one(rq, &sql_matter_get, NULL, &matter_entity, &m));
	return reply_one(rq, &matter_entity, &m, m.version);
}

/* Take it from one contact (NULL: from all) with whom it is shared. */
static int unshare(struct rq *rq, const struct id *contact)
{
	const struct arg *whose =
		ARGS({"contact", contact == NULL ? NULL : arg_id(rq->arena, contact)});
	struct rows gone;

	TRY(db_query(&rq->db, &sql_matter_shares, whose, &gone));
	for (int i = 0; i < gone.n; i++)
		TRY(record(rq, "share.deleted", row_id(&gone, i, "id"),
		           row_id(&gone, i, "client_id")));
	return db_query(&rq->db, &sql_matter_unshare, whose, NULL);
}

int matter_delete(struct rq *rq)
{
	struct matter m;
	struct rows rows;

	TRY(matter_hold(rq, &m));
	TRY(match_version(rq, m.version));
	TRY(db_query(&rq->db, &sql_matter_used, NULL, &rows));
	if (row_bool(&rows, 0, "used"))
		return err_set(&rq->err, PROBLEM_in_use,
		               "Folders belong to it, in the trash perhaps; close it instead.");
	TRY(unshare(rq, NULL));
	TRY(record(rq, "matter.deleted", m.id, m.client_id));
	TRY(change_one(rq, &sql_matter_delete, NULL));
	return reply_none(rq);
}

/* ---- who takes part ---- */

static int record_part(struct rq *rq, const struct matter *m, const char *member)
{
	const char *const names[] = {member, NULL};

	return record_change(rq, "matter.updated", m->id, m->client_id, names);
}

/* The contact of the path: there, and its role so far (NULL: none). */
static int contact_find(struct rq *rq, struct rows *rows)
{
	TRY(db_query(&rq->db, &sql_matter_contact_state, NULL, rows));
	if (rows->n == 0)
		return err_set(&rq->err, PROBLEM_not_found, "There is nothing here for you.");
	return 0;
}

int matter_relate(struct rq *rq)
{
	struct matter_relation relation = {.role = "client"};
	struct matter m;
	struct rows rows;

	if (rq->in->body_len > 0)
		TRY(body_read(rq, matter_relation_entity.fields, FIELD_CREATE, &relation, NULL));
	TRY(matter_hold(rq, &m));
	TRY(contact_find(rq, &rows));
	if (row_bool(&rows, 0, "archived"))
		return err_set(&rq->err, PROBLEM_contact_archived, "The contact is archived.");
	if (strcmp(relation.role, "client") != 0)
		TRY(unshare(rq, &rq->ids[1]));
	TRY(db_put(&rq->db, &sql_matter_relate, matter_relation_entity.fields, &relation, NULL,
	           NULL));
	TRY(record_part(rq, &m, "contacts"));
	return reply_none(rq);
}

int matter_unrelate(struct rq *rq)
{
	struct matter m;

	TRY(matter_hold(rq, &m));
	TRY(unshare(rq, &rq->ids[1]));
	TRY(change_one(rq, &sql_matter_unrelate, NULL));
	TRY(record_part(rq, &m, "contacts"));
	return reply_none(rq);
}

int matter_assign(struct rq *rq)
{
	struct matter m;
	const char *state;

	TRY(staff_hold(rq, &rq->ids[1], &state));
	TRY(matter_hold(rq, &m));
	if (state == NULL)
		return err_set(&rq->err, PROBLEM_not_found, "There is nothing here for you.");
	if (strcmp(state, "suspended") == 0)
		return err_set(&rq->err, PROBLEM_staff_deactivated,
		               "A deactivated member of staff cannot be assigned.");
	TRY(assign(rq, &rq->ids[1]));
	TRY(record_part(rq, &m, "team"));
	return reply_none(rq);
}

int matter_unassign(struct rq *rq)
{
	struct matter m;

	TRY(matter_hold(rq, &m));
	TRY(change_one(rq, &sql_matter_unassign, NULL));
	TRY(record_part(rq, &m, "team"));
	return reply_none(rq);
}

/* The contact's portal access, as it is seen from a matter he or she is a client on (S2-26). */
int matter_portal_invite(struct rq *rq)
{
	struct matter m;
	struct rows rows;
	const char *role;

	TRY(find_one(rq, &sql_matter_get, NULL, &matter_entity, &m));
	TRY(contact_find(rq, &rows));
	role = row_text(&rows, 0, "role");
	if (role == NULL || strcmp(role, "client") != 0)
		return err_set(&rq->err, PROBLEM_not_client_on_matter,
		               "Make the contact a client on the matter first.");
	return access_get(rq);
}
