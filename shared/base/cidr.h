/* cidr.h - internet addresses and blocks of them, as text in one form. */
#ifndef PORTICO_CIDR_H
#define PORTICO_CIDR_H

#include "arena.h"

/*
 * The address in its shortest form, owned by `a`; an IPv4 address mapped into IPv6 is the IPv4 one.
 * NULL when the text is none (NULL, a name, a zone).
 */
const char *address_parse(struct arena *a, const char *text);

/*
 * A block "address/bits" (RFC 4632), or an address, which is a block of one, in its shortest form
 * with the bits, owned by `a`. NULL, and *why_r, a sentence for people, when the text is none: bits
 * set behind the prefix are a fault too, since they tell of a mistake.
 */
const char *cidr_parse(struct arena *a, const char *text, const char **why_r);

#endif
