/* record.c - what happened, told to the outbox and to the audit log in the business transaction. */
#include "audit.h"
#include "auth.h"
#include "rq.h"

/* "client" of "client.created", owned by the request. */
static const char *object_of(struct rq *rq, const char *type)
{
	return arena_strndup(rq->arena, type, strcspn(type, "."));
}

/* Which members were changed, for the audit log: it must tell that an expiry was taken off (pitfall
 * 41), not only that something was. */
static const char *detail_of(struct rq *rq, const char *const *changed)
{
	struct json_writer w;
	struct buf b;

	if (changed == NULL || *changed == NULL)
		return NULL;
	buf_init(&b, rq->arena, 16 * 1024);
	json_start(&w, &b);
	json_open(&w, '{');
	json_key(&w, "changed");
	json_open(&w, '[');
	for (; *changed != NULL; changed++)
		json_put_text(&w, *changed);
	json_close(&w, ']');
	json_close(&w, '}');
	return b.data;
}

/* Is the object gone with this? */
static bool ends_object(const char *type)
{
	const char *verb = type + strcspn(type, ".");

	return strcmp(verb, ".deleted") == 0 || strcmp(verb, ".purged") == 0;
}

/* Who it is that acts is known by now. */
static int audit_act(struct rq *rq, const struct event *what)
{
	struct audit_entry entry = {
		.action = what->type,
		.object_type = what->object_type,
		.object = what->object,
		.client = what->client,
		.outcome = "ok",
		.ip = rq->addr,
		.request_id = rq->request_id,
		.detail = detail_of(rq, what->changed),
	};
	struct actor actor = rq_actor(rq);

	return audit_write(&rq->db, &actor, &entry, rq->now);
}

int record_change(struct rq *rq, const char *type, struct id object, struct id client,
                  const char *const *changed)
{
	struct event event = {
		.type = type,
		.object_type = object_of(rq, type),
		.object = object,
		.client = client,
		.deleted = ends_object(type),
		.changed = changed,
	};
	struct actor actor;

	TRY(auth_known(rq));
	actor = rq_actor(rq);
	TRY(outbox_event(&rq->db, &actor, &event, rq->now, &rq->event));
	TRY(audit_act(rq, &event));
	rq->events = true;
	return 0;
}

int record(struct rq *rq, const char *type, struct id object, struct id client)
{
	return record_change(rq, type, object, client, NULL);
}

int record_act(struct rq *rq, const char *action, const char *object_type, struct id object)
{
	struct event what = {.type = action, .object_type = object_type, .object = object};

	TRY(auth_known(rq));
	return audit_act(rq, &what);
}

const char *const *changed_names(struct rq *rq, const struct field *fields, uint64_t sent)
{
	const char **names = arena_array(rq->arena, const char *, 65);
	size_t n = 0;

	for (unsigned i = 0; fields[i].name != NULL; i++)
		if (sent & UINT64_C(1) << i)
			names[n++] = fields[i].name;
	return names;
}
