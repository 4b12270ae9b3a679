/* metrics.h - what the workers count, in memory that they share, for whoever watches the service.
 */
#ifndef PORTICO_METRICS_H
#define PORTICO_METRICS_H

#include "rq.h"

/* In a worker: take a place among them, and look at the worker's gauges each second from a fiber of
 * its own. Before that nothing is counted. */
void metrics_start(void);

/* In a worker that ends: its gauges count no more, its counters stay. */
void metrics_stop(void);

/* A request begins; it ends with this route (NULL: none), status and duration. */
void metrics_begin(void);
void metrics_end(const struct route *route, int status, int64_t took_ms);

/* All of it as Prometheus text. `counts` is the row of ops_counts, NULL: the database is away. */
void metrics_write(struct buf *b, const struct rows *counts, int64_t now_ms);

#endif
