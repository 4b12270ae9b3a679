/* api_key.c - keys with which programs of the firm call the API: made, changed, rotated, revoked by
 * staff alone.
 *
 * GET,POST /v1/api_keys   PATCH,DELETE /v1/api_keys/{api_key_id}   POST
 * /v1/api_keys/{api_key_id}/rotate
 */
#include "api_key.h"

#include "auth.h"
#include "crypt.h"
#include "reply.h"
#include "res.h"
#include "sql_api_key.h"
#include "tenant.h"

int api_key_list(struct rq *rq)
{
	return reply_list(rq, &api_key_entity, &sql_api_key_list, NULL);
}

static int load(struct rq *rq, const struct id *id, struct api_key *key)
{
	return find_one(rq, &sql_api_key_get, ARGS({"id", arg_id(rq->arena, id)}), &api_key_entity,
	                key);
}

/* The key of the path, locked: a revoked one is not there. */
static int load_locked(struct rq *rq, struct api_key *key)
{
	TRY(change_one(rq, &sql_api_key_lock, NULL));
	return load(rq, &rq->ids[0], key);
}

static int read_key(struct rq *rq, unsigned how, struct api_key *key, uint64_t *sent)
{
	*sent = 0;
	if (body_read(rq, api_key_entity.fields, how, key, sent) < 0 &&
	    rq->err.problem != PROBLEM_validation_failed)
		return -1;
	api_key_check(key,
	              field_sent(api_key_entity.fields, *sent, "expires_at") ? rq->now : TIME_NULL,
	              rq->arena, &rq->err);
	return rq->err.problem == PROBLEM_NONE ? 0 : -1;
}

/* Nobody gets through a key what they may not do themselves; what it had already (`before`) it may
 * keep. */
static int may_grant(struct rq *rq, const struct texts *scopes, const struct texts *before)
{
	TRY(auth_known(rq));
	for (size_t i = 0; i < scopes->n; i++) {
		if (rq_may(rq, scopes->v[i]) || texts_hold(before, scopes->v[i]))
			continue;
		return err_set(&rq->err, PROBLEM_cannot_grant_more_than_own,
		               "You do not have %s yourself.", scopes->v[i]);
	}
	return 0;
}

static const char *secret_new(struct rq *rq, const struct id *key)
{
	uint8_t random[KEY_RANDOM_SIZE];

	crypt_random(random, sizeof(random));
	return key_secret(rq->arena, random, &rq->who.firm, key);
}

/* The only answer that has the secret; its ETag is the key's. */
static int reply_secret(struct rq *rq, const struct id *id, const char *secret)
{
	struct api_key_created made = {.secret = secret};
	struct api_key key;

	TRY(load(rq, id, &key));
	made.api_key = reply_part(rq, &api_key_entity, &key);
	return reply_created(rq, &api_key_created_entity, &made, key.version, NULL);
}

int api_key_create(struct rq *rq)
{
	struct api_key key = {.id = id_new(), .expires_at = TIME_NULL};
	const char *secret;
	uint64_t sent;

	TRY(auth_recent(rq));
	TRY(read_key(rq, FIELD_CREATE, &key, &sent));
	TRY(may_grant(rq, &key.scopes, &(struct texts){0}));
	secret = secret_new(rq, &key.id);
	TRY(tenant_create_key(&rq->db, &key, secret, &rq->who.membership, rq->now));
	TRY(record(rq, "api_key.created", key.id, id_none));
	return reply_secret(rq, &key.id, secret);
}

int api_key_patch(struct rq *rq)
{
	struct api_key key;
	struct texts before;
	uint64_t sent;

	TRY(load_locked(rq, &key));
	TRY(match_version(rq, key.version));
	before = key.scopes;
	TRY(read_key(rq, FIELD_PATCH, &key, &sent));
	TRY(may_grant(rq, &key.scopes, &before));
	TRY(db_put(&rq->db, &sql_api_key_update, api_key_entity.fields, &key, NULL, NULL));
	TRY(record_change(rq, "api_key.updated", key.id, id_none,
	                  changed_names(rq, api_key_entity.fields, sent)));
	TRY(load(rq, &rq->ids[0], &key));
	return reply_one(rq, &api_key_entity, &key, key.version);
}

int api_key_revoke(struct rq *rq)
{
	struct api_key key;

	TRY(load_locked(rq, &key));
	TRY(match_version(rq, key.version));
	TRY(change_one(rq, &sql_api_key_revoke, NULL));
	TRY(record(rq, "api_key.deleted", key.id, id_none));
	return reply_none(rq);
}

/* A new secret for the same key; the old one is good for a while yet, one older than that no more.
 */
int api_key_rotate(struct rq *rq)
{
	int64_t overlap = KEY_OVERLAP_HOURS;
	struct api_key key;
	const char *secret;
	const struct arg *known;

	TRY(auth_recent(rq));
	TRY(rq_param_int(rq, "overlap_hours", 0, KEY_OVERLAP_HOURS_MAX, &overlap));
	TRY(load_locked(rq, &key));
	TRY(may_grant(rq, &key.scopes, &(struct texts){0}));
	secret = secret_new(rq, &key.id);
	known = tenant_key_secret(rq->arena, secret);
	TRY(change_one(rq, &sql_api_key_rotate,
	               ARGS(known[0], known[1], {"hours", arg_int(rq->arena, overlap)})));
	TRY(record(rq, "api_key.rotated", key.id, id_none));
	return reply_secret(rq, &key.id, secret);
}
