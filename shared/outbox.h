/*
 * outbox.h - what happened, and the mail that follows from it, written in the business transaction.
 *
 * An event is a fact, an envelope one recipient of one mail. Both are rows of the caller's own
 * transaction: they are there exactly when the act is, whatever dies afterwards (pitfalls P11,
 * P12). The unit of work must write and have the parameter "firm" bound, as the API's dispatcher
 * does.
 */
#ifndef PORTICO_OUTBOX_H
#define PORTICO_OUTBOX_H

#include "base.h"
#include "db.h"

/* Who did it. The name is a snapshot: it stays when the person is renamed or gone. */
struct actor {
	const char *type; /* "staff", "portal", "system" */
	struct id id;     /* the membership; id_none for the system */
	const char *name; /* NULL for the system */
};

/* A fact: ids only, nothing that opens a door and no document's data. */
struct event {
	const char *type;        /* of event_types (event.h), such as "client.created" */
	const char *object_type; /* "client", "document", … */
	struct id object;
	struct id client;           /* id_none: none */
	bool deleted;               /* the object is gone */
	const char *const *changed; /* names of the changed members, ends with NULL; NULL: none */
};

/*
 * Write one event that happened at `now` (Unix milliseconds). Its id appears in *event_r (may be
 * NULL): the calls below want it. 0, or -1 with the unit's err set; the transaction is then void.
 */
may_wait int outbox_event(struct db *db, const struct actor *by, const struct event *ev,
                          int64_t now, struct id *event_r);

/*
 * Queue the mail of an invitation: exactly one envelope, to the invitation's own address, of kind
 * invitation or staff_invitation by its audience. Call it for "send now" and for each resend; an
 * older mail of the same invitation that has not left yet is then not sent any more. 0, or -1 with
 * err: internal_error when the firm has no such open invitation. S0-16 to S0-20, pitfall P10.
 */
may_wait int outbox_mail_invitation(struct db *db, const struct id *event,
                                    const struct id *invitation, int64_t now);

/* The three mails that a registration leads to. */
enum outbox_registration { OUTBOX_RECEIVED, OUTBOX_PENDING, OUTBOX_VERIFIED };

/*
 * Queue one kind of a registration's mails. OUTBOX_RECEIVED: exactly one, registration_received, to
 * the address that was typed, which either confirms by it or learns that it has an account.
 * OUTBOX_PENDING: registration_pending, to each active owner and admin, and to whoever else of the
 * staff asked for it.
 * OUTBOX_VERIFIED: exactly one, registration_verified, to the person. `event` may be NULL. 0, or -1
 * with err. S1-9, S1-11, S1-17.
 */
may_wait int outbox_mail_registration(struct db *db, enum outbox_registration kind,
                                      const struct id *event, const struct id *registration,
                                      int64_t now);

/*
 * Tell the staff that an invitation was withdrawn because the contact's address changed while it
 * was open: each of the clients' teams once, and where there is none the firm's owner and admins.
 * `event` is the invitation's. 0, or -1 with err. Model C3.
 */
may_wait int outbox_mail_pending_email(struct db *db, const struct id *event,
                                       const struct id *contact, int64_t now);

/*
 * Queue the mails of one share action: one envelope for each contact among the `n` shares, of kind
 * folder.shared or document.shared, to the sign-in address. Shares whose membership is not active
 * get none and are marked for outbox_mail_untold (pitfall P17); nor do people who want no such
 * notices. Call it once per action, with all its shares, when it is to notify. 0, or -1 with err.
 * S3-19, S3-25, S3-26.
 */
may_wait int outbox_mail_share(struct db *db, const struct id *event, const struct id *shares,
                               size_t n, int64_t now);

/*
 * Call it when a membership has become active, in the same transaction: queue the one mail about
 * what was shared meanwhile to be told, and is still there, seen and wanted. Of kind folder.shared
 * or document.shared for one thing, items.shared for several; nothing where there is nothing.
 * Nothing is told twice, nor lost to a mailer that gives up a mail at this very moment: it is
 * waited for. 0, or -1 with err. Pitfall P17.
 */
may_wait int outbox_mail_untold(struct db *db, const struct id *event, const struct id *membership,
                                int64_t now);

/*
 * Queue the mails of one upload, of kind document.uploaded: to each contact with a share that
 * covers the document's folder (shares of folders above it count) but the uploader, and, when a
 * portal user uploaded, to each of the client's assigned staff, each person once. Nobody assigned:
 * an event document.uploaded_unassigned, and the firm's owner and admins where its
 * unassigned_fallback says so. The mail waits for the firm's mail_coalesce_seconds; uploads for the
 * same person and client within that time join it, for 15 minutes at most. Who wants no such
 * notices gets none. 0, or -1 with err.
 * S3-27 to S3-30, pitfall P13.
 */
may_wait int outbox_mail_upload(struct db *db, const struct id *event, const struct id *document,
                                const struct actor *by, int64_t now);

/*
 * Queue the mail that carries a mailed token, of the kind that the token is, to the stored sign-in
 * address of its person; nothing where there is no such open token. It is not sent any more once
 * the token is used, superseded or over. No event tells of it. 0, or -1 with err.
 */
may_wait int outbox_mail_token(struct db *db, const struct id *token, int64_t now);

/*
 * Queue the mail that tells a person of what they sign in with being another now: `about` is
 * "password", "second_factor" or "address". To the sign-in address as it is when this is called,
 * also when the access ends or another address takes its place afterwards; for nobody (no such
 * membership) nothing. 0, or -1 with err. S2-22.
 */
may_wait int outbox_mail_credential(struct db *db, const struct id *membership, const char *about,
                                    int64_t now);

/*
 * Queue the mail to the other address that an invited person would rather sign in with, whose link
 * accepts the open invitation for it; nothing where there is none. Not sent any more once another
 * address was typed, or the invitation is closed. 0, or -1 with err. S0-19, model C7.
 */
may_wait int outbox_mail_address(struct db *db, const struct id *invitation, int64_t now);

/*
 * Queue the mail that lists the portals of a person's sign-in address, in all firms; the firm bound
 * sends it. Nobody: nothing. 0, or -1 with err. S2-3.
 */
may_wait int outbox_mail_portals(struct db *db, const struct id *membership, int64_t now);

#endif
