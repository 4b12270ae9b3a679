/* staff.h - a member of the firm's staff, and the roles that staff can have. */
#ifndef PORTICO_STAFF_H
#define PORTICO_STAFF_H

#include "field.h"

struct staff {
	struct id id;
	const char *name;
	const char *email; /* signs in with it; fixed once invited */
	struct id role_id;
	const char *status;   /* "invited", "active" or "deactivated" */
	int64_t last_seen_at; /* when the person last signed in, TIME_NULL: never */
	bool totp_enabled;
	int64_t created_at, updated_at;
};

struct role {
	struct id id;
	const char *key; /* "owner", "admin" or "member" */
	const char *name;
	struct texts permissions;
	int64_t updated_at;
};

extern const char *const staff_states[];
extern const char *const role_keys[];
extern const struct entity staff_entity;
extern const struct entity role_entity;

#endif
