/* constraints.c - what a violated constraint of the schema means to a caller. */
#include "constraints.h"

/* clang-format off */
const struct db_constraint constraints[] = {
	{ "client_code_key",            PROBLEM_code_taken,          "/code",         "Another client has this code." },
	{ "client_external_ref_key",    PROBLEM_external_ref_exists, "/external_ref", "Another client has this reference." },
	{ "client_primary_contact_fk",  PROBLEM_validation_failed,   "/primary_contact_id", "There is no such contact." },
	{ "client_contact_contact_fk",  PROBLEM_not_found,           NULL, "There is no such contact." },
	{ "client_contact_client_fk",   PROBLEM_not_found,           NULL, "There is no such client." },
	{ "client_team_client_fk",      PROBLEM_not_found,           NULL, "There is no such client." },
	{ "client_team_membership_fk",  PROBLEM_not_found,           NULL, "There is no such member of staff." },
	{ "contact_external_ref_key",   PROBLEM_external_ref_exists, "/external_ref", "Another contact has this reference." },
	{ "membership_login_email_key", PROBLEM_login_email_taken,   "/login_email",  "Somebody at this firm signs in with this address." },
	{ "membership_contact_key",     PROBLEM_portal_access_on,    NULL, "The contact has portal access already." },
	{ "session_membership_fk",      PROBLEM_invalid_credentials, NULL, "The address or the password is wrong." },
	{ "idempotency_membership_fk",  PROBLEM_unauthenticated,     NULL, "The session is not known, or has ended." },
	{ "folder_name_key",            PROBLEM_name_taken,          "/name", "A folder of this name is there already." },
	{ "folder_client_fk",           PROBLEM_validation_failed,   "/client_id", "There is no such client." },
	{ "folder_parent_fk",           PROBLEM_validation_failed,   "/parent_id", "There is no such folder of this client." },
	{ "folder_depth_check",         PROBLEM_folder_too_deep,     "/parent_id", "Folders are at most 20 deep." },
	{ "document_name_key",          PROBLEM_name_taken,          "?name", "A document of this name is in the folder already." },
	{ "document_folder_fk",         PROBLEM_validation_failed,   "?folder_id", "There is no such folder." },
	{ "share_contact_of_client_fk", PROBLEM_contact_not_of_client, "/contact_ids", "The contact does not belong to the client." },
	{ "share_membership_fk",        PROBLEM_contact_without_portal_access, "/contact_ids", "The contact has no portal access." },
	{ "share_folder_fk",            PROBLEM_validation_failed,   "/item_id", "There is no such folder." },
	{ "share_document_fk",          PROBLEM_validation_failed,   "/item_id", "There is no such document." },
	{ "share_matter_fk",            PROBLEM_validation_failed,   "/item_id", "There is no such matter." },
	{ "share_matter_contact_fk",    PROBLEM_not_client_on_matter, "/contact_ids", "The contact is no client on the matter." },
	{ "matter_client_fk",           PROBLEM_validation_failed,   "/client_id", "There is no such client." },
	{ "matter_external_ref_key",    PROBLEM_external_ref_exists, "/external_ref", "Another matter has this reference." },
	{ "matter_contact_client_fk",   PROBLEM_contact_not_of_client, NULL, "Relate the contact to the matter's client first." },
	{ "matter_contact_contact_fk",  PROBLEM_not_found,           NULL, "There is no such contact." },
	{ "folder_matter_fk",           PROBLEM_validation_failed,   "/matter_id", "There is no such matter of this client." },
	{ "firm_slug_key",              PROBLEM_name_taken,          "/slug", "Another firm has this slug." },
	{ "firm_portal_host_key",       PROBLEM_name_taken,          "/portal_url", "The links of another firm lead to this host." },
	{ NULL, PROBLEM_NONE, NULL, NULL },
};
/* clang-format on */
