/* mail_cmd.c - porticoctl mail: what did not arrive, and sending it again. */
#include "ctl.h"
#include "sql_mail_cmd.h"

#include <stdio.h>

int ctl_mail_list(struct ctl *ctl, char *const *words)
{
	const char *state = ctl_option(words, "state");
	char text[ID_TEXT_SIZE];
	struct rows rows;
	struct db db;

	ctl_unit(ctl, &db);
	if (db_query(&db, &sql_mail_cmd_list, ARGS({"state", state == NULL ? "failed" : state}),
	             &rows) < 0)
		return ctl_fail(ctl);
	for (int i = 0; i < rows.n; i++) {
		struct id id = row_id(&rows, i, "id");

		id_format(&id, "eml", text);
		printf("%s %s %s %s attempts=%s %s %s\n", text, row_text(&rows, i, "created_at"),
		       row_text(&rows, i, "kind"), row_text(&rows, i, "state"),
		       row_text(&rows, i, "attempts"), row_text(&rows, i, "to_email"),
		       row_text(&rows, i, "error"));
	}
	db_end(&db);
	return 0;
}

int ctl_mail_requeue(struct ctl *ctl, char *const *words)
{
	struct id id;
	struct rows rows;
	struct db db;

	if (*words == NULL || id_parse(*words, "eml", &id) < 0) {
		fputs("porticoctl: mail requeue wants an id that begins with eml_\n", stderr);
		return 64;
	}
	ctl_unit(ctl, &db);
	if (db_query(&db, &sql_mail_cmd_requeue,
	             ARGS({"id", arg_id(&ctl->arena, &id)},
	                  {"at", arg_time(&ctl->arena, clock_now_ms())}),
	             &rows) < 0 ||
	    db_commit(&db) < 0)
		return ctl_fail(ctl);
	db_end(&db);
	if (rows.n == 0)
		fputs("porticoctl: no failed or bounced mail has this id\n", stderr);
	return rows.n == 0;
}
