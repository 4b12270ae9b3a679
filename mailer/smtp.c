/* smtp.c - sends mails through libcurl, and judges how each transaction ended. */
#include "smtp.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	CONNECT_MS = 60 * 1000, /* TCP, greeting, TLS, AUTH */
	REPLY_S = 10 *
	          60, /* for one reply; the final dot's may take this long (RFC 5321 4.5.3.2.6) */
	WHOLE_MS = 14 * 60 * 1000, /* less than the 15 minutes after which a claim is anybody's */
	IDLE_S = 60,               /* a kept connection, less than servers' usual five minutes */
	WAIT_FDS_MAX = 16,
	STEP_MS = 1000 /* libcurl's own timers are looked at least this often */
};

struct slot {
	CURL *easy;
	struct curl_slist *to;
	void *tag; /* NULL: free */
	const char *message;
	size_t len, sent;
	enum smtp_phase phase;
	bool body_sent;
	bool again;  /* was tried once more on a new connection */
	size_t used; /* of response */
	char response[SMTP_RESPONSE_SIZE];
	char error[CURL_ERROR_SIZE];
};

struct smtp {
	CURLM *multi;
	struct slot slots[SMTP_SLOTS];
	unsigned busy;
};

/* ---- the judgement ---- */

static struct attempt judged(enum outcome outcome, enum blame blame, int code)
{
	return (struct attempt){.outcome = outcome, .blame = blame, .code = code, .response = ""};
}

static struct attempt judge_body(int code, bool body_sent)
{
	if (code == 354)
		return judged(body_sent ? OUTCOME_AMBIGUOUS : OUTCOME_TEMPORARY, BLAME_MAIL, code);
	return judged(code / 100 == 5 ? OUTCOME_PERMANENT : OUTCOME_TEMPORARY, BLAME_MAIL, code);
}

struct attempt smtp_judge(bool ok, int code, enum smtp_phase phase, bool body_sent)
{
	if (ok)
		return judged(OUTCOME_SENT, BLAME_NONE, code);
	if (code == 421 || code == 454 || (code >= 530 && code <= 538))
		return judged(OUTCOME_TEMPORARY, BLAME_HOST, code); /* closing, or AUTH and TLS */
	switch (phase) {
	case SMTP_CONNECT:
	case SMTP_MAIL: /* the sender is ours: a refusal says nothing of the recipient */
		return judged(OUTCOME_TEMPORARY, BLAME_HOST, code);
	case SMTP_RCPT:
	case SMTP_DATA:
		if (code / 100 == 5)
			return judged(OUTCOME_PERMANENT, BLAME_MAIL, code);
		return judged(OUTCOME_TEMPORARY, code / 100 == 4 ? BLAME_MAIL : BLAME_HOST, code);
	case SMTP_BODY:
		break;
	}
	return judge_body(code, body_sent);
}

/* ---- what libcurl calls ---- */

/* Keep the reply's text, several lines joined, as plain ASCII. */
static size_t on_reply(char *bytes, size_t size, size_t n, void *user)
{
	struct slot *slot = user;
	size_t len = size * n, i = len >= 4 ? 4 : len;

	if (slot->used && slot->used + 1 < sizeof(slot->response))
		slot->response[slot->used++] = ' ';
	for (; i < len && slot->used + 1 < sizeof(slot->response); i++) {
		if (bytes[i] == '\r' || bytes[i] == '\n')
			break;
		slot->response[slot->used++] = bytes[i] < ' ' || bytes[i] > '~' ? '?' : bytes[i];
	}
	slot->response[slot->used] = '\0';
	return len;
}

/* Follow the commands that go out: each has its own reply, and tells how far we are. */
static int on_trace(CURL *easy, curl_infotype type, char *bytes, size_t len, void *user)
{
	static const struct {
		const char *verb;
		enum smtp_phase phase;
	} phases[] = {{"MAIL ", SMTP_MAIL}, {"RCPT ", SMTP_RCPT}, {"DATA", SMTP_DATA}};
	struct slot *slot = user;

	(void)easy;
	if (type != CURLINFO_HEADER_OUT)
		return 0;
	slot->used = 0;
	slot->response[0] = '\0';
	for (size_t i = 0; i < lengthof(phases); i++) {
		size_t n = strlen(phases[i].verb);

		if (len >= n && memcmp(bytes, phases[i].verb, n) == 0)
			slot->phase = phases[i].phase;
	}
	return 0;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *user)
{
	struct slot *slot = user;
	size_t len = slot->len - slot->sent;

	if (slot->phase != SMTP_BODY) {
		slot->phase = SMTP_BODY;
		slot->used = 0;
		slot->response[0] = '\0';
	}
	if (len > size * n)
		len = size * n;
	if (len == 0)
		slot->body_sent = true;
	memcpy(bytes, slot->message + slot->sent, len);
	slot->sent += len;
	return len;
}

