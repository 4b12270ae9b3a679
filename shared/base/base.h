/* base.h - what every file of Portico may use: the conventions, and the headers of shared/base. */
#ifndef PORTICO_BASE_H
#define PORTICO_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * The only macro with control flow: return -1 when the call failed. The reason is in the
 * `struct err` that the failed function was given.
 */
#define TRY(x)                     \
	do {                       \
		if ((x) < 0)       \
			return -1; \
	} while (0)

/* Marks a function that may park the fiber: call it with no pointer into state shared by fibers. */
#define may_wait

/* Is AddressSanitizer watching? It is told of fibers, and has an mmap() of its own. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#define printf_like(fmt, args) __attribute__((format(printf, fmt, args)))
#define lengthof(array)        (sizeof(array) / sizeof((array)[0]))

#include "arena.h"
#include "buf.h"
#include "clock.h"
#include "err.h"
#include "id.h"

#endif
