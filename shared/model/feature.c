/* feature.c - the parts of the product that a firm switches on and off, and the tools of a person.
 */
#include "feature.h"

#include "base.h"

#include <string.h>

const char *const feature_names[] = {"documents", "matters",       "imports",
                                     "api_keys",  "announcements", NULL};
const char *const tool_names[] = {"files", "requests", "invoices", "messages", "tasks", NULL};

/* clang-format off */
static const struct part parts[] = {
	{ "api_keys",  "api_keys",      NULL },
	{ "documents", "documents",     "files" },
	{ "folders",   "documents",     "files" },
	{ "imports",   "imports",       NULL },
	{ "matters",   "matters",       "files" },
	{ "shares",    "documents",     NULL },
	{ "sign_up_links", "documents", NULL },
	{ "templates", "announcements", NULL },
};

static const struct field capabilities_fields[] = {
	F_TEXTS(capabilities, permissions, 0, 0),
	F_TEXTS(capabilities, features, 0, 0),
	F_TEXTS(capabilities, tools, 0, 0),
	FIELD_END,
};
/* clang-format on */

const struct entity capabilities_entity = {"me", "", sizeof(struct capabilities),
                                           capabilities_fields};

static const char *skip(const char *path, const char *start)
{
	size_t len = strlen(start);

	return strncmp(path, start, len) == 0 ? path + len : path;
}

const struct part *part_of(const char *path)
{
	static const struct part none = {0};
	const char *noun = skip(skip(path, "/v1/"), "portal/");
	size_t len = strcspn(noun, "/");

	for (size_t i = 0; i < lengthof(parts); i++)
		if (strlen(parts[i].noun) == len && memcmp(parts[i].noun, noun, len) == 0)
			return &parts[i];
	return &none;
}

static bool among(const char *text, const char *const *known)
{
	while (*known != NULL && strcmp(*known, text) != 0)
		known++;
	return *known != NULL;
}

int features_check(const struct texts *named, struct err *e)
{
	int result = 0;

	for (size_t i = 0; i < named->n; i++) {
		if (among(named->v[i], feature_names))
			continue;
		err_set(e, PROBLEM_unknown_feature,
		        "The features are documents, matters, imports, api_keys and "
		        "announcements.");
		result = err_fault(e, arena_printf(e->arena, "/features/%zu", i), "unknown_feature",
		                   "There is no such feature.");
	}
	return result;
}

int tools_check(const struct texts *named, struct err *e)
{
	int result = 0;

	for (size_t i = 0; i < named->n; i++)
		if (!among(named->v[i], tool_names))
			result =
				err_fault(e, arena_printf(e->arena, "/tools/%zu", i), "not_allowed",
			                  "The tools are files, requests, invoices, "
			                  "messages and tasks.");
	return result;
}
