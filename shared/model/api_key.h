/* api_key.h - an API key: with it a program of the firm calls the API, within its scopes. */
#ifndef PORTICO_API_KEY_H
#define PORTICO_API_KEY_H

#include "err.h"
#include "field.h"

enum {
	KEY_SCOPES_MAX = 64, /* twice what there is, so that all unknown ones are told */
	KEY_CIDRS_MAX = 50,
	KEY_OVERLAP_HOURS_MAX = 168,
	KEY_OVERLAP_HOURS =
		24 /* a program that is told the new secret by a person gets it within a day */
};

struct api_key {
	struct id id; /* of its membership, too */
	const char *name;
	const char *prefix; /* of the secret, to tell keys apart by */
	struct texts scopes;
	struct texts allowed_cidrs; /* empty: anywhere */
	int64_t expires_at;
	int64_t previous_expires_at; /* until when the secret before the last rotation is good too
	                              */
	int64_t last_used_at;
	struct ref created_by;
	int64_t created_at;
	int64_t revoked_at;
	int64_t version;
};

/* A key just made or rotated: the only answer that has the secret. */
struct api_key_created {
	const char *api_key; /* JSON */
	const char *secret;
};

/* All scopes that a key may have: the permissions of staff but those that would let a key make more
 * of its kind, or let somebody in. Sorted, ends with NULL. */
extern const char *const api_key_scopes[];
extern const struct entity api_key_entity;
extern const struct entity api_key_created_entity;

/*
 * Judge scopes and blocks of addresses, and bring the blocks into one form, owned by `a`. `now`:
 * the time when expires_at was just chosen, which must lie ahead; TIME_NULL: it was not. Adds every
 * fault to `e`: not_allowed at /scopes/n (with unknown_scope when there is no other problem yet),
 * invalid_cidr at /allowed_cidrs/n, out_of_range at /expires_at. 0, or -1 when there was one.
 */
int api_key_check(struct api_key *key, int64_t now, struct arena *a, struct err *e);

#endif
