/* contact_show.h - a contact as it is shown and as it is made, for other ways to one than
 * /v1/contacts. */
#ifndef PORTICO_CONTACT_SHOW_H
#define PORTICO_CONTACT_SHOW_H

#include "contact.h"
#include "rq.h"

/* Read the contact `id`, which is bound as :contact_id by this. 0, or -1 with not_found. */
may_wait int contact_load(struct rq *rq, const struct id *id, struct contact *c_r);

/* Write a new contact and record it; its addresses are made consistent. 0, or -1 with err. */
may_wait int contact_make(struct rq *rq, struct contact *c);

#endif
