/* rq.h - one request on its way through the API: what a handler is given. */
#ifndef PORTICO_RQ_H
#define PORTICO_RQ_H

#include "base.h"
#include "db.h"
#include "door.h"
#include "field.h"
#include "outbox.h"

struct blob;
struct limit;
struct route;
struct upload;

enum { RQ_IDS_MAX = 2, RQ_PARAMS_MAX = 16 };

/*
 * Who is calling, as authenticate() verified it; nothing is known on a public call. Of an API key
 * membership and session are the key, and the permissions its scopes.
 */
struct who {
	bool known;
	bool unnoted; /* that they are there is noted last: auth_used() */
	struct id firm, membership, session, identity, contact;
	const char *audience; /* "staff", "portal" or "key" */
	const char *name, *email, *role, *locale, *timezone;
	const char *transport; /* "cookie" or "token" */
	int64_t authenticated_at, expires_at, idle_expires_at;
	struct texts permissions;
};

struct rq {
	const struct door_in *in;
	struct door_out *out;
	struct arena *arena;
	struct err err;
	struct db db;
	struct who who;
	const struct route *route;
	struct id ids[RQ_IDS_MAX]; /* of the path, left to right; bound to statements by their names
	                            */
	unsigned param_count;
	struct door_header params[RQ_PARAMS_MAX]; /* of the query, decoded */
	const struct rows *auth_rows;             /* what authenticate() answers, once it has run */
	const char *token;                        /* the credential as it came, NULL: none */
	bool by_cookie, by_key;
	const char *request_id, *addr;
	int64_t now;             /* of this request, bound as :now */
	int64_t began;           /* when the edge got it: an upload takes its time */
	const char *spool;       /* upload: path of the spooled body */
	int64_t length;          /* upload: its announced length in bytes */
	const struct blob *blob; /* upload: the body, once it is in the store */
	bool blob_kept;          /* ... for good: else it is removed when the request ends */
	struct upload *upload;   /* upload: what .admit found */
	struct limit *limit;     /* what this request counts for, NULL: nothing */
	bool events;             /* something was recorded: wake the relay after the commit */
	struct id event;         /* the last event recorded */
};

typedef int handler(struct rq *rq);

/* The header `name` (lower case) of the request, or NULL. */
const char *rq_header(const struct rq *rq, const char *name);

/* The decoded query parameter `name`, or NULL. */
const char *rq_param(const struct rq *rq, const char *name);

/* Is this the part `name` of an upload: "authorize", "refused", or "body" and the seconds it took?
 */
bool rq_in_phase(const struct rq *rq, const char *name);

/* The segment of the path that stands for "{name}" in the route's; owned by the request. */
const char *rq_segment(const struct rq *rq, const char *name);

/*
 * Query parameters by kind: 0 and the value, or "none" (id_none, TIME_NULL, NULL, -1) when it was
 * not sent; -1 with a fault at "?name".
 */
int rq_param_id(struct rq *rq, const char *name, const char *prefix, struct id *id_r);
int rq_param_time(struct rq *rq, const char *name, int64_t *ms_r);
int rq_param_enum(struct rq *rq, const char *name, const char *const *choices, const char **v_r);
int rq_param_bool(struct rq *rq, const char *name, int *v_r);
int rq_param_text(struct rq *rq, const char *name,
                  const char **v_r); /* cleaned, as texts are kept */

/* As those for a whole number from `lo` to `hi`; when it was not sent, *v keeps what it held. */
int rq_param_int(struct rq *rq, const char *name, int64_t lo, int64_t hi, int64_t *v);

/*
 * Ask again who is calling, as if the request had just come: for a reading call that has waited.
 * The connection goes back at once; the next statement travels behind authenticate() on another.
 */
void rq_again(struct rq *rq);

/* Who acts, for events and the audit log. */
struct actor rq_actor(const struct rq *rq);

/* Does the caller hold the permission? */
bool rq_may(const struct rq *rq, const char *permission);

/*
 * Refuse a caller without the permission, naming it, where the route's is not all that is needed:
 * permission_denied, or insufficient_scope for an API key.
 */
may_wait int rq_need(struct rq *rq, const char *permission);

/* Refuse until that time, which Retry-After tells: at least a second. Always -1. */
int refuse_until(struct rq *rq, enum problem problem, int64_t until, const char *text);

/* Refuse what another call came in between of: unavailable, to be sent once more. Always -1. */
int refuse_once(struct rq *rq, const char *text);

/*
 * Read the JSON body into the entity by its field table. `how` is FIELD_CREATE or FIELD_PATCH;
 * *sent_r (may be NULL) tells which members came. 0, or -1 with all faults.
 */
int body_read(struct rq *rq, const struct field *fields, unsigned how, void *entity,
              uint64_t *sent_r);

/*
 * As body_read, and let `judge` add the faults that no field table knows, also when some member is
 * wrong already, so that all are told at once. A member that could not be read keeps its old value.
 */
may_wait int body_read_judged(struct rq *rq, const struct entity *kind, unsigned how, void *entity,
                              uint64_t *sent_r, int (*judge)(struct rq *rq, const void *entity));

/*
 * Run one reading statement in a unit of its own, behind `claim` (NULL: nothing), and give the
 * connection back whatever comes of it. Both get `args` and :now; the rows stay with the request.
 * 0, or -1 with err.
 */
may_wait int look(struct rq *rq, const struct stmt *claim, const struct stmt *stmt,
                  const struct arg *args, struct rows *rows_r);

/*
 * Run a statement that finds one row, and fill the entity. 0; -1 with not_found when there is no
 * row.
 */
may_wait int find_one(struct rq *rq, const struct stmt *stmt, const struct arg *args,
                      const struct entity *kind, void *entity);

/*
 * Refuse with external_ref_exists, naming who has it, when `stmt` finds an id for the reference
 * (JSON {source, id}, NULL: none) that is not `own`; null for an id: the caller may not know whose.
 * The unique key still decides a race.
 */
may_wait int reference_free(struct rq *rq, const struct stmt *stmt, const struct entity *kind,
                            const char *reference, struct id own);

/* As find_one for a statement that changes or removes exactly one row and returns it. */
may_wait int change_one(struct rq *rq, const struct stmt *stmt, const struct arg *args);

/* Refuse with version_changed when If-Match was sent and names another version. */
int match_version(struct rq *rq, int64_t version);

/*
 * Record what happened, as event and audit entry, in the business transaction. `type` is
 * "<object>.<verb>"; `client` may be id_none. The event's id is left in rq->event. Of a folder,
 * document, share or matter that goes it is told ahead of that, since both keep which matter it
 * belonged to.
 */
may_wait int record(struct rq *rq, const char *type, struct id object, struct id client);

/* As record, naming the members that a patch changed: bit i of `sent` stands for fields[i]. */
may_wait int record_change(struct rq *rq, const char *type, struct id object, struct id client,
                           const char *const *changed);

/* Record in the audit log alone what is no event: what the caller did to `object` (id_none: none).
 */
may_wait int record_act(struct rq *rq, const char *action, const char *object_type,
                        struct id object);

/* Names of the fields whose bit is set, ends with NULL, owned by the request. */
const char *const *changed_names(struct rq *rq, const struct field *fields, uint64_t sent);

#endif
