/* http.c - an HTTP client for what Portico calls: libcurl, waiting through the seam. */
#include "http.h"

#include "io.h"

#include <curl/curl.h>
#include <stdio.h>

enum { CONNECT_MS = 5000 };

/* One call under way: what libcurl wants to hear of. */
struct transfer {
	CURLM *multi;
	CURL *easy;
	struct curl_slist *headers;
	struct pollfd fds[IO_WAIT_FDS_MAX];
	unsigned n;
	long timeout_ms; /* libcurl's own timer, -1: none */
	struct http_reply *reply;
	char why[CURL_ERROR_SIZE];
};

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct transfer *t = arg;
	unsigned i = 0;

	(void)easy, (void)socket_arg;
	while (i < t->n && t->fds[i].fd != fd)
		i++;
	if (what == CURL_POLL_REMOVE) {
		if (i < t->n)
			t->fds[i] = t->fds[--t->n];
		return 0;
	}
	if (i == IO_WAIT_FDS_MAX)
		return -1;
	t->fds[i].fd = fd;
	t->fds[i].events =
		(short)((what & CURL_POLL_IN ? POLLIN : 0) | (what & CURL_POLL_OUT ? POLLOUT : 0));
	if (i == t->n)
		t->n++;
	return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *arg)
{
	(void)multi;
	((struct transfer *)arg)->timeout_ms = timeout_ms;
	return 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;

	buf_add(&t->reply->body, bytes, size * count);
	return t->reply->body.over ? 0 : size * count;
}

static void set_request(struct transfer *t, const struct http_call *call)
{
	CURL *e = t->easy;

	curl_easy_setopt(e, CURLOPT_URL, call->url);
	curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, call->method);
	if (strcmp(call->method, "HEAD") == 0)
		curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
	if (call->body) {
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_len);
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, call->body);
	}
	for (unsigned i = 0; call->headers && call->headers[i]; i++)
		t->headers = curl_slist_append(t->headers, call->headers[i]);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, t->headers);
}

static void set_limits(struct transfer *t, const struct http_call *call)
{
	CURL *e = t->easy;

	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->why);
}

/* Go on with what is ready. */
static int step(struct transfer *t, const struct pollfd *fds, unsigned n, int *running)
{
	int what;

	for (unsigned i = 0; i < n; i++) {
		if (!fds[i].revents)
			continue;
		what = (fds[i].revents & POLLIN ? CURL_CSELECT_IN : 0) |
		       (fds[i].revents & POLLOUT ? CURL_CSELECT_OUT : 0) |
		       (fds[i].revents & (POLLERR | POLLHUP) ? CURL_CSELECT_ERR : 0);
		if (curl_multi_socket_action(t->multi, fds[i].fd, what, running) != CURLM_OK)
			return -1;
	}
	return 0;
}

static int drive(struct transfer *t)
{
	struct pollfd fds[IO_WAIT_FDS_MAX];
	int running = 1, ready;
	unsigned n;

	if (curl_multi_socket_action(t->multi, CURL_SOCKET_TIMEOUT, 0, &running) != CURLM_OK)
		return -1;
	while (running > 0) {
		n = t->n; /* the callbacks change them */
		memcpy(fds, t->fds, n * sizeof(*fds));
		ready = io_wait(fds, n,
		                t->timeout_ms < 0 || t->timeout_ms > 1000 ? 1000
		                                                          : (int)t->timeout_ms);
		if (ready < 0)
			return -1;
		if (ready > 0 && step(t, fds, n, &running) < 0)
			return -1;
		if (ready == 0 && curl_multi_socket_action(t->multi, CURL_SOCKET_TIMEOUT, 0,
		                                           &running) != CURLM_OK)
			return -1;
	}
	return 0;
}

/* The transfer has ended: how? */
static int outcome(struct transfer *t)
{
	const CURLMsg *message;
	int left;
	long status = 0;

	message = curl_multi_info_read(t->multi, &left);
	if (!message || message->msg != CURLMSG_DONE || message->data.result != CURLE_OK) {
		if (message && !t->why[0])
			snprintf(t->why, sizeof(t->why), "%s",
			         curl_easy_strerror(message->data.result));
		return -1;
	}
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	t->reply->status = (int)status;
	return 0;
}

static int run(struct transfer *t, const struct http_call *call)
{
	if (!t->multi || !t->easy)
		return -1;
	curl_multi_setopt(t->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(t->multi, CURLMOPT_SOCKETDATA, t);
	curl_multi_setopt(t->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(t->multi, CURLMOPT_TIMERDATA, t);
	set_request(t, call);
	set_limits(t, call);
	if (curl_multi_add_handle(t->multi, t->easy) != CURLM_OK)
		return -1;
	return drive(t) < 0 ? -1 : outcome(t);
}

int http_call(struct arena *a, const struct http_call *call, struct http_reply *reply_r,
              const char **why_r)
{
	struct transfer *t = arena_new(a, struct transfer);
	int r;

	*reply_r = (struct http_reply){0};
	buf_init(&reply_r->body, a, call->reply_max);
	t->reply = reply_r;
	t->timeout_ms = -1;
	t->multi = curl_multi_init();
	t->easy = curl_easy_init();
	r = run(t, call);
	if (t->multi && t->easy)
		curl_multi_remove_handle(t->multi, t->easy);
	curl_easy_cleanup(t->easy);
	curl_multi_cleanup(t->multi);
	curl_slist_free_all(t->headers);
	if (reply_r->body.over)
		r = -1;
	*why_r = r == 0 ? NULL : reply_r->body.over ? "the reply is too long" : t->why;
	return r;
}
