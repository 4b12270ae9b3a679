/* fuzz_id.c - ids and times: what is taken is the one way to write it, and nothing is lost. */
#include "fuzz.h"

#include <ctype.h>

void (*const fuzz_start)(void) = NULL;

static void id_text(const char *text)
{
	char back[ID_TEXT_SIZE], uuid[ID_UUID_SIZE];
	struct id id, again;

	if (id_parse(text, "cli", &id) == 0) {
		id_format(&id, "cli", back);
		FUZZ_HOLDS(strcmp(back, text) == 0 && !id_is_none(&id));
		FUZZ_HOLDS(id_parse(text, "con", &again) < 0);
	}
	if (id_from_uuid(text, &id) == 0) {
		id_uuid(&id, uuid);
		FUZZ_HOLDS(strcasecmp(uuid, text) == 0);
	}
}

static void id_bytes(const struct fuzz *f)
{
	char text[ID_TEXT_SIZE], uuid[ID_UUID_SIZE];
	struct id id, back;

	if (f->len < sizeof(id.b))
		return;
	memcpy(id.b, f->bytes, sizeof(id.b));
	id_format(&id, "cli", text);
	FUZZ_HOLDS(id_parse(text, "cli", &back) == (id_is_none(&id) ? -1 : 0));
	FUZZ_HOLDS(id_is_none(&id) || id_equal(&id, &back));
	id_uuid(&id, uuid);
	FUZZ_HOLDS(id_from_uuid(uuid, &back) == 0 && id_equal(&id, &back));
}

static void time_text(const char *text)
{
	char written[TIME_TEXT_SIZE], again[TIME_TEXT_SIZE];
	int64_t ms, back;

	if (time_parse(text, &ms) < 0)
		return;
	FUZZ_HOLDS(ms != TIME_NULL);
	time_format(ms, written);
	FUZZ_HOLDS(time_parse(written, &back) == 0 && back == ms);
	time_format(back, again);
	FUZZ_HOLDS(strcmp(written, again) == 0);
}

static void time_number(const struct fuzz *f)
{
	char written[TIME_TEXT_SIZE];
	int64_t ms, back = 0;

	if (f->len < sizeof(ms))
		return;
	memcpy(&ms, f->bytes, sizeof(ms));
	if (ms == TIME_NULL)
		return;
	time_format(ms, written);
	FUZZ_HOLDS(strlen(written) == TIME_TEXT_SIZE - 1 && time_parse(written, &back) == 0);
	FUZZ_HOLDS(back == ms || ms < -62135596800000 || ms > 253402300799999);
}

void fuzz_one(struct fuzz *f)
{
	const char *text;

	id_bytes(f);
	time_number(f);
	text = fuzz_rest(f);
	id_text(text);
	time_text(text);
}
