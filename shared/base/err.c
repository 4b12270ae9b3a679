/* err.c - one coded problem and the faults that go with it. */
#include "err.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *code;
	int status;
	const char *title;
} problems[PROBLEM_COUNT] = {
	[PROBLEM_NONE] = {"none", 0, ""},
#define P(code, status, title) [PROBLEM_##code] = {#code, status, title},
#include "problems.def"
#undef P
};

void err_init(struct err *e, struct arena *a)
{
	*e = (struct err){.arena = a};
}

void err_clear(struct err *e)
{
	err_init(e, e->arena);
}

int err_set(struct err *e, enum problem p, const char *fmt, ...)
{
	va_list ap;

	if (e->problem != PROBLEM_NONE)
		return -1;
	e->problem = p;
	va_start(ap, fmt);
	e->detail = arena_vprintf(e->arena, fmt, ap);
	va_end(ap);
	return -1;
}

int err_fault(struct err *e, const char *pointer, const char *code, const char *fmt, ...)
{
	struct fault *f;
	va_list ap;

	if (e->problem == PROBLEM_NONE)
		err_set(e, PROBLEM_validation_failed, "See errors for what is wrong, one by one.");
	if (e->fault_count >= ERR_FAULTS_MAX)
		return -1;
	f = &e->faults[e->fault_count++];
	f->pointer = arena_strdup(e->arena, pointer);
	f->code = arena_strdup(e->arena, code);
	va_start(ap, fmt);
	f->message = arena_vprintf(e->arena, fmt, ap);
	va_end(ap);
	return -1;
}

int err_internal(struct err *e, const char *fmt, ...)
{
	va_list ap;

	if (!e->internal) {
		va_start(ap, fmt);
		e->internal = arena_vprintf(e->arena, fmt, ap);
		va_end(ap);
	}
	return err_set(e, PROBLEM_internal_error, "It is in our log under this request's id.");
}

static enum problem known(enum problem p)
{
	return p > PROBLEM_NONE && p < PROBLEM_COUNT ? p : PROBLEM_NONE;
}

const char *problem_code(enum problem p)
{
	return problems[known(p)].code;
}

int problem_status(enum problem p)
{
	return problems[known(p)].status;
}

const char *problem_title(enum problem p)
{
	return problems[known(p)].title;
}

enum problem problem_find(const char *code)
{
	for (int p = PROBLEM_NONE + 1; p < PROBLEM_COUNT; p++)
		if (!strcmp(problems[p].code, code))
			return (enum problem)p;
	return PROBLEM_NONE;
}
