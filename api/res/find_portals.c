/* find_portals.c - where do I sign in? The list is mailed to whoever has the address (S2-3).
 *
 * POST /v1/public/find_portals
 */
#include "mailed.h"
#include "post.h"
#include "reply.h"
#include "res.h"
#include "sql_find_portals.h"
#include "text.h"

/* No firm is named: the one where the person was last sends the mail. A stranger gets none. */
int find_portals(struct rq *rq)
{
	struct asker asker = {.audience = "any"};
	struct find_portals_in in = {0};
	struct rows rows;

	TRY(body_read(rq, find_portals_in_entity.fields, FIELD_CREATE, &in, NULL));
	if (email_parse(rq->arena, in.email, NULL, &asker.email_key) < 0)
		asker.email_key = in.email;
	TRY(look(rq, NULL, &sql_find_portals_person, ARGS({"email_key", asker.email_key}), &rows));
	asker.firm = row_id(&rows, 0, "firm");
	asker.membership = row_id(&rows, 0, "membership");
	TRY(asker_count(rq, &asker, "find_portals", NULL));
	TRY(outbox_mail_portals(&rq->db, &asker.membership, rq->now));
	return reply_accepted(rq);
}
