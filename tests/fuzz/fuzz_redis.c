/* fuzz_redis.c - answers of Redis, or of whoever sits there: an entry is whole or is none. */
#include "fuzz.h"

#include <ctype.h>

#include "redis.c" /* its readers are its own affair */

void (*const fuzz_start)(void) = NULL;

static void entries(struct fuzz *f, const redisReply *reply, bool claimed)
{
	const redisReply *list_of = entries_of(reply, claimed);
	struct redis_entry read[4];
	int n = list_of ? entries_read(f->arena, list_of, lengthof(read), read) : 0;

	FUZZ_HOLDS(n >= 0 && n <= (int)lengthof(read));
	for (int i = 0; i < n; i++) {
		FUZZ_HOLDS(read[i].id && read[i].n <= REDIS_FIELDS_MAX);
		for (unsigned k = 0; k < read[i].n; k++)
			FUZZ_HOLDS(read[i].fields[k].name && read[i].fields[k].value);
	}
}

/* hiredis takes an array's room when the array is announced, before its elements have come: up to
 * 10 million is looked at. */
static bool announces_too_much(const struct fuzz *f)
{
	size_t digits = 0;

	for (size_t i = 0; i < f->len && digits <= 7; i++)
		digits = isdigit(f->bytes[i]) ? digits + 1 : 0;
	return digits > 7;
}

static void answers(struct fuzz *f)
{
	redisReader *reader = redisReaderCreate();
	void *reply = NULL;

	redisReaderFeed(reader, (const char *)f->bytes, f->len);
	while (redisReaderGetReply(reader, &reply) == REDIS_OK && reply) {
		entries(f, reply, false);
		entries(f, reply, true);
		freeReplyObject(reply);
		reply = NULL;
	}
	redisReaderFree(reader);
}

void fuzz_one(struct fuzz *f)
{
	struct redis *r;

	if (!announces_too_much(f))
		answers(f);
	r = redis_new(fuzz_rest(f));
	FUZZ_HOLDS(strlen(r->where) < sizeof(r->where) && redis_fd(r) < 0);
	redis_free(r);
}
