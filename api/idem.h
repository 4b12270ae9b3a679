/* idem.h - Idempotency-Key: a POST that is sent again gets the answer of the first time. */
#ifndef PORTICO_IDEM_H
#define PORTICO_IDEM_H

#include "rq.h"

/*
 * Begin a keyed request. 0: go on, or, with *replayed_r, the stored answer is already in rq->out. -1:
 * idempotency_key_required, malformed_request (a bad key), idempotency_in_progress (the same key is
 * being worked on now), idempotency_mismatch (the key stands for another request).
 */
may_wait int idem_begin(struct rq *rq, bool *replayed_r);

/* Keep the answer in rq->out, sealed, with the act itself: same transaction. */
may_wait int idem_store(struct rq *rq);

#endif
