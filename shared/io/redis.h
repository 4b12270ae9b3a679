/* redis.h - the few Redis commands that we need; hiredis inside, waiting through the seam. */
#ifndef PORTICO_REDIS_H
#define PORTICO_REDIS_H

#include "base.h"

struct redis;

/* A client of `url` (unix:/path or redis://host:port); connects when first used, again after a
 * loss. */
struct redis *redis_new(const char *url);
void redis_free(struct redis *r);

/* The descriptor to wait on for a blocking read's answer, -1 when not connected. */
int redis_fd(const struct redis *r);

enum { REDIS_FIELDS_MAX = 8 };

/* One stream entry: its id and up to REDIS_FIELDS_MAX name/value pairs, owned by the arena given.
 */
struct redis_entry {
	const char *id;
	unsigned n;
	struct {
		const char *name, *value;
	} fields[REDIS_FIELDS_MAX];
};

/* XADD stream * name value …; all names and values texts. 0, or -1 with a reason in *why_r. */
may_wait int redis_xadd(struct redis *r, const char *stream, const struct redis_entry *entry,
                        const char **why_r);

/* XGROUP CREATE stream group 0 MKSTREAM; 0 also when it is there already. */
may_wait int redis_group_create(struct redis *r, const char *stream, const char *group,
                                const char **why_r);

/*
 * XREADGROUP GROUP group consumer COUNT n STREAMS stream >: up to `max` new entries into `entries`,
 * memory owned by `a`. Returns how many (0: none), -1 when Redis is not there or the group is gone
 * (*why_r then begins with "NOGROUP").
 */
may_wait int redis_read(struct redis *r, struct arena *a,
                        const char *const names[3] /* stream, group, consumer */, unsigned max,
                        struct redis_entry *entries, const char **why_r);

/* XAUTOCLAIM of entries idle for longer than `idle_ms`; as redis_read. */
may_wait int redis_reclaim(struct redis *r, struct arena *a, const char *const names[3],
                           int idle_ms, unsigned max, struct redis_entry *entries,
                           const char **why_r);

/* XACK and XDEL of the entry. 0 or -1. */
may_wait int redis_done(struct redis *r, const char *stream, const char *group, const char *id,
                        const char **why_r);

/* PING. 0 or -1. */
may_wait int redis_ping(struct redis *r, const char **why_r);

/*
 * Connect if need be, and make the Lua script known: its name for EVALSHA into sha_r. 0, or -1 with
 * a reason in *why_r.
 */
may_wait int redis_script(struct redis *r, const char *script, char sha_r[41], const char **why_r);

/*
 * Ask something without waiting for the answer, which redis_receive() takes; not to be mixed with
 * the commands above. Several fibers may, on a connection that redis_script() made. It is written
 * with the next redis_push(), or by redis_receive(). 0, or -1: not connected, or broken, which
 * redis_receive() then tells too.
 */
int redis_put(struct redis *r, int argc, const char *const *argv);

/* Write what was put, as much as the socket takes now. */
void redis_push(struct redis *r);

/*
 * The next answer, a list of whole numbers, into the `max` numbers; what is missing in it stays as
 * it is. Returns 1, 0 when none came within `timeout_ms` (0: does not wait), -1 when the connection
 * is of no more use, also after an error of Redis; call redis_close() then, in the fiber that
 * waits.
 */
may_wait int redis_receive(struct redis *r, int timeout_ms, int64_t *numbers, unsigned max);

/* Hang up; the next command connects anew. Returns why it was of no more use, "" if it was. */
const char *redis_close(struct redis *r);

#endif
