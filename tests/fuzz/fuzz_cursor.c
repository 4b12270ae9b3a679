/* fuzz_cursor.c - cursors of lists: only one that we made opens, and it says what we put in. */
#include "fuzz.h"

#include "page.c" /* its readers are its own affair */

static void start(void)
{
	static const uint8_t key[KEY_SIZE] = {1};

	FUZZ_HOLDS(crypt_init(key) == 0);
}

void (*const fuzz_start)(void) = start;

static const struct route list = {.method = "GET", .path = "/v1/clients", .params = "limit cursor"};

/* The fuzzer may come to know cursors of the first by looking over our shoulder; none is made for
 * this one. */
static const struct route other = {
	.method = "GET", .path = "/v1/contacts", .params = "limit cursor"};

static void rq_of(struct fuzz *f, struct rq *rq)
{
	static struct door_in in = {.method = "GET", .path = "/v1/clients"};

	*rq = (struct rq){.arena = f->arena, .in = &in, .route = &list};
	rq->out = arena_new(f->arena, struct door_out);
	err_init(&rq->err, f->arena);
}

/* A cursor of ours opens; with one character changed it does not, unless it means the same bytes.
 */
static void made(struct fuzz *f, struct rq *rq)
{
	size_t place = (size_t)fuzz_byte(f);
	char change = (char)fuzz_byte(f);
	const uint8_t *bytes, *changed;
	size_t len, changed_len;
	int64_t at_ms, read_ms;
	struct id id, read_id;
	char *cursor;

	if (f->len < sizeof(at_ms) + sizeof(id.b))
		return;
	memcpy(&at_ms, f->bytes, sizeof(at_ms));
	memcpy(id.b, f->bytes + sizeof(at_ms), sizeof(id.b));
	cursor = arena_strdup(f->arena, cursor_make(rq, at_ms, &id));
	FUZZ_HOLDS(cursor_read(rq, cursor, &read_ms, &read_id) == 0);
	FUZZ_HOLDS(read_ms == at_ms && id_equal(&read_id, &id));
	FUZZ_HOLDS(crypt_unbase64(f->arena, cursor, &bytes, &len) == 0);
	cursor[place % strlen(cursor)] = change;
	if (cursor_read(rq, cursor, &read_ms, &read_id) == 0)
		FUZZ_HOLDS(crypt_unbase64(f->arena, cursor, &changed, &changed_len) == 0 &&
		           changed_len == len && memcmp(changed, bytes, len) == 0);
}

static void limit(struct rq *rq)
{
	const char *text = rq_param(rq, "limit");
	int64_t n;

	if (rq_param_int(rq, "limit", 1, LIMIT_MAX, &n) == 0)
		FUZZ_HOLDS(n >= 1 && n <= 100 && text[strspn(text, "0123456789")] == '\0');
	else
		FUZZ_HOLDS(rq->err.problem == PROBLEM_validation_failed);
}

void fuzz_one(struct fuzz *f)
{
	struct id id;
	struct rq rq;
	int64_t at_ms;

	rq_of(f, &rq);
	made(f, &rq);
	err_clear(&rq.err);
	rq.params[0] = (struct door_header){"limit", fuzz_line(f)};
	rq.params[1] = (struct door_header){"cursor", fuzz_rest(f)};
	rq.param_count = 2;
	limit(&rq);
	rq.route = &other;
	FUZZ_HOLDS(cursor_read(&rq, rq.params[1].value, &at_ms, &id) < 0);
}
