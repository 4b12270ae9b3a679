/* hands.h - the worker's threads for CPU-heavy work, and the bounded queue before them. */
#ifndef PORTICO_HANDS_H
#define PORTICO_HANDS_H

#include "base.h"

enum { HANDS_QUEUE_MAX = 32 };

/* A piece of work; its bytes are its own. */
struct job {
	void (*work)(void *data);
	void *owner; /* who waits for it, for the loop's side; NULL: nobody any more */
	bool done;
	size_t size;
	struct job *next;
	_Alignas(max_align_t) char data[];
};

/* Make the queue for `threads` hands_loop(). Returns a descriptor that is readable when jobs are
 * done, or -1. */
int hands_open(unsigned threads);

/* What each thread runs; it never returns, and rests after hands_close(). */
_Noreturn void hands_loop(void);

/* Queue work on a copy of the bytes. NULL: the queue is full, or memory is short. */
struct job *hands_give(void (*work)(void *data), const void *data, size_t size, void *owner);

/* How many jobs wait for a thread. */
unsigned hands_queued(void);

/* The next job that is done, NULL when there is none: then the descriptor is quiet again. */
struct job *hands_take(void);

/* Wipe and free a job that is done. */
void hands_free(struct job *j);

/* Let all the threads rest after the job they are at, and wait for that. */
void hands_close(void);

#endif
