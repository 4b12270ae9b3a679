/* query.h - the query string of a request. */
#ifndef PORTICO_QUERY_H
#define PORTICO_QUERY_H

#include "rq.h"

/*
 * Decode the query into rq->params and refuse what the route does not know (unknown_parameter, each
 * one named), what comes twice, and what is no UTF-8 (malformed_request). 0 or -1.
 */
int query_read(struct rq *rq);

#endif
