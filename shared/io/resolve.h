/* resolve.h - names of hosts, looked up away from the event loop. */
#ifndef PORTICO_RESOLVE_H
#define PORTICO_RESOLVE_H

#include "base.h"

enum { HOST_SIZE = 256, ADDRESS_SIZE = 64 };

/* The first numeric address of `host`. 0, or -1 when there is none, with errno ECANCELED when
 * cancelled. */
may_wait int resolve(const char *host, char address[ADDRESS_SIZE]);

#endif
