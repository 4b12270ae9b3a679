/* sign_up_link.h - a link by which several people may register for one folder or matter. */
#ifndef PORTICO_SIGN_UP_LINK_H
#define PORTICO_SIGN_UP_LINK_H

#include "field.h"

#define SIGN_UP_PURPOSE "sign_up_link" /* of its token */

enum { SIGN_UP_USES_MAX = 1000, SIGN_UP_DAYS_MAX = 366 };

struct sign_up_link {
	struct id id, client_id;
	struct id folder_id, matter_id; /* one of them */
	const char *item_name;
	const char *access; /* what a person who is verified gets: see share_accesses */
	int64_t max_uses, uses;
	const char *state; /* see sign_up_link_states */
	int64_t expires_at;
	struct ref created_by;
	int64_t created_at;
};

/* What is asked for; exactly one of folder_id and matter_id. */
struct sign_up_link_in {
	struct id folder_id, matter_id;
	const char *access;
	int64_t max_uses, expires_at;
};

struct sign_up_link_created {
	const char *sign_up_link; /* JSON of the link */
	const char *url;          /* told this once */
};

extern const char *const sign_up_link_states[];
extern const struct entity sign_up_link_entity;
extern const struct entity sign_up_link_in_entity;
extern const struct entity sign_up_link_created_entity;

/* Do the members that were read go together at `now`? 0, or -1 with the faults. */
int sign_up_link_in_check(const struct sign_up_link_in *in, int64_t now, struct err *e);

#endif
