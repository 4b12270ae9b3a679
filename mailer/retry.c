/* retry.c - back-off, expiry and dead letter as pure functions. */
#include "retry.h"

enum {
	FIRST_DELAY_MS = 15 * 1000,
	LONGEST_DELAY_MS = 30 * 60 * 1000,
	FIRST_PAUSE_MS = 1000,
	LONGEST_PAUSE_MS = 16 * 1000 /* all is delivered within 60 s of healing: promise P1 */
};

int64_t retry_delay_ms(int attempts, uint32_t spread)
{
	int64_t delay = FIRST_DELAY_MS;

	for (int i = 1; i < attempts && delay < LONGEST_DELAY_MS; i++)
		delay *= 3;
	if (delay > LONGEST_DELAY_MS)
		delay = LONGEST_DELAY_MS;
	return delay + delay * (spread % 1000) / 10000;
}

int64_t retry_host_pause_ms(unsigned failures)
{
	int64_t pause = FIRST_PAUSE_MS;

	for (unsigned i = 1; i < failures && pause < LONGEST_PAUSE_MS; i++)
		pause *= 2;
	return pause;
}

/* The number of 1 to 3 digits at *at, which moves on behind it; -1 when there is none. */
static int read_number(const char **at)
{
	const char *c = *at;
	int n = 0;

	while (*c >= '0' && *c <= '9' && c - *at < 3)
		n = n * 10 + (*c++ - '0');
	if (c == *at)
		return -1;
	*at = c;
	return n;
}

/*
 * The enhanced status code (RFC 3463) that the reply text begins with, "5.1.1 …", as
 * class * 1000000 + subject * 1000 + detail; 0 when there is none.
 */
static int enhanced_code(const char *response)
{
	int code = 0, n;

	for (int part = 0; part < 3; part++) {
		if (part > 0 && *response++ != '.')
			return 0;
		n = read_number(&response);
		if (n < 0)
			return 0;
		code = code * 1000 + n;
	}
	return code;
}

/* No such mailbox, no such domain, moved away (RFC 3463 3.2, RFC 7505): the address is dead. */
static bool address_is_dead(const struct attempt *a)
{
	switch (enhanced_code(a->response)) {
	case 5001001:
	case 5001002:
	case 5001003:
	case 5001006:
	case 5001010:
		return true;
	default:
		return false;
	}
}

/* Mailbox full or refused by policy (RFC 3463 3.3, 3.8): worth one more try. */
static bool worth_another_try(const struct attempt *a, int attempts)
{
	int enhanced = enhanced_code(a->response);

	return attempts < 2 && (a->code == 552 || enhanced == 5002002 || enhanced / 1000 == 5007);
}

struct fate retry_fate(const struct attempt *a, int attempts, uint32_t spread, int64_t now_ms,
                       int64_t expires_ms)
{
	struct fate fate = {.state = FATE_DEFERRED, .due_ms = now_ms};

	if (a->outcome == OUTCOME_SENT) {
		fate.state = FATE_SENT;
		return fate;
	}
	if (a->outcome == OUTCOME_PERMANENT && !worth_another_try(a, attempts)) {
		fate.state = FATE_BOUNCED;
		fate.suppress = address_is_dead(a);
		return fate;
	}
	if (a->blame != BLAME_HOST)
		fate.due_ms += retry_delay_ms(attempts, spread);
	if (fate.due_ms >= expires_ms)
		fate.state = FATE_FAILED;
	return fate;
}

const char *outcome_text(enum outcome outcome)
{
	static const char *const texts[] = {"sent", "temporary", "permanent", "ambiguous"};

	return texts[outcome];
}

const char *fate_text(enum fate_state state)
{
	static const char *const texts[] = {"sent", "deferred", "bounced", "failed"};

	return texts[state];
}
