/* firm.c - a firm: the tenant, its settings, and how an installation gets its first one. */
#include "firm.h"

#include "base.h"
#include "feature.h"
#include "text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { NEED = FIELD_CREATE | FIELD_REQUIRED, SLUG_MAX = 63, LINKS_MAX = 20, URL_MAX = 200 };

static const char *const sign_ins[] = {"password", "passwordless", "both", NULL};
static const char *const reinvite_modes[] = {"resend", "cycle", NULL};
static const char *const invite_unknowns[] = {"create_contact", "reject", NULL};
static const char *const email_changes[] = {"revoke_and_notify_staff", "revoke_and_resend", NULL};
static const char *const registration_emails[] = {"locked", "free", NULL};
static const char *const fallbacks[] = {"none", "admins", NULL};

/* clang-format off */
static const struct field link_fields[] = {
	{ .name = "title", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .min = 1, .max = 200 },
	{ .name = "url", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .min = 1, .max = 500 },
	FIELD_END,
};

static const struct field firm_fields[] = {
	F_ID(firm, id, "frm", 0),
	F_TEXT(firm, slug, 0, 0, 0),
	F_TEXT(firm, name, 1, 200, FIELD_PATCH),
	F_TEXT(firm, portal_url, 1, URL_MAX, FIELD_PATCH | FIELD_NULLABLE),
	F_TEXT(firm, logo_url, 0, 0, 0),
	F_TEXT(firm, accent_color, 7, 7, FIELD_PATCH),
	F_EMAIL(firm, support_email, FIELD_PATCH | FIELD_NULLABLE),
	F_TEXT(firm, phone, 1, 50, FIELD_PATCH | FIELD_NULLABLE),
	F_LIST(firm, help_links, link_fields, LINKS_MAX, FIELD_PATCH),
	F_TEXT(firm, locale, 2, 35, FIELD_PATCH),
	F_TEXT(firm, timezone, 1, 64, FIELD_PATCH),
	F_TEXT(firm, currency, 3, 3, FIELD_PATCH),
	F_ENUM(firm, sign_in, sign_ins, FIELD_PATCH),
	F_BOOL(firm, self_registration, FIELD_PATCH),
	F_BOOL(firm, require_staff_totp, FIELD_PATCH),
	F_ENUM(firm, reinvite_mode, reinvite_modes, FIELD_PATCH),
	F_ENUM(firm, registration_email, registration_emails, FIELD_PATCH),
	F_INT(firm, registration_ttl_days, 1, 365, FIELD_PATCH),
	F_ENUM(firm, invite_unknown_email, invite_unknowns, FIELD_PATCH),
	F_ENUM(firm, on_pending_email_change, email_changes, FIELD_PATCH),
	F_ENUM(firm, unassigned_fallback, fallbacks, FIELD_PATCH),
	F_BOOL(firm, notify_required, FIELD_PATCH),
	F_INT(firm, invitation_ttl_hours, 1, 8760, FIELD_PATCH),
	F_INT(firm, access_idle_days, 1, 3650, FIELD_PATCH | FIELD_NULLABLE),
	F_INT(firm, access_reminder_days, 1, 90, FIELD_PATCH),
	F_INT(firm, sign_in_link_minutes, 5, 60, FIELD_PATCH),
	F_INT(firm, session_idle_minutes, 1, 1440, FIELD_PATCH),
	F_INT(firm, staff_idle_minutes, 1, 1440, FIELD_PATCH),
	F_INT(firm, max_upload_bytes, 0, 0, FIELD_PATCH | FIELD_NULLABLE),
	F_INT(firm, mail_coalesce_seconds, 0, 900, FIELD_PATCH),
	F_TEXTS(firm, features, 20, FIELD_PATCH),
	F_BOOL(firm, default_upload_folder, FIELD_PATCH),
	F_TEXT(firm, default_folder_name, 1, 255, FIELD_PATCH),
	F_TIME(firm, updated_at, 0),
	F_INT(firm, version, 0, 0, FIELD_HIDDEN),
	FIELD_END,
};

