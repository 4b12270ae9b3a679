/* io.c - the seam's front: arguments checked, calls handed to the driver in use. */
#include "io.h"

#include "fiber.h"

#include <assert.h>
#include <errno.h>

const struct io_driver *io_driver = &io_poll_driver;
struct io_stats io_stats;

int io_wait(struct pollfd *fds, unsigned n, int timeout_ms)
{
	int ready;

	assert(n <= IO_WAIT_FDS_MAX);
	assert(n > 0 || timeout_ms >= 0);
	io_stats.waits++;
	for (unsigned i = 0; i < n; i++)
		fds[i].revents = 0;
	ready = io_driver->wait(fds, n, timeout_ms);
	if (ready < 0 && errno == ECANCELED)
		io_stats.cancelled++;
	return ready;
}

int io_wait_fd(int fd, short events, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = events};

	return io_wait(&p, 1, timeout_ms);
}

int io_sleep(int ms)
{
	int64_t end = clock_mono_ms() + ms;

	while (ms > 0) {
		if (io_wait(NULL, 0, ms) < 0)
			return -1;
		ms = (int)(end - clock_mono_ms());
	}
	return 0;
}

int io_run(void (*work)(void *data), void *data, size_t size)
{
	assert(work && (data || size == 0));
	return io_driver->run(work, data, size);
}

int io_event_wait(struct io_event *ev, int timeout_ms)
{
	int64_t end = clock_mono_ms() + timeout_ms;
	int r = 0;

	assert(timeout_ms >= 0);
	ev->waiter = fiber_current();
	while (!ev->raised && r == 0 && timeout_ms > 0) {
		r = io_wait(NULL, 0, timeout_ms);
		timeout_ms = (int)(end - clock_mono_ms());
	}
	ev->waiter = NULL;
	if (r < 0)
		return -1;
	r = ev->raised;
	ev->raised = false;
	return r;
}

void io_event_raise(struct io_event *ev)
{
	ev->raised = true;
	if (ev->waiter && io_driver->wake)
		io_driver->wake(ev->waiter);
}
