/* janitor.h - ends what has expired. A duty of the mailer; one at a time over all mailers. */
#ifndef PORTICO_MAILER_JANITOR_H
#define PORTICO_MAILER_JANITOR_H

#include "base.h"
#include "conf.h"

struct janitor;

struct janitor *janitor_new(const struct conf *conf);
void janitor_free(struct janitor *j);

/*
 * Do a little of the work when it is time (once a minute; every two seconds in test mode):
 * idempotency keys that have expired, sessions that have ended, files in the store that no row
 * knows, older than an hour. The whole store is gone through in about a quarter of an hour. What
 * cannot be done now is left for the next time.
 */
may_wait void janitor_turn(struct janitor *j);

#endif
