/* tenant.h - making a firm and its staff: for setup, the operator and the demo. */
#ifndef PORTICO_TENANT_H
#define PORTICO_TENANT_H

#include "base.h"
#include "db.h"

struct api_key;

struct tenant_firm {
	struct id id;
	const char *slug, *name;
	const char *timezone; /* IANA name */
	const char *currency; /* ISO 4217 */
};

/*
 * Make the firm in the unit's transaction, and claim it: later statements of the transaction see
 * this firm. Binds "firm" to the unit. The time zone and the currency are checked. 0, or -1 with
 * err: validation_failed with faults at /timezone and /currency, name_taken for the slug.
 */
may_wait int tenant_create_firm(struct db *db, const struct tenant_firm *firm, int64_t now);

/* Is it a currency of ISO 4217? 0, or -1 with a fault at `pointer`. */
int tenant_check_currency(const char *currency, const char *pointer, struct err *e);

/* Check an IANA time zone name. 0, or -1 with a fault at `pointer`. */
may_wait int tenant_check_timezone(struct db *db, const char *timezone, const char *pointer);

/* Check a language tag ("de", "en-GB"). 0, or -1 with a fault at `pointer`. */
may_wait int tenant_check_locale(struct db *db, const char *locale, const char *pointer);

struct tenant_staff {
	struct id id;
	const char *role; /* "owner", "admin", "member" */
	const char *name;
	const char *email;
	const char *
		password_hash; /* NULL: invited, chooses a password by the link of the invitation */
};

/*
 * Add a member of staff to the claimed firm. With a password hash the person is active at once; an
 * address that has an identity already keeps its own credential. Without one, an invitation is made
 * and its mail queued. 0, or -1 with err.
 */
may_wait int tenant_create_staff(struct db *db, const struct tenant_staff *staff, int64_t now);

/* How a secret of an API key stands in its row: the parameters secret_hash and prefix, owned by
 * `a`. */
const struct arg *tenant_key_secret(struct arena *a, const char *secret);

/*
 * Add an API key of the claimed firm, checked already, in the name of the member of staff `by`: its
 * id, name, scopes, blocks of addresses and end are those of `key`. 0, or -1 with err.
 */
may_wait int tenant_create_key(struct db *db, const struct api_key *key, const char *secret,
                               const struct id *by, int64_t now);

#endif
