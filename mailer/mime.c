/* mime.c - writes a mail byte for byte the same from the same input. */
#include "mime.h"

#include <stdio.h>
#include <strings.h>
#include <time.h>

enum {
	LINE_MAX_CHARS =
		76, /* quoted-printable and lines with encoded words (RFC 2045, RFC 2047) */
	URL_MAX_CHARS = 990,
	WORD_MAX_CHARS = 75,  /* one encoded word */
	WORD_FRAME_CHARS = 12 /* =?UTF-8?B? and ?= */
};

/* ---- header values ---- */

/* Printable ASCII that no reader could take for an encoded word. */
static bool is_plain(const char *text)
{
	for (const char *c = text; *c; c++)
		if (*c < ' ' || *c > '~' || (c[0] == '=' && c[1] == '?'))
			return false;
	return true;
}

/* Bytes of the character at `text`, a control character counts as one; never more than UTF-8 has.
 */
static size_t char_size(const char *text)
{
	size_t n = 1;

	while (n < 4 && ((unsigned char)text[n] & 0xc0) == 0x80)
		n++;
	return n;
}

static void add_base64(struct buf *b, const unsigned char *bytes, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		unsigned n = (unsigned)bytes[i] << 16;

		if (i + 1 < len)
			n |= (unsigned)bytes[i + 1] << 8;
		if (i + 2 < len)
			n |= bytes[i + 2];
		buf_char(b, digits[n >> 18]);
		buf_char(b, digits[n >> 12 & 63]);
		buf_char(b, i + 1 < len ? digits[n >> 6 & 63] : '=');
		buf_char(b, i + 2 < len ? digits[n & 63] : '=');
	}
}

/* One encoded word of as many whole characters of `text` as `room` allows; returns their bytes. */
static size_t add_word(struct buf *b, const char *text, size_t room)
{
	unsigned char bytes[WORD_MAX_CHARS];
	size_t len = 0, max = (room - WORD_FRAME_CHARS) / 4 * 3;

	while (text[len] && len + char_size(text + len) <= max) {
		size_t n = char_size(text + len);

		memcpy(bytes + len, text + len, n);
		if (n == 1 && ((unsigned char)text[len] < ' ' || text[len] == 0x7f))
			bytes[len] = ' ';
		len += n;
	}
	buf_str(b, "=?UTF-8?B?");
	add_base64(b, bytes, len);
	buf_str(b, "?=");
	return len;
}

/* `text` as encoded words, one a line; the first line already holds `used` characters. */
static void add_words(struct buf *b, const char *text, size_t used)
{
	while (*text) {
		size_t room = LINE_MAX_CHARS - used;

		text += add_word(b, text, room < WORD_MAX_CHARS ? room : WORD_MAX_CHARS);
		if (*text)
			buf_str(b, "\r\n ");
		used = 1;
	}
}

/* `Name: text`, plain where one line of ASCII will do. */
static void add_text_header(struct buf *b, const char *name, const char *text)
{
	size_t used = strlen(name) + 2;

	buf_printf(b, "%s: ", name);
	if (is_plain(text) && used + strlen(text) <= LINE_MAX_CHARS)
		buf_str(b, text);
	else
		add_words(b, text, used);
	buf_str(b, "\r\n");
}

static void add_quoted(struct buf *b, const char *text)
{
	buf_char(b, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			buf_char(b, '\\');
		buf_char(b, *text);
	}
	buf_char(b, '"');
}

/*
 * `Name: "Person" <address>`; the address goes on its own line, since it may have 254 characters.
 * A person who is called by the address alone is not named: `"a@x" <a@x>` is how forgeries look.
 */
static void add_address_header(struct buf *b, const char *name, const char *person,
                               const char *email)
{
	size_t used = strlen(name) + 2;

	buf_printf(b, "%s: ", name);
	if (person && *person && strcasecmp(person, email) != 0) {
		if (is_plain(person) && used + 2 * strlen(person) + 2 <= LINE_MAX_CHARS)
			add_quoted(b, person);
		else
			add_words(b, person, used);
		buf_str(b, "\r\n ");
	}
	buf_printf(b, "<%s>\r\n", email);
}

