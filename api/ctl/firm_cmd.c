/* firm_cmd.c - porticoctl firm create: a further firm, whose owner gets an invitation by mail. */
#include "ctl.h"
#include "tenant.h"

#include <stdio.h>

static const char *or_default(const char *value, const char *fallback)
{
	return value != NULL ? value : fallback;
}

static int create(struct ctl *ctl, struct db *db, char *const *words, struct tenant_firm *firm)
{
	struct tenant_staff owner = {.id = id_new(),
	                             .role = "owner",
	                             .name = ctl_option(words, "owner-name"),
	                             .email = ctl_option(words, "owner-email")};
	int64_t now = clock_now_ms();

	*firm = (struct tenant_firm){
		.id = id_new(),
		.slug = ctl_option(words, "slug"),
		.name = ctl_option(words, "name"),
		.timezone = or_default(ctl_option(words, "timezone"), "UTC"),
		.currency = or_default(ctl_option(words, "currency"), "EUR"),
	};
	if (firm->slug == NULL || firm->name == NULL || owner.name == NULL || owner.email == NULL)
		return err_set(&ctl->err, PROBLEM_validation_failed,
		               "--slug, --name, --owner-email and --owner-name are needed");
	db_bind(db, "now", arg_time(&ctl->arena, now));
	TRY(tenant_create_firm(db, firm, now));
	TRY(tenant_create_staff(db, &owner, now));
	TRY(ctl_note(db, "firm.created", "firm", &firm->id, now));
	return db_commit(db);
}

int ctl_firm_create(struct ctl *ctl, char *const *words)
{
	char text[ID_TEXT_SIZE];
	struct tenant_firm firm;
	struct db db;
	int rc;

	ctl_unit(ctl, &db);
	rc = create(ctl, &db, words, &firm);
	db_end(&db);
	if (rc < 0)
		return ctl_fail(ctl);
	id_format(&firm.id, "frm", text);
	printf("%s %s\n", text, firm.slug);
	return 0;
}
