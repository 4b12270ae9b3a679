/*
 * fiber.c - stackful coroutines on ucontext: pooled stacks with a guard page, known to the
 * sanitizers.
 *
 * There are only two kinds of stacks: the main one, which resumes, and fibers, which park. So "who
 * resumed me" is always the main stack and needs no bookkeeping. Each switch is told to
 * AddressSanitizer, which otherwise takes the jump for a stack overflow.
 */
#include "fiber.h"

#include "base.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#if SANITIZED
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

/* Handlers need some 30 KiB; only touched pages cost memory. Sanitized frames are several times
 * larger. */
#if SANITIZED
enum { STACK_BYTES = 1024 * 1024 };
#else
enum { STACK_BYTES = 256 * 1024 };
#endif

enum { POOL_MAX = 256 /* idle stacks kept per process */ };

struct fiber {
	ucontext_t context;
	char *map; /* guard page, then the stack */
	char *stack;
	void (*fn)(void *arg);
	void *arg;
	void *data;
	bool ended;
	bool cancelled;
	void *fake_stack;
	struct fiber *next; /* in the pool */
};

static struct {
	struct fiber *current;
	ucontext_t context;
	void *fake_stack;
	const void *stack;
	size_t stack_size;
} main_side;

static struct {
	struct fiber *first;
	size_t idle, alive, mapped;
} pool;

/* ---- switches, as AddressSanitizer needs to hear of them ---- */

static void before_switch(void **fake_stack, const void *to, size_t size)
{
#if SANITIZED
	__sanitizer_start_switch_fiber(fake_stack, to, size);
#else
	(void)fake_stack, (void)to, (void)size;
#endif
}

static void after_switch(void *fake_stack, const void **from_r, size_t *size_r)
{
#if SANITIZED
	__sanitizer_finish_switch_fiber(fake_stack, from_r, size_r);
#else
	(void)fake_stack, (void)from_r, (void)size_r;
#endif
}

static void fiber_main(void)
{
	struct fiber *f = main_side.current;

	after_switch(NULL, &main_side.stack, &main_side.stack_size);
	f->fn(f->arg);
	f->ended = true;
	before_switch(NULL, main_side.stack, main_side.stack_size);
	setcontext(&main_side.context);
	abort();
}

/* ---- stacks ---- */

static struct fiber *stack_map(void)
{
	size_t guard = (size_t)sysconf(_SC_PAGESIZE);
	struct fiber *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->map = mmap(NULL, guard + STACK_BYTES, PROT_READ | PROT_WRITE,
	              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (f->map == MAP_FAILED || mprotect(f->map, guard, PROT_NONE) < 0) {
		if (f->map != MAP_FAILED)
			munmap(f->map, guard + STACK_BYTES);
		free(f);
		return NULL;
	}
	f->stack = f->map + guard;
	pool.mapped++;
	return f;
}

static void stack_unmap(struct fiber *f)
{
	munmap(f->map, (size_t)(f->stack - f->map) + STACK_BYTES);
	free(f);
}

static struct fiber *stack_get(void)
{
	struct fiber *f = pool.first;

	if (!f)
		return stack_map();
	pool.first = f->next;
	pool.idle--;
	return f;
}

static void context_make(struct fiber *f)
{
	getcontext(&f->context);
	f->context.uc_stack.ss_sp = f->stack;
	f->context.uc_stack.ss_size = STACK_BYTES;
	f->context.uc_link = NULL;
	makecontext(&f->context, fiber_main, 0);
}

/* ---- the interface ---- */

struct fiber *fiber_new(void (*fn)(void *arg), void *arg)
{
	struct fiber *f;

	assert(!main_side.current);
	f = stack_get();
	if (!f)
		return NULL;
	f->fn = fn;
	f->arg = arg;
	f->data = NULL;
	f->ended = f->cancelled = false;
	f->fake_stack = NULL;
	context_make(f);
	pool.alive++;
	return f;
}

void fiber_resume(struct fiber *f)
{
	assert(!main_side.current && !f->ended);
	main_side.current = f;
	before_switch(&main_side.fake_stack, f->stack, STACK_BYTES);
	swapcontext(&main_side.context, &f->context);
	after_switch(main_side.fake_stack, NULL, NULL);
	main_side.current = NULL;
}

void fiber_park(void)
{
	struct fiber *f = main_side.current;

	assert(f);
	before_switch(&f->fake_stack, main_side.stack, main_side.stack_size);
	swapcontext(&f->context, &main_side.context);
	after_switch(f->fake_stack, &main_side.stack, &main_side.stack_size);
}

void fiber_free(struct fiber *f)
{
	assert(f->ended && !main_side.current);
	pool.alive--;
#if SANITIZED
	__asan_unpoison_memory_region(f->stack, STACK_BYTES);
#endif
	if (pool.idle >= POOL_MAX) {
		stack_unmap(f);
		return;
	}
	f->next = pool.first;
	pool.first = f;
	pool.idle++;
}

struct fiber *fiber_current(void)
{
	return main_side.current;
}

bool fiber_ended(const struct fiber *f)
{
	return f->ended;
}

void fiber_cancel(struct fiber *f)
{
	f->cancelled = true;
}

bool fiber_cancelled(const struct fiber *f)
{
	return f->cancelled;
}

void fiber_set_data(struct fiber *f, void *data)
{
	f->data = data;
}

void *fiber_data(const struct fiber *f)
{
	return f->data;
}

size_t fiber_count(void)
{
	return pool.alive;
}

size_t fiber_stack_count(void)
{
	return pool.mapped;
}
