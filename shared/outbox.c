/* outbox.c - events and envelopes, written in the transaction of the act that they tell of. */
#include "outbox.h"

#include "event.h"
#include "json.h"
#include "sql_outbox.h"

enum { CHANGED_MAX = 8 * 1024 }; /* 64 fields of an entity, each name at most 64 bytes, quoted */

/* The names as a JSON array; NULL when there are none. */
static const char *names_json(struct arena *a, const char *const *names)
{
	struct json_writer w;
	struct buf b;

	if (!names)
		return NULL;
	buf_init(&b, a, CHANGED_MAX);
	json_start(&w, &b);
	json_open(&w, '[');
	for (; *names; names++)
		json_put_text(&w, *names);
	json_close(&w, ']');
	return b.data;
}

int outbox_event(struct db *db, const struct actor *by, const struct event *ev, int64_t now,
                 struct id *event_r)
{
	struct id id = id_new();
	struct arena *a = db->arena;

	if (!event_type_known(ev->type))
		return err_internal(db->err, "%s is no type of shared/model/event.c", ev->type);
	TRY(db_query(db, &sql_outbox_event,
	             ARGS({"id", arg_id(a, &id)}, {"type", ev->type},
	                  {"object_type", ev->object_type}, {"object", arg_id(a, &ev->object)},
	                  {"client", arg_id(a, &ev->client)}, {"deleted", arg_bool(ev->deleted)},
	                  {"changed", names_json(a, ev->changed)}, {"actor_type", by->type},
	                  {"actor", arg_id(a, &by->id)}, {"actor_name", by->name},
	                  {"now", arg_time(a, now)}),
	             NULL));
	if (event_r)
		*event_r = id;
	return 0;
}

int outbox_mail_invitation(struct db *db, const struct id *event, const struct id *invitation,
                           int64_t now)
{
	struct id id = id_new();
	struct arena *a = db->arena;
	struct rows rows;

	TRY(db_query(db, &sql_outbox_mail_invitation,
	             ARGS({"id", arg_id(a, &id)}, {"event", arg_id(a, event)},
	                  {"invitation", arg_id(a, invitation)}, {"now", arg_time(a, now)}),
	             &rows));
	if (rows.n != 1)
		return err_internal(db->err, "no open invitation to mail");
	return 0;
}

int outbox_mail_pending_email(struct db *db, const struct id *event, const struct id *contact,
                              int64_t now)
{
	struct arena *a = db->arena;

	return db_query(db, &sql_outbox_mail_pending_email,
	                ARGS({"event", arg_id(a, event)}, {"contact", arg_id(a, contact)},
	                     {"now", arg_time(a, now)}),
	                NULL);
}

int outbox_mail_registration(struct db *db, enum outbox_registration kind, const struct id *event,
                             const struct id *registration, int64_t now)
{
	static const struct stmt *const mails[] = {
		[OUTBOX_RECEIVED] = &sql_outbox_mail_registration_received,
		[OUTBOX_PENDING] = &sql_outbox_mail_registration_pending,
		[OUTBOX_VERIFIED] = &sql_outbox_mail_registration_verified,
	};
	struct arena *a = db->arena;

	return db_query(db, mails[kind],
	                ARGS({"event", event == NULL ? NULL : arg_id(a, event)},
	                     {"registration", arg_id(a, registration)}, {"now", arg_time(a, now)}),
	                NULL);
}

int outbox_mail_share(struct db *db, const struct id *event, const struct id *shares, size_t n,
                      int64_t now)
{
	struct arena *a = db->arena;

	return db_query(db, &sql_outbox_mail_share,
	                ARGS({"event", arg_id(a, event)}, {"shares", arg_ids(a, shares, n)},
	                     {"now", arg_time(a, now)}),
	                NULL);
}

int outbox_mail_untold(struct db *db, const struct id *event, const struct id *membership,
                       int64_t now)
{
	struct arena *a = db->arena;
	const struct arg *args =
		ARGS({"event", arg_id(a, event)}, {"membership", arg_id(a, membership)},
	             {"now", arg_time(a, now)});

	TRY(db_query(db, &sql_outbox_mail_hold, args, NULL));
	return db_query(db, &sql_outbox_mail_untold, args, NULL);
}

/* Tell that a portal user's upload met nobody of the team: S3-30. */
static may_wait int say_unassigned(struct db *db, const struct id *document,
                                   const struct id *client, const struct actor *by, int64_t now)
{
	struct event ev = {.type = "document.uploaded_unassigned",
	                   .object_type = "document",
	                   .object = *document,
	                   .client = *client};

	return outbox_event(db, by, &ev, now, NULL);
}

int outbox_mail_upload(struct db *db, const struct id *event, const struct id *document,
                       const struct actor *by, int64_t now)
{
	struct id client;
	struct arena *a = db->arena;
	bool by_client = strcmp(by->type, "portal") == 0;
	struct rows rows;

	TRY(db_query(db, &sql_outbox_mail_upload,
	             ARGS({"event", arg_id(a, event)}, {"document", arg_id(a, document)},
	                  {"actor", arg_id(a, &by->id)}, {"by_client", arg_bool(by_client)},
	                  {"now", arg_time(a, now)}),
	             &rows));
	if (rows.n != 1)
		return err_internal(db->err, "no document to tell of");
	client = row_id(&rows, 0, "client_id");
	if (by_client && row_int(&rows, 0, "assigned") == 0)
		TRY(say_unassigned(db, document, &client, by, now));
	return 0;
}

int outbox_mail_token(struct db *db, const struct id *token, int64_t now)
{
	struct arena *a = db->arena;

	return db_query(db, &sql_outbox_mail_token,
	                ARGS({"token", arg_id(a, token)}, {"now", arg_time(a, now)}), NULL);
}

int outbox_mail_address(struct db *db, const struct id *invitation, int64_t now)
{
	struct arena *a = db->arena;

	return db_query(db, &sql_outbox_mail_address,
	                ARGS({"invitation", arg_id(a, invitation)}, {"now", arg_time(a, now)}),
	                NULL);
}

int outbox_mail_credential(struct db *db, const struct id *membership, const char *about,
                           int64_t now)
{
	struct arena *a = db->arena;

	return db_query(db, &sql_outbox_mail_person,
	                ARGS({"kind", "credential_changed"}, {"about", about},
	                     {"membership", arg_id(a, membership)}, {"now", arg_time(a, now)}),
	                NULL);
}

int outbox_mail_portals(struct db *db, const struct id *membership, int64_t now)
{
	struct arena *a = db->arena;

	return db_query(db, &sql_outbox_mail_person,
	                ARGS({"kind", "find_portals"}, {"about", NULL},
	                     {"membership", arg_id(a, membership)}, {"now", arg_time(a, now)}),
	                NULL);
}
