/* contact.c - people and organisations that belong to clients.
 *
 * GET,POST /v1/contacts   GET,PATCH,DELETE /v1/contacts/{contact_id}
 */
#include "contact.h"

#include "client.h"
#include "contact_show.h"
#include "invite.h"
#include "reply.h"
#include "res.h"
#include "sql_contact.h"
#include "text.h"

int contact_list(struct rq *rq)
{
	const char *status, *email = rq_param(rq, "email"), *key = NULL;
	struct id client;
	int64_t since;
	int bad = 0, differs;

	bad |= rq_param_id(rq, "client_id", "cli", &client);
	bad |= rq_param_enum(rq, "portal_status", portal_states, &status);
	bad |= rq_param_bool(rq, "portal_login_differs", &differs);
	bad |= rq_param_time(rq, "updated_since", &since);
	if (email != NULL && email_parse(rq->arena, email, NULL, &key) < 0)
		bad = err_fault(&rq->err, "?email", "invalid_email", "This is no address.");
	TRY(bad);
	return reply_list(rq, &contact_entity,
	                  id_is_none(&client) ? &sql_contact_list : &sql_contact_list_of_client,
	                  ARGS({"client_id", arg_id(rq->arena, &client)}, {"email_key", key},
	                       {"portal_status", status},
	                       {"login_differs", differs < 0 ? NULL : arg_bool(differs == 1)},
	                       {"updated_since", arg_time(rq->arena, since)}));
}

int contact_get(struct rq *rq)
{
	struct contact c;

	TRY(find_one(rq, &sql_contact_get, NULL, &contact_entity, &c));
	return reply_one(rq, &contact_entity, &c, c.version);
}

int contact_create(struct rq *rq)
{
	struct contact c = {.id = id_new(), .custom_fields = "{}"};

	TRY(body_read(rq, contact_entity.fields, FIELD_CREATE, &c, NULL));
	TRY(reference_free(rq, &sql_contact_by_reference, &contact_entity, c.external_ref, c.id));
	TRY(contact_make(rq, &c));
	TRY(contact_load(rq, &c.id, &c));
	return reply_created(rq, &contact_entity, &c, c.version, "/v1/contacts");
}

/* What a patch may not do while the contact's portal access is on. */
static int patch_check(struct rq *rq, const struct contact *before, const struct contact *after)
{
	if (strcmp(before->portal_status, "off") != 0 && strcmp(before->entity, after->entity) != 0)
		return err_set(&rq->err, PROBLEM_portal_access_on,
		               "The entity cannot change while portal access is on.");
	return 0;
}

/* A link on its way to an address that the contact no longer has must not work (model C3). */
static int follow_emails(struct rq *rq, uint64_t sent)
{
	struct candidate c;

	if (!field_sent(contact_entity.fields, sent, "primary_email") &&
	    !field_sent(contact_entity.fields, sent, "emails"))
		return 0;
	TRY(candidate_load(rq, &c));
	return invitation_follow(rq, &c);
}

/* Never changes the sign-in address: that is a snapshot (S2-27). */
int contact_patch(struct rq *rq)
{
	struct contact before, c;
	uint64_t sent;

	TRY(change_one(rq, &sql_contact_lock, NULL));
	TRY(find_one(rq, &sql_contact_get, NULL, &contact_entity, &c));
	TRY(match_version(rq, c.version));
	before = c;
	TRY(body_read(rq, contact_entity.fields, FIELD_PATCH, &c, &sent));
	TRY(patch_check(rq, &before, &c));
	TRY(reference_free(rq, &sql_contact_by_reference, &contact_entity, c.external_ref, c.id));
	contact_settle_emails(&c, field_sent(contact_entity.fields, sent, "primary_email"),
	                      rq->arena);
	TRY(db_put(&rq->db, &sql_contact_update, contact_entity.fields, &c,
	           ARGS({"email_keys", contact_email_keys(&c, rq->arena)}), NULL));
	TRY(record_change(rq, "contact.updated", c.id, id_none,
	                  changed_names(rq, contact_entity.fields, sent)));
	TRY(follow_emails(rq, sent));
	TRY(find_one(rq, &sql_contact_get, NULL, &contact_entity, &c));
	return reply_one(rq, &contact_entity, &c, c.version);
}

/* Why the contact stays, with all that would go unseen (pitfall P15). */
static int access_blocks(struct rq *rq)
{
	struct rows rows;

	TRY(db_query(&rq->db, &sql_contact_blocks, NULL, &rows));
	err_set(&rq->err, PROBLEM_portal_access_on,
	        "Switch the contact's portal access off first; errors holds what hangs on it.");
	err_fault(&rq->err, "/portal_status", "portal_access_on", "Portal access is %s.",
	          row_text(&rows, 0, "state"));
	if (row_int(&rows, 0, "shares") > 0)
		err_fault(&rq->err, "", "shared_items", "%lld items are shared with the contact.",
		          (long long)row_int(&rows, 0, "shares"));
	if (row_int(&rows, 0, "invitations") > 0)
		err_fault(&rq->err, "", "open_invitation", "An invitation is open.");
	return -1;
}

/* Gone from lists; what the contact wrote, uploaded and signed stays with the firm (pitfall P15).
 */
int contact_archive(struct rq *rq)
{
	struct contact c;
	struct rows rows;

	TRY(change_one(rq, &sql_contact_lock, NULL));
	TRY(find_one(rq, &sql_contact_get, NULL, &contact_entity, &c));
	TRY(match_version(rq, c.version));
	if (strcmp(c.portal_status, "off") != 0)
		return access_blocks(rq);
	TRY(db_query(&rq->db, &sql_contact_last_individual, NULL, &rows));
	if (strcmp(c.entity, "individual") == 0 && row_bool(&rows, 0, "last"))
		return err_set(&rq->err, PROBLEM_last_individual_contact,
		               "A business client keeps at least one individual contact.");
	TRY(db_query(&rq->db, &sql_contact_hold_matters, NULL, NULL));
	TRY(db_query(&rq->db, &sql_contact_unrelate_all, NULL, NULL));
	TRY(change_one(rq, &sql_contact_archive, NULL));
	TRY(record(rq, "contact.deleted", c.id, id_none));
	return reply_none(rq);
}
