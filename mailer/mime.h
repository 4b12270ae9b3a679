/*
 * mime.h - one mail as bytes: RFC 5322 headers, multipart/alternative, quoted-printable.
 *
 * The same input gives the same bytes, always: no clock, no random, boundary and Message-ID are
 * given. Every line ends in CRLF, has at most 76 characters (those with an address: 258, with the
 * URL that ends such mails: 998), does not begin with a dot, and is ASCII.
 */
#ifndef PORTICO_MAILER_MIME_H
#define PORTICO_MAILER_MIME_H

#include "base.h"

struct mime_mail {
	const char *from_email, *from_name; /* addresses as text.h's email_parse gives them */
	const char *to_email, *to_name;     /* names may be NULL or empty */
	const char *reply_to;               /* NULL: none */
	const char *subject;
	const char *message_id; /* without the brackets */
	const char *boundary;   /* at most 60 letters, digits, '=', '_', '-' */
	const char
		*one_click; /* URL that ends such mails (RFC 8058), printable ASCII; NULL: none */
	int64_t date_ms;    /* Unix milliseconds */
	const char *text, *html; /* UTF-8, lines end in LF */
};

/*
 * Add the mail to `b`. Names and the subject may hold anything: control characters become spaces
 * and what is not plain ASCII becomes encoded words (RFC 2047), so that no value can end its
 * header. 0; -1 when an address, the id, the boundary or the URL has a character that does not
 * belong there, or the buffer is too small: `b` is then of no use.
 */
int mime_write(const struct mime_mail *mail, struct buf *b);

/* Can mail go to and from this address: ASCII, nothing in it that could end a header? NULL: no. */
bool mime_address_ok(const char *address);

#endif
