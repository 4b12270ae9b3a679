/* retry.h - what becomes of an envelope after an attempt: pure functions, no clock, no database. */
#ifndef PORTICO_MAILER_RETRY_H
#define PORTICO_MAILER_RETRY_H

#include "base.h"

/* How one attempt ended. */
enum outcome {
	OUTCOME_SENT,      /* the server took the mail: 250 after the final dot */
	OUTCOME_TEMPORARY, /* not taken: 4yz, or the link was lost before the final dot */
	OUTCOME_PERMANENT, /* 5yz: not for this recipient, ever */
	OUTCOME_AMBIGUOUS  /* the link was lost after the final dot: it may have been taken */
};

/* Whose fault it was. What is the relay host's says nothing about the mail. */
enum blame {
	BLAME_NONE, /* sent */
	BLAME_MAIL, /* this recipient or this mail */
	BLAME_HOST  /* the relay host: not there, no TLS, refuses us; all mails would fare alike */
};

struct attempt {
	enum outcome outcome;
	enum blame blame;
	int code; /* last SMTP reply code, 0: none */
	const char *
		response; /* its text, or libcurl's; never NULL; ASCII without control characters */
};

/* Where the envelope goes now: these are its states in the database. */
enum fate_state {
	FATE_SENT,
	FATE_DEFERRED, /* again at due_ms */
	FATE_BOUNCED,  /* refused for good */
	FATE_FAILED    /* given up: the dead letter, which an operator may requeue */
};

struct fate {
	enum fate_state state;
	int64_t due_ms; /* FATE_DEFERRED only */
	bool suppress;  /* FATE_BOUNCED: the address does not exist, never write to it again */
};

/*
 * Milliseconds until the next attempt after `attempts` (at least 1) have failed: 15 s, three times
 * as long each time, half an hour at most (RFC 5321 4.5.4.1), so that seven attempts fall in the
 * first hour. `spread` (any number, fixed per envelope) adds up to a tenth, so that what failed
 * together does not come back together.
 */
int64_t retry_delay_ms(int attempts, uint32_t spread);

/*
 * The fate after attempt number `attempts` ended at `now_ms`, for an envelope that is given up at
 * `expires_ms`. What the host is to blame for is due again at once: the caller pauses for the host.
 */
struct fate retry_fate(const struct attempt *a, int attempts, uint32_t spread, int64_t now_ms,
                       int64_t expires_ms);

/* Milliseconds to leave the relay host alone after it failed `failures` (at least 1) times running.
 */
int64_t retry_host_pause_ms(unsigned failures);

/* The names of the database and the log. */
const char *outcome_text(enum outcome outcome);
const char *fate_text(enum fate_state state);

#endif
