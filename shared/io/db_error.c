/* db_error.c - what the server's refusals mean to the caller. */
#include "db_private.h"

#include <stdlib.h>

static const struct db_constraint *constraints;

void db_set_constraints(const struct db_constraint *table)
{
	constraints = table;
}

int db_unavailable(struct err *e, const char *why)
{
	if (e->problem != PROBLEM_NONE)
		return -1;
	err_set(e, PROBLEM_unavailable, "Try again in a moment");
	e->internal = arena_strdup(e->arena, why);
	e->retry_after_s = 1;
	return -1;
}

static const char *part(const PGresult *result, int field)
{
	const char *text = PQresultErrorField(result, field);

	return text ? text : "";
}

/* PTnnn: the problem's code is the message; its DETAIL is for the caller. */
static bool refused_by_us(const PGresult *result, struct err *e)
{
	enum problem p = problem_find(part(result, PG_DIAG_MESSAGE_PRIMARY));
	const char *detail = part(result, PG_DIAG_MESSAGE_DETAIL);

	if (p == PROBLEM_NONE)
		return false;
	err_set(e, p, "%s", detail[0] ? detail : problem_title(p));
	return true;
}

static bool refused_by_constraint(const PGresult *result, struct err *e)
{
	const char *name = part(result, PG_DIAG_CONSTRAINT_NAME);
	const struct db_constraint *c = constraints;

	while (c && c->name && strcmp(c->name, name) != 0)
		c++;
	if (!c || !c->name)
		return false;
	err_set(e, c->problem, "%s", c->text ? c->text : problem_title(c->problem));
	if (c->pointer)
		err_fault(e, c->pointer, problem_code(c->problem), "%s",
		          c->text ? c->text : problem_title(c->problem));
	return true;
}

#define MET "It is just being changed by somebody else, or by an import. Try again in a moment."

/* What passes by itself: conflicts, time-outs, a server that is going or coming, too many of us. */
static const struct {
	const char *state;  /* a prefix of the SQLSTATE */
	bool spoils;        /* the connection will not do better */
	const char *detail; /* NULL: as of a server that does not answer */
} passing[] = {
	{"40001", false, MET},  {"40P01", false, MET}, {"55P03", false, MET},
	{"57014", false, NULL}, {"57P", true, NULL},   {"53300", true, NULL},
	{"53200", false, NULL}, {"08", true, NULL},    {"25P", true, NULL},
	{"25006", true, NULL},  {"26000", true, NULL}, {"0A000", true, NULL},
	{"42P05", true, NULL},
};

static bool refused_for_now(struct db_conn *c, const char *state, struct err *e)
{
	for (size_t i = 0; i < lengthof(passing); i++) {
		if (strncmp(state, passing[i].state, strlen(passing[i].state)) != 0)
			continue;
		c->spoilt |= passing[i].spoils;
		db_unavailable(e, state);
		if (passing[i].detail)
			e->detail = passing[i].detail;
		return true;
	}
	return false;
}

void db_refused(struct db_conn *c, const PGresult *result, const struct stmt *stmt, struct err *e)
{
	const char *state = part(result, PG_DIAG_SQLSTATE);

	if (e->problem != PROBLEM_NONE)
		return;
	if (strncmp(state, "PT", 2) == 0 && refused_by_us(result, e))
		return;
	if (strncmp(state, "23", 2) == 0 && refused_by_constraint(result, e))
		return;
	if (strcmp(state, "53100") == 0) {
		err_set(e, PROBLEM_quota_exceeded, "The database has no space left");
		return;
	}
	if (refused_for_now(c, state, e))
		return;
	/* not the whole message: its DETAIL holds people's data */
	err_internal(e, "%s: %s %s %s", stmt ? stmt->name : "script", state,
	             part(result, PG_DIAG_MESSAGE_PRIMARY), part(result, PG_DIAG_CONSTRAINT_NAME));
}