/* ---- set-up ---- */

static bool is_loopback(const char *host)
{
	return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
	       strcmp(host, "[::1]") == 0;
}

/* CURLUSESSL_ALL or _NONE for plain smtp; -1 with *why_r when the settings do not fit. */
static long use_ssl(const struct conf *conf, const char **why_r)
{
	CURLU *url = curl_url();
	char *scheme = NULL, *host = NULL;
	long use = -1;

	if (!url || curl_url_set(url, CURLUPART_URL, conf->smtp_url, CURLU_NON_SUPPORT_SCHEME) ||
	    curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) ||
	    curl_url_get(url, CURLUPART_HOST, &host, 0))
		*why_r = "PORTICO_SMTP_URL is not a URL";
	else if (strcmp(scheme, "smtp") != 0 && strcmp(scheme, "smtps") != 0)
		*why_r = "PORTICO_SMTP_URL must begin with smtp:// or smtps://";
	else if (strcmp(conf->smtp_tls, "required") == 0)
		use = CURLUSESSL_ALL;
	else if (strcmp(conf->smtp_tls, "auto") == 0)
		use = is_loopback(host) ? CURLUSESSL_NONE : CURLUSESSL_ALL;
	else if (strcmp(conf->smtp_tls, "off") != 0)
		*why_r = "PORTICO_SMTP_TLS must be auto, required or off";
	else if (strcmp(scheme, "smtps") == 0)
		*why_r = "PORTICO_SMTP_TLS is off, but PORTICO_SMTP_URL is smtps";
	else
		use = CURLUSESSL_NONE;
	curl_free(scheme);
	curl_free(host);
	curl_url_cleanup(url);
	return use;
}

static void slot_limits(CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)REPLY_S);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)WHOLE_MS);
	curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)IDLE_S);
}

static void slot_callbacks(struct slot *slot)
{
	curl_easy_setopt(slot->easy, CURLOPT_PRIVATE, slot);
	curl_easy_setopt(slot->easy, CURLOPT_ERRORBUFFER, slot->error);
	curl_easy_setopt(slot->easy, CURLOPT_HEADERFUNCTION, on_reply);
	curl_easy_setopt(slot->easy, CURLOPT_HEADERDATA, slot);
	curl_easy_setopt(slot->easy, CURLOPT_WRITEFUNCTION, on_reply);
	curl_easy_setopt(slot->easy, CURLOPT_WRITEDATA, slot);
	curl_easy_setopt(slot->easy, CURLOPT_READFUNCTION, on_body);
	curl_easy_setopt(slot->easy, CURLOPT_READDATA, slot);
	curl_easy_setopt(slot->easy, CURLOPT_VERBOSE, 1L);
	curl_easy_setopt(slot->easy, CURLOPT_DEBUGFUNCTION, on_trace);
	curl_easy_setopt(slot->easy, CURLOPT_DEBUGDATA, slot);
}

/* All slots have the same credentials and certificates, so that they may share connections. */
static int slot_open(struct slot *slot, const struct conf *conf, long ssl)
{
	CURL *easy = slot->easy = curl_easy_init();

	if (!easy)
		return -1;
	slot_limits(easy);
	slot_callbacks(slot);
	curl_easy_setopt(easy, CURLOPT_URL, conf->smtp_url);
	curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(easy, CURLOPT_MAIL_FROM, "");
	curl_easy_setopt(easy, CURLOPT_USE_SSL, ssl);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (conf->smtp_ca_file)
		curl_easy_setopt(easy, CURLOPT_CAINFO, conf->smtp_ca_file);
	if (conf->smtp_user) {
		curl_easy_setopt(easy, CURLOPT_USERNAME, conf->smtp_user);
		curl_easy_setopt(easy, CURLOPT_PASSWORD,
		                 conf->smtp_password ? conf->smtp_password : "");
	}
	return 0;
}

struct smtp *smtp_new(const struct conf *conf, const char **why_r)
{
	struct smtp *s = calloc(1, sizeof(*s));
	long ssl;

	*why_r = "libcurl does not start";
	if (!s || curl_global_init(CURL_GLOBAL_DEFAULT) || !(s->multi = curl_multi_init())) {
		free(s);
		return NULL;
	}
	curl_multi_setopt(s->multi, CURLMOPT_MAXCONNECTS, (long)SMTP_SLOTS);
	ssl = use_ssl(conf, why_r);
	for (unsigned i = 0; ssl >= 0 && i < SMTP_SLOTS; i++)
		if (slot_open(&s->slots[i], conf, ssl) < 0)
			ssl = -1;
	if (ssl < 0) {
		smtp_free(s);
		return NULL;
	}
	return s;
}

