/* fuzz_cors.c - origins: allowed is what is listed, to the letter, and nothing near it. */
#include "fuzz.h"

#include "auth.h"
#include "cors.h"
#include "routes.h"
#include "setting.h"

void (*const fuzz_start)(void) = NULL;

static const char *const listed[] = {"https://app.example", "http://127.0.0.1:3000",
                                     "https://b.example"};

static void of_list(const char *origin)
{
	bool want = false;

	this_worker.conf.cors_origins =
		"https://app.example  http://127.0.0.1:3000 https://b.example";
	for (size_t i = 0; i < lengthof(listed); i++)
		want |= strcmp(origin, listed[i]) == 0;
	FUZZ_HOLDS(cors_allowed(origin) == want);
}

/* A page of the portal itself, or a listed one, may write with a cookie; no other. */
static void with_cookie(struct fuzz *f, const char *origin, const char *host, bool tls)
{
	static const struct route route = {.method = "POST", .access = ANY, .flags = WRITES};
	struct door_in in = {.method = "POST",
	                     .header_count = 2,
	                     .headers = {{"origin", origin}, {"host", host}}};
	struct rq rq = {.arena = f->arena, .in = &in, .route = &route, .by_cookie = true};
	const char *own_tls = arena_printf(f->arena, "https://%s", host);
	const char *own = arena_printf(f->arena, "http://%s", host);

	this_worker.conf.public_url = tls ? "https://portal.example" : "http://portal.example";
	err_init(&rq.err, f->arena);
	if (auth_origin(&rq) == 0)
		FUZZ_HOLDS(cors_allowed(origin) || strcasecmp(origin, own_tls) == 0 ||
		           (!tls && strcasecmp(origin, own) == 0));
	else
		FUZZ_HOLDS(rq.err.problem == PROBLEM_origin_not_allowed);
}

void fuzz_one(struct fuzz *f)
{
	const char *origin = fuzz_line(f), *host = fuzz_line(f);

	of_list(origin);
	with_cookie(f, origin, host, true);
	with_cookie(f, origin, host, false);
}
