/* job.c - claims envelopes, re-checks and freezes them, records what became of them. */
#include "job.h"

#include "crypt.h"
#include "invitation.h"
#include "log.h"
#include "mailed.h"
#include "mime.h"
#include "preference.h"
#include "sql_job.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	UNIT_ARENA_MAX = 32 * 1024 * 1024,
	JOB_ARENA_MAX = 8 * 1024 * 1024,
	LIST_MAX = 8 * 1024 * 1024, /* JSON of one claim or record: ten letters with both bodies */
	POSTPONE_MS = 5 * 60 * 1000
};

/* One unit of work, with its memory. */
struct unit {
	struct queue *queue;
	struct arena arena;
	struct err err;
	struct db db;
	int64_t now_ms;
};

/* A JSON array of objects that grows row by row, for jsonb_to_recordset. */
struct list {
	struct buf buf;
	struct json_writer w;
	int n;
};

void queue_init(struct queue *q, const struct conf *conf)
{
	*q = (struct queue){.conf = conf, .pool = db_pool_new(conf->mailer_database, 1)};
}

static void job_free(struct job *job)
{
	arena_release(&job->arena);
	free(job);
}

void queue_release(struct queue *q)
{
	while (q->held) {
		struct job *job = q->held;

		q->held = job->next;
		job_free(job);
	}
	db_pool_free(q->pool);
	*q = (struct queue){0};
}

/* ---- units of work ---- */

static struct unit *unit_start(struct queue *q, bool writes)
{
	struct unit *u = calloc(1, sizeof(*u));

	if (!u)
		abort();
	u->queue = q;
	u->now_ms = clock_now_ms();
	arena_init(&u->arena, UNIT_ARENA_MAX);
	err_init(&u->err, &u->arena);
	db_init(&u->db, q->pool, &u->arena, &u->err, writes);
	db_bind(&u->db, "now", arg_time(&u->arena, u->now_ms));
	db_bind(&u->db, "real", arg_time(&u->arena, u->now_ms - clock_offset_ms()));
	db_bind(&u->db, "number", arg_int(&u->arena, q->number));
	return u;
}

static void say_failure(struct queue *q, const struct err *err)
{
	if (err->problem == PROBLEM_unavailable && q->down)
		return;
	q->down = err->problem == PROBLEM_unavailable;
	log_say(q->down ? LOGL_WARN : LOGL_ERROR, "database", "%s",
	        err->internal ? err->internal
	        : err->detail ? err->detail
	                      : "failed");
}

/* End it; a failure goes to the log, an outage once. */
static int unit_end(struct unit *u, int result)
{
	struct queue *q = u->queue;

	db_end(&u->db);
	if (result < 0) {
		say_failure(q, &u->err);
	} else if (q->down) {
		q->down = false;
		log_say(LOGL_INFO, "database", "is back");
	}
	arena_release(&u->arena);
	free(u);
	return result;
}

/* Is the unit on the session that holds our number? Else nothing it says may stand. */
static int check_session(struct unit *u)
{
	struct queue *q = u->queue;

	if (db_backend_pid(&u->db) == q->session)
		return 0;
	q->session = 0;
	return err_set(&u->err, PROBLEM_unavailable, "the session was lost");
}

static void list_start(struct list *l, struct arena *a)
{
	buf_init(&l->buf, a, LIST_MAX);
	json_start(&l->w, &l->buf);
	json_open(&l->w, '[');
	l->n = 0;
}

static void list_row(struct list *l, const struct id *firm, const struct id *id)
{
	char uuid[ID_UUID_SIZE];

	json_open(&l->w, '{');
	id_uuid(firm, uuid);
	json_key(&l->w, "firm");
	json_put_text(&l->w, uuid);
	id_uuid(id, uuid);
	json_key(&l->w, "id");
	json_put_text(&l->w, uuid);
	l->n++;
}

static void list_text(struct list *l, const char *name, const char *value)
{
	json_key(&l->w, name);
	json_put_text(&l->w, value);
}

static void list_int(struct list *l, const char *name, int64_t value)
{
	json_key(&l->w, name);
	json_put_int(&l->w, value);
}

static void list_time(struct list *l, const char *name, int64_t ms)
{
	json_key(&l->w, name);
	json_put_time(&l->w, ms);
}

