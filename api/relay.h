/* relay.h - the background fiber that numbers events, seals the audit log and tells Redis. */
#ifndef PORTICO_RELAY_H
#define PORTICO_RELAY_H

#include "base.h"

/* The stream, and the fields of its entries: event and firm (uuids), type. */
#define RELAY_STREAM "portico:events"

/*
 * Run until the worker ends. `conf` is the worker's struct conf. One runs in each worker of each
 * API, and the database's advisory lock makes one of them the relay; the others stand by.
 */
may_wait void relay_run(void *conf);

#endif
