/* portal.c - what a portal user sees: the home page, folders and documents in his or her view. */
#include "portal.h"

#include "share.h"

/* clang-format off */
static const struct field portal_home_fields[] = {
	F_JSON(portal_home, firm, 0),
	F_REFS(portal_home, clients, 0),
	F_BOOL(portal_home, can_upload, 0),
	F_JSON(portal_home, counts, 0),
	FIELD_END,
};

static const struct field portal_folder_fields[] = {
	F_ID(portal_folder, id, "fol", 0),
	F_REF(portal_folder, client, 0),
	F_ID(portal_folder, parent_id, "fol", 0),
	F_TEXT(portal_folder, name, 0, 0, 0),
	F_ENUM(portal_folder, access, share_accesses, 0),
	F_TIME(portal_folder, updated_at, 0),
	FIELD_END,
};

static const struct field portal_document_fields[] = {
	F_ID(portal_document, id, "doc", 0),
	F_REF(portal_document, client, 0),
	F_ID(portal_document, folder_id, "fol", 0),
	F_TEXT(portal_document, name, 0, 0, 0),
	F_TEXT(portal_document, content_type, 0, 0, 0),
	F_INT(portal_document, size, 0, 0, 0),
	F_INT(portal_document, version, 0, 0, 0),
	F_BOOL(portal_document, mine, 0),
	F_BOOL(portal_document, archived, 0),
	F_TIME(portal_document, created_at, 0),
	F_TIME(portal_document, updated_at, 0),
	F_INT(portal_document, row_version, 0, 0, FIELD_HIDDEN),
	FIELD_END,
};
/* clang-format on */

const struct entity portal_home_entity = {"firm", "frm", sizeof(struct portal_home),
                                          portal_home_fields};
const struct entity portal_folder_entity = {"folder", "fol", sizeof(struct portal_folder),
                                            portal_folder_fields};
const struct entity portal_document_entity = {"document", "doc", sizeof(struct portal_document),
                                              portal_document_fields};