static const char *list_end(struct list *l)
{
	json_close(&l->w, ']');
	return l->buf.data;
}

/* ---- the number ---- */

static may_wait int take_number(struct queue *q, int64_t number)
{
	struct unit *u = unit_start(q, false);
	struct rows rows;
	int result;

	result = db_query(&u->db, &sql_job_hold, ARGS({"number", arg_int(&u->arena, number)}),
	                  &rows);
	if (result == 0 && !row_bool(&rows, 0, "held"))
		result = err_set(&u->err, PROBLEM_unavailable, "the number is taken");
	if (result == 0)
		q->session = db_backend_pid(&u->db);
	return unit_end(u, result);
}

static const char *held_ids(const struct queue *q, struct arena *a)
{
	struct id *ids = arena_array(a, struct id, q->held_count + 1);
	size_t n = 0;

	for (const struct job *job = q->held; job; job = job->next)
		ids[n++] = job->envelope;
	return arg_ids(a, ids, n);
}

static may_wait int carry_over(struct unit *u, int64_t number)
{
	struct arena *a = &u->arena;

	TRY(db_query(&u->db, &sql_job_rehold,
	             ARGS({"number", arg_int(a, number)}, {"old", arg_int(a, u->queue->number)},
	                  {"ids", held_ids(u->queue, a)}),
	             NULL));
	TRY(check_session(u));
	return db_commit(&u->db);
}

/* A number of our own, with what is in flight under it. Nothing to do while the session lives. */
static may_wait int hold(struct queue *q)
{
	struct unit *u;
	uint32_t random;
	int64_t number;

	if (q->session)
		return 0;
	crypt_random(&random, sizeof(random));
	number = (random & INT32_MAX) | 1;
	TRY(take_number(q, number));
	if (q->number) {
		u = unit_start(q, true);
		if (unit_end(u, carry_over(u, number)) < 0) {
			q->session = 0;
			return -1;
		}
	}
	q->number = number;
	return 0;
}

/* ---- from rows to letters ---- */

/* "" where there is none of a firm's own. */
static const char *portal_url(const struct queue *q, const struct rows *rows, int i)
{
	const char *url = row_text(rows, i, "portal_url");

	return url && *url ? url : q->conf->public_url;
}

static const struct json *documents(struct arena *a, const char *text)
{
	const struct json *list;
	struct err err;

	err_init(&err, a);
	if (!text || json_parse(a, text, strlen(text), &list, &err) < 0)
		return NULL;
	return list;
}

/* The folder to open: the one that was shared, or the one in which all uploaded documents lie. */
static struct id folder_of(const struct rows *rows, int i, const struct json *list)
{
	const struct json *first = list ? json_first(list) : NULL;
	const struct json *uuid = first ? json_member(first, "folder_id") : NULL;
	struct id id;

	if (uuid && id_from_uuid(json_string(uuid), &id) == 0)
		return id;
	return row_id(rows, i, "folder_id");
}

/* The one document that is left may be another than the one that the envelope began with. */
static struct id document_of(const struct rows *rows, int i, const struct json *list)
{
	const struct json *first = list ? json_first(list) : NULL;
	const struct json *uuid = first ? json_member(first, "id") : NULL;
	struct id id;

	if (uuid && id_from_uuid(json_string(uuid), &id) == 0)
		return id;
	return row_id(rows, i, "document_id");
}

