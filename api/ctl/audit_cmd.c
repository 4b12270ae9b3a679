/* audit_cmd.c - porticoctl audit verify: is the audit log what was sealed? */
#include "ctl.h"
#include "sql_audit_cmd.h"

#include <stdio.h>

enum { CHECK_BATCH = 5000 };

/* A firm's chain: where it should end, and how far it was found whole. */
struct chain {
	struct id firm;
	const char *slug;
	int64_t place, unsealed;
	const char *hash;
	int64_t seen;
	const char *seen_hash;
};

static int say_broken(const struct chain *c, const char *what)
{
	printf("%s: BROKEN, %s; whole up to entry %lld\n", c->slug, what, (long long)c->seen);
	return 1;
}

/* What is wrong with the first entry that is not as it was sealed. */
static int say_fault(struct ctl *ctl, struct chain *c, const struct rows *rows)
{
	const char *fault = row_text(rows, 0, "fault");
	long long at = row_int(rows, 0, "broken");
	struct id id = row_id(rows, 0, "broken_id");
	char text[ID_TEXT_SIZE];

	id_format(&id, "aud", text);
	c->seen = row_int(rows, 0, "before");
	if (strcmp(fault, "missing") == 0)
		fault = arena_printf(&ctl->arena, "entries %lld to %lld are missing",
		                     (long long)c->seen + 1, at - 1);
	else if (strcmp(fault, "follows") == 0)
		fault = arena_printf(&ctl->arena,
		                     "entry %lld (%s) does not follow from the one before it", at,
		                     text);
	else
		fault = arena_printf(&ctl->arena, "entry %lld (%s) is not what was sealed", at,
		                     text);
	return say_broken(c, fault);
}

/* Does the chain end where the sequencer stands? */
static int check_end(struct ctl *ctl, const struct chain *c)
{
	if (c->seen < c->place)
		return say_broken(c, arena_printf(&ctl->arena, "entries %lld to %lld are cut off",
		                                  (long long)c->seen + 1, (long long)c->place));
	if (c->seen > c->place)
		return say_broken(c, arena_printf(&ctl->arena,
		                                  "the sequencer has sealed no more than %lld",
		                                  (long long)c->place));
	if (strcmp(c->seen_hash, c->hash) != 0)
		return say_broken(c, "its end is not the one that was sealed last");
	printf("%s: whole, %lld entries, end %s, %lld not sealed yet\n", c->slug,
	       (long long)c->seen, c->seen > 0 ? c->hash : "-", (long long)c->unsealed);
	return 0;
}

/* Walk one chain. 0 whole, 1 broken, -1 with err. */
static int check_chain(struct ctl *ctl, struct db *db, struct chain *c)
{
	struct rows rows;

	do {
		TRY(db_query(db, &sql_audit_cmd_check,
		             ARGS({"firm", arg_id(&ctl->arena, &c->firm)},
		                  {"place", arg_int(&ctl->arena, c->seen)}, {"hash", c->seen_hash},
		                  {"batch", arg_int(&ctl->arena, CHECK_BATCH)}),
		             &rows));
		if (rows.n == 0)
			break;
		if (row_text(&rows, 0, "fault") != NULL)
			return say_fault(ctl, c, &rows);
		c->seen = row_int(&rows, 0, "place");
		c->seen_hash = row_text(&rows, 0, "hash");
	} while (row_int(&rows, 0, "n") == CHECK_BATCH);
	return check_end(ctl, c);
}

/* All chains, or that of one firm. 0 all whole, 1 some broken or no such firm, -1 with err. */
static int check(struct ctl *ctl, struct db *db, const char *slug)
{
	struct rows firms;
	int broken = 0;

	TRY(db_query(db, &sql_audit_cmd_still, NULL, NULL));
	TRY(db_query(db, &sql_audit_cmd_firms, ARGS({"slug", slug}), &firms));
	if (firms.n == 0 && slug != NULL)
		return err_set(&ctl->err, PROBLEM_not_found, "no firm has this slug");
	for (int i = 0; i < firms.n; i++) {
		struct chain c = {.firm = row_id(&firms, i, "id"),
		                  .slug = row_text(&firms, i, "slug"),
		                  .place = row_int(&firms, i, "place"),
		                  .hash = row_text(&firms, i, "hash"),
		                  .unsealed = row_int(&firms, i, "unsealed"),
		                  .seen_hash = ""};
		int result = check_chain(ctl, db, &c);

		TRY(result);
		broken |= result;
	}
	return broken;
}

int ctl_audit_verify(struct ctl *ctl, char *const *words)
{
	struct db db;
	int result;

	ctl_unit(ctl, &db);
	result = check(ctl, &db, ctl_option(words, "firm"));
	db_end(&db);
	return result < 0 ? ctl_fail(ctl) : result;
}