static const struct field firm_public_fields[] = {
	F_TEXT(firm_public, slug, 0, 0, 0),
	F_TEXT(firm_public, name, 0, 0, 0),
	F_TEXT(firm_public, portal_url, 0, 0, 0),
	F_TEXT(firm_public, logo_url, 0, 0, 0),
	F_TEXT(firm_public, accent_color, 0, 0, 0),
	F_TEXT(firm_public, sign_in, 0, 0, 0),
	F_BOOL(firm_public, self_registration, 0),
	F_TEXT(firm_public, registration_url, 0, 0, 0),
	F_INT(firm_public, password_min_length, 0, 0, 0),
	F_TEXTS(firm_public, features, 0, 0),
	FIELD_END,
};

static const struct field firm_help_fields[] = {
	F_TEXT(firm_help, firm_name, 0, 0, 0),
	F_TEXT(firm_help, support_email, 0, 0, 0),
	F_JSON(firm_help, help_links, 0),
	FIELD_END,
};

static const struct field portal_settings_fields[] = {
	F_TEXT(portal_settings, portal_url, 0, 0, 0),
	F_TEXT(portal_settings, sign_in_url, 0, 0, 0),
	FIELD_END,
};

static const struct field setup_in_fields[] = {
	F_SECRET(setup_in, setup_token, NEED),
	F_TEXT(setup_in, firm_name, 1, 200, NEED),
	F_TEXT(setup_in, firm_slug, 1, SLUG_MAX, FIELD_CREATE),
	F_TEXT(setup_in, owner_name, 1, 200, NEED),
	F_EMAIL(setup_in, owner_email, NEED),
	F_SECRET(setup_in, owner_password, NEED),
	F_TEXT(setup_in, timezone, 1, 64, NEED),
	F_TEXT(setup_in, currency, 3, 3, NEED),
	FIELD_END,
};

static const struct field invitation_preview_fields[] = {
	F_JSON(invitation_preview, firm, 0),
	F_EMAIL(invitation_preview, email, 0),
	F_TEXT(invitation_preview, name, 0, 0, 0),
	F_BOOL(invitation_preview, requires_password, 0),
	F_TEXT(invitation_preview, credential, 0, 0, 0),
	F_BOOL(invitation_preview, email_locked, 0),
	F_TIME(invitation_preview, expires_at, 0),
	FIELD_END,
};
/* clang-format on */

const struct entity firm_entity = {"firm", "frm", sizeof(struct firm), firm_fields};
const struct entity firm_public_entity = {"firm", "frm", sizeof(struct firm_public),
                                          firm_public_fields};
const struct entity firm_help_entity = {"firm", "frm", sizeof(struct firm_help), firm_help_fields};
const struct entity portal_settings_entity = {"firm", "frm", sizeof(struct portal_settings),
                                              portal_settings_fields};
const struct entity setup_in_entity = {"firm", "frm", sizeof(struct setup_in), setup_in_fields};
const struct entity invitation_preview_entity = {
	"invitation", "inv", sizeof(struct invitation_preview), invitation_preview_fields};

