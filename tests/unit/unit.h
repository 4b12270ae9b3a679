/* unit.h - what every unit test includes: cmocka, a pseudo-random source, a check for abort(). */
#ifndef PORTICO_UNIT_H
#define PORTICO_UNIT_H

#include "base.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { TEST_ARENA_MAX = 64 * 1024 * 1024 };

/* The next number of a fixed pseudo-random sequence below `below`: each run tests the same cases.
 */
static inline uint32_t unit_random(uint64_t *state, uint32_t below)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33) % below;
}

/* Does `fn` abort? It runs in a child without standard error. */
static inline bool unit_aborts(void (*fn)(void))
{
	const pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		close(STDERR_FILENO);
		signal(SIGABRT, SIG_DFL);
		fn();
		_exit(0);
	}
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

#endif
