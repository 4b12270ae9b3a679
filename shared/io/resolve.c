/* resolve.c - names of hosts, looked up away from the event loop: the resolver blocks. */
#include "resolve.h"

#include "io.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>

struct lookup {
	char host[HOST_SIZE];
	char address[ADDRESS_SIZE];
};

static void lookup_work(void *data)
{
	struct lookup *l = data;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;

	if (getaddrinfo(l->host, NULL, &hints, &found) != 0)
		return;
	if (getnameinfo(found->ai_addr, found->ai_addrlen, l->address, sizeof(l->address), NULL, 0,
	                NI_NUMERICHOST) != 0)
		l->address[0] = '\0';
	freeaddrinfo(found);
}

int resolve(const char *host, char address[ADDRESS_SIZE])
{
	struct lookup l = {.address = ""};

	if (snprintf(l.host, sizeof(l.host), "%s", host) >= (int)sizeof(l.host))
		return errno = ENAMETOOLONG, -1;
	if (io_run(lookup_work, &l, sizeof(l)) < 0)
		return -1;
	memcpy(address, l.address, ADDRESS_SIZE);
	return address[0] ? 0 : (errno = EHOSTUNREACH, -1);
}
