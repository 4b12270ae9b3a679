/* folder.h - a folder of one client's documents. */
#ifndef PORTICO_FOLDER_H
#define PORTICO_FOLDER_H

#include "field.h"

struct folder {
	struct id id, client_id;
	struct id parent_id; /* id_none: at the top */
	const char *name;    /* unique in its place */
	bool is_default_upload;
	int64_t created_at, updated_at;
	int64_t version;
};

extern const struct entity folder_entity;

/* Clean the name (pitfall P24). 0, or -1 with a fault at /name; the texts belong to `a`. */
int folder_check(struct folder *f, struct arena *a, struct err *e);

#endif
