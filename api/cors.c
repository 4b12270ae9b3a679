/* cors.c - browsers of other origins: exact origins from the settings, on every status. */
#include "cors.h"

#include "reply.h"
#include "setting.h"

#define ALLOW_HEADERS                                                                              \
	"Authorization, Content-Type, If-Match, If-None-Match, If-Range, Range, Idempotency-Key, " \
	"X-Request-Id, Content-Digest"
#define EXPOSE_HEADERS                                                                                         \
	"ETag, Link, Location, Retry-After, RateLimit, RateLimit-Policy, X-Request-Id, Idempotency-Replayed, " \
	"Content-Disposition, Content-Range, Accept-Ranges"

bool cors_allowed(const char *origin)
{
	const char *at = this_worker.conf.cors_origins;
	size_t len = strlen(origin);

	while (at != NULL && *at != '\0') {
		size_t n = strcspn(at, " ");

		if (n == len && len > 0 && memcmp(at, origin, len) == 0)
			return true;
		at += n + strspn(at + n, " ");
	}
	return false;
}

bool cors_preflight(struct rq *rq)
{
	const char *origin = rq_header(rq, "origin");

	if (strcmp(rq->in->method, "OPTIONS") != 0)
		return false;
	if (origin != NULL && cors_allowed(origin)) {
		reply_header(rq, "access-control-allow-methods",
		             "GET, HEAD, POST, PUT, PATCH, DELETE");
		reply_header(rq, "access-control-allow-headers", ALLOW_HEADERS);
		reply_header(rq, "access-control-max-age", "7200");
	}
	reply_none(rq);
	return true;
}

void cors_headers(struct rq *rq)
{
	const char *origin = rq_header(rq, "origin");

	reply_header(rq, "vary", "Origin");
	if (origin == NULL || !cors_allowed(origin))
		return;
	reply_header(rq, "access-control-allow-origin", origin);
	reply_header(rq, "access-control-allow-credentials", "true");
	reply_header(rq, "access-control-expose-headers", EXPOSE_HEADERS);
}
