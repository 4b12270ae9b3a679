/* post.h - mails that open a door: who asks for one, how often, and what is behind their tokens. */
#ifndef PORTICO_POST_H
#define PORTICO_POST_H

#include "mailed.h"
#include "rq.h"

/* Somebody who asks for a mail, as far as the database knows them. */
struct asker {
	struct id firm;       /* id_none: there is no such firm */
	struct id membership; /* id_none: nobody of the firm has the address */
	const char *sign_in;  /* the firm's way; NULL: no such firm */
	const char *audience, *email_key;
};

/*
 * Who asks: the firm of a public call by `slug` (may be NULL) or host, and whoever has the address
 * there as `audience`. A unit of its own. 0, also for a firm and an address that nobody has; -1
 * with firm_required when no slug was sent and the firm cannot be told.
 */
may_wait int asker_find(struct rq *rq, const char *slug, const char *audience, const char *email,
                        struct asker *asker_r);

/* Does the firm let the people of `audience` sign in with a password, or by mail? An unknown firm
 * does. */
bool asker_by_password(const struct asker *asker);
bool asker_by_mail(const struct asker *asker);

/* Claim the asker's firm in the request's unit; of an unknown one the statements find nothing. */
void asker_claim(struct rq *rq, const struct asker *asker);

/*
 * Claim the firm in the request's unit, and count that a mail of `kind` is asked for: -1 with
 * too_many_attempts when this address, or this place, has asked too often. The same statements for
 * everybody (promise P10), also where nobody has the address; a place that the person has signed in
 * from is not shut out by what others ask. `action` is for the audit log of the firm that was
 * asked; NULL where none was, since only an address that somebody has would lead to one.
 */
may_wait int asker_count(struct rq *rq, const struct asker *asker, const char *kind,
                         const char *action);

/* On record at the firm that was asked: as failed where nobody has the address. */
may_wait int asker_record(struct rq *rq, const struct asker *asker, const char *action);

/*
 * Queue the mail with a new token of `kind`, which supersedes the one before; the same statements,
 * and nothing, for somebody who may not sign in. `challenge` may be NULL. 0, or -1 with err.
 */
may_wait int post_token(struct rq *rq, const struct asker *asker, const char *kind,
                        const char *challenge);

/* A token that came back. */
struct posted {
	struct id firm, token, membership, identity;
	const char *audience, *sign_in, *firm_name, *email, *email_key, *name, *challenge;
	bool alone; /* a password would be all that is asked of somebody on a staff */
};

/*
 * Look up what a token of `kind` opens, in a unit of its own: reading it consumes nothing (pitfall
 * P1). 0; -1 with `unknown` for what is no token of ours, token_used or token_expired for one that
 * is not good any more.
 */
may_wait int posted_open(struct rq *rq, const char *token, const char *kind, enum problem unknown,
                         struct posted *posted_r);

/* Why a token that has just been open is not: always -1, with token_used or token_expired. */
may_wait int posted_lost(struct rq *rq, const struct posted *posted);

/* Claim the firm and lock the person in the request's unit, before anything of theirs changes. */
may_wait int posted_lock(struct rq *rq, const struct posted *posted);

/* token_used or token_expired by the token's state and end. Always -1. */
int posted_refuse(struct rq *rq, const char *state);

#endif
