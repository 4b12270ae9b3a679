/* idem.h - Idempotency-Key: a POST that is sent again gets the answer of the first time. */
#ifndef PORTICO_IDEM_H
#define PORTICO_IDEM_H

#include "rq.h"

/*
 * Begin a keyed request. 0: go on, or, with *replayed_r, the stored answer is already in rq->out.
 * -1: idempotency_key_required, malformed_request (a bad key), idempotency_in_progress (the same
 * key is being worked on now), idempotency_mismatch (the key stands for another request).
 */
may_wait int idem_begin(struct rq *rq, bool *replayed_r);

/*
 * Has the request's key an answer already? Then an upload's body is taken once more, only to be
 * given that answer. 0 and *known_r, or -1 with malformed_request (a bad key).
 */
may_wait int idem_known(struct rq *rq, bool *known_r);

/* Keep the answer in rq->out, sealed, with the act itself: same transaction. */
may_wait int idem_store(struct rq *rq);

#endif
