/* document.h - a document: what is known of it, and where its bytes are. */
#ifndef PORTICO_DOCUMENT_H
#define PORTICO_DOCUMENT_H

#include "field.h"

struct document {
	struct id id, client_id;
	struct id folder_id;
	struct id matter_id; /* its folder's; id_none: none */
	const char *name;    /* unique in its folder, but for trashed ones */
	const char *content_type;
	int64_t size;           /* in bytes */
	const char *sha256;     /* in hex */
	int64_t version;        /* of the bytes, from 1 */
	const char *scan;       /* "pending", "clean", "infected" or "skipped" */
	struct ref uploaded_by; /* staff or contact; the name is a snapshot */
	struct id request_item_id;
	bool archived;
	bool internal; /* kept out of the portal, whatever is shared */
	const char *custom_fields;
	int64_t trashed_at;
	int64_t created_at, updated_at;
	int64_t row_version; /* of what is known, for the ETag */
	/* JSON, after it was put somewhere: whom it is shared with there; NULL: not told */
	const char *will_be_visible_to;
};

/* How a document comes back from the trash. */
struct restore_in {
	struct id folder_id; /* id_none: where it was */
};

/* What is needed to send the bytes. */
struct content {
	struct id client_id;
	const char *name, *content_type;
	int64_t size, version;
	const char *sha256;
	const char *scan;
	const char *path; /* in the store */
};

extern const struct entity document_entity;
extern const struct entity document_placed_entity; /* the same with will_be_visible_to */
extern const struct entity restore_in_entity;
extern const struct entity content_entity;

/* Can it be called that (pitfall P24)? 0, or -1 with a fault at /name. */
int document_check(const struct document *d, struct arena *a, struct err *e);

/*
 * The name to try when `n` names like it are taken: "a.pdf", "a (1).pdf", "a (2).pdf"; cut before
 * the suffix where it would be longer than a name may be. Owned by `a`.
 */
const char *document_name_nth(struct arena *a, const char *name, unsigned n);

/*
 * The media type to keep for a document: type and subtype of what was sent (RFC 9110 8.3.1), in
 * lower case and without parameters; application/octet-stream when nothing or nothing sane was, or
 * the form that simple clients claim. NULL for multipart: those are not the bytes themselves.
 */
const char *document_content_type(struct arena *a, const char *sent);

#endif