static const char *freeze(struct unit *u, struct job *job, const struct rows *rows, int i)
{
	const struct json *list = documents(&job->arena, row_text(rows, i, "documents"));
	const bool ends = row_bool(rows, i, "may_end");
	const struct letter_facts facts = {
		.envelope = job->envelope,
		.attempt = job->attempt,
		.kind = job->kind,
		.to_email = row_text(rows, i, "to_email"),
		.to_name = row_text(rows, i, "to_name"),
		.from_email = u->queue->conf->mail_from,
		.firm = row_text(rows, i, "firm"),
		.accent = row_text(rows, i, "accent_color"),
		.support_email = row_text(rows, i, "support_email"),
		.in_charge = row_text(rows, i, "in_charge"),
		.help = documents(&job->arena, row_text(rows, i, "help_links")),
		.portal = portal_url(u->queue, rows, i),
		.slug = row_text(rows, i, "slug"),
		.one_click =
			ends && preference_optional(job->kind) ? u->queue->conf->public_url : NULL,
		.locale = row_text(rows, i, "locale"),
		.actor = row_text(rows, i, "actor"),
		.client = row_text(rows, i, "client"),
		.folder = folder_of(rows, i, list),
		.document = document_of(rows, i, list),
		.item = row_text(rows, i, "item"),
		.can_upload = row_bool(rows, i, "can_upload"),
		.until = row_text(rows, i, "until"),
		.about = row_text(rows, i, "about"),
		.portals = documents(&job->arena, row_text(rows, i, "portals")),
		.public_url = u->queue->conf->public_url,
		.documents = list,
		.named = row_text(rows, i, "named"),
		.count = list ? row_int(rows, i, "count") : 0,
		.known = row_bool(rows, i, "known"),
		.has_credential = row_bool(rows, i, "has_credential"),
		.applicant = row_text(rows, i, "applicant"),
		.applicant_email = row_text(rows, i, "applicant_email"),
		.one_folder = row_bool(rows, i, "one_folder"),
		.now_ms = u->now_ms,
	};

	return letter_freeze(&job->arena, &facts);
}

/* The secret end of the link, and the code beside it; none for mails that open no door. */
static void door_tokens(struct job *job, const struct rows *rows, int i, struct letter_tokens *t)
{
	bool invites = strstr(job->kind, "invitation") != NULL;
	struct id row = row_id(rows, i, "token_row");
	const uint8_t *nonce;
	uint8_t of_address[NONCE_SIZE];

	if (strcmp(job->kind, ADDRESS_PURPOSE) == 0) {
		mail_nonce(row_text(rows, i, "to_email_key"), of_address);
		nonce = of_address;
	} else if (row_bytes(rows, i, "nonce", &job->arena, &nonce) != NONCE_SIZE) {
		return;
	}
	t->link = mail_token(&job->arena, invites ? INVITATION_PURPOSE : job->kind, &job->firm,
	                     &row, nonce);
	if (strcmp(job->kind, MAILED_SIGN_IN) == 0)
		t->code = mail_code(&job->arena, MAILED_CODE, &row, nonce);
}

/* What ends this kind of notice for this person at this address, and nothing else (pitfall P2). */
static const char *unsubscribe_token(struct job *job, const struct rows *rows, int i)
{
	struct id membership = row_id(rows, i, "membership_id");
	uint8_t nonce[NONCE_SIZE];

	if (id_is_none(&membership) || !preference_optional(job->kind))
		return NULL;
	mail_nonce(row_text(rows, i, "to_email_key"), nonce);
	return mail_token(&job->arena, preference_purpose(&job->arena, job->kind), &job->firm,
	                  &membership, nonce);
}

/* The mail from what was frozen before, or is now. -1 with *why_r when it cannot be written. */
static int write_letter(struct unit *u, struct job *job, const struct rows *rows, int i,
                        struct list *letters, const char **why_r)
{
	struct letter_tokens tokens = {.unsubscribe = unsubscribe_token(job, rows, i)};
	const char *frozen = row_text(rows, i, "frozen");

	door_tokens(job, rows, i, &tokens);
	*why_r = "the mail is too large";
	if (!frozen)
		frozen = freeze(u, job, rows, i);
	if (!frozen)
		return -1;
	TRY(letter_write(&job->arena, frozen, &tokens, &job->letter, why_r));
	list_row(letters, &job->firm, &job->envelope);
	list_int(letters, "attempt", job->attempt);
	json_key(&letters->w, "frozen");
	json_put_raw(&letters->w, frozen);
	list_text(letters, "subject", job->letter.subject);
	list_text(letters, "message_id", job->letter.message_id);
	list_time(letters, "mail_date", job->letter.date_ms);
	json_close(&letters->w, '}');
	return 0;
}

static struct job *job_new(const struct rows *rows, int i)
{
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		abort();
	arena_init(&job->arena, JOB_ARENA_MAX);
	job->firm = row_id(rows, i, "firm_id");
	job->envelope = row_id(rows, i, "id");
	job->kind = arena_strdup(&job->arena, row_text(rows, i, "kind"));
	job->attempt = (int)row_int(rows, i, "attempts") + 1;
	job->expires_ms = row_time(rows, i, "expires_at");
	return job;
}

/* ---- recording ---- */

