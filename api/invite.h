/* invite.h - portal access and the invitation that leads to it: what three resources share. */
#ifndef PORTICO_INVITE_H
#define PORTICO_INVITE_H

#include "contact.h"
#include "invitation.h"
#include "rq.h"

/* A contact with all that decides about its portal access. */
struct candidate {
	struct contact contact;
	struct id membership;    /* id_none: access is off */
	const char *state;       /* of the membership */
	const char *login_email; /* its snapshot */
	bool login_chosen;       /* it was named, and is not just the primary one */
	struct id identity;      /* id_none: not registered */
	struct id invitation;    /* the open one, id_none: none */
	int64_t sends;           /* how often the open invitation was mailed */
	int64_t sent_at;         /* ... and when last, TIME_NULL: never */
	bool undelivered;        /* ... and its mail was given up: nobody has the link */
	int64_t client_count;    /* clients it belongs to */
	bool business_alone;     /* belongs to a business client without any individual contact */
	int64_t ends_at;         /* of the access, TIME_NULL: never */
	const char *reinvite_mode;
	bool resend_on_change; /* to another address of the contact, before registration */
	int64_t ttl_hours;
};

/*
 * Read the contact bound as :contact_id, locked first when the unit writes; an access whose time
 * has come, while the janitor has not been round yet, is switched off then. 0; -1 with not_found.
 */
may_wait int candidate_load(struct rq *rq, struct candidate *c_r);

/* Lock what candidate_load does, for an invitation of the firm: its contact; of one to the staff,
 * who is no contact, the membership. */
may_wait int invitation_hold(struct rq *rq, const struct id *invitation);

/*
 * Why this contact cannot be given access with `login_email` (NULL: its primary address): the codes
 * of all reasons, in *reasons_r.
 */
may_wait int candidate_reasons(struct rq *rq, const struct candidate *c, const char *login_email,
                               struct texts *reasons_r);

/* Refuse with all reasons at once: not_eligible, or login_email_taken when that is the only one. */
int candidate_refuse(struct rq *rq, const struct texts *reasons);

/*
 * Switch access on, or on again with another address, and send or keep the invitation as asked.
 * Same address and nothing to send: nothing happens. The candidate is eligible.
 */
may_wait int access_turn_on(struct rq *rq, struct candidate *c, const struct access_in *in);

/*
 * Tell whoever signs in with an address that another takes its place: by a mail to the former,
 * where `email` is another and somebody has registered. Before access_turn_off() or the change.
 */
may_wait int access_tell_former(struct rq *rq, const struct candidate *c, const char *email);

/*
 * Switch access off: sessions, shares and open links end, what was shared stays as a snapshot.
 * Leaves the candidate as one whose access is off, and the snapshot's id in *snapshot_r.
 */
may_wait int access_turn_off(struct rq *rq, struct candidate *c, struct id *snapshot_r);

/*
 * All that is shared with the contact bound as :contact_id, as SharePage has it. Whoever takes it
 * away, or hands it to another address, must be able to see it all: else -1 with
 * shared_items_not_accessible and a count, never names (S2-12).
 */
may_wait int access_shares(struct rq *rq, struct rows *shares_r);

/* Refuse an end that is not in the future; TIME_NULL is fine. */
int access_end_check(struct rq *rq, int64_t ends_at);

/* Let the access end at `ends_at` (TIME_NULL: never), and each of its sessions by then. */
may_wait int access_end_set(struct rq *rq, const struct candidate *c, int64_t ends_at);

/*
 * What every person begins with, whichever way the membership came about, and the event that access
 * is on: what of the snapshot is still there and open to the caller; without one (id_none) the
 * default rights to the clients' upload folders. 0, or -1 with err.
 */
may_wait int access_equip(struct rq *rq, const struct id *membership, const struct id *snapshot);

/*
 * Mail the open invitation of the candidate: the same row when it was never sent, else a new one
 * that supersedes it (new token, fresh expiry), to the given address, which is no chosen one where
 * it is not the one of before. Its id is left in c->invitation. -1 with
 * shared_items_not_accessible: the address is another one than before, and the caller may not see
 * all that is shared.
 */
may_wait int invitation_send(struct rq *rq, struct candidate *c, const char *email);

/*
 * After the contact's addresses have changed: a link that went to an address which is no longer
 * the one to invite dies. As the firm wants it (and the caller may send it), another one goes to
 * the new address, or the staff are told (model C3). Where nobody holds a link then, the sign-in
 * address follows, if the caller may see all that is shared. Nothing happens to who has registered.
 */
may_wait int invitation_follow(struct rq *rq, struct candidate *c);

/* Have an open invitation for later, if there is none, as after one was revoked. */
may_wait int invitation_prepare(struct rq *rq, struct candidate *c);

/*
 * Where an invitation goes before registration: to the chosen address while the contact has it,
 * else to the contact's primary address of now (S0-20, S2-15). NULL when there is none.
 */
const char *invitation_address(const struct rq *rq, const struct candidate *c);

/*
 * May the open invitation be mailed once more (S2-7)? -1 with reinvite_requires_cycle where the
 * firm wants access switched off and on for that, or with resend_too_soon. A mail that nobody got
 * is none.
 */
int invitation_may_resend(struct rq *rq, const struct candidate *c);

/* Nobody is mailed twice by a double click: resend_too_soon within a minute of `last`, TIME_NULL
 * for no mail. */
int resend_check(struct rq *rq, int64_t last);

/* Read one invitation by id. 0, or -1 with not_found. */
may_wait int invitation_load(struct rq *rq, struct id id, struct invitation *i_r);

#endif
