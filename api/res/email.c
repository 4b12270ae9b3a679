/* email.c - what was mailed to whom, and what became of it.
 *
 * GET /v1/emails
 */
#include "email.h"

#include "reply.h"
#include "res.h"
#include "sql_email.h"

int email_list(struct rq *rq)
{
	const char *status;
	struct id contact;
	int bad = 0;

	bad |= rq_param_enum(rq, "status", email_states, &status);
	bad |= rq_param_id(rq, "contact_id", "con", &contact);
	TRY(bad);
	return reply_list(rq, &email_entity,
	                  id_is_none(&contact) ? &sql_email_list : &sql_email_list_of_contact,
	                  ARGS({"status", status}, {"contact_id", arg_id(rq->arena, &contact)}));
}