const char *firm_slug(struct arena *a, const char *name)
{
	char *slug = arena_alloc(a, SLUG_MAX + 1);
	size_t n = 0;

	for (const char *c = name; *c != '\0' && n < SLUG_MAX; c++) {
		char lower = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;

		if ((lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9'))
			slug[n++] = lower;
		else if (n > 0 && slug[n - 1] != '-')
			slug[n++] = '-';
	}
	while (n > 0 && slug[n - 1] == '-')
		slug[--n] = '\0';
	return n > 0 ? slug : "firm";
}

/* ---- laws ---- */

bool firm_currency_known(const char *code)
{
	/* ISO 4217 of 2026, without funds, metals and test codes */
	static const char codes[] =
		"AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN "
		"BWP BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB "
		"EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR "
		"ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD "
		"MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR "
		"PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE "
		"SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU "
		"UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG ";

	return strlen(code) == 3 && strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 3 &&
	       strstr(codes, code) != NULL;
}

static bool is_color(const char *text)
{
	return text[0] == '#' && strlen(text) == 7 &&
	       strspn(text + 1, "0123456789abcdefABCDEF") == 6;
}

/* "https://host…" without blanks: what a page or a mail may link to. */
static bool is_link(const char *url)
{
	const char *host = strncmp(url, "https://", 8) == 0  ? url + 8
	                   : strncmp(url, "http://", 7) == 0 ? url + 7
	                                                     : "";

	return isalnum((unsigned char)*host) && strpbrk(url, " \"<>\\^`{|}") == NULL;
}

static int check_links(const char *links, struct arena *a, struct err *e)
{
	const struct json *list;
	size_t index = 0;

	if (links == NULL || json_parse(a, links, strlen(links), &list, e) < 0)
		return 0;
	for (const struct json *l = json_first(list); l != NULL; l = json_next(l), index++)
		if (!is_link(json_string(json_member(l, "url"))))
			err_fault(e, arena_printf(a, "/help_links/%zu/url", index), "invalid_url",
			          "An address such as https://firm.example/help is needed.");
	return 0;
}

/* The end of a host of letters, digits and hyphens, its labels parted by dots; NULL: it is none. */
static const char *host_end(const char *host)
{
	char last = '.';
	const char *c = host;

	for (; isalnum((unsigned char)*c) || *c == '-' || *c == '.'; last = *c++)
		if ((last == '.' && !isalnum((unsigned char)*c)) || (last == '-' && *c == '.'))
			return NULL;
	return last == '.' || last == '-' ? NULL : c;
}

/* ":8443", or nothing; ":443" is nothing that a browser would say. */
static bool is_port(const char *text)
{
	char *end;
	long port;

	if (*text == '\0')
		return true;
	if (*text != ':' || text[1] < '1' || text[1] > '9')
		return false;
	port = strtol(text + 1, &end, 10);
	return *end == '\0' && port <= 65535 && port != 443;
}

static bool is_origin(const char *url)
{
	const char *end = strncasecmp(url, "https://", 8) == 0 ? host_end(url + 8) : NULL;

	return end != NULL && is_port(end);
}

/* Do two addresses name one host and port? Neither has a path. */
static bool same_host(const char *one, const char *other)
{
	const char *a = strstr(one, "//"), *b = strstr(other, "//");

	return a != NULL && b != NULL && strcasecmp(a, b) == 0;
}

void firm_check_portal(const char *url, const char *public_url, struct err *e)
{
	if (url == NULL || strcasecmp(url, public_url) == 0)
		return;
	if (!is_origin(url))
		err_fault(e, "/portal_url", "invalid_url",
		          "An address such as https://portal.firm.example is needed: https, a host "
		          "in ASCII, a port unless it is 443, and nothing behind.");
	else if (same_host(url, public_url))
		err_fault(e, "/portal_url", "not_allowed",
		          "This host is the installation's own: send null to have its pages.");
}

int firm_check(const struct firm *firm, const struct firm_limits *limits, struct arena *a,
               struct err *e)
{
	int64_t most = limits->max_upload_bytes, bytes = firm->max_upload_bytes;
	const char *name;

	if (!is_color(firm->accent_color))
		err_fault(e, "/accent_color", "not_allowed", "A colour such as #1f4e79 is needed.");
	if (bytes != INT64_MIN && (bytes < 1 || bytes > most))
		err_fault(e, "/max_upload_bytes", "out_of_range",
		          "It must be from 1 to %lld, which is the installation's limit.",
		          (long long)most);
	if (file_name_parse(a, firm->default_folder_name, &name) < 0)
		err_fault(e, "/default_folder_name", "invalid_name",
		          "A name has 1 to 255 bytes, no slash and no control character, "
		          "and is neither . nor ..");
	if (firm->access_idle_days != INT64_MIN &&
	    firm->access_idle_days <= firm->access_reminder_days)
		err_fault(
			e, "/access_idle_days", "out_of_range",
			"It must be more than access_reminder_days, %lld: people are told before.",
			(long long)firm->access_reminder_days);
	check_links(firm->help_links, a, e);
	features_check(&firm->features, e);
	return e->fault_count > 0 ? -1 : 0;
}
