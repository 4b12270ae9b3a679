/* arena.h - memory and clean-ups that live as long as one request, one mail, one run. */
#ifndef PORTICO_ARENA_H
#define PORTICO_ARENA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct arena_block;
struct arena_defer;

struct arena {
	struct arena_block *blocks;
	struct arena_defer *defers;
	size_t used;
	size_t max;
};

/*
 * Make `a` an empty arena that gives out at most `max` bytes. The maximum is a net for bugs: input
 * is bounded before it comes here, so passing it (or running out of memory) aborts the program.
 */
void arena_init(struct arena *a, size_t max);

/* Run the deferred clean-ups, last first, free everything; `a` is empty and usable. NULL-safe. */
void arena_release(struct arena *a);

/* `size` zeroed bytes, aligned for any type, owned by `a`. Never NULL. */
void *arena_alloc(struct arena *a, size_t size);

/* One zeroed `type` / an array of `n` of them, owned by `a`. */
#define arena_new(a, type)      ((type *)arena_alloc((a), sizeof(type)))
#define arena_array(a, type, n) ((type *)arena_alloc_array((a), sizeof(type), (size_t)(n)))

/* `n` times `size` zeroed bytes; a product that does not fit size_t aborts. Use arena_array. */
void *arena_alloc_array(struct arena *a, size_t size, size_t n);

/* A copy of `text` (NULL gives NULL) owned by `a`. */
char *arena_strdup(struct arena *a, const char *text);

/* A NUL-terminated copy of `len` bytes owned by `a`. */
char *arena_strndup(struct arena *a, const char *text, size_t len);

/* The formatted text, owned by `a`. */
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

/* Call `clean(arg)` when `a` is released, whatever way the request ends. */
void arena_defer(struct arena *a, void (*clean)(void *arg), void *arg);

#endif
