/* test.c - test mode: the mails that were sent, a clock that can be moved, and a fresh start.
 *
 * GET /v1/test/outbox   PUT /v1/test/clock   POST /v1/test/reset
 */
#include "demo.h"
#include "reply.h"
#include "res.h"
#include "sql_test.h"
#include "testmode.h"

int test_outbox(struct rq *rq)
{
	return reply_list(rq, &test_email_entity, &sql_test_outbox,
	                  ARGS({"address", rq_param(rq, "to")}));
}

/* Forward only: what has happened has happened. */
int test_clock(struct rq *rq)
{
	struct clock_in in = {.now = TIME_NULL, .advance_seconds = INT64_MIN};
	struct test_clock clock = {0};
	int64_t now = clock_now_ms(), wanted = now;

	TRY(body_read(rq, clock_in_entity.fields, FIELD_CREATE, &in, NULL));
	if (in.now != TIME_NULL)
		wanted = in.now;
	if (in.advance_seconds != INT64_MIN)
		wanted += in.advance_seconds * 1000;
	if (wanted < now)
		return err_set(&rq->err, PROBLEM_clock_backwards,
		               "The test clock only goes forward; reset starts it anew.");
	clock_set_offset_ms(clock_offset_ms() + wanted - now);
	clock.now = clock_now_ms();
	return reply_one(rq, &test_clock_entity, &clock, 0);
}

/* Everything is emptied; the clock shows real time again. */
int test_reset(struct rq *rq)
{
	static const char *const fixtures[] = {"demo", NULL};
	const char *fixture;

	TRY(rq_param_enum(rq, "fixture", fixtures, &fixture));
	TRY(db_query(&rq->db, &sql_test_reset, NULL, NULL));
	clock_set_offset_ms(0);
	if (fixture != NULL)
		TRY(demo_load(&rq->db, clock_now_ms()));
	return reply_none(rq);
}
