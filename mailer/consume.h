/*
 * consume.h - the wake-ups from Redis: an event was committed, look for mail at once.
 *
 * Redis only carries: an entry says "look now", the envelopes are in the database, and the mailer
 * looks there by itself every second. So losing entries, the group or all of Redis loses no mail.
 * All mailers are one consumer of one group: each entry wakes one of them, and entries that one
 * took and did not finish are picked up by the others.
 */
#ifndef PORTICO_MAILER_CONSUME_H
#define PORTICO_MAILER_CONSUME_H

#include "base.h"

struct consumer;

struct consumer *consumer_new(const char *redis_url);
void consumer_free(struct consumer *c);

/* The descriptor that becomes readable when there is something to read; -1 when there is none now.
 */
int consumer_fd(const struct consumer *c);

/*
 * Read what is new, without waiting for anything to come. Returns true when there was something:
 * then look for mail, and call consumer_done() once the claim is committed. Until then nothing more
 * is read. Makes the group (again) when it is gone, from the stream's beginning.
 */
may_wait bool consumer_read(struct consumer *c);

/* The claim holds the work now: acknowledge what was read. */
may_wait void consumer_done(struct consumer *c);

#endif
