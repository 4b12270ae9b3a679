/* route.c - find the row of the route table that a method and path mean. */
#include "routes.h"

/* Prefix of the ids that stand in a path under this name. */
static const char *id_prefix(const char *name, size_t len)
{
	static const struct {
		const char *name, *prefix;
	} map[] = {
		{"api_key_id", "key"},      {"client_id", "cli"}, {"contact_id", "con"},
		{"document_id", "doc"},     {"folder_id", "fol"}, {"invitation_id", "inv"},
		{"import_id", "imp"},       {"matter_id", "mat"}, {"share_id", "shr"},
		{"session_id", "ses"},      {"staff_id", "stf"},  {"registration_id", "reg"},
		{"sign_up_link_id", "sul"},
	};

	for (size_t i = 0; i < lengthof(map); i++)
		if (strlen(map[i].name) == len && memcmp(map[i].name, name, len) == 0)
			return map[i].prefix;
	return NULL;
}

/* One segment of a path against "{name}": an id with the right prefix, or it does not match. A name
 * without a prefix takes any text, see rq_segment(). */
static bool match_id(const char *brace, const char *segment, size_t len, struct id *id_r)
{
	char text[ID_TEXT_SIZE];
	const char *prefix = id_prefix(brace + 1, strcspn(brace, "}") - 1);

	if (prefix == NULL) {
		*id_r = id_none;
		return len > 0;
	}
	if (len >= sizeof(text))
		return false;
	memcpy(text, segment, len);
	text[len] = '\0';
	return id_parse(text, prefix, id_r) == 0;
}

static bool match_path(const char *pattern, const char *path, struct id ids_r[RQ_IDS_MAX])
{
	unsigned n = 0;

	for (;;) {
		size_t want = strcspn(pattern, "/"), have = strcspn(path, "/");

		if (*pattern == '{') {
			if (n == RQ_IDS_MAX || !match_id(pattern, path, have, &ids_r[n]))
				return false;
			n++;
		} else if (want != have || memcmp(pattern, path, want) != 0) {
			return false;
		}
		pattern += want;
		path += have;
		if (*pattern == '\0' || *path == '\0')
			return *pattern == *path;
		pattern++;
		path++;
	}
}

static void allow_add(struct arena *a, const char **allow, const char *method)
{
	*allow = *allow == NULL ? method : arena_printf(a, "%s, %s", *allow, method);
	if (strcmp(method, "GET") == 0)
		*allow = arena_printf(a, "%s, HEAD", *allow);
}

const struct route *route_find(struct arena *a, const char *method, const char *path,
                               struct id ids_r[RQ_IDS_MAX], const char **allow_r)
{
	const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;

	*allow_r = NULL;
	for (size_t i = 0; i < route_count; i++) {
		if (!match_path(routes[i].path, path, ids_r))
			continue;
		if (strcmp(routes[i].method, wanted) == 0)
			return &routes[i];
		allow_add(a, allow_r, routes[i].method);
	}
	return NULL;
}

const char *route_id_name(struct arena *a, const struct route *route, unsigned n)
{
	const char *brace = strchr(route->path, '{');

	for (; brace != NULL && n > 0; n--)
		brace = strchr(brace + 1, '{');
	return brace == NULL ? NULL : arena_strndup(a, brace + 1, strcspn(brace, "}") - 1);
}

const char *rq_segment(const struct rq *rq, const char *name)
{
	const char *brace = arena_printf(rq->arena, "{%s}", name);
	const char *pattern = rq->route->path, *end = strstr(pattern, brace), *at = rq->in->path;

	for (; pattern < end; pattern++)
		if (*pattern == '/')
			at = strchr(at, '/') + 1;
	return arena_strndup(rq->arena, at, strcspn(at, "/"));
}

void routes_print(FILE *out)
{
	for (size_t i = 0; i < route_count; i++) {
		const char *access = routes[i].access;

		const char *kind = routes[i].flags & STAFF ? "staff:" : "perm:";

		fprintf(out, "%s %s %s%s\n", routes[i].method, routes[i].path,
		        strchr(access, ':') != NULL ? kind : "", access);
	}
}
