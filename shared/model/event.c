/* event.c - what the feed of events shows, and the table of all types of events there are. */
#include "event.h"

#include "base.h"

/* clang-format off */
static const struct field event_fields[] = {
	F_ID(event_shown, id, "evt", 0),
	F_INT(event_shown, sequence, 0, 0, 0),
	F_TEXT(event_shown, type, 0, 0, 0),
	F_TIME(event_shown, occurred_at, 0),
	F_REF(event_shown, actor, 0),
	F_TEXT(event_shown, object_type, 0, 0, 0),
	F_ITEM(event_shown, object_id, 0),
	F_ID(event_shown, client_id, "cli", 0),
	F_BOOL(event_shown, deleted, 0),
	F_TEXTS(event_shown, changed_fields, 0, 0),
	FIELD_END,
};

static const struct field event_type_fields[] = {
	F_TEXT(event_type, type, 0, 0, 0),
	F_TEXT(event_type, description, 0, 0, 0),
	F_TEXT(event_type, object_type, 0, 0, 0),
	F_TEXT(event_type, permission, 0, 0, 0),
	FIELD_END,
};

const struct event_type event_types[] = {
	{ "api_key.created",       "An API key was made.",                                "api_key", "api_keys:write" },
	{ "api_key.updated",       "An API key changed.",                                 "api_key", "api_keys:write" },
	{ "api_key.rotated",       "An API key was given a new secret.",                  "api_key", "api_keys:write" },
	{ "api_key.deleted",       "An API key was revoked.",                             "api_key", "api_keys:write" },
	{ "client.created",        "A client was made.",                                  "client", "clients:read" },
	{ "client.updated",        "A client, its contacts or its team changed.",         "client", "clients:read" },
	{ "client.deleted",        "A client was archived.",                              "client", "clients:read" },
	{ "contact.created",       "A contact was made.",                                 "contact", "contacts:read" },
	{ "contact.updated",       "A contact changed.",                                  "contact", "contacts:read" },
	{ "contact.portal_address_sent", "A contact is mailed the portal's address.",     "contact", "contacts:read" },
	{ "contact.deleted",       "A contact was archived.",                             "contact", "contacts:read" },
	{ "document.created",      "A document was uploaded.",                            "document", "documents:read" },
	{ "document.updated",      "A document was renamed, moved or described anew.",    "document", "documents:read" },
	{ "document.deleted",      "A document was put into the trash.",                  "document", "documents:read" },
	{ "document.restored",     "A document came back from the trash.",                "document", "documents:read" },
	{ "document.purged",       "A document was removed for good.",                    "document", "documents:read" },
	{ "document.uploaded_unassigned", "A portal user uploaded, and nobody of the staff is assigned to the client.", "document", "documents:read" },
	{ "email.bounced",         "A mail came back for good.",                          "email", "contacts:read" },
	{ "firm.created",          "The firm was set up.",                                "firm", "settings:read" },
	{ "firm.updated",          "Settings of the firm changed.",                       "firm", "settings:read" },
	{ "folder.created",        "A folder was made.",                                  "folder", "documents:read" },
	{ "folder.updated",        "A folder was renamed or moved.",                      "folder", "documents:read" },
	{ "folder.deleted",        "A folder was removed, with what was in it.",          "folder", "documents:read" },
	{ "import.created",        "A file of clients or contacts was sent.",             "import", "imports:write" },
	{ "import.committed",      "A dry run of an import is to be carried out.",        "import", "imports:write" },
	{ "import.finished",       "An import is done, or has failed.",                   "import", "imports:write" },
	{ "invitation.sent",       "An invitation is on its way by mail.",                "invitation", "contacts:read" },
	{ "invitation.accepted",   "An invitation was accepted.",                         "invitation", "contacts:read" },
	{ "invitation.revoked",    "An invitation was withdrawn.",                        "invitation", "contacts:read" },
	{ "matter.created",        "A matter was made.",                                  "matter", "matters:read" },
	{ "matter.updated",        "A matter, who takes part in it or its team changed.", "matter", "matters:read" },
	{ "matter.deleted",        "A matter was deleted.",                               "matter", "matters:read" },
	{ "portal_access.enabled", "A contact was given portal access.",                  "portal_access", "contacts:read" },
	{ "portal_access.updated", "A contact's portal access changed.",                  "portal_access", "contacts:read" },
	{ "portal_access.ending",  "A contact was told that portal access ends soon.",    "portal_access", "contacts:read" },
	{ "portal_access.suspended", "A contact was shut out for now.",                   "portal_access", "contacts:read" },
	{ "portal_access.resumed", "A contact was let in again.",                         "portal_access", "contacts:read" },
	{ "portal_access.disabled", "A contact's portal access was taken away.",          "portal_access", "contacts:read" },
	{ "registration.pending",  "Somebody has registered and waits to be verified.",   "registration", "contacts:read" },
	{ "registration.verified", "A registration was verified.",                        "registration", "contacts:read" },
	{ "registration.deleted",  "A registration was deleted.",                         "registration", "contacts:read" },
	{ "registration.expired",  "Nobody handled a registration in time.",              "registration", "contacts:read" },
	{ "share.created",         "A folder or document was shared with a contact.",     "share", "shares:read" },
	{ "share.updated",         "A share changed.",                                    "share", "shares:read" },
	{ "share.deleted",         "A share was taken back.",                             "share", "shares:read" },
	{ "sign_up_link.created",  "A link to register for a folder or matter was made.", "sign_up_link", "shares:read" },
	{ "sign_up_link.revoked",  "A link to register was withdrawn.",                  "sign_up_link", "shares:read" },
	{ "staff.created",         "A member of the staff was invited.",                  "staff", "staff:read" },
	{ "staff.deleted",         "A member of the staff was dismissed.",                "staff", "staff:read" },
	{ "staff.updated",         "A member of the staff changed.",                      "staff", "staff:read" },
	{ NULL, NULL, NULL, NULL },
};
/* clang-format on */

_Static_assert(lengthof(event_types) <= EVENT_TYPES_MAX, "EVENT_TYPES_MAX is too small");

const struct entity event_entity = {"event", "evt", sizeof(struct event_shown), event_fields};
const struct entity event_type_entity = {"event_type", NULL, sizeof(struct event_type),
                                         event_type_fields};

bool event_type_known(const char *type)
{
	for (size_t i = 0; event_types[i].type != NULL; i++)
		if (strcmp(event_types[i].type, type) == 0)
			return true;
	return false;
}

bool event_type_matches(const struct event_type *type, const char *pattern, size_t len)
{
	size_t object = strlen(type->object_type);

	if (len == object + 2 && memcmp(pattern + object, ".*", 2) == 0)
		return memcmp(pattern, type->object_type, object) == 0;
	return strlen(type->type) == len && memcmp(type->type, pattern, len) == 0;
}
