/* sharing.h - showing an item to contacts: what the calls for shares and the sign-up links have in
 * common. */
#ifndef PORTICO_SHARING_H
#define PORTICO_SHARING_H

#include "rq.h"

/* A folder, document or matter that is to be shared. */
struct shared_item {
	const char *type; /* see share_item_types */
	struct id id;
	struct id client;     /* whose it is, once it is locked */
	struct id inside;     /* the matter that it belongs to; id_none: to none, or is one */
	bool notify_required; /* the firm wants its contacts told of every share */
};

/*
 * Lock the item, and bind it as :folder, :document or :matter. 0 with whose it is; -1 with a fault
 * at `pointer` when it is not there for the caller, with document_internal or client_archived.
 */
may_wait int sharing_lock(struct rq *rq, const char *pointer, struct shared_item *item);

/*
 * Share the locked item with those of the contacts who have not got it yet, and tell of each new
 * share; with `notify` by mail, too. They belong to the item's client, are clients on a matter, and
 * have portal access.
 */
may_wait int sharing_make(struct rq *rq, const struct shared_item *item, const struct ids *contacts,
                          const char *access, bool notify);

#endif
