/* err.h - why something failed: one coded problem, and every fault found in the input. */
#ifndef PORTICO_ERR_H
#define PORTICO_ERR_H

#include "arena.h"

/* The codes of RFC 9457 problems. They are the contract: stable, one meaning, one status. */
enum problem {
	PROBLEM_NONE,
#define P(code, status, title) PROBLEM_##code,
#include "problems.def"
#undef P
	PROBLEM_COUNT
};

enum { ERR_FAULTS_MAX = 64 };

/* One fault of a request's input: where (JSON Pointer, or query parameter as "?name"), what. */
struct fault {
	const char *pointer;
	const char *code;
	const char *message;
};

struct err {
	struct arena *arena;
	enum problem problem;
	const char *detail;      /* for people who call the API; never holds a secret */
	const char *internal;    /* for our log only; may be NULL */
	const char *required;    /* the permission that was missing, or NULL */
	const char *existing_id; /* public id of what is in the way, or NULL */
	int retry_after_s;       /* 0: no Retry-After */
	unsigned fault_count;
	struct fault faults[ERR_FAULTS_MAX];
};

/* Make `e` empty; texts that are added later are copied into `a`. */
void err_init(struct err *e, struct arena *a);

/* Forget what `e` holds. */
void err_clear(struct err *e);

/*
 * Say why: `p` and a detail for people. The first problem that was set stays, later ones are
 * ignored. Returns -1, so that a caller may `return err_set(…)`.
 */
int err_set(struct err *e, enum problem p, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Add one fault and set validation_failed if no problem was set yet. Beyond ERR_FAULTS_MAX faults
 * are dropped. Returns -1.
 */
int err_fault(struct err *e, const char *pointer, const char *code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/*
 * Set `internal_error` with a text for our log only; the text is kept too when another problem was
 * set before. Returns -1.
 */
int err_internal(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Name, HTTP status and title of a problem; never NULL ("none", 0 and "" for PROBLEM_NONE). */
const char *problem_code(enum problem p);
int problem_status(enum problem p);
const char *problem_title(enum problem p);

/* The problem named `code`, or PROBLEM_NONE. */
enum problem problem_find(const char *code);

#endif
