/* report.c - the firm at a glance: how far its clients have come, whose sign-in has drifted.
 *
 * GET /v1/stats/onboarding   GET /v1/reports/login-drift
 */
#include "report.h"

#include "reply.h"
#include "res.h"
#include "sql_report.h"

int report_onboarding(struct rq *rq)
{
	struct onboarding counts;

	TRY(find_one(rq, &sql_report_onboarding, NULL, &onboarding_entity, &counts));
	return reply_one(rq, &onboarding_entity, &counts, VERSION_OF_STATE);
}

int report_login_drift(struct rq *rq)
{
	return reply_list(rq, &login_drift_entity, &sql_report_login_drift, ARGS({NULL, NULL}));
}
