/* smtp.c - sends mails through libcurl, and judges how each transaction ended. */
#include "smtp.h"

#include <assert.h>
#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	CONNECT_MS = 60 * 1000,    /* TCP, greeting, TLS, AUTH */
	REPLY_S = 10 * 60,         /* for one reply, as for the final dot's: RFC 5321 4.5.3.2.6 */
	WHOLE_MS = 14 * 60 * 1000, /* less than the 15 minutes after which a claim is anybody's */
	IDLE_S = 60,               /* a kept connection, less than servers' usual five minutes */
	STACK_BYTES = 512 * 1024
};

/* Who may touch a slot: FREE and ENDED the main thread, BUSY the slot's own. */
enum slot_state { SLOT_FREE, SLOT_BUSY, SLOT_ENDED };

struct slot {
	struct smtp *smtp;
	pthread_t thread;
	enum slot_state state; /* under smtp->lock */
	CURL *easy;
	struct curl_slist *to;
	void *tag;
	const char *address;
	const char *message;
	size_t len, sent;
	enum smtp_phase phase;
	bool body_sent;
	bool left; /* QUIT went out: what comes now is no reply to the mail */
	CURLcode result;
	size_t used; /* of response */
	char response[SMTP_RESPONSE_SIZE];
	char error[CURL_ERROR_SIZE];
};

struct smtp {
	pthread_mutex_t lock;
	pthread_cond_t begun; /* a slot became BUSY, or closing */
	atomic_bool closing;
	int ended_fd; /* eventfd */
	unsigned threads;
	struct slot slots[SMTP_SLOTS];
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

	if (slot->left)
		return len;
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
	slot->left = len >= 4 && memcmp(bytes, "QUIT", 4) == 0;
	if (slot->left)
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
	memcpy(bytes, slot->message + slot->sent, len);
	slot->sent += len;
	slot->body_sent = slot->sent == slot->len;
	return len;
}

/* libcurl calls it once a second at least: cut the transaction when the mailer ends. */
static int on_progress(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct slot *slot = user;

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return atomic_load(&slot->smtp->closing);
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
	curl_easy_setopt(easy, CURLOPT_MAXCONNECTS, 1L);
	curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)IDLE_S);
}

static void slot_callbacks(struct slot *slot)
{
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
	curl_easy_setopt(slot->easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(slot->easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(slot->easy, CURLOPT_XFERINFODATA, slot);
}

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

/* ---- a slot's thread ---- */

static void attempt_once(struct slot *slot, bool fresh)
{
	slot->sent = slot->used = 0;
	slot->phase = SMTP_CONNECT;
	slot->body_sent = slot->left = false;
	slot->response[0] = slot->error[0] = '\0';
	curl_easy_setopt(slot->easy, CURLOPT_FRESH_CONNECT, fresh ? 1L : 0L);
	slot->result = curl_easy_perform(slot->easy);
}

static int reply_code(const struct slot *slot)
{
	long code = 0;

	curl_easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &code);
	return (int)code;
}

/* A kept connection that the server had closed meanwhile: nothing was sent, try a new one. */
static bool was_stale(const struct slot *slot)
{
	long connects = 0;
	int code = reply_code(slot);

	curl_easy_getinfo(slot->easy, CURLINFO_NUM_CONNECTS, &connects);
	return slot->result != CURLE_OK && connects == 0 && slot->phase < SMTP_BODY &&
	       (code < 400 || code == 421);
}

static void transact(struct slot *slot)
{
	curl_slist_free_all(slot->to);
	slot->to = curl_slist_append(NULL, slot->address);
	curl_easy_setopt(slot->easy, CURLOPT_MAIL_RCPT, slot->to);
	curl_easy_setopt(slot->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)slot->len);
	attempt_once(slot, false);
	if (was_stale(slot))
		attempt_once(slot, true);
}

/* Wait for a mail. False when there will be no more. */
static bool slot_wait(struct slot *slot)
{
	struct smtp *s = slot->smtp;
	bool busy;

	pthread_mutex_lock(&s->lock);
	while (slot->state != SLOT_BUSY && !atomic_load(&s->closing))
		pthread_cond_wait(&s->begun, &s->lock);
	busy = slot->state == SLOT_BUSY;
	pthread_mutex_unlock(&s->lock);
	return busy && !atomic_load(&s->closing);
}

