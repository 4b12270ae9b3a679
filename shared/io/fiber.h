/* fiber.h - stackful coroutines on ucontext: pooled stacks with a guard page, known to the
 * sanitizers. */
#ifndef PORTICO_FIBER_H
#define PORTICO_FIBER_H

#include <stdbool.h>
#include <stddef.h>

struct fiber;

/*
 * A fiber that will run fn(arg), not yet started. Its stack comes from a pool. NULL when memory is
 * short. Only the main stack makes, resumes and frees fibers.
 */
struct fiber *fiber_new(void (*fn)(void *arg), void *arg);

/* Run `f` until it parks or ends. Never from inside a fiber. */
void fiber_resume(struct fiber *f);

/* Inside a fiber: go back to who resumed it. Returns when resumed. */
void fiber_park(void);

/* Give the stack back. `f` has ended. */
void fiber_free(struct fiber *f);

/* The fiber that runs now, NULL on the main stack. */
struct fiber *fiber_current(void);

/* Has its function returned? */
bool fiber_ended(const struct fiber *f);

/* From now on every wait of `f` fails with ECANCELED. The caller then resumes it to unwind. */
void fiber_cancel(struct fiber *f);
bool fiber_cancelled(const struct fiber *f);

/* Owner's pointer, for the driver. */
void fiber_set_data(struct fiber *f, void *data);
void *fiber_data(const struct fiber *f);

/* Fibers alive, and stacks ever mapped: the tests see leaks here. */
size_t fiber_count(void);
size_t fiber_stack_count(void);

#endif
