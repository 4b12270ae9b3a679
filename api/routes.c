/* routes.c - every operation of the API, one line each. This table is the security review. */
#include "routes.h"

#include "res.h"

/* clang-format off */
const struct route routes[] = {
	/* operations */
	{ "GET",    "/healthz",                        ops_health,          PUBLIC, 0, NULL, NULL },
	{ "GET",    "/readyz",                         ops_ready,           PUBLIC, 0, NULL, NULL },
	{ "GET",    "/metrics",                        ops_metrics,         OPERATOR, 0, NULL, NULL },
	{ "GET",    "/openapi.json",                   ops_openapi,         PUBLIC, 0, NULL, NULL },
	{ "GET",    "/problems/{code}",                ops_problem,         PUBLIC, NO_STORE_EXEMPT, NULL, NULL },
	{ "GET",    "/v1/meta",                        ops_meta,            PUBLIC, 0, NULL, NULL },
	{ "GET",    "/v1/setup",                       setup_status,        PUBLIC, 0, NULL, NULL },
	{ "POST",   "/v1/setup",                       setup_create,        PUBLIC, WRITES | BODY | NO_KEY, NULL, NULL },

	/* sessions */
	{ "POST",   "/v1/auth/login",                  session_login,       PUBLIC, WRITES | BODY | NO_KEY, NULL, NULL },
	{ "POST",   "/v1/auth/mfa",                    session_mfa,         PUBLIC, WRITES | BODY | NO_KEY, NULL, NULL },
	{ "POST",   "/v1/auth/refresh",                session_refresh,     PUBLIC, WRITES | BODY | NO_KEY, NULL, NULL },
	{ "POST",   "/v1/auth/magic_links",            magic_link_request,  PUBLIC, WRITES | BODY | NO_KEY, NULL, NULL },
	{ "POST",   "/v1/auth/magic_links/redeem",     magic_link_redeem,   PUBLIC, WRITES | BODY | NO_KEY, NULL, NULL },
	{ "POST",   "/v1/auth/password_resets",        password_reset_request, PUBLIC, WRITES | BODY | NO_KEY, NULL, NULL },
	{ "POST",   "/v1/auth/password_resets/redeem", password_reset_redeem,  PUBLIC, WRITES | BODY | NO_KEY, NULL, NULL },
	{ "POST",   "/v1/auth/logout",                 session_logout,      ANY,    WRITES | NO_KEY, NULL, NULL },
	{ "GET",    "/v1/auth/session",                session_get,         ANY,    0, NULL, NULL },
	{ "GET",    "/v1/auth/sessions",               session_list,        ANY,    0, "limit cursor", NULL },
	{ "DELETE", "/v1/auth/sessions",               session_revoke_others, ANY,  WRITES, NULL, NULL },
	{ "DELETE", "/v1/auth/sessions/{session_id}",  session_revoke,      ANY,    WRITES, NULL, NULL },
	{ "PUT",    "/v1/auth/password",               password_put,        ANY,    WRITES | BODY, NULL, NULL },
	{ "POST",   "/v1/auth/totp",                   totp_start,          ANY,    WRITES | NO_KEY, NULL, NULL },
	{ "POST",   "/v1/auth/totp/confirm",           totp_confirm,        ANY,    WRITES | BODY | NO_KEY, NULL, NULL },
	{ "POST",   "/v1/auth/totp/disable",           totp_disable,        ANY,    WRITES | BODY | NO_KEY, NULL, NULL },
	{ "POST",   "/v1/auth/recovery_codes",         totp_recovery_codes, ANY,    WRITES | BODY | NO_KEY, NULL, NULL },
	{ "GET",    "/v1/me",                          me_get,              ANY,    0, NULL, NULL },
	{ "PATCH",  "/v1/me",                          me_patch,            ANY,    WRITES | BODY, NULL, NULL },
	{ "GET",    "/v1/me/capabilities",             me_capabilities,     ANY,    0, NULL, NULL },
	{ "GET",    "/v1/me/notification_preferences", preference_get,      ANY,    0, NULL, NULL },
	{ "PUT",    "/v1/me/notification_preferences", preference_put,      ANY,    WRITES | BODY, NULL, NULL },
	{ "GET",    "/v1/me/badges",                   badges_get,          "contacts:read", STAFF, NULL, NULL },

	{ "GET",    "/v1/unsubscribe/{token}",         unsubscribe_get,     PUBLIC, 0, NULL, NULL },
	{ "POST",   "/v1/unsubscribe/{token}",         unsubscribe_post,    PUBLIC, WRITES | NO_KEY, NULL, NULL },

	/* the firm */
	{ "GET",    "/v1/firm",                        firm_get,            "settings:read", 0, NULL, NULL },
	{ "PATCH",  "/v1/firm",                        firm_patch,          "settings:write", WRITES | BODY, NULL, NULL },
	{ "GET",    "/v1/firm/portal_settings",        portal_address_show, "settings:read", 0, NULL, NULL },
	{ "GET",    "/v1/public/firm",                 firm_public_get,     PUBLIC, NO_STORE_EXEMPT, "firm", NULL },
	{ "POST",   "/v1/public/find_portals",         find_portals,        PUBLIC, WRITES | BODY | NO_KEY, NULL, NULL },

	/* texts that tell clients of the portal */
	{ "GET",    "/v1/templates/announcements",     announcement_list,   "settings:read", 0, NULL, NULL },
	{ "GET",    "/v1/templates/announcements/{key}", announcement_get,  "settings:read", 0, "format", NULL },
	{ "PUT",    "/v1/templates/announcements/{key}", announcement_put,  "settings:write", STAFF | WRITES | BODY, NULL, NULL },
	{ "DELETE", "/v1/templates/announcements/{key}", announcement_delete, "settings:write", STAFF | WRITES, NULL, NULL },
	{ "POST",   "/v1/templates/announcements/{key}/preview", announcement_preview, "settings:write", STAFF | WRITES | BODY | NO_KEY, NULL, NULL },

	/* staff and roles */
	{ "GET",    "/v1/staff",                       staff_list,          "staff:read", 0, "limit cursor", NULL },
	{ "POST",   "/v1/staff",                       staff_create,        "staff:write", STAFF | WRITES | BODY, NULL, NULL },
	{ "GET",    "/v1/staff/{staff_id}",            staff_get,           "staff:read", 0, NULL, NULL },
	{ "PATCH",  "/v1/staff/{staff_id}",            staff_patch,         "staff:write", STAFF | WRITES | BODY, NULL, NULL },
	{ "DELETE", "/v1/staff/{staff_id}",            staff_deactivate,    "staff:write", STAFF | WRITES, "handover_to", NULL },
	{ "GET",    "/v1/roles",                       role_list,           "staff:read", 0, "limit cursor", NULL },

	/* clients */
	{ "GET",    "/v1/clients",                     client_list,         "clients:read", 0, "limit cursor q status entity code external_source external_id updated_since", NULL },
	{ "POST",   "/v1/clients",                     client_create,       "clients:write", WRITES | BODY, NULL, NULL },
	{ "GET",    "/v1/clients/{client_id}",         client_get,          "clients:read", 0, NULL, NULL },
	{ "PATCH",  "/v1/clients/{client_id}",         client_patch,        "clients:write", WRITES | BODY, NULL, NULL },
	{ "DELETE", "/v1/clients/{client_id}",         client_archive,      "clients:write", WRITES, NULL, NULL },
	{ "PUT",    "/v1/clients/{client_id}/contacts/{contact_id}", client_relate,   "clients:write", WRITES | BODY, NULL, NULL },
	{ "DELETE", "/v1/clients/{client_id}/contacts/{contact_id}", client_unrelate, "clients:write", WRITES, NULL, NULL },
	{ "PUT",    "/v1/clients/{client_id}/team/{staff_id}",       client_assign,   "clients:write", WRITES, NULL, NULL },
	{ "DELETE", "/v1/clients/{client_id}/team/{staff_id}",       client_unassign, "clients:write", WRITES, NULL, NULL },

	/* matters */
	{ "GET",    "/v1/matters",                     matter_list,         "matters:read", 0, "limit cursor client_id status", NULL },
	{ "POST",   "/v1/matters",                     matter_create,       "matters:write", WRITES | BODY, NULL, NULL },
	{ "GET",    "/v1/matters/{matter_id}",         matter_get,          "matters:read", 0, NULL, NULL },
	{ "PATCH",  "/v1/matters/{matter_id}",         matter_patch,        "matters:write", WRITES | BODY, NULL, NULL },
	{ "DELETE", "/v1/matters/{matter_id}",         matter_delete,       "matters:write", WRITES, NULL, NULL },
	{ "PUT",    "/v1/matters/{matter_id}/contacts/{contact_id}", matter_relate,   "matters:write", WRITES | BODY, NULL, NULL },
	{ "DELETE", "/v1/matters/{matter_id}/contacts/{contact_id}", matter_unrelate, "matters:write", WRITES, NULL, NULL },
	{ "PUT",    "/v1/matters/{matter_id}/team/{staff_id}",       matter_assign,   "matters:write", WRITES, NULL, NULL },
	{ "DELETE", "/v1/matters/{matter_id}/team/{staff_id}",       matter_unassign, "matters:write", WRITES, NULL, NULL },
	{ "GET",    "/v1/matters/{matter_id}/portal_invites/{contact_id}", matter_portal_invite, "contacts:read", 0, NULL, NULL },

	/* contacts and their portal access */
	{ "GET",    "/v1/contacts",                    contact_list,        "contacts:read", 0, "limit cursor client_id email portal_status portal_login_differs updated_since", NULL },
	{ "POST",   "/v1/contacts",                    contact_create,      "contacts:write", WRITES | BODY, NULL, NULL },
	{ "GET",    "/v1/contacts/{contact_id}",       contact_get,         "contacts:read", 0, NULL, NULL },
	{ "PATCH",  "/v1/contacts/{contact_id}",       contact_patch,       "contacts:write", WRITES | BODY, NULL, NULL },
	{ "DELETE", "/v1/contacts/{contact_id}",       contact_archive,     "contacts:write", WRITES, NULL, NULL },
	{ "GET",    "/v1/contacts/{contact_id}/portal_access", access_get,  "contacts:read", 0, NULL, NULL },
	{ "PUT",    "/v1/contacts/{contact_id}/portal_access", access_put,  "portal_access:write", WRITES | BODY, NULL, NULL },
	{ "PATCH",  "/v1/contacts/{contact_id}/portal_access", access_patch, "portal_access:write", WRITES | BODY, NULL, NULL },
	{ "DELETE", "/v1/contacts/{contact_id}/portal_access", access_off,  "portal_access:write", WRITES, NULL, NULL },
	{ "POST",   "/v1/contacts/{contact_id}/portal_access/reissue", access_reissue, "portal_access:write", WRITES | BODY | KEY_REQUIRED, NULL, NULL },
	{ "POST",   "/v1/contacts/{contact_id}/portal_access/suspend", access_suspend, "portal_access:write", WRITES, NULL, NULL },
	{ "POST",   "/v1/contacts/{contact_id}/portal_access/resume",  access_resume,  "portal_access:write", WRITES, NULL, NULL },
	{ "POST",   "/v1/contacts/{contact_id}/send_portal_address",   portal_address_send, "portal_access:write", WRITES | KEY_REQUIRED, NULL, NULL },

	/* invitations */
	{ "GET",    "/v1/invitations",                 invitation_list,     "contacts:read", 0, "limit cursor status client_id contact_id", NULL },
	{ "POST",   "/v1/invitations",                 invitation_create,   "portal_access:write", WRITES | BODY | KEY_REQUIRED, NULL, NULL },
	{ "POST",   "/v1/invitations/preview",         invitation_preview,  PUBLIC, BODY | NO_KEY, NULL, NULL },
	{ "POST",   "/v1/invitations/accept",          invitation_accept,   PUBLIC, WRITES | BODY | NO_KEY, NULL, NULL },
	{ "GET",    "/v1/invitations/{invitation_id}", invitation_get,      "contacts:read", 0, NULL, NULL },
	{ "POST",   "/v1/invitations/{invitation_id}/resend", invitation_resend, "portal_access:write", WRITES | KEY_REQUIRED, NULL, NULL },
	{ "DELETE", "/v1/invitations/{invitation_id}", invitation_revoke,   "portal_access:write", WRITES, NULL, NULL },

	/* registrations */
	{ "GET",    "/v1/registrations",               registration_list,   "contacts:read", 0, "limit cursor status email", NULL },
	{ "POST",   "/v1/registrations",               registration_create, PUBLIC, WRITES | BODY | NO_KEY, NULL, NULL },
	{ "POST",   "/v1/registrations/confirm",       registration_confirm, PUBLIC, WRITES | BODY | NO_KEY, NULL, NULL },
	{ "GET",    "/v1/registrations/{registration_id}", registration_get, "contacts:read", 0, NULL, NULL },
	{ "POST",   "/v1/registrations/{registration_id}/verify", registration_verify, "portal_access:write", WRITES | BODY, NULL, NULL },
	{ "DELETE", "/v1/registrations/{registration_id}", registration_delete, "portal_access:write", WRITES, NULL, NULL },

	/* clients and contacts from a file */
	{ "POST",   "/v1/imports",                     import_create,       "imports:write", WRITES | UPLOAD, "kind dry_run send_invitations", import_admit },
	{ "GET",    "/v1/imports/{import_id}",         import_get,          "imports:write", 0, NULL, NULL },
	{ "GET",    "/v1/imports/{import_id}/rows",    import_line_list,    "imports:write", 0, "limit cursor status", NULL },
	{ "POST",   "/v1/imports/{import_id}/commit",  import_commit,       "imports:write", WRITES, NULL, NULL },
	{ "GET",    "/v1/import_templates/{kind}",     import_template_get, "imports:write", 0, NULL, NULL },

	/* folders, documents, shares */
	{ "GET",    "/v1/folders",                     folder_list,         "documents:read", 0, "limit cursor client_id parent_id", NULL },
	{ "POST",   "/v1/folders",                     folder_create,       "documents:write", WRITES | BODY, NULL, NULL },
	{ "GET",    "/v1/folders/{folder_id}",         folder_get,          "documents:read", 0, NULL, NULL },
	{ "PATCH",  "/v1/folders/{folder_id}",         folder_patch,        "documents:write", WRITES | BODY, NULL, NULL },
	{ "DELETE", "/v1/folders/{folder_id}",         folder_delete,       "documents:write", WRITES, "recursive", NULL },
	{ "GET",    "/v1/documents",                   document_list,       "documents:read", 0, "limit cursor client_id folder_id trashed archived updated_since", NULL },
	{ "POST",   "/v1/documents",                   document_create,     "documents:write", WRITES | UPLOAD, "folder_id name internal", document_admit },
	{ "GET",    "/v1/documents/{document_id}",     document_get,        "documents:read", 0, NULL, NULL },
	{ "PATCH",  "/v1/documents/{document_id}",     document_patch,      "documents:write", WRITES | BODY, NULL, NULL },
	{ "DELETE", "/v1/documents/{document_id}",     document_delete,     "documents:write", WRITES, "permanent", NULL },
	{ "POST",   "/v1/documents/{document_id}/restore", document_restore, "documents:write", WRITES | BODY, NULL, NULL },
	{ "GET",    "/v1/documents/{document_id}/content", document_content, "documents:read", WRITES | NO_STORE_EXEMPT, NULL, NULL },
	{ "GET",    "/v1/documents/{document_id}/views", document_views,    "documents:read", 0, NULL, NULL },
	{ "GET",    "/v1/shares",                      share_list,          "shares:read", 0, "limit cursor item_type item_id contact_id client_id", NULL },
	{ "POST",   "/v1/shares",                      share_create,        "shares:write", WRITES | BODY, NULL, NULL },
	{ "PATCH",  "/v1/shares/{share_id}",           share_patch,         "shares:write", WRITES | BODY, NULL, NULL },
	{ "DELETE", "/v1/shares/{share_id}",           share_delete,        "shares:write", WRITES, NULL, NULL },
	{ "GET",    "/v1/sign_up_links",               sign_up_link_list,   "shares:read", 0, "limit cursor client_id", NULL },
	{ "POST",   "/v1/sign_up_links",               sign_up_link_create, "portal_access:write", WRITES | BODY, NULL, NULL },
	{ "GET",    "/v1/sign_up_links/{sign_up_link_id}", sign_up_link_get, "shares:read", 0, NULL, NULL },
	{ "DELETE", "/v1/sign_up_links/{sign_up_link_id}", sign_up_link_revoke, "portal_access:write", WRITES, NULL, NULL },
	{ "GET",    "/v1/emails",                      email_list,          "contacts:read", 0, "limit cursor contact_id status", NULL },

	/* the firm at a glance */
	{ "GET",    "/v1/stats/onboarding",            report_onboarding,   "contacts:read", 0, NULL, NULL },
	{ "GET",    "/v1/reports/login-drift",         report_login_drift,  "contacts:read", 0, "limit cursor", NULL },

	/* the audit log */
	{ "GET",    "/v1/audit_log",                   audit_log_list,      "audit:read", 0, "limit cursor actor_id object_id action outcome from to", NULL },

	/* API keys */
	{ "GET",    "/v1/api_keys",                    api_key_list,        "api_keys:write", STAFF, "limit cursor", NULL },
	{ "POST",   "/v1/api_keys",                    api_key_create,      "api_keys:write", STAFF | WRITES | BODY, NULL, NULL },
	{ "PATCH",  "/v1/api_keys/{api_key_id}",       api_key_patch,       "api_keys:write", STAFF | WRITES | BODY, NULL, NULL },
	{ "DELETE", "/v1/api_keys/{api_key_id}",       api_key_revoke,      "api_keys:write", STAFF | WRITES, NULL, NULL },
	{ "POST",   "/v1/api_keys/{api_key_id}/rotate", api_key_rotate,     "api_keys:write", STAFF | WRITES, "overlap_hours", NULL },

	/* what happened */
	{ "GET",    "/v1/event_types",                 event_type_list,     "events:read", 0, NULL, NULL },
	{ "GET",    "/v1/events",                      event_list,          "events:read", 0, "limit cursor types wait from", NULL },

	/* the portal */
	{ "GET",    "/v1/portal/help",                 portal_help,         PORTAL, 0, NULL, NULL },
	{ "GET",    "/v1/portal/me",                   portal_me,           ANY,    0, NULL, NULL },
	{ "GET",    "/v1/portal/home",                 portal_home,         PORTAL, 0, NULL, NULL },
	{ "GET",    "/v1/portal/folders",              portal_folder_list,  PORTAL, 0, "limit cursor client_id parent_id", NULL },
	{ "GET",    "/v1/portal/matters",              portal_matter_list,  PORTAL, 0, "limit cursor", NULL },
	{ "GET",    "/v1/portal/documents",            portal_document_list, PORTAL, 0, "limit cursor client_id folder_id archived", NULL },
	{ "POST",   "/v1/portal/documents",            portal_document_create, PORTAL, WRITES | UPLOAD, "folder_id name", portal_document_admit },
	{ "GET",    "/v1/portal/documents/{document_id}", portal_document_get, PORTAL, 0, NULL, NULL },
	{ "GET",    "/v1/portal/documents/{document_id}/content", portal_document_content, PORTAL, WRITES | NO_STORE_EXEMPT, NULL, NULL },

	/* test mode */
	{ "GET",    "/v1/test/outbox",                 test_outbox,         TEST, 0, "limit cursor to", NULL },
	{ "PUT",    "/v1/test/clock",                  test_clock,          TEST, BODY, NULL, NULL },
	{ "POST",   "/v1/test/reset",                  test_reset,          TEST, WRITES | NO_KEY, "fixture", NULL },
};
/* clang-format on */

const size_t route_count = lengthof(routes);
