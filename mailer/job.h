/*
 * job.h - the envelopes that this mailer has claimed: taken from the database, told to it again.
 *
 * A claim belongs to a number that the mailer's database session holds by an advisory lock. When
 * the session ends (the mailer died) its claims are free at once. When only the connection was
 * lost, the mailer takes a new number and carries over what it still has in flight; what it had
 * claimed without knowing, because an answer was lost, is then free too.
 */
#ifndef PORTICO_MAILER_JOB_H
#define PORTICO_MAILER_JOB_H

#include "base.h"
#include "conf.h"
#include "db.h"
#include "letter.h"
#include "retry.h"

/* Where a claimed envelope stands; deliver.c moves it on. */
enum job_state {
	JOB_READY,   /* claimed, frozen, written: to be sent */
	JOB_SENDING, /* an SMTP transaction has it */
	JOB_ENDED    /* the attempt is over, `result` and `fate` say how; to be recorded */
};

struct job {
	struct job *next;
	enum job_state state;
	struct arena arena; /* of all below */
	struct id firm, envelope;
	const char *kind;
	int attempt; /* the number of this attempt, from 1 */
	int64_t expires_ms;
	struct letter letter;
	int64_t began_ms; /* monotonic */
	struct attempt result;
	struct fate fate;
	int64_t ended_ms;
};

struct queue {
	const struct conf *conf;
	struct db_pool *pool; /* one connection: the session that holds the number */
	int64_t number;       /* 0: none yet */
	int session;          /* the server session that holds it; 0: to be taken (again) */
	struct job *held;     /* all that is claimed and not yet recorded */
	unsigned held_count;
	bool careful; /* something went wrong that is not the connection: one at a time */
	bool down;    /* the database is away, and the log says so */
};

void queue_init(struct queue *q, const struct conf *conf);

/* Forget all claims, close the connection: what was in flight is free for others. */
void queue_release(struct queue *q);

/*
 * Claim at most `max` envelopes that are due, look again whether each may be sent, freeze and write
 * it. In one transaction, so that nothing is sent that is not known to be under way. Those to be
 * sent are added to q->held, JOB_READY (one whose address cannot be sent to is JOB_ENDED); the
 * others are recorded as cancelled, suppressed or failed. Returns how many were claimed in all, -1
 * when the database failed: nothing was claimed then.
 */
may_wait int queue_claim(struct queue *q, unsigned max);

/* Record all that is JOB_ENDED and let go of it. 0; -1 when the database failed: try again. */
may_wait int queue_record(struct queue *q);

#endif
