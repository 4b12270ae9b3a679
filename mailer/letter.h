/*
 * letter.h - from what is known of an envelope to the bytes of its mail. Pure: no database, no
 * clock.
 *
 * The first attempt freezes all that the mail is made from as one JSON text, which is kept with the
 * envelope; every attempt writes the mail from that text alone, so that all copies are the same
 * byte for byte. Where one of several things that it names is withdrawn before it was sent, or
 * whoever is to get the answers is in charge no more, it is frozen anew, and is another mail with
 * another message id. What opens a door is not in it: tokens and codes are derived again each time.
 */
#ifndef PORTICO_MAILER_LETTER_H
#define PORTICO_MAILER_LETTER_H

#include "base.h"
#include "json.h"

enum {
	LETTER_FROZEN_MAX =
		128 * 1024, /* twenty things with the longest names, of four bytes a character */
	LETTER_MAX = 1024 * 1024
};

/* What the database knows when the mail is first tried. Texts may be NULL where there is nothing.
 */
struct letter_facts {
	struct id envelope;
	int attempt;      /* the one that it is frozen for, from 1 */
	const char *kind; /* "invitation", "folder.shared", … */
	const char *to_email, *to_name;
	const char *from_email;
	const char *firm, *accent, *support_email;
	const char *in_charge;   /* who of the staff gets the answers; NULL: support_email */
	const struct json *help; /* pages that help: [{title, url}] */
	const char *portal;      /* base of the link, no slash at its end */
	const char *slug;        /* the firm's, where the address does not tell it; else NULL */
	const char *one_click; /* base of the API where the reader may end such mails; else NULL */
	const char *locale;
	const char *actor, *client;
	struct id folder, document; /* what it is about */
	const char *item;           /* its name */
	bool can_upload;            /* the folder was shared so */
	const char *until;          /* the end of the link that it carries, a local time */
	const char *about;          /* credential_changed: "password", "second_factor", "address" */
	const struct json *portals; /* find_portals: [{name, url, slug}], url NULL: public_url */
	const char *public_url;
	/* uploaded: the first of them, {id, name, folder, folder_id, by, at};
	 * items.shared: {name, folder, client, by}, where a document has no folder */
	const struct json *documents;
	const char *named;   /* JSON: the ids of those, of shares for items.shared; else NULL */
	int64_t count;       /* ... and how many there are in all */
	bool known;          /* registered, invited: the address has an account already */
	bool has_credential; /* ... or one with another firm, and its password is that one's */
	const char *applicant, *applicant_email; /* who has registered */
	bool one_folder;                         /* uploaded: all lie in one folder */
	int64_t now_ms;
};

/* The frozen text, owned by `a`; NULL when it does not fit LETTER_FROZEN_MAX. */
const char *letter_freeze(struct arena *a, const struct letter_facts *facts);

/* What is secret of a mail, derived anew each time; NULL: it has no such thing. */
struct letter_tokens {
	const char *link;        /* the end of the link that opens a door */
	const char *unsubscribe; /* the end of the link that ends this kind of notice */
	const char *code;        /* opens the same door as the link */
};

struct letter {
	const char *to_email;
	const char *message; /* what goes to the server */
	size_t len;
	const char *subject, *text, *html; /* as the reader sees them */
	const char *message_id;
	int64_t date_ms;
};

/*
 * Write the mail from its frozen text with what is secret of its links. 0 and *out_r owned by `a`;
 * -1 with the reason in *why_r (static): the envelope cannot be sent at all.
 */
int letter_write(struct arena *a, const char *frozen, const struct letter_tokens *tokens,
                 struct letter *out_r, const char **why_r);

#endif
