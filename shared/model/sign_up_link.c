/* sign_up_link.c - a link by which several people may register for one folder or matter. */
#include "sign_up_link.h"

#include "share.h"

enum { NEED = FIELD_CREATE | FIELD_REQUIRED };

const char *const sign_up_link_states[] = {"open", "used_up", "expired", "revoked", NULL};

/* clang-format off */
static const struct field sign_up_link_fields[] = {
	F_ID(sign_up_link, id, "sul", 0),
	F_ID(sign_up_link, client_id, "cli", 0),
	F_ID(sign_up_link, folder_id, "fol", 0),
	F_ID(sign_up_link, matter_id, "mat", 0),
	F_TEXT(sign_up_link, item_name, 0, 0, 0),
	F_ENUM(sign_up_link, access, share_accesses, 0),
	F_INT(sign_up_link, max_uses, 0, 0, 0),
	F_INT(sign_up_link, uses, 0, 0, 0),
	F_ENUM(sign_up_link, state, sign_up_link_states, 0),
	F_TIME(sign_up_link, expires_at, 0),
	F_REF(sign_up_link, created_by, 0),
	F_TIME(sign_up_link, created_at, 0),
	FIELD_END,
};

static const struct field sign_up_link_in_fields[] = {
	F_ID(sign_up_link_in, folder_id, "fol", FIELD_CREATE),
	F_ID(sign_up_link_in, matter_id, "mat", FIELD_CREATE),
	F_ENUM(sign_up_link_in, access, share_accesses, NEED),
	F_INT(sign_up_link_in, max_uses, 1, SIGN_UP_USES_MAX, NEED),
	F_TIME(sign_up_link_in, expires_at, NEED),
	FIELD_END,
};

static const struct field sign_up_link_created_fields[] = {
	F_JSON(sign_up_link_created, sign_up_link, 0),
	F_TEXT(sign_up_link_created, url, 0, 0, 0),
	FIELD_END,
};
/* clang-format on */

const struct entity sign_up_link_entity = {"sign_up_link", "sul", sizeof(struct sign_up_link),
                                           sign_up_link_fields};
const struct entity sign_up_link_in_entity = {"sign_up_link", "sul", sizeof(struct sign_up_link_in),
                                              sign_up_link_in_fields};
const struct entity sign_up_link_created_entity = {
	"sign_up_link", "sul", sizeof(struct sign_up_link_created), sign_up_link_created_fields};

static int check_item(const struct sign_up_link_in *in, struct err *e)
{
	bool folder = !id_is_none(&in->folder_id);

	if (folder == !id_is_none(&in->matter_id))
		return err_fault(e, folder ? "/matter_id" : "/folder_id", "one_of",
		                 "Send either folder_id or matter_id.");
	return in->access == NULL ? 0
	                          : share_access_check(folder ? "folder" : "matter", in->access, e);
}

static int check_end(int64_t at, int64_t now, struct err *e)
{
	if (at == TIME_NULL || (at > now && at <= now + SIGN_UP_DAYS_MAX * INT64_C(86400000)))
		return 0;
	return err_fault(e, "/expires_at", "out_of_range",
	                 "It must lie in the future, at most %d days from now.", SIGN_UP_DAYS_MAX);
}

int sign_up_link_in_check(const struct sign_up_link_in *in, int64_t now, struct err *e)
{
	int item = check_item(in, e), end = check_end(in->expires_at, now, e);

	return item < 0 || end < 0 ? -1 : 0;
}
