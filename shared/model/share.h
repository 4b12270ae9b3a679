/* share.h - a share: one folder, document or matter that one contact of its client may see. */
#ifndef PORTICO_SHARE_H
#define PORTICO_SHARE_H

#include "field.h"

struct share {
	struct id id;
	const char *item_type; /* "folder", "document" or "matter" */
	struct ref item_id;    /* column: jsonb {type, id} */
	const char *item_name;
	struct id client_id, contact_id;
	const char *contact_name;
	const char *access;    /* "view" or "view_upload" */
	int64_t notified_at;   /* when the mail about it left, TIME_NULL: none did */
	struct ref created_by; /* staff, or the firm itself */
	int64_t created_at;
	int64_t version;
};

/* What is asked for: an item for some contacts. */
struct share_in {
	const char *item_type, *item_id;
	struct ids contact_ids;
	const char *access;
	bool notify;
};

extern const char *const share_item_types[];
extern const char *const share_accesses[];
extern const struct entity share_entity;
extern const struct entity share_in_entity;

/* Do the members that were read go together? 0, or -1 with the faults. */
int share_in_check(const struct share_in *in, struct err *e);

/*
 * May an item of this type be shared with this access? Uploading is for folders (S3-17). 0, or -1
 * with access_not_allowed_for_item.
 */
int share_access_check(const char *item_type, const char *access, struct err *e);

/* The id that the text names, as an item of its type. 0 and *item_r, or -1 with a fault at
 * `pointer`. */
int share_item_parse(const char *item_type, const char *text, const char *pointer,
                     struct id *item_r, struct err *e);

#endif