static void add_result(struct list *l, const struct job *job, bool bodies)
{
	const struct fate *fate = &job->fate;

	list_row(l, &job->firm, &job->envelope);
	list_int(l, "attempt", job->attempt);
	list_text(l, "state", fate_text(fate->state));
	list_time(l, "due", fate->state == FATE_DEFERRED ? fate->due_ms : TIME_NULL);
	list_text(l, "outcome", outcome_text(job->result.outcome));
	if (job->result.code)
		list_int(l, "code", job->result.code);
	list_text(l, "response", job->result.response);
	json_key(&l->w, "suppress");
	json_put_bool(&l->w, fate->suppress);
	list_time(l, "at", job->ended_ms);
	if (bodies && fate->state == FATE_SENT) {
		list_text(l, "body_text", job->letter.text);
		list_text(l, "body_html", job->letter.html);
	}
	json_close(&l->w, '}');
}

/* Tell of all that has ended. In test mode what was sent is kept, for whoever tests. */
static may_wait int record(struct unit *u)
{
	struct queue *q = u->queue;
	struct list results;

	list_start(&results, &u->arena);
	for (const struct job *job = q->held; job; job = job->next)
		if (job->state == JOB_ENDED)
			add_result(&results, job, q->conf->test_mode);
	if (results.n == 0)
		return 0;
	TRY(db_query(&u->db, &sql_job_record, ARGS({"results", list_end(&results)}), NULL));
	return check_session(u);
}

/* The database knows: forget it. */
static void let_go(struct queue *q)
{
	struct job **at = &q->held;

	while (*at) {
		struct job *job = *at;

		if (job->state != JOB_ENDED) {
			at = &job->next;
			continue;
		}
		*at = job->next;
		q->held_count--;
		job_free(job);
	}
}

int queue_record(struct queue *q)
{
	struct unit *u;
	int result;

	TRY(hold(q));
	u = unit_start(q, true);
	result = record(u);
	if (result == 0)
		result = db_commit(&u->db);
	if (result == 0)
		let_go(q);
	return unit_end(u, result);
}

/* ---- claiming ---- */

/* What one claim found: letters to send, and envelopes that go no further. */
struct harvest {
	struct list letters, stops;
	struct job *first;
};

static void stop(struct harvest *h, struct job *job, const char *state, const char *why)
{
	struct log_line l;
	char id[ID_TEXT_SIZE];

	list_row(&h->stops, &job->firm, &job->envelope);
	list_text(&h->stops, "state", state);
	list_text(&h->stops, "error", why);
	json_close(&h->stops.w, '}');
	id_format(&job->envelope, "eml", id);
	log_begin(&l, LOGL_INFO, "stop");
	log_text(&l, "envelope", id);
	log_text(&l, "kind", job->kind);
	log_text(&l, "state", state);
	log_text(&l, "why", why);
	log_end(&l);
	job_free(job);
}

/* An address that mail cannot be sent to bounces here, without bothering the server (RFC 6531). */
static void bounce(struct harvest *h, struct job *job, int64_t now_ms)
{
	job->result = (struct attempt){
		.outcome = OUTCOME_PERMANENT,
		.blame = BLAME_MAIL,
		.response = "5.1.3 the address is not one that mail can be sent to",
	};
	job->fate = retry_fate(&job->result, job->attempt, 0, now_ms, job->expires_ms);
	job->state = JOB_ENDED;
	job->ended_ms = now_ms;
	job->next = h->first;
	h->first = job;
	list_row(&h->letters, &job->firm, &job->envelope);
	list_int(&h->letters, "attempt", job->attempt);
	json_close(&h->letters.w, '}');
}

/* One claimed envelope: stop it, or make it a job. */
static void reap(struct unit *u, struct harvest *h, const struct rows *rows, int i)
{
	struct job *job = job_new(rows, i);
	const char *why = row_text(rows, i, "stop");

	if (why) {
		stop(h, job, "cancelled", why);
	} else if (row_bool(rows, i, "suppressed")) {
		stop(h, job, "suppressed", "mail to this address has bounced");
	} else if (job->expires_ms <= u->now_ms) {
		stop(h, job, "failed", "given up: it could not be sent in time");
	} else if (!mime_address_ok(row_text(rows, i, "to_email"))) {
		bounce(h, job, u->now_ms);
	} else if (write_letter(u, job, rows, i, &h->letters, &why) < 0) {
		stop(h, job, "failed", why);
	} else {
		job->next = h->first;
		h->first = job;
	}
}

