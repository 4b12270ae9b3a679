/* feature.h - the parts of the product that a firm switches on and off, and the tools of a person.
 */
#ifndef PORTICO_FEATURE_H
#define PORTICO_FEATURE_H

#include "field.h"

/* Whose calls a noun of the API's paths is. */
struct part {
	const char *noun;    /* "documents": of /v1/documents… and /v1/portal/documents… */
	const char *feature; /* on or off for the whole firm (S0-26); NULL: always there */
	const char *tool;    /* of a person of the portal (S1-20); NULL: everybody's */
};

/* What a person may do here, and what is there to be used. */
struct capabilities {
	struct texts permissions, features, tools;
};

extern const char *const feature_names[]; /* in the order in which they are shown; ends with NULL */
extern const char *const tool_names[];
extern const struct entity capabilities_entity;

/* The part that the calls of `path` ("/v1/portal/documents/{document_id}") belong to; one without
 * feature and tool when nothing governs them. */
const struct part *part_of(const char *path);

/*
 * Add a fault for each text that is none: at /features/n with unknown_feature, which is the problem
 * too when there is no other yet, and at /tools/n with not_allowed. 0, or -1 with the faults in
 * `e`.
 */
int features_check(const struct texts *named, struct err *e);
int tools_check(const struct texts *named, struct err *e);

#endif
