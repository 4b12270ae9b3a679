/* cidr.c - internet addresses and blocks of them, as text in one form. */
#include "cidr.h"

#include "base.h"

#include <arpa/inet.h>
#include <string.h>

struct address {
	int family;
	unsigned size; /* in bits */
	uint8_t b[16];
};

/* IPv4-mapped is IPv4: the same peer appears as either, depending on the socket it came to. */
static int address_read(const char *text, struct address *address_r)
{
	*address_r = (struct address){.family = AF_INET, .size = 32};
	if (text == NULL)
		return -1;
	if (inet_pton(AF_INET, text, address_r->b) == 1)
		return 0;
	*address_r = (struct address){.family = AF_INET6, .size = 128};
	if (inet_pton(AF_INET6, text, address_r->b) != 1)
		return -1;
	if (IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)(const void *)address_r->b)) {
		memmove(address_r->b, address_r->b + 12, 4);
		address_r->family = AF_INET;
		address_r->size = 32;
	}
	return 0;
}

static const char *address_text(struct arena *a, const struct address *address)
{
	char text[INET6_ADDRSTRLEN];

	return arena_strdup(a, inet_ntop(address->family, address->b, text, sizeof(text)));
}

const char *address_parse(struct arena *a, const char *text)
{
	struct address address;

	return address_read(text, &address) < 0 ? NULL : address_text(a, &address);
}

/* One to three digits without a zero in front; -1 otherwise. */
static int bits_read(const char *text)
{
	size_t len = strspn(text, "0123456789");
	int bits = 0;

	if (len == 0 || len > 3 || text[len] != '\0' || (text[0] == '0' && len > 1))
		return -1;
	for (; *text != '\0'; text++)
		bits = bits * 10 + (*text - '0');
	return bits;
}

/* Set what lies behind the first `bits` to zero. True when it was. */
static bool mask(struct address *address, unsigned bits)
{
	bool clean = true;

	for (unsigned i = bits; i < address->size; i++) {
		uint8_t bit = (uint8_t)(0x80 >> i % 8);

		clean = clean && !(address->b[i / 8] & bit);
		address->b[i / 8] &= (uint8_t)~bit;
	}
	return clean;
}

const char *cidr_parse(struct arena *a, const char *text, const char **why_r)
{
	const char *slash = strchr(text, '/');
	size_t len = slash == NULL ? strlen(text) : (size_t)(slash - text);
	struct address address;
	int bits;

	*why_r = "An address or a block such as 192.0.2.0/24 or 2001:db8::/32 is needed.";
	if (address_read(arena_strndup(a, text, len), &address) < 0)
		return NULL;
	bits = slash == NULL ? (int)address.size : bits_read(slash + 1);
	if (bits < 0 || bits > (int)address.size) {
		*why_r = arena_printf(a, "Behind the slash goes a number from 0 to %u.",
		                      address.size);
		return NULL;
	}
	if (!mask(&address, (unsigned)bits)) {
		*why_r = arena_printf(a, "The block begins at %s/%d.", address_text(a, &address),
		                      bits);
		return NULL;
	}
	return arena_printf(a, "%s/%d", address_text(a, &address), bits);
}
