/* guess.c - passwords that are tried: how many wrong ones an address and a place may send. */
#include "guess.h"

#include "denial.h"
#include "limit.h"
#include "setting.h"
#include "sql_guess.h"

/* Of an address from one place in 15 minutes; of an address in a day, the last few of them from
 * places that the person has signed in from. */
enum { PAIR_FAILURES_MAX = 10, ACCOUNT_FAILURES_MAX = 100, KNOWN_FAILURES = 10 };

static const char *hash_of(struct rq *rq, const char *audience, const char *key, const char *place)
{
	return arg_sha256(rq->arena, arena_printf(rq->arena, "%s\n%s\n%s", audience, key, place));
}

void guess_begin(struct rq *rq, const char *audience, const char *email_key, struct guess *g)
{
	/* never the key of the address alone, also where the place is not known */
	g->pair = hash_of(rq, audience, email_key, limit_place(rq));
	g->account = hash_of(rq, audience, email_key, "");
}

static struct audit_entry entry_of(const struct rq *rq, const struct guess *g, const char *outcome)
{
	return (struct audit_entry){
		.action = g->action,
		.object_type = "membership",
		.object = g->membership,
		.outcome = outcome,
		.ip = rq->addr,
		.request_id = rq->request_id,
	};
}

/* A unit of its own that writes, held against other tries at the address. */
static may_wait int apart(struct rq *rq, const struct guess *g, const struct stmt *stmt,
                          struct rows *rows_r)
{
	const struct arg *args =
		ARGS({"pair", g->pair}, {"account", g->account}, {"ip", rq->addr},
	             {"membership", arg_id(rq->arena, &g->membership)},
	             {"pair_max", arg_int(rq->arena, PAIR_FAILURES_MAX)},
	             {"account_max", arg_int(rq->arena, ACCOUNT_FAILURES_MAX)},
	             {"stranger_max", arg_int(rq->arena, ACCOUNT_FAILURES_MAX - KNOWN_FAILURES)});
	struct db db;
	int result;

	db_init(&db, this_worker.pool, rq->arena, &rq->err, true);
	db_bind(&db, "now", arg_time(rq->arena, rq->now));
	db_bind(&db, "firm", arg_id(rq->arena, &g->firm));
	db_prelude(&db, &sql_guess_claim, args, NULL);
	db_prelude(&db, &sql_guess_hold, args, NULL);
	result = db_query(&db, stmt, args, rows_r);
	if (result == 0)
		result = db_commit(&db);
	db_end(&db);
	return result;
}

int guess_allowed(struct rq *rq, const struct guess *g)
{
	struct audit_entry entry = entry_of(rq, g, "denied");
	struct rows rows;
	int64_t until;

	if (id_is_none(&g->firm))
		return 0;
	TRY(apart(rq, g, &sql_guess_take, &rows));
	until = row_time(&rows, 0, "until");
	if (until == TIME_NULL)
		return 0;
	denial_attempt(rq, &g->firm, &entry);
	return refuse_until(
		rq, PROBLEM_too_many_attempts, until,
		"Too many wrong passwords or codes for this account; wait, then try again.");
}

static int note_wrong(struct rq *rq, const struct guess *g)
{
	struct actor nobody = {.type = "system", .id = id_none, .name = "Portico"};
	struct audit_entry entry = entry_of(rq, g, "failed");

	TRY(audit_write(&rq->db, &nobody, &entry, rq->now));
	return db_commit(&rq->db);
}

int guess_wrong(struct rq *rq, const struct guess *g, const char *text)
{
	if (!id_is_none(&g->firm))
		TRY(note_wrong(rq, g));
	return err_set(&rq->err, g->wrong == PROBLEM_NONE ? PROBLEM_invalid_credentials : g->wrong,
	               "%s", text);
}

int guess_right(struct rq *rq, const struct guess *g)
{
	const struct arg *args = ARGS({"pair", g->pair}, {"account", g->account});

	if (id_is_none(&g->firm))
		return 0;
	TRY(db_query(&rq->db, &sql_guess_wait, args, NULL));
	return db_query(&rq->db, &sql_guess_right, args, NULL);
}

int guess_forget(struct rq *rq, const struct guess *g)
{
	struct err why = rq->err;

	if (id_is_none(&g->firm))
		return -1;
	err_clear(&rq->err);
	(void)apart(rq, g, &sql_guess_forget, NULL);
	rq->err = why;
	return -1;
}
