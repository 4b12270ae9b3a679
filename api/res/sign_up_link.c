/* sign_up_link.c - links by which several people may register for one folder or matter.
 *
 * GET,POST /v1/sign_up_links   GET,DELETE /v1/sign_up_links/{sign_up_link_id}
 */
#include "sign_up_link.h"

#include "crypt.h"
#include "reply.h"
#include "res.h"
#include "setting.h"
#include "sharing.h"
#include "sql_sign_up_link.h"

int sign_up_link_list(struct rq *rq)
{
	struct id client;

	TRY(rq_param_id(rq, "client_id", "cli", &client));
	return reply_list(rq, &sign_up_link_entity,
	                  id_is_none(&client) ? &sql_sign_up_link_list
	                                      : &sql_sign_up_link_list_of_client,
	                  ARGS({"client_id", arg_id(rq->arena, &client)}));
}

static int load(struct rq *rq, const struct id *id, struct sign_up_link *link)
{
	return find_one(rq, &sql_sign_up_link_get, ARGS({"id", arg_id(rq->arena, id)}),
	                &sign_up_link_entity, link);
}

int sign_up_link_get(struct rq *rq)
{
	struct sign_up_link link;

	TRY(load(rq, &rq->ids[0], &link));
	return reply_one(rq, &sign_up_link_entity, &link, VERSION_OF_STATE);
}

/* ---- made ---- */

static int judge(struct rq *rq, const void *in)
{
	return sign_up_link_in_check(in, rq->now, &rq->err);
}

static int item_lock(struct rq *rq, const struct sign_up_link_in *in, struct shared_item *item)
{
	bool folder = !id_is_none(&in->folder_id);

	*item = (struct shared_item){
		.type = folder ? "folder" : "matter",
		.id = folder ? in->folder_id : in->matter_id,
	};
	TRY(sharing_lock(rq, folder ? "/folder_id" : "/matter_id", item));
	if (id_is_none(&item->inside))
		return 0;
	return err_fault(&rq->err, "/folder_id", "not_allowed",
	                 "The folder belongs to a matter, and is seen by who sees that: make a "
	                 "link for the matter.");
}

/* The address of the link's page. */
static int url_load(struct rq *rq, const struct id *id, const uint8_t nonce[NONCE_SIZE],
                    const char **url_r)
{
	struct rows firm;

	TRY(db_query(&rq->db, &sql_sign_up_link_place,
	             ARGS({"public_url", this_worker.conf.public_url}), &firm));
	*url_r = arena_printf(rq->arena, "%s/register#%s", row_text(&firm, 0, "portal_url"),
	                      mail_token(rq->arena, SIGN_UP_PURPOSE, &rq->who.firm, id, nonce));
	return 0;
}

/* The only answer that has the address: whoever has lost it makes another link. */
static int reply_link(struct rq *rq, const struct id *id, const uint8_t nonce[NONCE_SIZE])
{
	struct sign_up_link_created made;
	struct sign_up_link link;

	TRY(load(rq, id, &link));
	made.sign_up_link = reply_part(rq, &sign_up_link_entity, &link);
	TRY(url_load(rq, id, nonce, &made.url));
	return reply_created(rq, &sign_up_link_created_entity, &made, 0, NULL);
}

int sign_up_link_create(struct rq *rq)
{
	struct sign_up_link_in in = {.expires_at = TIME_NULL};
	struct id id = id_new();
	struct shared_item item;
	uint8_t nonce[NONCE_SIZE];

	TRY(rq_need(rq, "shares:write"));
	TRY(body_read_judged(rq, &sign_up_link_in_entity, FIELD_CREATE, &in, NULL, judge));
	TRY(item_lock(rq, &in, &item));
	crypt_random(nonce, sizeof(nonce));
	TRY(db_put(&rq->db, &sql_sign_up_link_insert, sign_up_link_in_entity.fields, &in,
	           ARGS({"id", arg_id(rq->arena, &id)}, {"client", arg_id(rq->arena, &item.client)},
	                {"nonce", arg_bytes(rq->arena, nonce, sizeof(nonce))}),
	           NULL));
	TRY(record(rq, "sign_up_link.created", id, item.client));
	return reply_link(rq, &id, nonce);
}

/* ---- revoked ---- */

/* Those who have come by it already still wait to be verified; nobody comes after them. */
int sign_up_link_revoke(struct rq *rq)
{
	struct sign_up_link link;

	TRY(change_one(rq, &sql_sign_up_link_lock, NULL));
	TRY(load(rq, &rq->ids[0], &link));
	TRY(match_state(rq, &sign_up_link_entity, &link));
	if (strcmp(link.state, "revoked") == 0)
		return reply_none(rq);
	TRY(change_one(rq, &sql_sign_up_link_revoke, NULL));
	TRY(record(rq, "sign_up_link.revoked", link.id, link.client_id));
	return reply_none(rq);
}
