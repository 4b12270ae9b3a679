/* factor_cmd.c - porticoctl factor reset: the way back in for who has lost app and recovery codes.
 */
#include "ctl.h"
#include "outbox.h"
#include "sql_factor_cmd.h"
#include "text.h"

#include <stdio.h>

/* It is on record at each firm where the person has access, and the person is told once. */
static int tell(struct ctl *ctl, struct db *db, const struct rows *where, int64_t now)
{
	for (int i = 0; i < where->n; i++) {
		struct id firm = row_id(where, i, "firm_id");
		struct id membership = row_id(where, i, "membership");

		if (id_is_none(&membership))
			continue;
		db_bind(db, "firm", arg_id(&ctl->arena, &firm));
		TRY(ctl_note(db, "auth.totp_reset", "membership", &membership, now));
		if (i == 0)
			TRY(outbox_mail_credential(db, &membership, "second_factor", now));
	}
	return 0;
}

static int reset(struct ctl *ctl, struct db *db, const char *email)
{
	int64_t now = clock_now_ms();
	struct id identity;
	struct rows where;
	const char *key;

	if (email == NULL || email_parse(&ctl->arena, email, NULL, &key) < 0)
		return err_set(&ctl->err, PROBLEM_validation_failed,
		               "--email is needed: the address that the person signs in with");
	TRY(db_query(db, &sql_factor_cmd_find, ARGS({"email_key", key}), &where));
	if (where.n == 0)
		return err_set(&ctl->err, PROBLEM_not_found,
		               "nobody signs in with %s and a second factor", email);
	identity = row_id(&where, 0, "identity");
	TRY(db_query(db, &sql_factor_cmd_reset,
	             ARGS({"identity", arg_id(&ctl->arena, &identity)},
	                  {"now", arg_time(&ctl->arena, now)}),
	             NULL));
	TRY(tell(ctl, db, &where, now));
	return db_commit(db);
}

int ctl_factor_reset(struct ctl *ctl, char *const *words)
{
	const char *email = ctl_option(words, "email");
	struct db db;
	int rc;

	ctl_unit(ctl, &db);
	rc = reset(ctl, &db, email);
	db_end(&db);
	if (rc < 0)
		return ctl_fail(ctl);
	printf("the second factor of %s is off, and all sessions have ended\n", email);
	return 0;
}
