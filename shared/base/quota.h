/* quota.h - how many units somebody may use in a window of time (the generic cell rate algorithm).
 */
#ifndef PORTICO_QUOTA_H
#define PORTICO_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

/*
 * `limit` units in `window_ms`. All of them may be used at once; each comes back after
 * window_ms/limit. 1 <= limit <= 1000 * window_ms.
 */
struct quota {
	int64_t limit, window_ms;
};

/* What a use costs. A unit that was taken for nothing is given back. */
enum quota_cost { QUOTA_GIVE = -1, QUOTA_LOOK = 0, QUOTA_TAKE = 1 };

/* How it stands after a use. */
struct quota_left {
	bool allowed;    /* the unit was there: taken, or still to take by a look */
	int64_t left;    /* units */
	int64_t full_ms; /* until all units are there, if none is used */
	int64_t wait_ms; /* until there is one; 0: now */
};

/*
 * Use the quota at `now_us`. Its whole state is `tat_us`, the time at which all units will be
 * there; anything, such as 0 or what an erring clock left, is brought into bounds. Returns the new
 * state, and fills *left_r. Both times are microseconds since the same beginning.
 */
int64_t quota_use(const struct quota *q, enum quota_cost cost, int64_t now_us, int64_t tat_us,
                  struct quota_left *left_r);

/* What quota_use() tells of the state `tat_us` that it left, or that another one left by its law.
 */
struct quota_left quota_tell(const struct quota *q, bool allowed, int64_t now_us, int64_t tat_us);

/* After how many microseconds one unit comes back: a whole number, so that all count alike. */
int64_t quota_step_us(const struct quota *q);

#endif
