/* demo.h - the demo firm: what `make run` loads and test mode's reset brings back. */
#ifndef PORTICO_DEMO_H
#define PORTICO_DEMO_H

#include "base.h"
#include "db.h"

#define DEMO_SLUG "demo"

enum { DEMO_STAFF = 3 };

/* One of the demo firm's staff. The password follows from the server's key: the same at every load.
 */
struct demo_person {
	const char *role, *name, *email;
	const char *password;
};

/* The demo firm's staff: owner, admin, member. Texts belong to `a`. */
void demo_people(struct arena *a, struct demo_person people_r[DEMO_STAFF]);

/* The secret of the demo firm's API key, which has every scope; it follows from the server's key,
 * too. Text owned by `a`. */
const char *demo_key(struct arena *a);

/*
 * Load the demo firm into an installation without firms: firm, staff, key, two clients with their
 * contacts and upload folders. The unit writes; crypt_init() was called. 0, or -1 with err:
 * already_set_up.
 */
may_wait int demo_load(struct db *db, int64_t now);

#endif
