/* client.c - people and companies the firm works for, their contacts and their team.
 *
 * GET,POST /v1/clients   GET,PATCH,DELETE /v1/clients/{client_id}
 * PUT,DELETE /v1/clients/{client_id}/contacts/{contact_id}
 * PUT,DELETE /v1/clients/{client_id}/team/{staff_id}
 */
#include "client.h"

#include "reply.h"
#include "res.h"
#include "sql_client.h"
#include "text.h"

/* One statement for each way into the table, the narrowest first; the rest is filtered. */
static const struct stmt *list_of(const char *code, const char *source)
{
	if (code != NULL)
		return &sql_client_list_of_code;
	return source != NULL ? &sql_client_list_of_reference : &sql_client_list;
}

int client_list(struct rq *rq)
{
	const char *status, *entity, *code, *source, *id, *q;
	int64_t since;
	int bad = 0;

	bad |= rq_param_enum(rq, "status", client_states, &status);
	bad |= rq_param_enum(rq, "entity", entity_kinds, &entity);
	bad |= rq_param_text(rq, "code", &code);
	bad |= rq_param_text(rq, "q", &q);
	bad |= rq_param_text(rq, "external_source", &source);
	bad |= rq_param_text(rq, "external_id", &id);
	bad |= rq_param_time(rq, "updated_since", &since);
	TRY(bad);
	return reply_list(rq, &client_entity, list_of(code, source),
	                  ARGS({"status", status}, {"entity", entity}, {"code", code}, {"q", q},
	                       {"external_source", source}, {"external_id", id},
	                       {"updated_since", arg_time(rq->arena, since)}));
}

int client_get(struct rq *rq)
{
	struct client c;

	TRY(find_one(rq, &sql_client_get, NULL, &client_entity, &c));
	return reply_one(rq, &client_entity, &c, c.version);
}

/* The folder that clients upload to, unless the firm wants none (S3-12). */
static int make_default_folder(struct rq *rq, const struct id *client)
{
	struct id folder = id_new();
	const char *name;
	struct rows rows;

	TRY(db_query(&rq->db, &sql_client_default_name, NULL, &rows));
	if (rows.n == 0)
		return 0;
	name = row_text(&rows, 0, "name");
	return db_query(&rq->db, &sql_client_default_folder,
	                ARGS({"id", arg_id(rq->arena, client)},
	                     {"folder", arg_id(rq->arena, &folder)}, {"name", name},
	                     {"name_key", text_key(rq->arena, name)}),
	                NULL);
}

int client_create(struct rq *rq)
{
	struct client c = {.id = id_new(), .custom_fields = "{}"};

	TRY(body_read(rq, client_entity.fields, FIELD_CREATE, &c, NULL));
	TRY(reference_free(rq, &sql_client_by_reference, &client_entity, c.external_ref, c.id));
	TRY(db_put(&rq->db, &sql_client_insert, client_entity.fields, &c, NULL, NULL));
	TRY(make_default_folder(rq, &c.id));
	TRY(record(rq, "client.created", c.id, c.id));
	db_bind(&rq->db, "client_id", arg_id(rq->arena, &c.id));
	TRY(find_one(rq, &sql_client_get, NULL, &client_entity, &c));
	return reply_created(rq, &client_entity, &c, c.version, "/v1/clients");
}

int client_patch(struct rq *rq)
{
	struct client c;
	uint64_t sent;

	TRY(change_one(rq, &sql_client_lock, NULL));
	TRY(find_one(rq, &sql_client_get, NULL, &client_entity, &c));
	TRY(match_version(rq, c.version));
	TRY(body_read(rq, client_entity.fields, FIELD_PATCH, &c, &sent));
	TRY(reference_free(rq, &sql_client_by_reference, &client_entity, c.external_ref, c.id));
	TRY(db_put(&rq->db, &sql_client_update, client_entity.fields, &c, NULL, NULL));
	TRY(record_change(rq, "client.updated", c.id, c.id,
	                  changed_names(rq, client_entity.fields, sent)));
	TRY(find_one(rq, &sql_client_get, NULL, &client_entity, &c));
	return reply_one(rq, &client_entity, &c, c.version);
}

