/* db_connect.c - making a connection to PostgreSQL without blocking. */
#include "db_private.h"

#include "resolve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * Session settings; those of the connection string come after them and win. A client that is gone
 * stops its running query within a second (client_connection_check_interval).
 */
#define SESSION_OPTIONS                                                                          \
	"-c timezone=UTC -c datestyle=ISO -c statement_timeout=10000 -c lock_timeout=5000 "      \
	"-c idle_in_transaction_session_timeout=15000 -c client_connection_check_interval=1000 " \
	"-c client_min_messages=error "

/* The connection string taken apart: what must be known before libpq gets it. */
struct target {
	char options[1024];
	char host[HOST_SIZE]; /* to be looked up, for libpq would block; empty: nothing */
	char address[ADDRESS_SIZE];
};

static int target_read(struct target *t, const char *conninfo)
{
	PQconninfoOption *all = PQconninfoParse(conninfo, NULL), *o;
	const char *host = "", *options = "", *address = "";
	int fits;

	if (!all)
		return -1;
	for (o = all; o->keyword; o++) {
		if (!o->val)
			continue;
		if (strcmp(o->keyword, "host") == 0)
			host = o->val;
		else if (strcmp(o->keyword, "hostaddr") == 0)
			address = o->val;
		else if (strcmp(o->keyword, "options") == 0)
			options = o->val;
	}
	if (address[0] || host[0] == '/' || host[0] == '@' || strchr(host, ','))
		host = "";
	fits = snprintf(t->options, sizeof(t->options), SESSION_OPTIONS "%s", options) <
	       (int)sizeof(t->options);
	fits &= snprintf(t->host, sizeof(t->host), "%s", host) < (int)sizeof(t->host);
	t->address[0] = '\0';
	PQconninfoFree(all);
	return fits ? 0 : -1;
}

static void notice_ignore(void *arg, const PGresult *notice)
{
	(void)arg, (void)notice;
}

static PGconn *connect_start(const char *conninfo, const struct target *t)
{
	const char *names[] = {"dbname",          "options",
	                       "client_encoding", "fallback_application_name",
	                       "hostaddr",        NULL};
	const char *values[] = {
		conninfo, t->options, "UTF8", "portico", t->address[0] ? t->address : NULL, NULL};
	PGconn *pg = PQconnectStartParams(names, values, 1);

	if (pg && PQstatus(pg) == CONNECTION_BAD) {
		PQfinish(pg);
		return NULL;
	}
	if (pg)
		PQsetNoticeReceiver(pg, notice_ignore, NULL);
	return pg;
}

/* Drive the connection attempt to its end. 0, or -1. */
static int connect_finish(PGconn *pg, int64_t deadline_ms)
{
	PostgresPollingStatusType next = PGRES_POLLING_WRITING;
	int64_t left;
	int r;

	while (next == PGRES_POLLING_READING || next == PGRES_POLLING_WRITING) {
		left = deadline_ms - clock_mono_ms();
		if (left <= 0)
			return errno = ETIMEDOUT, -1;
		r = io_wait_fd(PQsocket(pg), next == PGRES_POLLING_READING ? POLLIN : POLLOUT,
		               (int)left);
		if (r < 0)
			return -1;
		if (r > 0)
			next = PQconnectPoll(pg);
	}
	if (next != PGRES_POLLING_OK || PQsetnonblocking(pg, 1) < 0)
		return errno = ECONNREFUSED, -1;
	return 0;
}

PGconn *db_connect(const char *conninfo, int timeout_ms)
{
	int64_t deadline_ms = clock_mono_ms() + timeout_ms;
	struct target t;
	PGconn *pg;
	int saved;

	errno = ECONNREFUSED;
	if (target_read(&t, conninfo) < 0)
		return NULL;
	if (t.host[0] && resolve(t.host, t.address) < 0)
		return NULL;
	pg = connect_start(conninfo, &t);
	if (!pg)
		return errno = ECONNREFUSED, NULL;
	if (connect_finish(pg, deadline_ms) < 0) {
		saved = errno;
		PQfinish(pg);
		errno = saved;
		return NULL;
	}
	return pg;
}
