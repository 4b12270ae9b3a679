/* portal.h - what a portal user sees: the home page, folders and documents in his or her view. */
#ifndef PORTICO_PORTAL_H
#define PORTICO_PORTAL_H

#include "field.h"

struct portal_home {
	const char *firm; /* JSON: what anyone may know of the firm */
	struct refs clients;
	bool can_upload;
	const char *counts; /* JSON: section -> how many things are there */
};

struct portal_folder {
	struct id id;
	struct ref client;
	struct id parent_id; /* id_none where the parent is not seen */
	const char *name;
	const char *access; /* "view" or "view_upload" */
	int64_t updated_at;
};

struct portal_document {
	struct id id;
	struct ref client;
	struct id folder_id; /* id_none where the folder is not seen */
	const char *name, *content_type;
	int64_t size;
	int64_t version; /* of the bytes */
	bool mine;
	bool archived;
	int64_t created_at, updated_at;
	int64_t row_version; /* of all that is shown, for the ETag */
};

extern const struct entity portal_home_entity;
extern const struct entity portal_folder_entity;
extern const struct entity portal_document_entity;

#endif
