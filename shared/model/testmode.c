/* testmode.c - what test mode shows: mails that were sent, and the clock. */
#include "testmode.h"

/* clang-format off */
static const struct field test_email_fields[] = {
	F_ID(test_email, id, "eml", 0),
	F_TEXTS(test_email, to, 0, 0),
	F_TEXT(test_email, subject, 0, 0, 0),
	F_TEXT(test_email, body_text, 0, 0, 0),
	F_TEXTS(test_email, links, 0, 0),
	F_TEXTS(test_email, codes, 0, 0),
	F_TIME(test_email, created_at, 0),
	FIELD_END,
};

static const struct field clock_in_fields[] = {
	F_TIME(clock_in, now, FIELD_CREATE),
	F_INT(clock_in, advance_seconds, 0, 0, FIELD_CREATE),
	FIELD_END,
};

static const struct field test_clock_fields[] = {
	F_TIME(test_clock, now, 0),
	F_BOOL(test_clock, frozen, 0),
	FIELD_END,
};
/* clang-format on */

const struct entity test_email_entity = {"email", "eml", sizeof(struct test_email),
                                         test_email_fields};
const struct entity clock_in_entity = {"clock", "", sizeof(struct clock_in), clock_in_fields};
const struct entity test_clock_entity = {"clock", "", sizeof(struct test_clock), test_clock_fields};
