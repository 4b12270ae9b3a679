/* id.c - UUIDv7, made, written and read. */
#include "id.h"

#include "clock.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { DIGITS = 26, COUNTER_BITS = 12 };

const struct id id_none;

static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";

static void random_bytes(void *bytes, size_t len)
{
	ssize_t got;

	do
		got = getrandom(bytes, len, 0);
	while (got < 0 && errno == EINTR);
	if (got != (ssize_t)len) { /* up to 256 bytes come whole */
		fprintf(stderr, "id: no random bytes\n");
		abort();
	}
}

/*
 * Milliseconds and counter in one number, so that one compare-and-swap keeps the order among
 * threads too (RFC 9562 6.2, method 1). The counter starts below half of its range with each
 * millisecond; when it overflows, or the clock went back, the time runs ahead of the clock.
 */
static uint64_t next_stamp(uint16_t seed)
{
	static _Atomic uint64_t last;
	const uint64_t now = (uint64_t)clock_now_ms() << COUNTER_BITS | (seed & 0x7ff);
	uint64_t seen = atomic_load(&last);
	uint64_t next;

	do
		next = now >> COUNTER_BITS > seen >> COUNTER_BITS ? now : seen + 1;
	while (!atomic_compare_exchange_weak(&last, &seen, next));
	return next;
}

struct id id_new(void)
{
	struct id id;
	uint16_t seed;
	uint64_t stamp;

	random_bytes(id.b, sizeof(id.b));
	memcpy(&seed, id.b, sizeof(seed));
	stamp = next_stamp(seed);
	for (int i = 0; i < 6; i++)
		id.b[i] = (uint8_t)(stamp >> COUNTER_BITS >> (40 - 8 * i));
	id.b[6] = (uint8_t)(0x70 | (stamp >> 8 & 0x0f));
	id.b[7] = (uint8_t)stamp;
	id.b[8] = (uint8_t)(0x80 | (id.b[8] & 0x3f));
	return id;
}

bool id_equal(const struct id *a, const struct id *b)
{
	return !memcmp(a->b, b->b, sizeof(a->b));
}

bool id_is_none(const struct id *id)
{
	return id_equal(id, &id_none);
}

/* The five bits of digit `i`: bits 5i-2 to 5i+2 of the 128, counted from the left. */
static unsigned digit_bits(const struct id *id, int i)
{
	unsigned value = 0;

	for (int bit = 5 * i - 2; bit < 5 * i + 3; bit++) {
		value <<= 1;
		if (bit >= 0)
			value |= (unsigned)id->b[bit / 8] >> (7 - bit % 8) & 1U;
	}
	return value;
}

void id_format(const struct id *id, const char *prefix, char text[ID_TEXT_SIZE])
{
	const size_t len = strlen(prefix);

	assert(len > 0 && len <= 4);
	memcpy(text, prefix, len);
	text[len] = '_';
	for (int i = 0; i < DIGITS; i++)
		text[len + 1 + (size_t)i] = digits[digit_bits(id, i)];
	text[len + 1 + DIGITS] = '\0';
}

int id_parse(const char *text, const char *prefix, struct id *id_r)
{
	const size_t len = strlen(prefix);
	struct id id = {{0}};

	if (!text || strncmp(text, prefix, len) != 0 || text[len] != '_' ||
	    strlen(text + len + 1) != DIGITS || text[len + 1] > '7')
		return -1;
	for (int i = 0; i < DIGITS; i++) {
		const char *digit = strchr(digits, text[len + 1 + (size_t)i]);

		if (!digit)
			return -1;
		for (int bit = 5 * i - 2, b = 4; b >= 0; bit++, b--)
			if (bit >= 0 && (digit - digits) >> b & 1)
				id.b[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	}
	if (id_is_none(&id))
		return -1;
	*id_r = id;
	return 0;
}

void id_uuid(const struct id *id, char text[ID_UUID_SIZE])
{
	static const char hex[] = "0123456789abcdef";
	char *at = text;

	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*at++ = '-';
		*at++ = hex[id->b[i] >> 4];
		*at++ = hex[id->b[i] & 15];
	}
	*at = '\0';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int id_from_uuid(const char *text, struct id *id_r)
{
	struct id id;

	if (!text || strlen(text) != ID_UUID_SIZE - 1)
		return -1;
	for (int i = 0; i < 16; i++) {
		int high, low;

		if ((i == 4 || i == 6 || i == 8 || i == 10) && *text++ != '-')
			return -1;
		high = hex_value(*text++);
		low = hex_value(*text++);
		if (high < 0 || low < 0)
			return -1;
		id.b[i] = (uint8_t)(high << 4 | low);
	}
	*id_r = id;
	return 0;
}
