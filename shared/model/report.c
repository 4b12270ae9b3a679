/* report.c - how far a firm's clients have come into the portal, and whose sign-in has drifted. */
#include "report.h"

/* clang-format off */
static const struct field onboarding_fields[] = {
	F_JSON(onboarding, contacts, 0),
	F_JSON(onboarding, clients, 0),
	FIELD_END,
};

static const struct field login_drift_fields[] = {
	F_ID(login_drift, id, "mem", 0),
	F_REF(login_drift, contact, 0),
	F_TEXT(login_drift, login_email, 0, 0, 0),
	F_TEXT(login_drift, primary_email, 0, 0, 0),
	F_TEXT(login_drift, display_name, 0, 0, 0),
	F_TEXTS(login_drift, stale_fields, 0, 0),
	F_TIME(login_drift, created_at, 0),
	FIELD_END,
};
/* clang-format on */

const struct entity onboarding_entity = {"firm", "frm", sizeof(struct onboarding),
                                         onboarding_fields};
const struct entity login_drift_entity = {"portal_access", "mem", sizeof(struct login_drift),
                                          login_drift_fields};
