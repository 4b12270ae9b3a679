/* fuzz_query.c - query strings and their parameters: what was decoded encodes to the same again. */
#include "fuzz.h"

#include "query.h"
#include "routes.h"
#include "text.h"

#include <ctype.h>

void (*const fuzz_start)(void) = NULL;

static const struct route list = {.params = "limit cursor status client_id updated_since flag q"};

static int read_query(struct fuzz *f, const char *query, struct rq *rq)
{
	struct door_in *in = arena_new(f->arena, struct door_in);

	in->query = query;
	*rq = (struct rq){.arena = f->arena, .in = in, .route = &list};
	err_init(&rq->err, f->arena);
	return query_read(rq);
}

static void encode(struct buf *b, const char *text)
{
	for (; *text; text++) {
		if (isalnum((unsigned char)*text))
			buf_char(b, *text);
		else
			buf_printf(b, "%%%02x", (unsigned char)*text);
	}
}

static const char *encoded(struct fuzz *f, const struct rq *rq)
{
	struct buf b;

	buf_init(&b, f->arena, FUZZ_ARENA_MAX);
	for (unsigned i = 0; i < rq->param_count; i++) {
		buf_str(&b, i > 0 ? "&" : "");
		encode(&b, rq->params[i].name);
		buf_char(&b, '=');
		encode(&b, rq->params[i].value);
	}
	return b.data;
}

static void same_again(struct fuzz *f, const struct rq *rq)
{
	struct rq again;

	FUZZ_HOLDS(read_query(f, encoded(f, rq), &again) == 0);
	FUZZ_HOLDS(again.param_count == rq->param_count);
	for (unsigned i = 0; i < rq->param_count; i++) {
		FUZZ_HOLDS(strcmp(again.params[i].name, rq->params[i].name) == 0);
		FUZZ_HOLDS(strcmp(again.params[i].value, rq->params[i].value) == 0);
	}
}

static void by_kind(struct rq *rq)
{
	static const char *const states[] = {"active", "inactive", NULL};
	char text[ID_TEXT_SIZE];
	const char *choice;
	int64_t ms;
	struct id id;
	int flag;

	if (rq_param_id(rq, "client_id", "cli", &id) == 0 && rq_param(rq, "client_id")) {
		id_format(&id, "cli", text);
		FUZZ_HOLDS(strcmp(text, rq_param(rq, "client_id")) == 0);
	}
	if (rq_param_time(rq, "updated_since", &ms) == 0)
		FUZZ_HOLDS((ms == TIME_NULL) == !rq_param(rq, "updated_since"));
	if (rq_param_enum(rq, "status", states, &choice) == 0)
		FUZZ_HOLDS(!choice || !strcmp(choice, "active") || !strcmp(choice, "inactive"));
	if (rq_param_bool(rq, "flag", &flag) == 0)
		FUZZ_HOLDS(flag ==
		           (rq_param(rq, "flag") ? !strcmp(rq_param(rq, "flag"), "true") : -1));
	for (unsigned i = 0; i < rq->err.fault_count; i++)
		FUZZ_HOLDS(rq->err.faults[i].pointer[0] == '?' &&
		           rq_param(rq, rq->err.faults[i].pointer + 1));
}

void fuzz_one(struct fuzz *f)
{
	struct rq rq;

	if (read_query(f, fuzz_rest(f), &rq) < 0) {
		FUZZ_HOLDS(rq.err.problem == PROBLEM_malformed_request ||
		           rq.err.problem == PROBLEM_unknown_parameter);
		return;
	}
	for (unsigned i = 0; i < rq.param_count; i++)
		FUZZ_HOLDS(text_utf8_valid(rq.params[i].value, strlen(rq.params[i].value)));
	same_again(f, &rq);
	by_kind(&rq);
}
