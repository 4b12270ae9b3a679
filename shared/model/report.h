/* report.h - how far a firm's clients have come into the portal, and whose sign-in has drifted. */
#ifndef PORTICO_REPORT_H
#define PORTICO_REPORT_H

#include "field.h"

/* How many stand where, each as JSON {total, no_account, …} (S1-1). */
struct onboarding {
	const char *contacts; /* individuals, and who registered and waits */
	const char *clients;  /* each where its furthest contact stands */
};

/* Somebody who signs in with another address or name than the contact has now (model C4). */
struct login_drift {
	struct id id; /* of the membership */
	struct ref contact;
	const char *login_email, *primary_email, *display_name;
	struct texts stale_fields;
	int64_t created_at;
};

extern const struct entity onboarding_entity;
extern const struct entity login_drift_entity;

#endif
