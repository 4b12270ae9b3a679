/* clock.h - the only place where time comes from; in test mode it can be moved forward. */
#ifndef PORTICO_CLOCK_H
#define PORTICO_CLOCK_H

#include <stdint.h>

/* No time: stands for null wherever a time is kept. */
#define TIME_NULL INT64_MIN

enum { TIME_TEXT_SIZE = sizeof("2026-11-21T22:40:28.123Z") };

/* Unix time in milliseconds, UTC, plus the test clock's offset. */
int64_t clock_now_ms(void);

/* Milliseconds that only go forward and that no test moves: for time-outs and durations. */
int64_t clock_mono_ms(void);

/*
 * Share the offset kept in the 8-byte file at `path`, which is made when it is missing. Test mode
 * only. Returns 0, or -1 with errno.
 */
int clock_attach(const char *path);

/* The offset in milliseconds; setting it moves every program that shares the file. */
int64_t clock_offset_ms(void);
void clock_set_offset_ms(int64_t offset_ms);

/*
 * RFC 3339 in UTC with milliseconds. `ms` must not be TIME_NULL; what lies outside the years 1 to
 * 9999 is written as the nearest that does not.
 */
void time_format(int64_t ms, char text[TIME_TEXT_SIZE]);

/*
 * Parse RFC 3339 (any offset) or PostgreSQL's ISO output ("2026-11-21 22:40:28.123+00"). Digits
 * below the millisecond are dropped; leap seconds and years beyond 1 to 9999 are refused.
 * 0 and *ms_r, or -1.
 */
int time_parse(const char *text, int64_t *ms_r);

#endif
