/* query.c - the query string of a request. */
#include "query.h"

#include "routes.h"
#include "text.h"

#include <stdlib.h>

enum { FILTER_MAX = 200 }; /* code points: no name or reference is longer */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* `len` percent-encoded bytes decoded, '+' as a space; NULL when that is no UTF-8. */
static const char *decode(struct arena *a, const char *text, size_t len)
{
	char *out = arena_alloc(a, len + 1);
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		char c = text[i] == '+' ? ' ' : text[i];

		if (c == '%') {
			int hi = i + 2 < len ? hex_digit(text[i + 1]) : -1;
			int lo = hi < 0 ? -1 : hex_digit(text[i + 2]);

			if (lo < 0)
				return NULL;
			c = (char)(hi << 4 | lo);
			i += 2;
		}
		out[n++] = c;
	}
	return text_utf8_valid(out, n) ? out : NULL;
}

/* Is `name` one of the space-separated `list`? */
static bool listed(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = list; at != NULL && *at != '\0'; at += *at == ' ') {
		size_t n = strcspn(at, " ");

		if (n == len && memcmp(at, name, n) == 0)
			return true;
		at += n;
	}
	return false;
}

static int add_param(struct rq *rq, const char *name, const char *value)
{
	const char *pointer;

	if (name == NULL || value == NULL || rq->param_count == RQ_PARAMS_MAX)
		return err_set(&rq->err, PROBLEM_malformed_request,
		               "The query string could not be read.");
	pointer = arena_printf(rq->arena, "?%s", name);
	if (!listed(rq->route->params, name)) {
		err_set(&rq->err, PROBLEM_unknown_parameter, "A query parameter is not known.");
		err_fault(&rq->err, pointer, "unknown_parameter", "This call knows: %s.",
		          rq->route->params == NULL ? "none" : rq->route->params);
		return 0;
	}
	if (rq_param(rq, name) != NULL)
		return err_set(&rq->err, PROBLEM_malformed_request,
		               "The query parameter %s was sent twice.", name);
	rq->params[rq->param_count++] = (struct door_header){name, value};
	return 0;
}

int query_read(struct rq *rq)
{
	const char *at = rq->in->query;

	while (at != NULL && *at != '\0') {
		size_t len = strcspn(at, "&"), eq = strcspn(at, "=&");

		if (len > 0)
			TRY(add_param(rq, decode(rq->arena, at, eq),
			              eq < len ? decode(rq->arena, at + eq + 1, len - eq - 1)
			                       : ""));
		at += len + (at[len] == '&');
	}
	return rq->err.problem == PROBLEM_NONE ? 0 : -1;
}

const char *rq_header(const struct rq *rq, const char *name)
{
	for (unsigned i = 0; i < rq->in->header_count; i++)
		if (strcmp(rq->in->headers[i].name, name) == 0)
			return rq->in->headers[i].value;
	return NULL;
}

const char *rq_param(const struct rq *rq, const char *name)
{
	for (unsigned i = 0; i < rq->param_count; i++)
		if (strcmp(rq->params[i].name, name) == 0)
			return rq->params[i].value;
	return NULL;
}

static int param_fault(struct rq *rq, const char *name, const char *code, const char *message)
{
	return err_fault(&rq->err, arena_printf(rq->arena, "?%s", name), code, "%s", message);
}

int rq_param_id(struct rq *rq, const char *name, const char *prefix, struct id *id_r)
{
	const char *text = rq_param(rq, name);

	*id_r = id_none;
	if (text == NULL || id_parse(text, prefix, id_r) == 0)
		return 0;
	return param_fault(
		rq, name, "invalid_id",
		arena_printf(rq->arena, "An id that begins with %s_ is needed.", prefix));
}

int rq_param_time(struct rq *rq, const char *name, int64_t *ms_r)
{
	const char *text = rq_param(rq, name);

	*ms_r = TIME_NULL;
	if (text == NULL || time_parse(text, ms_r) == 0)
		return 0;
	return param_fault(rq, name, "invalid_time", "A time as in RFC 3339 is needed.");
}

int rq_param_enum(struct rq *rq, const char *name, const char *const *choices, const char **v_r)
{
	const char *text = rq_param(rq, name);

	*v_r = text;
	for (size_t i = 0; text != NULL && choices[i] != NULL; i++)
		if (strcmp(choices[i], text) == 0)
			return 0;
	return text == NULL ? 0 : param_fault(rq, name, "not_allowed", "This value is not known.");
}

int rq_param_bool(struct rq *rq, const char *name, int *v_r)
{
	static const char *const choices[] = {"true", "false", NULL};
	const char *text;

	TRY(rq_param_enum(rq, name, choices, &text));
	*v_r = text == NULL ? -1 : strcmp(text, "true") == 0;
	return 0;
}

int rq_param_text(struct rq *rq, const char *name, const char **v_r)
{
	const char *text = rq_param(rq, name);

	*v_r = NULL;
	if (text == NULL)
		return 0;
	*v_r = text_clean(rq->arena, text);
	if (**v_r == '\0')
		return param_fault(rq, name, "too_short", "It is empty: leave it out.");
	if (text_length(*v_r) > FILTER_MAX)
		return param_fault(rq, name, "too_long", "At most 200 characters.");
	return 0;
}

int rq_param_int(struct rq *rq, const char *name, int64_t lo, int64_t hi, int64_t *v)
{
	const char *text = rq_param(rq, name);
	int64_t number;
	char *end;

	if (text == NULL)
		return 0;
	number = strtoll(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0' || number < lo || number > hi)
		return param_fault(rq, name, "out_of_range",
		                   arena_printf(rq->arena, "From %lld to %lld.", (long long)lo,
		                                (long long)hi));
	*v = number;
	return 0;
}
