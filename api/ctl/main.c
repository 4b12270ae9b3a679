/* main.c - porticoctl, the operator's tool. */
#include "audit.h"
#include "crypt.h"
#include "ctl.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>

enum { CTL_ARENA_MAX = 64 * 1024 * 1024, EX_USAGE_ = 64, EX_CONFIG_ = 78 };

/* clang-format off */
static const struct {
	const char *words[2]; /* the command, its part */
	ctl_command *run;
	const char *usage;
} commands[] = {
	{ { "migrate", NULL },     ctl_migrate,      "migrate                       bring the schema up to date" },
	{ { "demo", NULL },        ctl_demo,         "demo                          load the demo firm, write demo.json" },
	{ { "firm", "create" },    ctl_firm_create,  "firm create --slug S --name N --owner-email E --owner-name N\n"
	                                             "              [--timezone TZ] [--currency CUR]   make a firm, invite its owner" },
	{ { "mail", "list" },      ctl_mail_list,    "mail list [--state failed]    the last 100 mails of a state" },
	{ { "mail", "requeue" },   ctl_mail_requeue, "mail requeue ID               send a failed or bounced mail again" },
	{ { "audit", "verify" },   ctl_audit_verify, "audit verify [--firm SLUG]    check the seals of the audit log" },
	{ { "factor", "reset" },   ctl_factor_reset, "factor reset --email E        take off a second factor that is lost, end the sessions" },
};
/* clang-format on */

void ctl_unit(struct ctl *ctl, struct db *db)
{
	db_init(db, ctl->pool, &ctl->arena, &ctl->err, true);
}

int ctl_fail(const struct ctl *ctl)
{
	const struct err *e = &ctl->err;

	fflush(stdout); /* in one file with it, the reason stands last */
	fprintf(stderr, "porticoctl: %s: %s\n", problem_code(e->problem),
	        e->internal != NULL ? e->internal
	        : e->detail != NULL ? e->detail
	                            : problem_title(e->problem));
	for (unsigned i = 0; i < e->fault_count; i++)
		fprintf(stderr, "  %s: %s\n", e->faults[i].pointer, e->faults[i].message);
	return 1;
}

const char *ctl_option(char *const *words, const char *name)
{
	for (; *words != NULL; words++)
		if (strncmp(*words, "--", 2) == 0 && strcmp(*words + 2, name) == 0)
			return words[1];
	return NULL;
}

int ctl_note(struct db *db, const char *action, const char *object_type, const struct id *object,
             int64_t now)
{
	const struct actor system = {.type = "system", .id = id_none, .name = "Portico"};
	const struct id request = id_new();
	char text[ID_TEXT_SIZE];
	const struct audit_entry entry = {.action = action,
	                                  .object_type = object_type,
	                                  .object = *object,
	                                  .request_id = text};

	id_format(&request, "req", text);
	return audit_write(db, &system, &entry, now);
}

static int usage(FILE *out)
{
	fputs("usage: porticoctl COMMAND\n\n", out);
	for (size_t i = 0; i < lengthof(commands); i++)
		fprintf(out, "  %s\n", commands[i].usage);
	return out == stdout ? 0 : EX_USAGE_;
}

static int configure(struct ctl *ctl)
{
	TRY(conf_load(&ctl->conf, CONF_CTL, &ctl->arena, stderr));
	TRY(crypt_init(ctl->conf.secret_key));
	log_open("porticoctl", ctl->conf.log_level);
	return ctl->conf.test_mode ? clock_attach(ctl->conf.clock_file) : 0;
}

static int run(ctl_command *command, char *const *words)
{
	struct ctl ctl = {0};
	int status = EX_CONFIG_;

	arena_init(&ctl.arena, CTL_ARENA_MAX);
	err_init(&ctl.err, &ctl.arena);
	if (configure(&ctl) == 0) {
		ctl.pool = db_pool_new(ctl.conf.owner_database, 1);
		status = command(&ctl, words);
		db_pool_free(ctl.pool);
	}
	arena_release(&ctl.arena);
	return status;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		usage(stdout);
		fputs("\nSettings, from the environment:\n\n", stdout);
		conf_help(stdout);
		return 0;
	}
	for (size_t i = 0; i < lengthof(commands); i++) {
		const char *part = commands[i].words[1];

		if (argc < 2 || strcmp(argv[1], commands[i].words[0]) != 0)
			continue;
		if (part == NULL)
			return run(commands[i].run, argv + 2);
		if (argc > 2 && strcmp(argv[2], part) == 0)
			return run(commands[i].run, argv + 3);
	}
	return usage(stderr);
}
