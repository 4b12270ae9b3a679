/* contact_show.c - a contact as it is shown and as it is made, for other ways to one than
 * /v1/contacts. */
#include "contact_show.h"

#include "sql_contact.h"

int contact_load(struct rq *rq, const struct id *id, struct contact *c_r)
{
	db_bind(&rq->db, "contact_id", arg_id(rq->arena, id));
	return find_one(rq, &sql_contact_get, NULL, &contact_entity, c_r);
}

int contact_make(struct rq *rq, struct contact *c)
{
	contact_settle_emails(c, c->primary_email != NULL, rq->arena);
	TRY(db_put(&rq->db, &sql_contact_insert, contact_entity.fields, c,
	           ARGS({"email_keys", contact_email_keys(c, rq->arena)}), NULL));
	return record(rq, "contact.created", c->id, id_none);
}
