/* email.h - a mail to one address, and what became of it. */
#ifndef PORTICO_EMAIL_H
#define PORTICO_EMAIL_H

#include "field.h"

struct email {
	struct id id;
	const char *kind;
	struct texts to, cc, bcc;
	const char *subject; /* "" until it is rendered */
	const char *status;
	const char *error; /* what the last attempt met with, or NULL */
	struct id contact_id, client_id, invoice_id;
	int64_t created_at, sent_at;
};

extern const char *const email_states[];
extern const struct entity email_entity;

#endif
