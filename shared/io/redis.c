/*
 * redis.c - the few Redis commands that we need; hiredis inside, waiting through the seam.
 *
 * Two connections, each made when it is first needed and again after a loss: one for commands, and
 * one for a bell, a blocking XREAD that is answered when something is added to the stream. It is
 * set before the group is read, so that nothing is added unheard in between.
 */
#include "redis.h"

#include "io.h"
#include "resolve.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { CONNECT_MS = 1000, COMMAND_MS = 2000, WHY_MAX = 160, PORT = 6379 };

struct redis {
	bool unix_socket;
	char where[HOST_SIZE]; /* path or host */
	int port;
	char password[128];
	redisContext *line; /* for commands; NULL: not connected */
	redisContext *bell;
	char why[WHY_MAX];
};

/* ---- the url ---- */

/* redis://[[user]:password@]host[:port] */
static int read_url(struct redis *r, const char *rest)
{
	const char *at = strrchr(rest, '@'), *colon;
	size_t len;

	if (at) {
		colon = memchr(rest, ':', (size_t)(at - rest));
		rest = colon ? colon + 1 : rest;
		len = (size_t)(at - rest);
		if (len >= sizeof(r->password))
			return -1;
		memcpy(r->password, rest, len);
		rest = at + 1;
	}
	len = strcspn(rest, ":/");
	if (len == 0 || len >= sizeof(r->where))
		return -1;
	memcpy(r->where, rest, len);
	r->port = rest[len] == ':' ? (int)strtol(rest + len + 1, NULL, 10) : PORT;
	return r->port > 0 && r->port < 65536 ? 0 : -1;
}

struct redis *redis_new(const char *url)
{
	struct redis *r = calloc(1, sizeof(*r));

	if (!r)
		abort();
	if (strncmp(url, "unix:", 5) == 0) {
		r->unix_socket = true;
		snprintf(r->where, sizeof(r->where), "%s", url + 5);
	} else if (strncmp(url, "redis://", 8) != 0 || read_url(r, url + 8) < 0) {
		r->where[0] = '\0'; /* each call says so */
	}
	return r;
}

static void hang_up(redisContext **c)
{
	if (*c)
		redisFree(*c);
	*c = NULL;
}

void redis_free(struct redis *r)
{
	if (!r)
		return;
	hang_up(&r->line);
	hang_up(&r->bell);
	free(r);
}

int redis_fd(const struct redis *r)
{
	return r->bell ? r->bell->fd : -1;
}

/* ---- talking ---- */

/* Remember why; returns -1. The connection is of no more use. */
static int lost(struct redis *r, redisContext **c, const char *what)
{
	snprintf(r->why, sizeof(r->why), "%s%s%s", what, *c && (*c)->err ? ": " : "",
	         *c && (*c)->err ? (*c)->errstr : "");
	hang_up(c);
	return -1;
}

static int flush(redisContext *c, int64_t deadline_ms)
{
	int done = 0;

	for (;;) {
		if (redisBufferWrite(c, &done) != REDIS_OK)
			return -1;
		if (done)
			return 0;
		if (clock_mono_ms() >= deadline_ms || io_wait_fd(c->fd, POLLOUT, COMMAND_MS) <= 0)
			return -1;
	}
}

static redisReply *receive(redisContext *c, int64_t deadline_ms)
{
	void *reply = NULL;
	int64_t left;

	for (;;) {
		if (redisGetReplyFromReader(c, &reply) != REDIS_OK)
			return NULL;
		if (reply)
			return reply;
		left = deadline_ms - clock_mono_ms();
		if (left <= 0 || io_wait_fd(c->fd, POLLIN, (int)left) <= 0 ||
		    redisBufferRead(c) != REDIS_OK)
			return NULL;
	}
}

/* One command on an open connection; its answer, or NULL when the connection is lost. */
static redisReply *say(redisContext *c, int argc, const char *const *argv)
{
	int64_t deadline_ms = clock_mono_ms() + COMMAND_MS;

	/* hiredis does not change them */
	if (redisAppendCommandArgv(c, argc, (const char **)(uintptr_t)argv, NULL) != REDIS_OK ||
	    flush(c, deadline_ms) < 0)
		return NULL;
	return receive(c, deadline_ms);
}

static int greet(const struct redis *r, redisContext *c)
{
	const char *const words[] = {"AUTH", r->password};
	redisReply *reply;
	int ok;

	if (!r->password[0])
		return 0;
	reply = say(c, 2, words);
	ok = reply && reply->type != REDIS_REPLY_ERROR;
	if (reply)
		freeReplyObject(reply);
	return ok ? 0 : -1;
}

