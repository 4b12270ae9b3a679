/*
 * hands.c - the worker's threads for CPU-heavy work, and the bounded queue before them.
 *
 * Kore deals tasks out to its threads in turn, so that a short one may wait behind a long one while
 * another thread is idle. So each Kore task here is a hand that never ends, and all take from one
 * queue.
 */
#include "hands.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

struct list {
	struct job *first, *last;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t more, quiet;
	struct list waiting, done;
	unsigned queued;  /* waiting */
	unsigned working; /* threads that do not rest, those included that have yet to come */
	bool closing;
	int fd;
} hands = {.lock = PTHREAD_MUTEX_INITIALIZER,
           .more = PTHREAD_COND_INITIALIZER,
           .quiet = PTHREAD_COND_INITIALIZER,
           .fd = -1};

static void list_add(struct list *l, struct job *j)
{
	j->next = NULL;
	if (l->last)
		l->last->next = j;
	else
		l->first = j;
	l->last = j;
}

static struct job *list_take(struct list *l)
{
	struct job *j = l->first;

	if (j)
		l->first = j->next;
	if (!l->first)
		l->last = NULL;
	return j;
}

int hands_open(unsigned threads)
{
	hands.working = threads;
	hands.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return hands.fd;
}

static void hands_signal(void)
{
	static const uint64_t one = 1;

	while (write(hands.fd, &one, sizeof(one)) < 0 && errno == EINTR) {
	}
}

/* Called and left with the lock held. */
static void work_once(struct job *j)
{
	hands.queued--;
	pthread_mutex_unlock(&hands.lock);
	j->work(j->data);
	pthread_mutex_lock(&hands.lock);
	list_add(&hands.done, j);
	hands_signal();
}

void hands_loop(void)
{
	struct job *j;

	/* the event loop comes first on a busy core */
	setpriority(PRIO_PROCESS, (id_t)gettid(), 5);
	pthread_mutex_lock(&hands.lock);
	while (!hands.closing) {
		j = list_take(&hands.waiting);
		if (j)
			work_once(j);
		else
			pthread_cond_wait(&hands.more, &hands.lock);
	}
	hands.working--;
	pthread_cond_signal(&hands.quiet);
	for (;;) /* Kore frees what its threads go back to while they are still there */
		pthread_cond_wait(&hands.more, &hands.lock);
}

struct job *hands_give(void (*work)(void *data), const void *data, size_t size, void *owner)
{
	struct job *j = NULL;

	pthread_mutex_lock(&hands.lock);
	if (hands.queued < HANDS_QUEUE_MAX && !hands.closing)
		j = malloc(sizeof(*j) + size);
	if (j) {
		*j = (struct job){.work = work, .owner = owner, .size = size};
		memcpy(j->data, data, size);
		list_add(&hands.waiting, j);
		hands.queued++;
		pthread_cond_signal(&hands.more);
	}
	pthread_mutex_unlock(&hands.lock);
	return j;
}

unsigned hands_queued(void)
{
	unsigned queued;

	pthread_mutex_lock(&hands.lock);
	queued = hands.queued;
	pthread_mutex_unlock(&hands.lock);
	return queued;
}

struct job *hands_take(void)
{
	struct job *j;
	uint64_t count;

	pthread_mutex_lock(&hands.lock);
	j = list_take(&hands.done);
	if (!j && read(hands.fd, &count, sizeof(count)) < 0) {
		/* it was quiet already */
	}
	pthread_mutex_unlock(&hands.lock);
	return j;
}

void hands_free(struct job *j)
{
	explicit_bzero(j->data, j->size);
	free(j);
}

void hands_close(void)
{
	struct job *j;

	pthread_mutex_lock(&hands.lock);
	hands.closing = true;
	pthread_cond_broadcast(&hands.more);
	while (hands.working > 0)
		pthread_cond_wait(&hands.quiet, &hands.lock);
	while ((j = list_take(&hands.waiting)) || (j = list_take(&hands.done)))
		hands_free(j);
	pthread_mutex_unlock(&hands.lock);
}