/* The firm keeps everything; the client's portal users lose it at once. */
int client_archive(struct rq *rq)
{
	struct client c;

	TRY(change_one(rq, &sql_client_lock, NULL));
	TRY(find_one(rq, &sql_client_get, NULL, &client_entity, &c));
	TRY(match_version(rq, c.version));
	TRY(change_one(rq, &sql_client_archive, NULL));
	TRY(record(rq, "client.deleted", c.id, c.id));
	return reply_none(rq);
}

/* Archived contacts are told apart from ones that are not there. */
static int relation_refused(struct rq *rq)
{
	struct rows rows;

	TRY(db_query(&rq->db, &sql_client_relation_state, NULL, &rows));
	if (rows.n > 0 && row_bool(&rows, 0, "archived"))
		return err_set(&rq->err, PROBLEM_contact_archived, "The contact is archived.");
	return err_set(&rq->err, PROBLEM_not_found, "There is nothing here for you.");
}

/* Both have changed, and only both entries tell who was given the client, or taken from it. */
static int record_relation(struct rq *rq)
{
	static const char *const names[] = {"clients", NULL};

	TRY(record(rq, "client.updated", rq->ids[0], rq->ids[0]));
	return record_change(rq, "contact.updated", rq->ids[1], rq->ids[0], names);
}

int client_relate(struct rq *rq)
{
	struct relation relation = {0};
	struct rows rows;

	if (rq->in->body_len > 0)
		TRY(body_read(rq, relation_entity.fields, FIELD_CREATE, &relation, NULL));
	TRY(change_one(rq, &sql_client_lock, NULL));
	if (relation.is_primary)
		TRY(db_query(&rq->db, &sql_client_demote_primary, NULL, NULL));
	TRY(db_put(&rq->db, &sql_client_relate, relation_entity.fields, &relation, NULL, &rows));
	if (rows.n == 0)
		return relation_refused(rq);
	if (row_bool(&rows, 0, "made"))
		TRY(db_query(&rq->db, &sql_client_default_share, NULL, NULL));
	TRY(record_relation(rq));
	return reply_none(rq);
}

int client_unrelate(struct rq *rq)
{
	struct rows rows;

	TRY(change_one(rq, &sql_client_lock, NULL));
	TRY(db_query(&rq->db, &sql_client_last_individual, NULL, &rows));
	if (row_bool(&rows, 0, "last"))
		return err_set(&rq->err, PROBLEM_last_individual_contact,
		               "A business client keeps at least one individual contact.");
	TRY(db_query(&rq->db, &sql_client_hold_relation, NULL, NULL));
	TRY(db_query(&rq->db, &sql_client_hold_shares, NULL, NULL));
	TRY(change_one(rq, &sql_client_unrelate, NULL));
	TRY(record_relation(rq));
	return reply_none(rq);
}

static int record_team(struct rq *rq)
{
	static const char *const names[] = {"team", NULL};

	return record_change(rq, "client.updated", rq->ids[0], rq->ids[0], names);
}

int client_assign(struct rq *rq)
{
	struct rows rows;

	TRY(db_query(&rq->db, &sql_client_hold_staff, NULL, &rows));
	if (rows.n > 0 && strcmp(row_text(&rows, 0, "state"), "suspended") == 0)
		return err_set(&rq->err, PROBLEM_staff_deactivated,
		               "A deactivated member of staff cannot be assigned.");
	TRY(change_one(rq, &sql_client_assign, NULL));
	TRY(record_team(rq));
	return reply_none(rq);
}

int client_unassign(struct rq *rq)
{
	TRY(change_one(rq, &sql_client_lock, NULL));
	TRY(change_one(rq, &sql_client_unassign, NULL));
	TRY(record_team(rq));
	return reply_none(rq);
}
