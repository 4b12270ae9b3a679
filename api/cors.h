/* cors.h - browsers of other origins: exact origins from the settings, on every status. */
#ifndef PORTICO_CORS_H
#define PORTICO_CORS_H

#include "rq.h"

/* Is this origin one of PORTICO_CORS_ORIGINS? */
bool cors_allowed(const char *origin);

/* Answer a preflight. True when the request was one; it is then replied to (204). */
bool cors_preflight(struct rq *rq);

/* Add the headers that let an allowed origin read the answer. */
void cors_headers(struct rq *rq);

#endif
