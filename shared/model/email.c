/* email.c - a mail to one address, and what became of it. */
#include "email.h"

const char *const email_states[] = {"queued",     "sent",      "deferred", "bounced",
                                    "suppressed", "cancelled", "failed",   NULL};

/* clang-format off */
static const struct field email_fields[] = {
	F_ID(email, id, "eml", 0),
	F_TEXT(email, kind, 0, 0, 0),
	F_TEXTS(email, to, 0, 0),
	F_TEXTS(email, cc, 0, 0),
	F_TEXTS(email, bcc, 0, 0),
	F_TEXT(email, subject, 0, 0, 0),
	F_ENUM(email, status, email_states, 0),
	F_TEXT(email, error, 0, 0, 0),
	F_ID(email, contact_id, "con", 0),
	F_ID(email, client_id, "cli", 0),
	F_ID(email, invoice_id, "ivc", 0),
	F_TIME(email, created_at, 0),
	F_TIME(email, sent_at, 0),
	FIELD_END,
};
/* clang-format on */

const struct entity email_entity = {"email", "eml", sizeof(struct email), email_fields};
