/* io_poll.c - the seam's driver for programs without an event loop: poll(2), and work done in
 * place. */
#include "io.h"

#include <errno.h>
#include <stdlib.h>

/* poll(2) that a signal does not cut short. */
static int poll_wait(struct pollfd *fds, unsigned n, int timeout_ms)
{
	int64_t end = clock_mono_ms() + timeout_ms;
	int ready;

	for (;;) {
		ready = poll(fds, n, timeout_ms);
		if (ready >= 0 || errno != EINTR)
			return ready;
		if (timeout_ms < 0)
			continue;
		timeout_ms = (int)(end - clock_mono_ms());
		if (timeout_ms < 0)
			timeout_ms = 0;
	}
}

/* The work still gets a copy, so that it cannot come to rely on pointers into the caller. */
static int poll_run(void (*work)(void *data), void *data, size_t size)
{
	void *copy = malloc(size ? size : 1);

	if (!copy)
		return errno = EAGAIN, -1;
	memcpy(copy, data, size);
	work(copy);
	memcpy(data, copy, size);
	free(copy);
	return 0;
}

const struct io_driver io_poll_driver = {.wait = poll_wait, .run = poll_run};
