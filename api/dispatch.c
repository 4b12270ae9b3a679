/*
 * dispatch.c - the life of a request: match, limits, authenticate, authorise, handle, commit,
 * reply, log.
 *
 * The transaction is the dispatcher's: handlers neither begin nor commit. authenticate() travels
 * with the handler's first statement; when a handler fails before it ran any, the caller's right is
 * judged first, so that a fault of the body is never told to somebody who may not call.
 */
#include "auth.h"
#include "clock.h"
#include "cors.h"
#include "denial.h"
#include "idem.h"
#include "limit.h"
#include "log.h"
#include "metrics.h"
#include "query.h"
#include "reply.h"
#include "routes.h"
#include "setting.h"
#include "upload.h"

#include <stdlib.h>
#include <unistd.h>

enum { REQUEST_ID_MIN = 8, REQUEST_ID_MAX = 64, UPLOAD_SECONDS_MAX = 7 * 24 * 3600 };

/* For a connection, when the edge asks ahead of an upload: the second question, for the reason of a
 * refusal, must not make it more than 2 s until the 503 (P17). */
enum { AUTHORIZE_WAIT_MS = 1000, REFUSED_WAIT_MS = 250 };

/* ---- opening ---- */

static bool request_id_valid(const char *text)
{
	size_t n = text == NULL ? 0
	                        : strspn(text, "abcdefghijklmnopqrstuvwxyz"
	                                       "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

	return n >= REQUEST_ID_MIN && n <= REQUEST_ID_MAX && text[n] == '\0';
}

bool rq_in_phase(const struct rq *rq, const char *name)
{
	const char *phase = rq_header(rq, "x-portico-phase");
	size_t len = strlen(name);

	return phase != NULL && strncmp(phase, name, len) == 0 &&
	       (phase[len] == '\0' || phase[len] == ' ');
}

/* When the request began: a session that ends of itself while its upload arrives does not spoil it.
 */
static int64_t began_at(const struct rq *rq)
{
	const char *phase = rq_header(rq, "x-portico-phase");
	double took = rq_in_phase(rq, "body") ? strtod(phase + strlen("body"), NULL) : 0;

	return took > 0 && took < UPLOAD_SECONDS_MAX ? rq->now - (int64_t)(took * 1000) : rq->now;
}

static void rq_open(struct rq *rq, const struct door_in *in, struct arena *a, struct door_out *out)
{
	char text[ID_TEXT_SIZE];
	struct id id = id_new();

	*rq = (struct rq){.in = in, .out = out, .arena = a, .now = clock_now_ms()};
	err_init(&rq->err, a);
	rq->request_id = rq_header(rq, "x-request-id");
	if (!request_id_valid(rq->request_id)) {
		id_format(&id, "req", text);
		rq->request_id = arena_strdup(a, text);
	}
	rq->addr = rq_header(rq, "x-portico-addr");
	rq->spool = rq_header(rq, "x-portico-spool");
	rq->began = began_at(rq);
}

/* Calls that are not there for others: 404, as for a path that nobody knows. */
static bool is_hidden(struct rq *rq)
{
	if (strcmp(rq->route->access, TEST) == 0)
		return !this_worker.conf.test_mode;
	return strcmp(rq->route->access, OPERATOR) == 0 && !auth_operator(rq);
}

static int find_route(struct rq *rq)
{
	const char *allow;

	rq->route = route_find(rq->arena, rq->in->method, rq->in->path, rq->ids, &allow);
	if (rq->route == NULL && allow != NULL) {
		reply_header(rq, "allow", allow);
		return err_set(&rq->err, PROBLEM_method_not_allowed, "Here are: %s.", allow);
	}
	if (rq->route == NULL || is_hidden(rq)) {
		rq->route = NULL;
		return err_set(&rq->err, PROBLEM_not_found, "There is nothing here for you.");
	}
	return 0;
}

static bool json_type_named(const char *type)
{
	static const char *const types[] = {"application/json", "application/merge-patch+json"};
	size_t len = type == NULL ? 0 : strcspn(type, "; ");

	for (size_t i = 0; i < lengthof(types); i++)
		if (strlen(types[i]) == len && strncasecmp(type, types[i], len) == 0)
			return true;
	return false;
}

/* Of a call that anybody may make: read on the event loop, so it must not take long. */
enum { PUBLIC_BODY_MAX = 64 * 1024 };

static int check_body(struct rq *rq)
{
	if (strcmp(rq->route->access, PUBLIC) == 0 && rq->in->body_len > PUBLIC_BODY_MAX)
		return err_set(&rq->err, PROBLEM_too_large, "At most %d bytes are taken here.",
		               PUBLIC_BODY_MAX);
	if (!(rq->route->flags & (BODY | UPLOAD)) && rq->in->body_len > 0)
		return err_set(&rq->err, PROBLEM_malformed_request, "This call takes no body.");
	if (rq->route->flags & BODY && rq->in->body_len > 0 &&
	    !json_type_named(rq_header(rq, "content-type")))
		return err_set(&rq->err, PROBLEM_unsupported_media_type,
		               "Send the body as application/json.");
	return 0;
}

/* The unit of work, what its statements may name, and who is calling ahead of the first one. */
static void open_unit(struct rq *rq, bool writes)
{
	struct db *db = &rq->db;
	const char *name;

	db_init(db, this_worker.pool, rq->arena, &rq->err, writes);
	if (rq_in_phase(rq, "authorize"))
		db->wait_ms = AUTHORIZE_WAIT_MS;
	else if (rq_in_phase(rq, "refused"))
		db->wait_ms = REFUSED_WAIT_MS;
	db_bind(db, "now", arg_time(rq->arena, rq->now));
	for (unsigned i = 0; (name = route_id_name(rq->arena, rq->route, i)) != NULL; i++)
		db_bind(db, name, arg_id(rq->arena, &rq->ids[i]));
	if (id_is_none(&rq->who.session))
		return;
	db_bind(db, "firm", arg_id(rq->arena, &rq->who.firm));
	db_bind(db, "me", arg_id(rq->arena, &rq->who.membership));
	auth_prelude(rq);
}

void rq_again(struct rq *rq)
{
	unsigned trips = rq->db.trips;

	db_end(&rq->db);
	rq->now = rq->began = clock_now_ms();
	rq->who.known = false;
	open_unit(rq, false);
	rq->db.trips = trips;
}

/* ---- handling ---- */

/* What is answered and what is committed are one. */
static int store_and_commit(struct rq *rq)
{
	TRY(auth_known(rq));
	TRY(idem_store(rq));
	TRY(auth_used(rq));
	/* also when the commit's end stays unknown: an orphan does less harm than a hole */
	rq->blob_kept = true;
	return db_commit(&rq->db);
}

static int handle_and_commit(struct rq *rq)
{
	bool replayed = false;

	TRY(idem_begin(rq, &replayed));
	if (replayed)
		return db_commit(&rq->db); /* the key is free before the answer is there */
	if (rq->route->flags & UPLOAD)
		TRY(rq->route->admit(rq));
	TRY(rq->route->handle(rq));
	if (store_and_commit(rq) == 0)
		return 0;
	reply_forget(rq);
	return -1;
}

static int upload_length(struct rq *rq)
{
	const char *text = rq_header(rq, "x-portico-length");
	char *end;

	rq->length = text == NULL ? -1 : strtoll(text, &end, 10);
	if (rq->length < 0 || *end != '\0')
		return err_set(&rq->err, PROBLEM_length_required,
		               "Say with Content-Length how long the document is.");
	if (rq->length > this_worker.conf.max_upload_bytes)
		return err_set(&rq->err, PROBLEM_too_large, "At most %lld bytes are taken.",
		               (long long)this_worker.conf.max_upload_bytes);
	return 0;
}

/*
 * Before it takes the body the edge asks (authorize), and when it was refused, once more for the
 * reason. A key that has its answer already passes, to be given that answer.
 */
static int admit_only(struct rq *rq, bool *known_r)
{
	TRY(upload_length(rq));
	TRY(idem_known(rq, known_r));
	if (!*known_r)
		TRY(rq->route->admit(rq));
	TRY(auth_known(rq));
	return reply_none(rq);
}

static int handle_upload(struct rq *rq)
{
	bool known;

	if (rq_in_phase(rq, "body")) {
		TRY(upload_length(rq));
		TRY(upload_take(rq));
		return handle_and_commit(rq);
	}
	TRY(admit_only(rq, &known));
	if (rq_in_phase(rq, "authorize"))
		return 0;
	TRY(limit_reason(rq));
	rq->err.retry_after_s = 1; /* what was in the way is gone by now */
	if (known)
		return err_set(&rq->err, PROBLEM_idempotency_in_progress,
		               "The same request was just being worked on; send it once more.");
	return err_set(&rq->err, PROBLEM_unavailable, "Send it once more.");
}

/* A fault found before authenticate() ran must not be told to somebody who may not call. */
static int right_first(struct rq *rq)
{
	struct err fault = rq->err;

	if (rq->db.trips > 0 || rq->db.failed)
		return -1;
	err_clear(&rq->err);
	TRY(auth_known(rq));
	rq->err = fault;
	return -1;
}

/* The limit comes first, also for who sends what cannot be read: that is told later. */
static int count_first(struct rq *rq)
{
	auth_claim(rq);
	err_clear(&rq->err);
	return limit_take(rq);
}

static int serve(struct rq *rq)
{
	bool upload;

	TRY(find_route(rq));
	TRY(count_first(rq));
	TRY(query_read(rq));
	TRY(auth_claim(rq));
	TRY(auth_origin(rq));
	upload = rq->route->flags & UPLOAD;
	open_unit(rq, rq->route->flags & WRITES && (!upload || rq_in_phase(rq, "body")));
	if (check_body(rq) < 0)
		return right_first(rq);
	if ((upload ? handle_upload(rq) : handle_and_commit(rq)) < 0)
		return right_first(rq);
	return 0;
}

/* ---- closing ---- */

/* Which right was missing, for whoever has to grant it: a key's denial has none that would help. */
static void name_right(struct rq *rq)
{
	bool lacks = rq->err.problem == PROBLEM_insufficient_scope ||
	             (rq->err.problem == PROBLEM_permission_denied && !rq->by_key);

	if (lacks && rq->err.required == NULL && strchr(rq->route->access, ':') != NULL)
		rq->err.required = rq->route->access;
}

/* The edge's question passes on 401 and 403 only. */
static void answer_edge(struct rq *rq)
{
	if (rq_in_phase(rq, "authorize") && rq->out->status != 204)
		rq->out->status = 403;
}

static void wake_relay(const struct rq *rq)
{
	const uint64_t one = 1;

	if (rq->events && rq->err.problem == PROBLEM_NONE)
		(void)!write(gate_event_fd(), &one, sizeof(one));
}

static void finish(struct rq *rq)
{
	answer_edge(rq);
	reply_header(rq, "x-request-id", rq->request_id);
	limit_close(rq);
	cors_headers(rq);
	if (rq->route == NULL || !(rq->route->flags & NO_STORE_EXEMPT) || rq->out->status >= 400)
		reply_header(rq, "cache-control", "no-store");
	if (strcmp(rq->in->method, "HEAD") == 0)
		rq->out->body_len = 0;
}

static void log_id(struct log_line *l, const char *key, const struct id *id, const char *prefix)
{
	char text[ID_TEXT_SIZE];

	if (id_is_none(id))
		return;
	id_format(id, prefix, text);
	log_text(l, key, text);
}

static void log_request(const struct rq *rq, int64_t took_ms)
{
	struct log_line l;
	bool ours = rq->out->status >= 500;

	log_begin(&l, ours ? LOGL_ERROR : LOGL_INFO, "request");
	log_text(&l, "request_id", rq->request_id);
	log_text(&l, "method", rq->in->method);
	log_text(&l, "route", rq->route == NULL ? NULL : rq->route->path);
	log_int(&l, "status", rq->out->status);
	log_int(&l, "ms", took_ms);
	log_int(&l, "db_trips", rq->db.trips);
	log_int(&l, "bytes", (int64_t)rq->out->body_len);
	log_text(&l, "addr", rq->addr);
	log_id(&l, "firm", &rq->who.firm, "frm");
	log_id(&l, rq->by_key ? "key" : "member", &rq->who.membership, rq->by_key ? "key" : "mem");
	if (rq->err.problem != PROBLEM_NONE)
		log_text(&l, "code", problem_code(rq->err.problem));
	if (limit_refused(rq) != NULL)
		log_text(&l, "limit", limit_refused(rq));
	if (rq->err.internal != NULL)
		log_text(&l, "why", rq->err.internal);
	log_end(&l);
}

void dispatch(const struct door_in *in, struct arena *a, struct door_out *out)
{
	int64_t start = clock_mono_ms();
	struct rq *rq = arena_new(a, struct rq);

	*out = (struct door_out){0};
	metrics_begin();
	rq_open(rq, in, a, out);
	if (!cors_preflight(rq) && serve(rq) < 0) {
		db_roll_back(&rq->db);
		name_right(rq);
		if (!rq_in_phase(rq, "authorize")) /* the edge asks again for the reason */
			denial_note(rq);
		reply_problem(rq);
	}
	db_end(&rq->db);
	wake_relay(rq);
	finish(rq);
	metrics_end(rq->route, out->status, clock_mono_ms() - start);
	log_request(rq, clock_mono_ms() - start);
}
