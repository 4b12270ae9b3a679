/* firm_show.h - a firm as it is shown: its row and what the installation's settings say of it. */
#ifndef PORTICO_FIRM_SHOW_H
#define PORTICO_FIRM_SHOW_H

#include "firm.h"
#include "rq.h"

/* Read the firm bound as :firm. 0, or -1 with err. */
may_wait int firm_load(struct rq *rq, struct firm *firm_r);

/*
 * Find the firm of a public call by its slug or id in `named` (may be NULL), else by the request's
 * host, else the only one there is, and read what everybody may know of it, in units of their own.
 * 0; -1 with not_found for an unknown slug or id, firm_required when it cannot be told.
 */
may_wait int firm_load_public(struct rq *rq, const char *named, struct firm_public *firm_r);

/* The same as JSON, for the member `firm` of another object; owned by the request. */
const char *firm_public_json(struct rq *rq, const struct firm_public *firm);

#endif
