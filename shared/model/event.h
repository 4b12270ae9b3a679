/* event.h - what the feed of events shows, and the table of all types of events there are. */
#ifndef PORTICO_EVENT_H
#define PORTICO_EVENT_H

#include "field.h"

/* An event as the feed shows it: ids and names of members, no content. */
struct event_shown {
	struct id id;
	int64_t sequence;
	const char *type;
	int64_t occurred_at;
	struct ref actor; /* staff, portal_user, api_key; the firm where nobody was signed in */
	const char *object_type;
	struct ref object_id;
	struct id client_id;
	bool deleted;
	struct texts changed_fields;
};

/* A type of events, and the permission without which its events are not shown. */
struct event_type {
	const char *type; /* "client.created" */
	const char *description;
	const char *object_type;
	const char *permission; /* to read the object */
};

enum { EVENT_TYPES_MAX = 128 };

extern const struct entity event_entity;
extern const struct entity event_type_entity;

/* Every type that is ever recorded, by object; ends with a NULL type. */
extern const struct event_type event_types[];

/* Is there such a type? */
bool event_type_known(const char *type);

/* Does `pattern`, `len` bytes that are a type or "client.*", mean this type? */
bool event_type_matches(const struct event_type *type, const char *pattern, size_t len);

#endif
