/* fuzz_idem.c - stored answers: what is unpacked is what was packed. */
#include "fuzz.h"

#include "idem.c" /* its readers are its own affair */

void (*const fuzz_start)(void) = NULL;

static void pack(struct fuzz *f, struct rq *rq)
{
	rq->out->status = 200 + fuzz_byte(f);
	for (unsigned n = fuzz_byte(f) % 8; n > 0; n--)
		reply_header(rq, "x-some-name", fuzz_line(f));
	rq->out->body_len = f->len;
	rq->out->body = f->len > 0 ? (const char *)f->bytes : "";
}

static void same(const struct door_out *a, const struct door_out *b)
{
	FUZZ_HOLDS(a->status == b->status && a->body_len == b->body_len);
	FUZZ_HOLDS(a->body_len == 0 || memcmp(a->body, b->body, a->body_len) == 0);
	FUZZ_HOLDS(a->header_count + 1 == b->header_count);
	for (unsigned i = 0; i < a->header_count; i++)
		FUZZ_HOLDS(fuzz_same(a->headers[i].name, b->headers[i].name) &&
		           fuzz_same(a->headers[i].value, b->headers[i].value));
}

static void key(struct fuzz *f, const char *text)
{
	struct rq rq = {.arena = f->arena};
	size_t len = strlen(text), visible = 0;

	err_init(&rq.err, f->arena);
	for (size_t i = 0; i < len; i++)
		visible += text[i] > ' ' && text[i] <= '~';
	FUZZ_HOLDS((key_check(&rq, text) == 0) == (visible == len && len >= 8 && len <= 128));
}

void fuzz_one(struct fuzz *f)
{
	struct door_out packed = {0}, unpacked = {0};
	struct rq rq = {.arena = f->arena, .out = &packed};
	struct buf b;

	pack(f, &rq);
	answer_pack(&rq, &b);
	rq.out = &unpacked;
	answer_unpack(&rq, b.data, b.len);
	same(&packed, &unpacked);
	key(f, fuzz_rest(f));
}
