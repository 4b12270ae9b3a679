/* matters.h - sharing matters with a contact while its portal access is switched on. */
#ifndef PORTICO_MATTERS_H
#define PORTICO_MATTERS_H

#include "rq.h"

/*
 * May these matters be shared with the contact bound as :contact_id (S2-16)? 0; -1 with a fault for
 * each that is not there for the caller, whose client is archived, or that the contact is no client
 * on.
 */
may_wait int matters_check(struct rq *rq, const struct ids *matters);

/*
 * Share what matters_check() let pass with the contact's membership, for viewing; what is shared
 * already stays as it is. Tells of each new share.
 */
may_wait int matters_share(struct rq *rq, const struct ids *matters, const struct id *membership);

#endif
