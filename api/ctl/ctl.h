/* ctl.h - porticoctl: what its commands share. */
#ifndef PORTICO_CTL_H
#define PORTICO_CTL_H

#include "conf.h"
#include "db.h"

struct ctl {
	struct conf conf;
	struct arena arena;
	struct err err;
	struct db_pool *pool; /* role portico_owner */
};

/* Begin a writing unit of the command. */
void ctl_unit(struct ctl *ctl, struct db *db);

/* Print the problem and its faults to standard error; returns the exit status 1. */
int ctl_fail(const struct ctl *ctl);

/* The value behind `--name` in the command's words; NULL when it is not there. */
const char *ctl_option(char *const *words, const char *name);

/* Put what the operator did to `object` into the audit log of the firm bound. 0, or -1 with err. */
int ctl_note(struct db *db, const char *action, const char *object_type, const struct id *object,
             int64_t now);

/* Each command gets the words behind its name and returns the exit status. */
typedef int ctl_command(struct ctl *ctl, char *const *words);
ctl_command ctl_migrate, ctl_demo, ctl_firm_create, ctl_mail_list, ctl_mail_requeue,
	ctl_audit_verify, ctl_factor_reset;

#endif