static int dial(struct redis *r, redisContext **c)
{
	char address[ADDRESS_SIZE];
	int error = 0;
	socklen_t size = sizeof(error);

	if (*c)
		return 0;
	if (!r->where[0])
		return lost(r, c, "the url is not one of Redis");
	if (!r->unix_socket && resolve(r->where, address) < 0)
		return lost(r, c, "the host is not known");
	*c = r->unix_socket ? redisConnectUnixNonBlock(r->where)
	                    : redisConnectNonBlock(address, r->port);
	if (!*c || (*c)->err)
		return lost(r, c, "cannot connect");
	if (io_wait_fd((*c)->fd, POLLOUT, CONNECT_MS) <= 0 ||
	    getsockopt((*c)->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error != 0)
		return lost(r, c, "cannot connect");
	if (greet(r, *c) < 0)
		return lost(r, c, "cannot sign in");
	return 0;
}

/* One command on the line. Its answer, or NULL with r->why: lost, or refused by Redis. */
static redisReply *call(struct redis *r, int argc, const char *const *argv)
{
	redisReply *reply;

	if (dial(r, &r->line) < 0)
		return NULL;
	reply = say(r->line, argc, argv);
	if (!reply) {
		lost(r, &r->line, "lost the connection");
		return NULL;
	}
	if (reply->type != REDIS_REPLY_ERROR)
		return reply;
	snprintf(r->why, sizeof(r->why), "%s", reply->str);
	freeReplyObject(reply);
	return NULL;
}

/* As call, when the answer itself does not matter. */
static int call_only(struct redis *r, int argc, const char *const *argv, const char **why_r)
{
	redisReply *reply = call(r, argc, argv);

	*why_r = r->why;
	if (!reply)
		return -1;
	freeReplyObject(reply);
	return 0;
}

/* ---- the bell ---- */

/* Set it for what is added to `stream` from now on, unless it is set and has not rung. */
static int bell_set(struct redis *r, const char *stream)
{
	const char *words[] = {"XREAD", "BLOCK", "0", "STREAMS", stream, "$"};
	struct pollfd p = {.events = POLLIN};
	redisReply *reply;
	bool set = r->bell != NULL;

	if (dial(r, &r->bell) < 0)
		return -1;
	p.fd = r->bell->fd;
	if (set && poll(&p, 1, 0) == 0)
		return 0;
	if (set) {
		reply = receive(r->bell, clock_mono_ms() + COMMAND_MS);
		if (!reply)
			return lost(r, &r->bell, "lost the bell");
		freeReplyObject(reply);
	}
	if (redisAppendCommandArgv(r->bell, lengthof(words), words, NULL) != REDIS_OK ||
	    flush(r->bell, clock_mono_ms() + COMMAND_MS) < 0)
		return lost(r, &r->bell, "lost the bell");
	return 0;
}

/* ---- entries ---- */

/* [id, [name, value, …]], each a text? What is not, no Redis of ours sent. */
static bool is_entry(const redisReply *one)
{
	const redisReply *fields;

	if (one->type != REDIS_REPLY_ARRAY || one->elements != 2 || !one->element[0]->str ||
	    one->element[1]->type != REDIS_REPLY_ARRAY)
		return false;
	fields = one->element[1];
	for (size_t i = 0; i < fields->elements; i++)
		if (!fields->element[i]->str)
			return false;
	return true;
}

static void entry_read(struct arena *a, const redisReply *from, struct redis_entry *to)
{
	const redisReply *fields = from->element[1];

	*to = (struct redis_entry){.id = arena_strdup(a, from->element[0]->str)};
	for (size_t i = 0; i + 1 < fields->elements && to->n < REDIS_FIELDS_MAX; i += 2) {
		to->fields[to->n].name = arena_strdup(a, fields->element[i]->str);
		to->fields[to->n].value = arena_strdup(a, fields->element[i + 1]->str);
		to->n++;
	}
}

/* [[id, [name, value, …]], …] */
static int entries_read(struct arena *a, const redisReply *list, unsigned max,
                        struct redis_entry *entries)
{
	unsigned n = 0;

	for (size_t i = 0; list->type == REDIS_REPLY_ARRAY && i < list->elements && n < max; i++)
		if (is_entry(list->element[i]))
			entry_read(a, list->element[i], &entries[n++]);
	return (int)n;
}

/* The list of entries in the answer to XREADGROUP or XAUTOCLAIM; NULL: there is none. */
static const redisReply *entries_of(const redisReply *reply, bool claimed)
{
	const redisReply *list = reply;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0)
		return NULL;
	if (!claimed) /* [[stream, entries]] */
		list = reply->element[0];
	if (list->type != REDIS_REPLY_ARRAY || list->elements < 2)
		return NULL;
	return list->element[1];
}

/* ---- commands ---- */

int redis_xadd(struct redis *r, const char *stream, const struct redis_entry *entry,
               const char **why_r)
{
	const char *words[3 + 2 * REDIS_FIELDS_MAX] = {"XADD", stream, "*"};
	int n = 3;

	for (unsigned i = 0; i < entry->n; i++) {
		words[n++] = entry->fields[i].name;
		words[n++] = entry->fields[i].value;
	}
	return call_only(r, n, words, why_r);
}

