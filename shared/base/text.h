/* text.h - people's text: UTF-8, names, e-mail addresses. */
#ifndef PORTICO_TEXT_H
#define PORTICO_TEXT_H

#include "arena.h"

enum { EMAIL_MAX = 254 }; /* bytes, RFC 5321 4.5.3.1.3 less the brackets */

/* True when `len` bytes are valid UTF-8 (no surrogates, no overlong form, no NUL). */
bool text_utf8_valid(const char *text, size_t len);

/* Number of code points of valid UTF-8. */
size_t text_length(const char *text);

/* True when `text` holds a control character (C0, DEL, C1) or a bidirectional override or isolate;
 * line feed and tab pass when `multiline`. */
bool text_has_control(const char *text, bool multiline);

/* `text` in NFC, white space trimmed at both ends; owned by `a`. */
char *text_clean(struct arena *a, const char *text);

/* The key by which names are compared: NFC, case-folded, trimmed; owned by `a`. */
char *text_key(struct arena *a, const char *text);

/*
 * Check an address (RFC 5321 mailbox, no quoted local part, no address literal; the domain may be
 * international) and give both forms: `*email_r` as it is sent to (trimmed, domain as A-label,
 * local part kept) and `*key_r` for matching (wholly in lower case, NFC). Refused: control and
 * invisible characters, CR/LF, mixed scripts in one label, more than EMAIL_MAX bytes.
 * 0, or -1 when it is not an address. Either out-parameter may be NULL. Pitfalls P6, P7.
 */
int email_parse(struct arena *a, const char *text, const char **email_r, const char **key_r);

/*
 * A document's or folder's name: NFC, 1 to 255 bytes, no control or bidi character, no '/', '\\'
 * or NUL, neither "." nor "..". 0 and the cleaned name in *name_r, or -1. Pitfall P24.
 */
int file_name_parse(struct arena *a, const char *text, const char **name_r);

#endif
