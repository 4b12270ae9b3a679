/* routes.h - the table of all operations: who may call what. */
#ifndef PORTICO_ROUTES_H
#define PORTICO_ROUTES_H

#include "rq.h"

#include <stdio.h>

/*
 * Who may call. Everything else in this column is a permission: staff whose role holds it, and API
 * keys with the scope of that name.
 */
#define PUBLIC   "public"   /* anybody */
#define ANY      "any"      /* any session, no key */
#define PORTAL   "portal"   /* a portal user */
#define OPERATOR "operator" /* who has PORTICO_METRICS_TOKEN: 404 otherwise */
#define TEST     "test"     /* anybody, in test mode only: 404 otherwise */

enum {
	WRITES = 1,       /* one transaction around the whole handler */
	KEY_REQUIRED = 2, /* refused without Idempotency-Key */
	NO_KEY = 4,  /* a POST that stores no answer: unauthenticated, it changes nothing, or it
	          tells  a secret once */
	BODY = 8,    /* takes a JSON body */
	UPLOAD = 16, /* takes a raw body, spooled by the edge; .admit decides before it is sent */
	NO_STORE_EXEMPT = 32, /* sets its own Cache-Control */
	STAFF = 64 /* no API key, whatever its scopes: only a person signed in as staff */
};

struct route {
	const char *method;
	const char
		*path; /* "/v1/clients/{client_id}": ids are bound to statements by these names */
	handler *handle;
	const char *access;
	unsigned flags;
	const char *params; /* query parameters it knows, separated by spaces; NULL: none */
	handler *admit;     /* UPLOAD: may this person put something of rq->length bytes there? */
};

extern const struct route routes[];
extern const size_t route_count;

/*
 * The route of a method and path. Fills ids_r from the path. NULL when there is none; then *allow_r
 * is NULL for an unknown path, else the methods that exist there ("GET, POST"), owned by `a`.
 * A HEAD is served by the GET of the same path.
 */
const struct route *route_find(struct arena *a, const char *method, const char *path,
                               struct id ids_r[RQ_IDS_MAX], const char **allow_r);

/* The name of the n-th "{…}" of the route's path, owned by `a`; NULL when there is none. */
const char *route_id_name(struct arena *a, const struct route *route, unsigned n);

/*
 * Print `METHOD path access`, one line a route: what the contract test compares with openapi.yaml.
 * A permission is "perm:clients:read", where keys are not let in "staff:api_keys:write".
 */
void routes_print(FILE *out);

#endif
