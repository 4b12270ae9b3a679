/* json_scan.h - is this text the JSON that Portico takes? json.c asks before it parses. */
#ifndef PORTICO_JSON_SCAN_H
#define PORTICO_JSON_SCAN_H

#include <stddef.h>

/*
 * Check `len` bytes against RFC 8259 and the further rules in json.h, but for duplicate names.
 * NULL when they are fine; else what is wrong, and *at_r is the byte where.
 */
const char *json_scan(const char *text, size_t len, size_t *at_r);

/*
 * Find the next number in JSON that json_scan passed, from *at_r on, which is moved behind it.
 * Returns its first character and its length in *len_r; NULL when there is none left.
 */
const char *json_scan_number(const char **at_r, const char *end, size_t *len_r);

#endif
