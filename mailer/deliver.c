/*
 * deliver.c - the mailer's loop.
 *
 * Each turn: take back the mails whose attempt has ended and judge it, record that and fill the
 * free slots with envelopes that are due in one transaction, let the janitor work, wait. The relay
 * host's own trouble pauses everything: then one mail at a time tries whether it is over.
 */
#include "deliver.h"

#include "consume.h"
#include "io.h"
#include "janitor.h"
#include "job.h"
#include "log.h"

#include <stdlib.h>

enum {
	TURN_MS = 100,       /* the longest wait: Redis is asked this often */
	SWEEP_MS = 1000,     /* the database is asked this often without being told to */
	TEST_SWEEP_MS = 200, /* in test mode, where the clock jumps */
	FAILURE_MS = 500,    /* after the database failed */
	FAREWELL_MS = 20 * 1000
};

struct deliver {
	const struct conf *conf;
	struct smtp *smtp;
	struct queue queue;
	struct consumer *consumer;
	struct janitor *janitor;
	/* on the monotonic clock, as all times here */
	int64_t sweep_at_ms;               /* look without being told to */
	int64_t claim_at_ms, record_at_ms; /* not before: the database has failed */
	unsigned host_failures;            /* running; 0: the relay host is well */
	int64_t host_at_ms;
};

/* ---- what has ended ---- */

static void judge_host(struct deliver *d, enum blame blame)
{
	int64_t now = clock_mono_ms();

	if (blame != BLAME_HOST) {
		if (d->host_failures)
			log_say(LOGL_INFO, "smtp", "the mail server is back");
		d->host_failures = 0;
	} else if (now >= d->host_at_ms || d->host_failures == 0) {
		if (d->host_failures == 0)
			log_say(LOGL_WARN, "smtp", "the mail server fails, pausing");
		d->host_at_ms = now + retry_host_pause_ms(++d->host_failures);
	}
}

/* One line for each attempt; the address stays out of the log, but for its domain. */
static void log_attempt(const struct job *job)
{
	const char *at = job->letter.to_email ? strrchr(job->letter.to_email, '@') : NULL;
	char id[ID_TEXT_SIZE], due[TIME_TEXT_SIZE];
	struct log_line l;

	id_format(&job->envelope, "eml", id);
	log_begin(&l, job->fate.state == FATE_SENT ? LOGL_INFO : LOGL_WARN, "delivery");
	log_text(&l, "envelope", id);
	log_text(&l, "kind", job->kind);
	log_text(&l, "domain", at ? at + 1 : NULL);
	log_int(&l, "attempt", job->attempt);
	log_text(&l, "outcome", outcome_text(job->result.outcome));
	log_int(&l, "code", job->result.code);
	log_int(&l, "ms", job->began_ms ? clock_mono_ms() - job->began_ms : 0);
	log_text(&l, "state", fate_text(job->fate.state));
	if (job->fate.state != FATE_SENT)
		log_text(&l, "response", job->result.response);
	if (job->fate.state == FATE_DEFERRED) {
		time_format(job->fate.due_ms, due);
		log_text(&l, "due", due);
	}
	log_end(&l);
}

static uint32_t spread_of(const struct id *id)
{
	return (uint32_t)id->b[12] << 24 | (uint32_t)id->b[13] << 16 | (uint32_t)id->b[14] << 8 |
	       id->b[15];
}

static void end_job(struct deliver *d, struct job *job, const struct attempt *attempt)
{
	job->state = JOB_ENDED;
	job->result = *attempt;
	job->result.response = arena_strdup(&job->arena, attempt->response);
	job->ended_ms = clock_now_ms();
	job->fate = retry_fate(attempt, job->attempt, spread_of(&job->envelope), job->ended_ms,
	                       job->expires_ms);
	judge_host(d, attempt->blame);
	log_attempt(job);
}

static void take_back(struct deliver *d)
{
	struct attempt attempt;
	struct job *job;

	while ((job = smtp_finished(d->smtp, &attempt)))
		end_job(d, job, &attempt);
}

static unsigned count_ended(const struct queue *q)
{
	unsigned n = 0;

	for (const struct job *job = q->held; job; job = job->next)
		n += job->state == JOB_ENDED;
	return n;
}

