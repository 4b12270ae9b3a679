/* text.h - people's text: UTF-8, names, e-mail addresses. */
#ifndef PORTICO_TEXT_H
#define PORTICO_TEXT_H

#include "arena.h"

enum { EMAIL_MAX = 254 }; /* bytes, RFC 5321 4.5.3.1.3 less the brackets */

/* True when `len` bytes are valid UTF-8 (no surrogates, no overlong form, no NUL). */
bool text_utf8_valid(const char *text, size_t len);

/* Number of code points of valid UTF-8. */
size_t text_length(const char *text);

/*
 * True when `text` holds a control character (C0, DEL, C1), a line or paragraph separator, or a
 * bidirectional embedding, override or isolate; line feed, tab and separators pass when
 * `multiline`.
 */
bool text_has_control(const char *text, bool multiline);

/*
 * `text` in NFC, white space (the zero-width kind too) trimmed at both ends; owned by `a`. "" when
 * it is not UTF-8.
 */
char *text_clean(struct arena *a, const char *text);

/* `text` trimmed as above and else as it is, owned by `a`. */
char *text_trim(struct arena *a, const char *text);

/* The key by which names are compared: NFC, case-folded, trimmed; owned by `a`. "" as above. */
char *text_key(struct arena *a, const char *text);

/*
 * Check an address (RFC 5321 mailbox, no quoted local part, no address literal, at least two labels
 * in the domain, which may be international) and give both forms: `*email_r` as it is sent to
 * (trimmed, NFC, domain as A-label in lower case, case of the local part kept) and `*key_r` for
 * matching (wholly in lower case). Refused: control and invisible characters, CR/LF, characters
 * that are an ASCII letter in disguise (Kelvin sign, full width, dotless i), mixed scripts in one
 * label or between two dots of the local part, more than EMAIL_MAX bytes. 0, or -1 when it is not
 * an address. Either out-parameter may be NULL. Pitfalls P6, P7.
 */
int email_parse(struct arena *a, const char *text, const char **email_r, const char **key_r);

/*
 * "a…@mail.test": enough for its owner to know it, too little for anybody else. Of an address that
 * email_parse gave; owned by `a`.
 */
const char *email_masked(struct arena *a, const char *email);

/*
 * A document's or folder's name: NFC, 1 to 255 bytes, no control or bidi character, no '/', '\\'
 * or NUL, neither "." nor "..". 0 and the cleaned name in *name_r, or -1. Pitfall P24.
 */
int file_name_parse(struct arena *a, const char *text, const char **name_r);

/*
 * How many single characters (bytes) must be inserted, removed or replaced to make `b` of `a`. For
 * "did you mean"; names of more than 64 bytes are as far away as can be (UINT_MAX).
 */
unsigned text_distance(const char *a, const char *b);

#endif
