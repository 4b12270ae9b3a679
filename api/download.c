/* download.c - what the staff's and the portal's download have in common. */
#include "download.h"

#include "audit.h"
#include "auth.h"
#include "document.h"
#include "reply.h"

static int scan_check(struct rq *rq, const struct content *c)
{
	if (strcmp(c->scan, "pending") == 0)
		return err_set(&rq->err, PROBLEM_scan_pending,
		               "The document is still being checked; try again in a moment.");
	if (strcmp(c->scan, "infected") == 0)
		return err_set(&rq->err, PROBLEM_file_infected,
		               "The document is harmful and is not given out.");
	return 0;
}

/* Which version, and for the list of views whose contact: a membership may be gone by then. */
static const char *detail(struct rq *rq, const struct content *c)
{
	long long version = c->version;

	if (id_is_none(&rq->who.contact))
		return arena_printf(rq->arena, "{\"version\": %lld}", version);
	return arena_printf(rq->arena, "{\"version\": %lld, \"contact_id\": \"%s\"}", version,
	                    arg_id(rq->arena, &rq->who.contact));
}

/* Who took what away: only when bytes are sent, so not for HEAD and not for 304. */
static int note(struct rq *rq, const struct content *c)
{
	struct audit_entry entry = {
		.action = "document.downloaded",
		.object_type = "document",
		.object = rq->ids[0],
		.client = c->client_id,
		.outcome = "ok",
		.ip = rq->addr,
		.request_id = rq->request_id,
	};
	struct actor actor;

	if (rq->out->status != 200 || strcmp(rq->in->method, "GET") != 0)
		return 0;
	TRY(auth_known(rq));
	actor = rq_actor(rq);
	entry.detail = detail(rq, c);
	return audit_write(&rq->db, &actor, &entry, rq->now);
}

int download(struct rq *rq, const struct stmt *stmt)
{
	struct content c;
	struct file file;

	TRY(find_one(rq, stmt, NULL, &content_entity, &c));
	TRY(scan_check(rq, &c));
	file = (struct file){.path = c.path,
	                     .name = c.name,
	                     .content_type = c.content_type,
	                     .size = c.size,
	                     .sha256_hex = c.sha256};
	TRY(reply_file(rq, &file));
	if (note(rq, &c) == 0)
		return 0;
	reply_forget(rq);
	return -1;
}