int redis_group_create(struct redis *r, const char *stream, const char *group, const char **why_r)
{
	const char *const words[] = {"XGROUP", "CREATE", stream, group, "0", "MKSTREAM"};

	if (call_only(r, lengthof(words), words, why_r) == 0)
		return 0;
	return strncmp(r->why, "BUSYGROUP", 9) == 0 ? 0 : -1;
}

static int read_with(struct redis *r, struct arena *a, int argc, const char *const *argv,
                     struct redis_entry *entries, unsigned max)
{
	redisReply *reply = call(r, argc, argv);
	const redisReply *list;
	int n;

	if (!reply)
		return -1;
	list = entries_of(reply, strcmp(argv[0], "XAUTOCLAIM") == 0);
	n = list ? entries_read(a, list, max, entries) : 0;
	freeReplyObject(reply);
	return n;
}

int redis_read(struct redis *r, struct arena *a, const char *const names[3], unsigned max,
               struct redis_entry *entries, const char **why_r)
{
	char count[16];
	const char *const words[] = {"XREADGROUP", "GROUP",   names[1], names[2], "COUNT",
	                             count,        "STREAMS", names[0], ">"};

	*why_r = r->why;
	snprintf(count, sizeof(count), "%u", max);
	if (bell_set(r, names[0]) < 0)
		return -1;
	return read_with(r, a, lengthof(words), words, entries, max);
}

int redis_reclaim(struct redis *r, struct arena *a, const char *const names[3], int idle_ms,
                  unsigned max, struct redis_entry *entries, const char **why_r)
{
	char count[16], idle[16];
	const char *const words[] = {"XAUTOCLAIM", names[0], names[1], names[2],
	                             idle,         "0-0",    "COUNT",  count};

	*why_r = r->why;
	snprintf(count, sizeof(count), "%u", max);
	snprintf(idle, sizeof(idle), "%d", idle_ms);
	return read_with(r, a, lengthof(words), words, entries, max);
}

int redis_done(struct redis *r, const char *stream, const char *group, const char *id,
               const char **why_r)
{
	const char *const ack[] = {"XACK", stream, group, id};
	const char *const del[] = {"XDEL", stream, id};

	if (call_only(r, lengthof(ack), ack, why_r) < 0)
		return -1;
	return call_only(r, lengthof(del), del, why_r);
}

int redis_ping(struct redis *r, const char **why_r)
{
	const char *const words[] = {"PING"};

	return call_only(r, 1, words, why_r);
}

/* ---- many questions on one line ---- */

int redis_script(struct redis *r, const char *script, char sha_r[41], const char **why_r)
{
	const char *const words[] = {"SCRIPT", "LOAD", script};
	redisReply *reply = call(r, lengthof(words), words);

	*why_r = r->why;
	if (!reply)
		return -1;
	snprintf(sha_r, 41, "%s", reply->type == REDIS_REPLY_STRING ? reply->str : "");
	freeReplyObject(reply);
	return 0;
}

int redis_put(struct redis *r, int argc, const char *const *argv)
{
	if (!r->line || r->line->err)
		return -1;
	/* hiredis does not change them */
	return redisAppendCommandArgv(r->line, argc, (const char **)(uintptr_t)argv, NULL) ==
	                       REDIS_OK
	               ? 0
	               : -1;
}

void redis_push(struct redis *r)
{
	int done;

	if (r->line && !r->line->err)
		redisBufferWrite(r->line, &done);
}

/* As redis_receive, for the answer itself. */
static int answer(struct redis *r, int64_t *numbers, unsigned max)
{
	void *got = NULL;
	redisReply *reply;
	bool fits;

	if (redisGetReplyFromReader(r->line, &got) != REDIS_OK)
		return -1;
	reply = got;
	if (!reply)
		return 0;
	fits = reply->type == REDIS_REPLY_ARRAY;
	for (size_t i = 0; fits && i < reply->elements && i < max; i++)
		numbers[i] = reply->element[i]->integer;
	if (!fits)
		snprintf(r->why, sizeof(r->why), "%s",
		         reply->type == REDIS_REPLY_ERROR ? reply->str : "not a list");
	freeReplyObject(reply);
	return fits ? 1 : -1;
}

int redis_receive(struct redis *r, int timeout_ms, int64_t *numbers, unsigned max)
{
	int done, rc;

	if (!r->line)
		return -1;
	rc = answer(r, numbers, max);
	if (rc != 0)
		return rc;
	if (redisBufferWrite(r->line, &done) != REDIS_OK)
		return -1;
	if (timeout_ms > 0) {
		rc = io_wait_fd(r->line->fd, POLLIN | (done ? 0 : POLLOUT), timeout_ms);
		if (rc <= 0)
			return rc;
	}
	if (redisBufferRead(r->line) != REDIS_OK)
		return -1;
	return answer(r, numbers, max);
}

const char *redis_close(struct redis *r)
{
	if (r->line && r->line->err)
		snprintf(r->why, sizeof(r->why), "%s", r->line->errstr);
	hang_up(&r->line);
	return r->why;
}