void smtp_free(struct smtp *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < SMTP_SLOTS; i++) {
		if (s->slots[i].tag)
			curl_multi_remove_handle(s->multi, s->slots[i].easy);
		curl_easy_cleanup(s->slots[i].easy);
		curl_slist_free_all(s->slots[i].to);
	}
	curl_multi_cleanup(s->multi);
	curl_global_cleanup();
	free(s);
}

/* ---- transactions ---- */

unsigned smtp_busy(const struct smtp *s)
{
	return s->busy;
}

static void slot_start(struct smtp *s, struct slot *slot)
{
	slot->sent = slot->used = 0;
	slot->phase = SMTP_CONNECT;
	slot->body_sent = false;
	slot->response[0] = slot->error[0] = '\0';
	curl_easy_setopt(slot->easy, CURLOPT_FRESH_CONNECT, slot->again ? 1L : 0L);
	curl_multi_add_handle(s->multi, slot->easy);
}

void smtp_send(struct smtp *s, const char *to, const char *message, size_t len, void *tag)
{
	struct slot *slot = s->slots;

	while (slot->tag)
		slot++;
	slot->tag = tag;
	slot->message = message;
	slot->len = len;
	slot->again = false;
	curl_slist_free_all(slot->to);
	slot->to = curl_slist_append(NULL, to);
	curl_easy_setopt(slot->easy, CURLOPT_MAIL_RCPT, slot->to);
	curl_easy_setopt(slot->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)len);
	slot_start(s, slot);
	s->busy++;
}

/* A kept connection that the server had closed meanwhile: nothing was sent, try a new one. */
static bool was_stale(const struct slot *slot, CURLcode result, long code)
{
	long connects = 0;

	curl_easy_getinfo(slot->easy, CURLINFO_NUM_CONNECTS, &connects);
	return result != CURLE_OK && connects == 0 && !slot->again && slot->phase < SMTP_BODY &&
	       (code < 400 || code == 421);
}

static const char *reason(const struct slot *slot, CURLcode result)
{
	if (slot->response[0])
		return slot->response;
	if (result == CURLE_OK)
		return "";
	return slot->error[0] ? slot->error : curl_easy_strerror(result);
}

void *smtp_finished(struct smtp *s, struct attempt *attempt_r)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(s->multi, &left))) {
		CURLcode result = msg->data.result;
		struct slot *slot = NULL;
		long code = 0;
		void *tag;

		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&slot);
		curl_easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &code);
		curl_multi_remove_handle(s->multi, slot->easy);
		if (was_stale(slot, result, code)) {
			slot->again = true;
			slot_start(s, slot);
			continue;
		}
		*attempt_r =
			smtp_judge(result == CURLE_OK, (int)code, slot->phase, slot->body_sent);
		attempt_r->response = reason(slot, result);
		tag = slot->tag;
		slot->tag = NULL;
		s->busy--;
		return tag;
	}
	return NULL;
}

/* ---- waiting ---- */

static short to_curl(short events)
{
	return (short)((events & POLLIN ? CURL_WAIT_POLLIN : 0) |
	               (events & POLLOUT ? CURL_WAIT_POLLOUT : 0));
}

/* libcurl's own poll, which would not tell of errors: the caller asks poll(2) for what is ready. */
static void poll_all(struct smtp *s, const struct pollfd *fds, unsigned n, int timeout_ms)
{
	struct curl_waitfd waits[WAIT_FDS_MAX];

	for (unsigned i = 0; i < n; i++)
		waits[i] = (struct curl_waitfd){.fd = fds[i].fd, .events = to_curl(fds[i].events)};
	curl_multi_poll(s->multi, waits, n, timeout_ms, NULL);
}

int smtp_wait(struct smtp *s, struct pollfd *fds, unsigned n, int timeout_ms, bool or_finished)
{
	int64_t end = clock_mono_ms() + timeout_ms;
	int running, ready, left;

	for (;;) {
		curl_multi_perform(s->multi, &running);
		ready = poll(fds, n, 0);
		left = timeout_ms < 0 ? STEP_MS : (int)(end - clock_mono_ms());
		if (ready > 0 || (timeout_ms >= 0 && left <= 0) ||
		    (or_finished && running < (int)s->busy))
			return ready;
		poll_all(s, fds, n, left < STEP_MS ? left : STEP_MS);
	}
}
