/*
 * fuzz_mime.c - mails as bytes: no value ends its header, every line keeps the rules, and the text
 * that was put in can be read out again.
 */
#include "fuzz.h"

#include "mime.h"
#include "text.h"

#include <ctype.h>

void (*const fuzz_start)(void) = NULL;

/* The longest line is "Reply-To: <…>" with an address of 254 characters; RFC 5322 allows 998. */
enum { MAIL_MAX = 4 * 1024 * 1024, LONGEST_LINE = 10 + 1 + 254 + 1 };

/* CRLF everywhere, ASCII, bounded, no dot in front: returns the number of headers. */
static unsigned lines_keep(const char *mail)
{
	unsigned headers = 0;
	bool in_head = true;

	while (*mail) {
		size_t len = strcspn(mail, "\r\n");

		FUZZ_HOLDS(mail[len] == '\r' && mail[len + 1] == '\n');
		FUZZ_HOLDS(len <= LONGEST_LINE && mail[0] != '.');
		for (size_t i = 0; i < len; i++)
			FUZZ_HOLDS((mail[i] >= ' ' && mail[i] <= '~') || mail[i] == '\t');
		in_head &= len > 0;
		headers += in_head && mail[0] != ' ';
		mail += len + 2;
	}
	return headers;
}

static int hex(char c)
{
	return c <= '9' ? c - '0' : c - 'A' + 10;
}

/* The quoted-printable text behind the part's empty line, decoded, up to the next boundary. */
static const char *part(struct fuzz *f, const char *mail, const char *type, const char *boundary)
{
	const char *begin = arena_printf(f->arena, "--%s\r\nContent-Type: %s", boundary, type);
	const char *at = strstr(mail, begin), *end;
	struct buf b;

	FUZZ_HOLDS(at && (at = strstr(at, "\r\n\r\n")) != NULL);
	at += 4;
	end = strstr(at, arena_printf(f->arena, "\r\n--%s", boundary));
	FUZZ_HOLDS(end != NULL);
	buf_init(&b, f->arena, MAIL_MAX);
	while (at < end) {
		if (at[0] == '=' && at[1] == '\r') {
			at += 3;
		} else if (at[0] == '=') {
			FUZZ_HOLDS(isxdigit((unsigned char)at[1]) &&
			           isxdigit((unsigned char)at[2]));
			buf_char(&b, (char)(hex(at[1]) << 4 | hex(at[2])));
			at += 3;
		} else if (at[0] == '\r') {
			buf_char(&b, '\n');
			at += 2;
		} else {
			buf_char(&b, *at++);
		}
	}
	return b.data;
}

/* The same, but for a line feed at the end, which a mail always has. */
static void same_text(const char *text, const char *back)
{
	size_t len = strlen(text), back_len = strlen(back);

	FUZZ_HOLDS(strncmp(text, back, len) == 0);
	FUZZ_HOLDS(back_len == len || (back_len == len + 1 && back[len] == '\n') ||
	           (len > 0 && text[len - 1] == '\n' && back_len == len - 1));
}

static void whole(struct fuzz *f, const struct mime_mail *mail)
{
	struct buf b;

	buf_init(&b, f->arena, MAIL_MAX);
	if (mime_write(mail, &b) < 0 || b.over)
		return;
	FUZZ_HOLDS(strlen(b.data) == b.len);
	FUZZ_HOLDS(lines_keep(b.data) == (mail->reply_to ? 9u : 8u));
	same_text(mail->text, part(f, b.data, "text/plain", mail->boundary));
	same_text(mail->html, part(f, b.data, "text/html", mail->boundary));
}

void fuzz_one(struct fuzz *f)
{
	struct mime_mail mail = {
		.from_email = "portal@firm.test",
		.message_id = "eml_1@firm.test",
		.boundary = "=_eml_1",
		.date_ms = 1767225600000,
	};
	const char *reply_to;

	mail.from_name = fuzz_line(f);
	mail.to_email = fuzz_line(f);
	mail.to_name = fuzz_line(f);
	reply_to = fuzz_line(f);
	mail.reply_to = *reply_to ? reply_to : NULL;
	mail.subject = arena_printf(f->arena, "%s\n%s", fuzz_line(f), fuzz_line(f));
	mail.text = fuzz_rest(f);
	mail.html = mail.text;
	if (strlen(mail.to_email) <= EMAIL_MAX &&
	    strlen(reply_to) <= EMAIL_MAX) /* as email_parse has it */
		whole(f, &mail);
	mail.to_email = "ann@client.test";
	mail.reply_to = NULL;
	whole(f, &mail);
}
