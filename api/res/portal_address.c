/* portal_address.c - where the firm's portal is: for staff to read, and to have mailed to a
 * contact.
 *
 * GET /v1/firm/portal_settings   POST /v1/contacts/{contact_id}/send_portal_address
 */
#include "email.h"
#include "firm.h"
#include "invitation.h"
#include "invite.h"
#include "reply.h"
#include "res.h"
#include "setting.h"
#include "sql_portal_address.h"

int portal_address_show(struct rq *rq)
{
	struct portal_settings settings;

	TRY(find_one(rq, &sql_portal_address_get, ARGS({"public_url", this_worker.conf.public_url}),
	             &portal_settings_entity, &settings));
	return reply_one(rq, &portal_settings_entity, &settings, VERSION_OF_STATE);
}

/* S2-24: to whoever it may be, with access or without, since the address opens nothing. */
int portal_address_send(struct rq *rq)
{
	struct id mail = id_new();
	struct email email = {0};
	struct rows row;

	TRY(change_one(rq, &sql_portal_address_lock, NULL));
	TRY(db_query(&rq->db, &sql_portal_address_reader, NULL, &row));
	if (row_text(&row, 0, "email") == NULL)
		return candidate_refuse(
			rq,
			&(struct texts){.n = 1, .v = (const char *[]){"primary_email_missing"}});
	TRY(resend_check(rq, row_time(&row, 0, "sent_at")));
	TRY(record(rq, "contact.portal_address_sent", rq->ids[0], id_none));
	TRY(find_one(
		rq, &sql_portal_address_mail,
		ARGS({"id", arg_id(rq->arena, &mail)}, {"event", arg_id(rq->arena, &rq->event)}),
		&email_entity, &email));
	return reply_status(rq, 202, &email_entity, &email);
}