static void slot_end(struct slot *slot)
{
	struct smtp *s = slot->smtp;
	uint64_t one = 1;

	pthread_mutex_lock(&s->lock);
	slot->state = SLOT_ENDED;
	pthread_mutex_unlock(&s->lock);
	if (write(s->ended_fd, &one, sizeof(one)) < 0)
		abort(); /* the count cannot overflow */
}

static void *slot_run(void *arg)
{
	struct slot *slot = arg;

	while (slot_wait(slot)) {
		transact(slot);
		slot_end(slot);
	}
	return NULL;
}

/* Signals are the main thread's. */
static int start_threads(struct smtp *s)
{
	pthread_attr_t attr;
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	while (s->threads < SMTP_SLOTS) {
		struct slot *slot = &s->slots[s->threads];

		if (pthread_create(&slot->thread, &attr, slot_run, slot) != 0)
			break;
		s->threads++;
	}
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return s->threads == SMTP_SLOTS ? 0 : -1;
}

/* ---- the main thread ---- */

static int open_slots(struct smtp *s, const struct conf *conf, const char **why_r)
{
	long ssl = use_ssl(conf, why_r);

	if (ssl < 0)
		return -1;
	*why_r = "no memory for the connections";
	for (unsigned i = 0; i < SMTP_SLOTS; i++) {
		s->slots[i].smtp = s;
		TRY(slot_open(&s->slots[i], conf, ssl));
	}
	return start_threads(s);
}

struct smtp *smtp_new(const struct conf *conf, const char **why_r)
{
	struct smtp *s = calloc(1, sizeof(*s));

	*why_r = "libcurl does not start";
	if (!s || curl_global_init(CURL_GLOBAL_DEFAULT)) {
		free(s);
		return NULL;
	}
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->begun, NULL);
	s->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->ended_fd < 0 || open_slots(s, conf, why_r) < 0) {
		smtp_free(s);
		return NULL;
	}
	return s;
}

void smtp_free(struct smtp *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	atomic_store(&s->closing, true);
	pthread_cond_broadcast(&s->begun);
	pthread_mutex_unlock(&s->lock);
	for (unsigned i = 0; i < SMTP_SLOTS; i++) {
		if (i < s->threads)
			pthread_join(s->slots[i].thread, NULL);
		curl_easy_cleanup(s->slots[i].easy);
		curl_slist_free_all(s->slots[i].to);
	}
	if (s->ended_fd >= 0)
		close(s->ended_fd);
	pthread_cond_destroy(&s->begun);
	pthread_mutex_destroy(&s->lock);
	curl_global_cleanup();
	free(s);
}

int smtp_fd(const struct smtp *s)
{
	return s->ended_fd;
}

/* The first slot in this state, NULL: none. Low ones first: they have the warm connections. */
static struct slot *find_slot(struct smtp *s, enum slot_state state)
{
	struct slot *found = NULL;

	pthread_mutex_lock(&s->lock);
	for (unsigned i = 0; i < SMTP_SLOTS && !found; i++)
		if (s->slots[i].state == state)
			found = &s->slots[i];
	pthread_mutex_unlock(&s->lock);
	return found;
}

void smtp_send(struct smtp *s, const char *to, const char *message, size_t len, void *tag)
{
	struct slot *slot = find_slot(s, SLOT_FREE);

	assert(slot);
	slot->tag = tag;
	slot->address = to;
	slot->message = message;
	slot->len = len;
	pthread_mutex_lock(&s->lock);
	slot->state = SLOT_BUSY;
	pthread_cond_broadcast(&s->begun);
	pthread_mutex_unlock(&s->lock);
}

/* The server's words where it refused, else libcurl's. */
static const char *reason(const struct slot *slot)
{
	if (slot->result == CURLE_OK || (slot->response[0] && reply_code(slot) >= 400))
		return slot->response;
	return slot->error[0] ? slot->error : curl_easy_strerror(slot->result);
}

void *smtp_finished(struct smtp *s, struct attempt *attempt_r)
{
	uint64_t count;
	struct slot *slot;

	if (read(s->ended_fd, &count, sizeof(count)) < 0)
		count = 0; /* nothing new: but there may be more of what was told before */
	slot = find_slot(s, SLOT_ENDED);
	if (!slot)
		return NULL;
	*attempt_r = smtp_judge(slot->result == CURLE_OK, reply_code(slot), slot->phase,
	                        slot->body_sent);
	attempt_r->response = reason(slot);
	pthread_mutex_lock(&s->lock);
	slot->state = SLOT_FREE;
	pthread_mutex_unlock(&s->lock);
	return slot->tag;
}