/*
 * Unless a claim has done it. What has ended stays in memory until the database knows: nothing is
 * sent twice for its sake.
 */
static may_wait void record(struct deliver *d)
{
	if (!count_ended(&d->queue) || clock_mono_ms() < d->record_at_ms)
		return;
	if (queue_record(&d->queue) < 0)
		d->record_at_ms = clock_mono_ms() + FAILURE_MS;
}

/* ---- what is due ---- */

/* How many mails may be begun now. */
static unsigned room(const struct deliver *d)
{
	unsigned held = d->queue.held_count - count_ended(&d->queue); /* they go with the claim */

	if (d->host_failures)
		return held == 0 && clock_mono_ms() >= d->host_at_ms ? 1 : 0;
	return held < SMTP_SLOTS ? SMTP_SLOTS - held : 0;
}

static void send_ready(struct deliver *d)
{
	for (struct job *job = d->queue.held; job; job = job->next) {
		if (job->state == JOB_ENDED && !job->letter.message && !job->began_ms) {
			job->began_ms = clock_mono_ms();
			log_attempt(job);
		}
		if (job->state != JOB_READY)
			continue;
		job->state = JOB_SENDING;
		job->began_ms = clock_mono_ms();
		smtp_send(d->smtp, job->letter.to_email, job->letter.message, job->letter.len, job);
	}
}

static may_wait void claim(struct deliver *d)
{
	unsigned max = room(d);
	bool woken;
	int n;

	if (!max || clock_mono_ms() < d->claim_at_ms)
		return;
	woken = consumer_read(d->consumer);
	if (!woken && clock_mono_ms() < d->sweep_at_ms)
		return;
	n = queue_claim(&d->queue, max);
	if (n < 0) {
		d->claim_at_ms = clock_mono_ms() + FAILURE_MS;
		return;
	}
	consumer_done(d->consumer);
	send_ready(d);
	d->sweep_at_ms = clock_mono_ms();
	if (n < (int)max) /* else there may be more: again as soon as there is room */
		d->sweep_at_ms += d->conf->test_mode ? TEST_SWEEP_MS : SWEEP_MS;
}

/* ---- the loop ---- */

/* How long there is nothing to do unless something happens. */
static int idle_ms(const struct deliver *d)
{
	int64_t at = d->sweep_at_ms > d->claim_at_ms ? d->sweep_at_ms : d->claim_at_ms;
	int64_t left = at - clock_mono_ms();

	if (!room(d) || left > TURN_MS)
		return TURN_MS;
	return left > 0 ? (int)left : 0;
}

/* Until a transaction has ended, Redis tells of an event, or it is time for a look. */
static may_wait void rest(struct deliver *d)
{
	struct pollfd fds[2] = {{.fd = smtp_fd(d->smtp), .events = POLLIN}};
	unsigned n = 1;

	if (room(d) && clock_mono_ms() >= d->claim_at_ms && consumer_fd(d->consumer) >= 0)
		fds[n++] = (struct pollfd){.fd = consumer_fd(d->consumer), .events = POLLIN};
	(void)io_wait(fds, n, idle_ms(d));
}

/* What is under way may end; what does not is free for other mailers when our session goes. */
static may_wait void farewell(struct deliver *d, const volatile sig_atomic_t *stop)
{
	int64_t end = clock_mono_ms() + FAREWELL_MS;

	while (d->queue.held && *stop < 2 && clock_mono_ms() < end) {
		take_back(d);
		record(d);
		if (d->queue.held)
			(void)io_wait_fd(smtp_fd(d->smtp), POLLIN, TURN_MS);
	}
}

void deliver_run(const struct conf *conf, struct smtp *smtp, const volatile sig_atomic_t *stop)
{
	struct deliver d = {.conf = conf, .smtp = smtp};

	queue_init(&d.queue, conf);
	d.consumer = consumer_new(conf->redis_url);
	d.janitor = janitor_new(conf);
	while (!*stop) {
		take_back(&d);
		claim(&d);
		record(&d);
		janitor_turn(d.janitor);
		rest(&d);
	}
	farewell(&d, stop);
	janitor_free(d.janitor);
	consumer_free(d.consumer);
	queue_release(&d.queue);
}
