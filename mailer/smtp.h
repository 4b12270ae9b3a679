/*
 * smtp.h - transactions with the relay host, several at once, on kept connections: libcurl.
 *
 * One mail to one recipient is one transaction with the null return path, so that one bad address
 * spoils no other mail and no bounce comes back as mail. Each slot is a thread with a connection of
 * its own: libcurl's multi interface (7.88) stands still as a whole until the server has answered
 * one final dot, which may take minutes.
 */
#ifndef PORTICO_MAILER_SMTP_H
#define PORTICO_MAILER_SMTP_H

#include "base.h"
#include "conf.h"
#include "retry.h"

enum { SMTP_SLOTS = 10, SMTP_RESPONSE_SIZE = 256 };

struct smtp;

/*
 * A transport to conf->smtp_url. TLS by conf->smtp_tls: "off"; "required": STARTTLS or smtps, the
 * certificate verified; "auto": required unless the host is this machine. Nothing is connected yet.
 * NULL with the fault in *why_r (static) when the settings do not fit. One per process, since
 * libcurl's global state is set up here.
 */
struct smtp *smtp_new(const struct conf *conf, const char **why_r);

/* Cut all transactions, which takes a second at most, and free all. NULL-safe. */
void smtp_free(struct smtp *s);

/*
 * Begin to send the `len` bytes of `message` to the address `to`. Both, and `tag`, must live until
 * smtp_finished() gives `tag` back. A slot must be free.
 */
void smtp_send(struct smtp *s, const char *to, const char *message, size_t len, void *tag);

/*
 * The tag of a transaction that has ended, and how in *attempt_r (its response is good until the
 * next smtp_send); NULL when there is none. Call it until NULL.
 */
void *smtp_finished(struct smtp *s, struct attempt *attempt_r);

/* Readable when a transaction may have ended: then ask smtp_finished(). */
int smtp_fd(const struct smtp *s);

/* ---- the judgement, pure ---- */

/* How far a transaction came: the command that was last sent. */
enum smtp_phase { SMTP_CONNECT, SMTP_MAIL, SMTP_RCPT, SMTP_DATA, SMTP_BODY };

/*
 * What an end means. `ok`: libcurl says it was taken; `code`: the last reply's, 0 for none;
 * `body_sent`: the whole body was handed to the connection, so that the final dot may be out.
 */
struct attempt smtp_judge(bool ok, int code, enum smtp_phase phase, bool body_sent);

#endif
