/* audit.h - the audit log: who did what, or tried to, written in the business transaction. */
#ifndef PORTICO_AUDIT_H
#define PORTICO_AUDIT_H

#include "base.h"
#include "db.h"
#include "outbox.h"

struct audit_entry {
	const char *action;      /* "client.create", "auth.login", … */
	const char *object_type; /* NULL: none */
	struct id object;        /* id_none: none */
	struct id client;        /* id_none: none */
	const char *outcome;     /* "ok", "denied", "failed"; NULL is "ok" */
	const char *ip;          /* of the client; NULL: not known */
	const char *request_id;  /* NULL: no request */
	const char *detail; /* more, as JSON object: ids and codes, never secrets; NULL: none */
};

/*
 * Write one entry with the time `now` (Unix milliseconds). The chain of hashes is sealed later by
 * the relay. The unit of work must write and have "firm" bound. 0, or -1 with the unit's err set;
 * the transaction is then void, and so is the act. Of "document.downloaded" there is one entry a
 * person, version in the detail and hour: a further one is left out, with 0. Promise P19.
 */
may_wait int audit_write(struct db *db, const struct actor *by, const struct audit_entry *entry,
                         int64_t now);

#endif
