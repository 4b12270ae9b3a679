/* folder.h - a folder of one client's documents. */
#ifndef PORTICO_FOLDER_H
#define PORTICO_FOLDER_H

#include "field.h"

struct folder {
	struct id id, client_id;
	struct id parent_id; /* id_none: at the top */
	struct id matter_id; /* what lies in it belongs to it too; id_none: none */
	const char *name;    /* unique in its place */
	bool is_default_upload;
	int64_t created_at, updated_at;
	int64_t version;
	const char *will_be_visible_to; /* JSON Refs of contacts; NULL: the caller may not know */
};

extern const struct entity folder_entity;
extern const struct entity folder_placed_entity; /* the same with will_be_visible_to */

/* Can it be called that (pitfall P24)? 0, also without a name; -1 with a fault at /name. */
int folder_check(const struct folder *f, struct arena *a, struct err *e);

#endif