static may_wait int save(struct unit *u, struct harvest *h)
{
	if (h->letters.n > 0)
		TRY(db_query(&u->db, &sql_job_freeze, ARGS({"letters", list_end(&h->letters)}),
		             NULL));
	if (h->stops.n > 0)
		TRY(db_query(&u->db, &sql_job_stop, ARGS({"stops", list_end(&h->stops)}), NULL));
	if (h->letters.buf.over || h->stops.buf.over)
		return err_internal(&u->err, "a claim's letters do not fit");
	return 0;
}

static const char *claimed_keys(struct arena *a, const struct rows *rows)
{
	struct list keys;

	list_start(&keys, a);
	for (int i = 0; i < rows->n; i++) {
		const struct id firm = row_id(rows, i, "firm_id"), id = row_id(rows, i, "id");

		list_row(&keys, &firm, &id);
		json_close(&keys.w, '}');
	}
	return list_end(&keys);
}

/* Look at the claimed rows: what is to be sent ends up in `h`. */
static may_wait int look(struct unit *u, struct harvest *h, const struct rows *claimed)
{
	struct rows facts;

	TRY(db_query(&u->db, &sql_job_facts, ARGS({"keys", claimed_keys(&u->arena, claimed)}),
	             &facts));
	for (int i = 0; i < facts.n; i++)
		reap(u, h, &facts, i);
	return save(u, h);
}

/* One transaction. The claimed rows in *claimed_r; how many, or -1. */
static may_wait int claim(struct unit *u, unsigned max, struct harvest *h, struct rows *claimed_r)
{
	TRY(record(u));
	TRY(db_query(&u->db, &sql_job_claim, ARGS({"max", arg_int(&u->arena, max)}), claimed_r));
	TRY(check_session(u));
	if (claimed_r->n > 0)
		TRY(look(u, h, claimed_r));
	TRY(db_commit(&u->db));
	return claimed_r->n;
}

static void hold_jobs(struct queue *q, struct job *first)
{
	while (first) {
		struct job *job = first;

		first = job->next;
		job->next = q->held;
		q->held = job;
		q->held_count++;
	}
}

static void drop_jobs(struct job *first)
{
	while (first) {
		struct job *job = first;

		first = job->next;
		job_free(job);
	}
}

/* The one envelope on which everything fails is looked at again later. */
static may_wait void postpone(struct queue *q, const struct id *firm, const struct id *id,
                              const char *why)
{
	struct unit *u = unit_start(q, true);
	struct arena *a = &u->arena;
	int result;

	result = db_query(&u->db, &sql_job_postpone,
	                  ARGS({"firm", arg_id(a, firm)}, {"id", arg_id(a, id)},
	                       {"due", arg_time(a, u->now_ms + POSTPONE_MS)}, {"error", why}),
	                  NULL);
	if (result == 0)
		result = db_commit(&u->db);
	unit_end(u, result);
}

/* After a failure that is not the connection's: look at them one by one until all is well again. */
static may_wait void claim_failed(struct queue *q, unsigned max, const struct rows *claimed,
                                  const struct err *err)
{
	bool alone = max == 1 && claimed->n == 1;
	struct id firm, id;
	char why[256];

	if (err->problem == PROBLEM_unavailable)
		return;
	q->careful = true;
	if (!alone)
		return;
	firm = row_id(claimed, 0, "firm_id");
	id = row_id(claimed, 0, "id");
	snprintf(why, sizeof(why), "%s", err->internal ? err->internal : "failed");
	postpone(q, &firm, &id, why);
}

int queue_claim(struct queue *q, unsigned max)
{
	struct unit *u;
	struct harvest h = {0};
	struct rows claimed = {0};
	int n;

	TRY(hold(q));
	if (q->careful)
		max = 1;
	u = unit_start(q, true);
	list_start(&h.letters, &u->arena);
	list_start(&h.stops, &u->arena);
	n = claim(u, max, &h, &claimed);
	db_end(&u->db);
	if (n < 0) {
		drop_jobs(h.first);
		claim_failed(q, max, &claimed, &u->err);
	} else {
		let_go(q);
		hold_jobs(q, h.first);
		q->careful = q->careful && n > 0;
	}
	return unit_end(u, n);
}
