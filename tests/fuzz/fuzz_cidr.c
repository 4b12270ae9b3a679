/* fuzz_cidr.c - addresses and blocks: what is taken is written in one way, and reads back the same.
 */
#include "fuzz.h"

#include "cidr.h"

void (*const fuzz_start)(void) = NULL;

void fuzz_one(struct fuzz *f)
{
	const char *text = fuzz_rest(f), *why = NULL;
	const char *address = address_parse(f->arena, text);
	const char *cidr = cidr_parse(f->arena, text, &why);

	FUZZ_HOLDS(why != NULL && *why != '\0');
	if (address != NULL) {
		FUZZ_HOLDS(fuzz_same(address_parse(f->arena, address), address));
		FUZZ_HOLDS(cidr != NULL && strncmp(cidr, address, strlen(address)) == 0);
	}
	if (cidr != NULL)
		FUZZ_HOLDS(fuzz_same(cidr_parse(f->arena, cidr, &why), cidr));
}
