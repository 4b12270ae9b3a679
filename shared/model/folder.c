/* folder.c - a folder of one client's documents. */
#include "folder.h"

#include "text.h"

enum { OPEN = FIELD_CREATE | FIELD_PATCH, NAME_MAX_LENGTH = 255 };

/* clang-format off */
#define FOLDER_FIELDS                                                              \
	F_ID(folder, id, "fol", 0),                                                \
	F_ID(folder, client_id, "cli", FIELD_CREATE | FIELD_REQUIRED),             \
	F_ID(folder, parent_id, "fol", OPEN | FIELD_NULLABLE),                     \
	F_ID(folder, matter_id, "mat", OPEN | FIELD_NULLABLE),                     \
	F_TEXT(folder, name, 1, NAME_MAX_LENGTH, OPEN | FIELD_REQUIRED),           \
	F_BOOL(folder, is_default_upload, 0),                                      \
	F_TIME(folder, created_at, 0),                                             \
	F_TIME(folder, updated_at, 0),                                             \
	F_INT(folder, version, 0, 0, FIELD_HIDDEN)

static const struct field folder_fields[] = {
	FOLDER_FIELDS,
	FIELD_END,
};

static const struct field folder_placed_fields[] = {
	FOLDER_FIELDS,
	F_JSON(folder, will_be_visible_to, 0),
	FIELD_END,
};
/* clang-format on */

const struct entity folder_entity = {"folder", "fol", sizeof(struct folder), folder_fields};
const struct entity folder_placed_entity = {"folder", "fol", sizeof(struct folder),
                                            folder_placed_fields};

int folder_check(const struct folder *f, struct arena *a, struct err *e)
{
	const char *name;

	if (f->name == NULL || file_name_parse(a, f->name, &name) == 0)
		return 0;
	return err_fault(e, "/name", "invalid_name",
	                 "A name has 1 to 255 bytes, no slash, and is neither . nor ..");
}
