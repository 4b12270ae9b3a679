/* share.c - a share: one folder, document or matter that one contact of its client may see. */
#include "share.h"

#include "base.h"

enum { NEED = FIELD_CREATE | FIELD_REQUIRED, CONTACTS_MAX = 100 };

const char *const share_item_types[] = {"folder", "document", "matter", NULL};
const char *const share_accesses[] = {"view", "view_upload", NULL};

/* clang-format off */
static const struct field share_fields[] = {
	F_ID(share, id, "shr", 0),
	F_ENUM(share, item_type, share_item_types, 0),
	F_ITEM(share, item_id, 0),
	F_TEXT(share, item_name, 0, 0, 0),
	F_ID(share, client_id, "cli", 0),
	F_ID(share, contact_id, "con", 0),
	F_TEXT(share, contact_name, 0, 0, 0),
	F_ENUM(share, access, share_accesses, FIELD_PATCH),
	F_TIME(share, notified_at, 0),
	F_REF(share, created_by, 0),
	F_TIME(share, created_at, 0),
	F_INT(share, version, 0, 0, FIELD_HIDDEN),
	FIELD_END,
};

static const struct field share_in_fields[] = {
	F_ENUM(share_in, item_type, share_item_types, NEED),
	F_TEXT(share_in, item_id, 1, 40, NEED),
	F_IDS(share_in, contact_ids, "con", 1, CONTACTS_MAX, NEED),
	F_ENUM(share_in, access, share_accesses, NEED),
	F_BOOL(share_in, notify, FIELD_CREATE),
	FIELD_END,
};
/* clang-format on */

const struct entity share_entity = {"share", "shr", sizeof(struct share), share_fields};
const struct entity share_in_entity = {"share", "shr", sizeof(struct share_in), share_in_fields};

int share_access_check(const char *item_type, const char *access, struct err *e)
{
	if (strcmp(access, "view_upload") != 0 || strcmp(item_type, "folder") == 0)
		return 0;
	err_set(e, PROBLEM_access_not_allowed_for_item, "Only folders take uploads.");
	return err_fault(e, "/access", "access_not_allowed_for_item",
	                 "Anything but a folder can be shared to be viewed only.");
}

int share_item_parse(const char *item_type, const char *text, const char *pointer,
                     struct id *item_r, struct err *e)
{
	const char *prefix = field_ref_prefix(item_type);

	if (id_parse(text, prefix, item_r) == 0)
		return 0;
	return err_fault(e, pointer, "invalid_id", "It is not an id of the form %s_...", prefix);
}

int share_in_check(const struct share_in *in, struct err *e)
{
	struct id item;
	int result = 0;

	if (in->item_type == NULL)
		return 0;
	if (in->item_id != NULL)
		result = share_item_parse(in->item_type, in->item_id, "/item_id", &item, e);
	if (in->access != NULL && share_access_check(in->item_type, in->access, e) < 0)
		result = -1;
	return result;
}