static void add_date(struct buf *b, int64_t ms)
{
	static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
	                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	buf_printf(b, "Date: %s, %02d %s %d %02d:%02d:%02d +0000\r\n", days[tm.tm_wday], tm.tm_mday,
	           months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* ---- bodies ---- */

static bool ends_line(char c)
{
	return c == '\n' || c == '\0';
}

/*
 * Does this byte need =XX? A dot that opens a line would have to be doubled by SMTP, an F could
 * make the "From " of mailboxes, blanks at the end of a line get lost.
 */
static bool needs_escape(const char *c, bool opens_line)
{
	if (*c == '=' || *c < ' ' || *c > '~')
		return *c != '\t' || ends_line(c[1]);
	if (*c == ' ')
		return ends_line(c[1]);
	return opens_line && (*c == '.' || *c == 'F');
}

/* Quoted-printable (RFC 2045 6.7) of text whose lines end in LF. */
static void add_quoted_printable(struct buf *b, const char *text)
{
	size_t used = 0;

	for (const char *c = text; *c; c++) {
		size_t size;

		if (*c == '\n') {
			buf_str(b, "\r\n");
			used = 0;
			continue;
		}
		size = needs_escape(c, used == 0) ? 3 : 1;
		if (used + size > LINE_MAX_CHARS - (ends_line(c[1]) ? 0 : 1)) {
			buf_str(b, "=\r\n");
			used = 0;
			size = needs_escape(c, true) ? 3 : 1;
		}
		if (size == 3)
			buf_printf(b, "=%02X", (unsigned char)*c);
		else
			buf_char(b, *c);
		used += size;
	}
	if (used)
		buf_str(b, "\r\n");
}

static void add_part(struct buf *b, const char *boundary, const char *type, const char *text)
{
	buf_printf(b, "--%s\r\nContent-Type: %s; charset=utf-8\r\n", boundary, type);
	buf_str(b, "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
	add_quoted_printable(b, text);
	buf_str(b, "\r\n");
}

/* ---- the whole ---- */

/* Printable ASCII without what structures a header: CR and LF cannot get in here. */
static bool is_token(const char *text)
{
	if (!text || !*text)
		return false;
	for (; *text; text++)
		if (*text <= ' ' || *text > '~' || strchr("<>()[],;:\\\"", *text))
			return false;
	return true;
}

/* Printable ASCII without the brackets around it, in a line that SMTP takes (RFC 5321 4.5.3.1.6).
 */
static bool is_url(const char *text)
{
	for (const char *c = text; *c; c++)
		if (*c <= ' ' || *c > '~' || *c == '<' || *c == '>')
			return false;
	return strlen(text) <= URL_MAX_CHARS;
}

/* On a line of its own, since no encoded word may stand in it. */
static void add_one_click(struct buf *b, const char *url)
{
	buf_printf(b, "List-Unsubscribe:\r\n <%s>\r\n", url);
	buf_str(b, "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n");
}

bool mime_address_ok(const char *address)
{
	return is_token(address) && strchr(address, '@');
}

int mime_write(const struct mime_mail *mail, struct buf *b)
{
	if (!is_token(mail->from_email) || !is_token(mail->to_email) ||
	    !is_token(mail->message_id) || !is_token(mail->boundary) ||
	    strlen(mail->boundary) > 60 || (mail->reply_to && !is_token(mail->reply_to)) ||
	    (mail->one_click && !is_url(mail->one_click)))
		return -1;
	add_date(b, mail->date_ms);
	add_address_header(b, "From", mail->from_name, mail->from_email);
	add_address_header(b, "To", mail->to_name, mail->to_email);
	if (mail->reply_to)
		add_address_header(b, "Reply-To", NULL, mail->reply_to);
	add_text_header(b, "Subject", mail->subject);
	buf_printf(b, "Message-ID: <%s>\r\n", mail->message_id);
	if (mail->one_click)
		add_one_click(b, mail->one_click);
	/* RFC 3834: answering machines are to keep quiet. */
	buf_str(b, "MIME-Version: 1.0\r\nAuto-Submitted: auto-generated\r\n");
	buf_printf(b, "Content-Type: multipart/alternative;\r\n boundary=\"%s\"\r\n\r\n",
	           mail->boundary);
	add_part(b, mail->boundary, "text/plain", mail->text);
	add_part(b, mail->boundary, "text/html", mail->html);
	buf_printf(b, "--%s--\r\n", mail->boundary);
	return b->over ? -1 : 0;
}
