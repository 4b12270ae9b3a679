/*
 * head.c - the header block of a request, judged before Kore's lenient parser sees it.
 *
 * Kore 4.1 ignores Transfer-Encoding, takes the body of a GET for the next request, the first of
 * two Content-Lengths, any name that begins with "host" for Host, and splits lines at a bare CR:
 * each of them a way to smuggle a request past whoever stands in front. It answers other faults
 * without a word. The edge lets none of it through; this is the second wall, and it answers with
 * problems.
 */
#include "head.h"

#include <strings.h>

struct head {
	enum problem problem;
	const char *why;
	bool takes_body;
	unsigned hosts, lengths;
	size_t length; /* of the body */
};

static void refuse(struct head *h, enum problem problem, const char *why)
{
	if (h->problem == PROBLEM_NONE) {
		h->problem = problem;
		h->why = why;
	}
}

static bool is_token(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c <= ' ' || c > '~' || strchr("\"(),/:;<=>?@[\\]{}", c))
			return false;
	}
	return len > 0;
}

size_t head_length(const char *bytes, size_t len)
{
	const char *end = memmem(bytes, len, "\r\n\r\n", 4);

	return end ? (size_t)(end - bytes) + 4 : 0;
}

/* ---- the first line ---- */

static void check_method(struct head *h, const char *method, size_t len)
{
	static const struct {
		const char *name;
		bool takes_body;
	} methods[] = {{"GET", false},  {"HEAD", false},   {"POST", true},    {"PUT", true},
	               {"PATCH", true}, {"DELETE", false}, {"OPTIONS", false}};

	if (!is_token(method, len))
		refuse(h, PROBLEM_malformed_request, "The method is not one");
	for (size_t i = 0; i < lengthof(methods); i++) {
		if (strlen(methods[i].name) == len && memcmp(methods[i].name, method, len) == 0) {
			h->takes_body = methods[i].takes_body;
			return;
		}
	}
	refuse(h, PROBLEM_method_not_allowed,
	       "Here are: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
}

static void check_target(struct head *h, const char *target, size_t len)
{
	if (len > HEAD_TARGET_MAX)
		refuse(h, PROBLEM_uri_too_long, "The address has at most 1990 bytes");
	for (size_t i = 0; i < len; i++) {
		if (target[i] <= ' ' || target[i] > '~')
			refuse(h, PROBLEM_malformed_request, "Percent-encode the address");
	}
}

static void check_request_line(struct head *h, const char *line, size_t len)
{
	const char *target = memchr(line, ' ', len), *version;

	version = target ? memrchr(line, ' ', len) : NULL;
	if (!version || version <= target + 1) {
		refuse(h, PROBLEM_malformed_request, "The first line is not one of HTTP");
		return;
	}
	check_method(h, line, (size_t)(target - line));
	check_target(h, target + 1, (size_t)(version - target) - 1);
	if (line + len != version + 9 ||
	    (memcmp(version, " HTTP/1.1", 9) != 0 && memcmp(version, " HTTP/1.0", 9) != 0))
		refuse(h, PROBLEM_malformed_request, "The version is not one of HTTP/1");
}

/* ---- the other lines ---- */

static void check_length(struct head *h, const char *value, size_t len)
{
	size_t length = 0;

	if (h->lengths++ > 0 || len == 0)
		refuse(h, PROBLEM_malformed_request, "One Content-Length, please");
	for (size_t i = 0; i < len && length <= BODY_BYTES_MAX; i++) {
		if (value[i] < '0' || value[i] > '9') {
			refuse(h, PROBLEM_malformed_request, "Content-Length is a number");
			return;
		}
		length = 10 * length + (size_t)(value[i] - '0');
	}
	h->length = length;
}

static void clean_value(struct head *h, char *value, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (value[i] == '\t')
			value[i] = ' ';
		else if ((unsigned char)value[i] > '~')
			value[i] = value[i] == 127 ? ' ' : '?';
		else if (value[i] < ' ')
			refuse(h, PROBLEM_malformed_request, "A header holds a control character");
	}
}

static bool is_name(const char *name, size_t len, const char *wanted)
{
	return strlen(wanted) == len && strncasecmp(name, wanted, len) == 0;
}

static void check_header(struct head *h, char *line, size_t len)
{
	char *colon = memchr(line, ':', len), *value;
	size_t name_len = colon ? (size_t)(colon - line) : 0, value_len;

	if (!colon || !is_token(line, name_len)) {
		refuse(h, PROBLEM_malformed_request, "A header line is malformed");
		return;
	}
	value = colon + 1;
	value_len = len - name_len - 1;
	clean_value(h, value, value_len);
	while (value_len > 0 && value[0] == ' ')
		value++, value_len--;
	while (value_len > 0 && value[value_len - 1] == ' ')
		value_len--;
	if (value_len == 0)
		refuse(h, PROBLEM_malformed_request, "A header is empty");
	if (is_name(line, name_len, "content-length"))
		check_length(h, value, value_len);
	else if (is_name(line, name_len, "transfer-encoding"))
		refuse(h, PROBLEM_malformed_request, "Transfer-Encoding is not taken");
	else if (is_name(line, name_len, "host"))
		h->hosts += value_len <= HEAD_HOST_MAX ? 1 : 2;
	else if (strncasecmp(line, "host", 4) == 0)
		refuse(h, PROBLEM_malformed_request, "A header's name begins with Host");
}

/* ---- the whole ---- */

static void check_body(struct head *h, size_t body_here)
{
	if (h->hosts != 1)
		refuse(h, PROBLEM_malformed_request, "One Host, please");
	if (!h->takes_body && h->length > 0)
		refuse(h, PROBLEM_malformed_request, "This method has no body");
	if (h->takes_body && h->lengths == 0)
		refuse(h, PROBLEM_length_required, "Say with Content-Length how long the body is");
	if (h->length > BODY_BYTES_MAX)
		refuse(h, PROBLEM_too_large, "A body has at most 1 MiB");
	if (body_here > h->length)
		refuse(h, PROBLEM_malformed_request, "More came than Content-Length says");
}

enum problem head_check(char *head, size_t len, size_t body_here, const char **why_r)
{
	struct head h = {0};
	char *line = head, *end;
	unsigned lines = 0;

	for (; line < head + len - 2; line = end + 2, lines++) {
		end = memmem(line, (size_t)(head + len - line), "\r\n", 2);
		if (lines == 0)
			check_request_line(&h, line, (size_t)(end - line));
		else
			check_header(&h, line, (size_t)(end - line));
	}
	if (lines > HEAD_LINES_MAX)
		refuse(&h, PROBLEM_headers_too_large, "There are too many headers");
	check_body(&h, body_here);
	*why_r = h.why;
	return h.problem;
}
