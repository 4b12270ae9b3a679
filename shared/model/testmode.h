/* testmode.h - what test mode shows: mails that were sent, and the clock. */
#ifndef PORTICO_TESTMODE_H
#define PORTICO_TESTMODE_H

#include "field.h"

struct test_email {
	struct id id;
	struct texts to;
	const char *subject, *body_text;
	struct texts links, codes; /* taken out of the text */
	int64_t created_at;
};

struct clock_in {
	int64_t now;             /* TIME_NULL: not sent */
	int64_t advance_seconds; /* INT64_MIN: not sent */
};

struct test_clock {
	int64_t now;
	bool frozen;
};

extern const struct entity test_email_entity;
extern const struct entity clock_in_entity;
extern const struct entity test_clock_entity;

#endif
