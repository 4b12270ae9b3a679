/* http.h - an HTTP client for what Portico calls: libcurl, waiting through the seam. */
#ifndef PORTICO_HTTP_H
#define PORTICO_HTTP_H

#include "base.h"
#include "buf.h"

struct http_call {
	const char *method;         /* "GET", "POST", … */
	const char *url;            /* http or https; redirects are never followed */
	const char *const *headers; /* "Name: value", ends with NULL; may be NULL */
	const void *body;
	size_t body_len;
	int timeout_ms;
	size_t reply_max; /* bytes; a longer reply is a failure */
};

struct http_reply {
	int status;
	struct buf body;
};

/* Make one call. 0 and *reply_r (owned by `a`), whatever the status; -1 with a reason in *why_r. */
may_wait int http_call(struct arena *a, const struct http_call *call, struct http_reply *reply_r,
                       const char **why_r);

#endif
