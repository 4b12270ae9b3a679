/* document.c - a document: what is known of it, and where its bytes are. */
#include "document.h"

#include "base.h"
#include "folder.h"

enum { NAME_MAX_BYTES = 255, EXTENSION_MAX_BYTES = 16, TYPE_MAX_BYTES = 127 };

static const char *const scan_states[] = {"pending", "clean", "infected", "skipped", NULL};

/* clang-format off */
#define DOCUMENT_FIELDS                                                                          \
	F_ID(document, id, "doc", 0),                                                            \
	F_ID(document, client_id, "cli", 0),                                                     \
	F_ID(document, folder_id, "fol", FIELD_PATCH),                                           \
	F_ID(document, matter_id, "mat", 0),                                                     \
	F_TEXT(document, name, 1, NAME_MAX_BYTES, FIELD_PATCH),                                  \
	F_TEXT(document, content_type, 0, 0, 0),                                                 \
	F_INT(document, size, 0, 0, 0),                                                          \
	F_TEXT(document, sha256, 0, 0, 0),                                                       \
	F_INT(document, version, 0, 0, 0),                                                       \
	F_ENUM(document, scan, scan_states, 0),                                                  \
	F_REF(document, uploaded_by, 0),                                                         \
	F_ID(document, request_item_id, "rqi", 0),                                               \
	F_BOOL(document, archived, FIELD_PATCH),                                                 \
	F_BOOL(document, internal, FIELD_PATCH),                                                 \
	F_MAP(document, custom_fields, 50, FIELD_PATCH),                                         \
	F_TIME(document, trashed_at, 0),                                                         \
	F_TIME(document, created_at, 0),                                                         \
	F_TIME(document, updated_at, 0),                                                         \
	F_INT(document, row_version, 0, 0, FIELD_HIDDEN)

static const struct field document_fields[] = {
	DOCUMENT_FIELDS,
	FIELD_END,
};

static const struct field document_placed_fields[] = {
	DOCUMENT_FIELDS,
	F_JSON(document, will_be_visible_to, 0),
	FIELD_END,
};

static const struct field restore_in_fields[] = {
	F_ID(restore_in, folder_id, "fol", FIELD_CREATE),
	FIELD_END,
};

static const struct field content_fields[] = {
	F_ID(content, client_id, "cli", 0),
	F_TEXT(content, name, 0, 0, 0),
	F_TEXT(content, content_type, 0, 0, 0),
	F_INT(content, size, 0, 0, 0),
	F_INT(content, version, 0, 0, 0),
	F_TEXT(content, sha256, 0, 0, 0),
	F_ENUM(content, scan, scan_states, 0),
	F_TEXT(content, path, 0, 0, 0),
	FIELD_END,
};
/* clang-format on */

const struct entity document_entity = {"document", "doc", sizeof(struct document), document_fields};
const struct entity document_placed_entity = {"document", "doc", sizeof(struct document),
                                              document_placed_fields};
const struct entity restore_in_entity = {"document", "doc", sizeof(struct restore_in),
                                         restore_in_fields};
const struct entity content_entity = {"document", "doc", sizeof(struct content), content_fields};

/* A document is called as a folder may be. */
int document_check(const struct document *d, struct arena *a, struct err *e)
{
	return folder_check(&(struct folder){.name = d->name}, a, e);
}

/* Where the extension begins; the name's end when it has none. */
static const char *extension(const char *name)
{
	const char *dot = strrchr(name, '.');

	if (dot == NULL || dot == name || strlen(dot) > EXTENSION_MAX_BYTES)
		return name + strlen(name);
	return dot;
}

const char *document_name_nth(struct arena *a, const char *name, unsigned n)
{
	const char *ext = extension(name), *suffix;
	size_t stem = (size_t)(ext - name), room;

	if (n == 0)
		return name;
	suffix = arena_printf(a, " (%u)", n);
	room = NAME_MAX_BYTES - strlen(suffix) - strlen(ext);
	if (stem > room)
		for (stem = room; ((unsigned char)name[stem] & 0xc0) == 0x80; stem--)
			continue;
	return arena_printf(a, "%.*s%s%s", (int)stem, name, suffix, ext);
}

/* Length of the token (RFC 9110 5.6.2) at the start of `text`. */
static size_t token(const char *text)
{
	return strspn(text, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
	                    "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

const char *document_content_type(struct arena *a, const char *sent)
{
	size_t type = sent == NULL ? 0 : token(sent), subtype;
	char *kept;

	if (type == 0 || sent[type] != '/')
		return "application/octet-stream";
	subtype = token(sent + type + 1);
	if (subtype == 0 || type + 1 + subtype > TYPE_MAX_BYTES)
		return "application/octet-stream";
	kept = arena_strndup(a, sent, type + 1 + subtype);
	for (char *c = kept; *c != '\0'; c++)
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
	if (strncmp(kept, "multipart/", 10) == 0)
		return NULL;
	if (strcmp(kept, "application/x-www-form-urlencoded") == 0)
		return "application/octet-stream";
	return kept;
}
