/* quota.c - how many units somebody may use in a window of time (the generic cell rate algorithm).
 */
#include "quota.h"

#include <assert.h>

static int64_t bounded(int64_t value, int64_t least, int64_t most)
{
	return value < least ? least : value > most ? most : value;
}

int64_t quota_step_us(const struct quota *q)
{
	assert(q->limit > 0 && q->limit <= q->window_ms * 1000);
	return q->window_ms * 1000 / q->limit;
}

struct quota_left quota_tell(const struct quota *q, bool allowed, int64_t now_us, int64_t tat_us)
{
	const int64_t step = quota_step_us(q), span = step * q->limit;
	const int64_t tat = bounded(tat_us, now_us, now_us + span);
	const int64_t over = tat + step - now_us - span;

	return (struct quota_left){
		.allowed = allowed,
		.left = (now_us + span - tat) / step,
		.full_ms = (tat - now_us + 999) / 1000,
		.wait_ms = over > 0 ? (over + 999) / 1000 : 0,
	};
}

int64_t quota_use(const struct quota *q, enum quota_cost cost, int64_t now_us, int64_t tat_us,
                  struct quota_left *left_r)
{
	const int64_t step = quota_step_us(q), span = step * q->limit;
	int64_t tat = bounded(tat_us, now_us, now_us + span);
	const bool allowed = cost == QUOTA_GIVE || tat + step <= now_us + span;

	if (allowed)
		tat = bounded(tat + step * (int64_t)cost, now_us, now_us + span);
	*left_r = quota_tell(q, allowed, now_us, tat);
	return tat;
}
