/* db_args.c - the texts of parameters. */
#include "db.h"

#include "buf.h"
#include "crypt.h"

#include <inttypes.h>

const char *arg_id(struct arena *a, const struct id *id)
{
	char text[ID_UUID_SIZE];

	if (id_is_none(id))
		return NULL;
	id_uuid(id, text);
	return arena_strdup(a, text);
}

const char *arg_int(struct arena *a, int64_t value)
{
	return arena_printf(a, "%" PRId64, value);
}

const char *arg_time(struct arena *a, int64_t ms)
{
	char text[TIME_TEXT_SIZE];

	if (ms == TIME_NULL)
		return NULL;
	time_format(ms, text);
	return arena_strdup(a, text);
}

const char *arg_bool(bool value)
{
	return value ? "true" : "false";
}

const char *arg_bytes(struct arena *a, const void *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *b = bytes;
	char *text;

	if (!bytes)
		return NULL;
	text = arena_alloc(a, 2 * len + 3);
	text[0] = '\\';
	text[1] = 'x';
	for (size_t i = 0; i < len; i++) {
		text[2 + 2 * i] = digits[b[i] >> 4];
		text[3 + 2 * i] = digits[b[i] & 15];
	}
	return text;
}

const char *arg_sha256(struct arena *a, const char *text)
{
	uint8_t hash[HASH_SIZE];

	crypt_sha256(text, strlen(text), hash);
	return arg_bytes(a, hash, sizeof(hash));
}

const char *arg_ids(struct arena *a, const struct id *ids, size_t n)
{
	char *text = arena_alloc(a, n * (ID_UUID_SIZE + 2) + 3), *p = text;

	*p++ = '[';
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			*p++ = ',';
		*p++ = '"';
		id_uuid(&ids[i], p);
		p += ID_UUID_SIZE - 1;
		*p++ = '"';
	}
	*p++ = ']';
	*p = '\0';
	return text;
}
