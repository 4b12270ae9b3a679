/* fuzz_route.c - paths: one that is found is the pattern with ids in it, and nothing else. */
#include "fuzz.h"

#include "routes.h"

void (*const fuzz_start)(void) = NULL;

/* The route's pattern with words and ids put in, each id with the prefix that stands in the path
 * there. */
static const char *rebuilt(struct fuzz *f, const struct route *route, const char *path,
                           const struct id *ids)
{
	const char *at = route->path;
	struct buf b;

	buf_init(&b, f->arena, FUZZ_ARENA_MAX);
	while (*at) {
		char text[ID_TEXT_SIZE], prefix[4] = {0};

		if (*at != '{') {
			buf_char(&b, *at++);
			continue;
		}
		at += strcspn(at, "}") + 1;
		if (memcmp(at - 4, "_id}", 4) != 0) { /* a word, as in /problems/{code} */
			buf_add(&b, path + b.len, strcspn(path + b.len, "/"));
			continue;
		}
		FUZZ_HOLDS(strlen(path) > b.len + 4);
		memcpy(prefix, path + b.len, 3);
		id_format(ids++, prefix, text);
		buf_str(&b, text);
	}
	return b.data;
}

void fuzz_one(struct fuzz *f)
{
	static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "X"};
	const char *method = methods[fuzz_byte(f) % lengthof(methods)], *path = fuzz_rest(f);
	struct id ids[RQ_IDS_MAX];
	const char *allow;
	const struct route *route = route_find(f->arena, method, path, ids, &allow);

	if (route)
		FUZZ_HOLDS(strcmp(rebuilt(f, route, path, ids), path) == 0);
	else if (allow)
		FUZZ_HOLDS(!strstr(allow, method) && strlen(allow) >= 3);
}
