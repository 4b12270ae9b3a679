/* clock.c - time, the test clock's offset, and time as text. */
#include "clock.h"

#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { DAY_S = 86400 };

/* 0001-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z: what RFC 3339 and PostgreSQL both hold. */
static const int64_t time_min = -62135596800000, time_max = 253402300799999;

static _Atomic int64_t own_offset;
static _Atomic int64_t *offset = &own_offset;

static int64_t read_clock(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_now_ms(void)
{
	return read_clock(CLOCK_REALTIME) + atomic_load(offset);
}

int64_t clock_mono_ms(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

/* Grow an empty or new file to its eight bytes; one that is in use is left alone. */
static int size_file(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	return st.st_size >= (off_t)sizeof(int64_t) ? 0 : ftruncate(fd, sizeof(int64_t));
}

int clock_attach(const char *path)
{
	const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	void *shared = MAP_FAILED;

	if (fd < 0)
		return -1;
	if (size_file(fd) == 0)
		shared = mmap(NULL, sizeof(int64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (shared == MAP_FAILED)
		return -1;
	if (offset != &own_offset)
		munmap((void *)(uintptr_t)offset, sizeof(int64_t));
	offset = shared;
	return 0;
}

int64_t clock_offset_ms(void)
{
	return atomic_load(offset);
}

void clock_set_offset_ms(int64_t offset_ms)
{
	atomic_store(offset, offset_ms);
}

/* ---- calendar: days since 1970-01-01 and back, by years that begin in March ---- */

static int64_t days_of(int64_t year, int month, int day)
{
	const int64_t y = year - (month <= 2);
	const int64_t era = y / 400, of_era = y % 400;
	const int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of(int64_t days, int *year, int *month, int *day)
{
	const int64_t shifted = days + 719468;
	const int64_t era = shifted / 146097, of_era = shifted % 146097;
	const int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	const int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
	const int64_t m = (5 * of_year + 2) / 153;

	*day = (int)(of_year - (153 * m + 2) / 5 + 1);
	*month = (int)(m < 10 ? m + 3 : m - 9);
	*year = (int)(y + era * 400 + (*month <= 2));
}

static void put_digits(char *at, int width, int64_t value)
{
	for (; width-- > 0; value /= 10)
		at[width] = (char)('0' + value % 10);
}

void time_format(int64_t ms, char text[TIME_TEXT_SIZE])
{
	const int64_t at = ms < time_min ? time_min : ms > time_max ? time_max : ms;
	const int64_t days = at / (DAY_S * 1000LL) - (at % (DAY_S * 1000LL) < 0);
	const int64_t of_day = at - days * DAY_S * 1000;
	int year, month, day;

	date_of(days, &year, &month, &day);
	memcpy(text, "0000-00-00T00:00:00.000Z", TIME_TEXT_SIZE);
	put_digits(text, 4, year);
	put_digits(text + 5, 2, month);
	put_digits(text + 8, 2, day);
	put_digits(text + 11, 2, of_day / 3600000);
	put_digits(text + 14, 2, of_day / 60000 % 60);
	put_digits(text + 17, 2, of_day / 1000 % 60);
	put_digits(text + 20, 3, of_day % 1000);
}

/* Read exactly `width` digits that are at most `max`; -1 when they are not there. */
static int take_number(const char **text, int width, int min, int max)
{
	int value = 0;

	for (; width > 0; width--, (*text)++) {
		if (**text < '0' || **text > '9')
			return -1;
		value = value * 10 + (**text - '0');
	}
	return value >= min && value <= max ? value : -1;
}

static bool take_char(const char **text, char c)
{
	if (**text != c)
		return false;
	(*text)++;
	return true;
}

static int month_days(int year, int month)
{
	static const char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
		return 29;
	return days[month - 1];
}

static int take_date(const char **text, int64_t *days_r)
{
	int year, month, day;

	if ((year = take_number(text, 4, 1, 9999)) < 0 || !take_char(text, '-') ||
	    (month = take_number(text, 2, 1, 12)) < 0 || !take_char(text, '-') ||
	    (day = take_number(text, 2, 1, month_days(year, month))) < 0)
		return -1;
	*days_r = days_of(year, month, day);
	return 0;
}

static int take_time(const char **text, int64_t *ms_r)
{
	int hour, minute, second;
	int64_t ms = 0;

	if ((hour = take_number(text, 2, 0, 23)) < 0 || !take_char(text, ':') ||
	    (minute = take_number(text, 2, 0, 59)) < 0 || !take_char(text, ':') ||
	    (second = take_number(text, 2, 0, 59)) < 0)
		return -1;
	if (take_char(text, '.')) {
		if (**text < '0' || **text > '9')
			return -1;
		for (int scale = 100; **text >= '0' && **text <= '9'; (*text)++, scale /= 10)
			ms += (**text - '0') * scale;
	}
	*ms_r = ((hour * 60LL + minute) * 60 + second) * 1000 + ms;
	return 0;
}

/* "Z", "+HH:MM", and with `postgres` "+HH" too: what the text's time is ahead of UTC. */
static int take_offset(const char **text, bool postgres, int64_t *ms_r)
{
	const int sign = **text == '-' ? -1 : 1;
	int hour, minute = 0;

	*ms_r = 0;
	if (!postgres && (take_char(text, 'Z') || take_char(text, 'z')))
		return 0;
	if (!take_char(text, '+') && !take_char(text, '-'))
		return -1;
	if ((hour = take_number(text, 2, 0, 23)) < 0)
		return -1;
	if (take_char(text, ':'))
		minute = take_number(text, 2, 0, 59);
	else if (!postgres)
		return -1;
	*ms_r = sign * (hour * 60LL + minute) * 60000;
	return minute;
}

int time_parse(const char *text, int64_t *ms_r)
{
	int64_t days, of_day, ahead, ms;
	bool postgres;

	if (!text || take_date(&text, &days) < 0)
		return -1;
	postgres = *text == ' ';
	if (!postgres && *text != 'T' && *text != 't')
		return -1;
	text++;
	if (take_time(&text, &of_day) < 0 || take_offset(&text, postgres, &ahead) < 0 || *text)
		return -1;
	ms = days * DAY_S * 1000 + of_day - ahead;
	if (ms < time_min || ms > time_max)
		return -1;
	*ms_r = ms;
	return 0;
}
