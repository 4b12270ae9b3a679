/*
 * idem.c - Idempotency-Key: a POST that is sent again gets the answer of the first time.
 *
 * The key is locked by an advisory lock of the transaction, so that the same request twice at once
 * is told to wait (409) and never runs twice. The answer is stored by the transaction that did the
 * work: it is there exactly when the work is. It may hold secrets, so it is sealed with the
 * server's key. Only answers of requests that did something are kept; a refused one did nothing and
 * may be sent again.
 */
#include "idem.h"

#include "auth.h"
#include "blob.h"
#include "crypt.h"
#include "reply.h"
#include "routes.h"
#include "sql_idem.h"

#include <stdlib.h>

enum { IDEM_KEY_MIN = 8, IDEM_KEY_MAX = 128, IDEM_ANSWER_MAX = 4 * 1024 * 1024 };

/* The request's key: NULL when it carries none or its kind of call stores nothing. */
static const char *idem_key(const struct rq *rq)
{
	if (strcmp(rq->in->method, "POST") != 0 || rq->route->flags & NO_KEY)
		return NULL;
	return rq_header(rq, "idempotency-key");
}

static int key_check(struct rq *rq, const char *key)
{
	size_t len = strlen(key);

	for (const char *c = key; *c != '\0'; c++)
		if (*c <= ' ' || *c > '~')
			len = 0;
	if (len < IDEM_KEY_MIN || len > IDEM_KEY_MAX)
		return err_set(&rq->err, PROBLEM_malformed_request,
		               "An Idempotency-Key has %d to %d visible ASCII characters.",
		               IDEM_KEY_MIN, IDEM_KEY_MAX);
	return 0;
}

/* What must be the same for it to be the same request. */
static void fingerprint(const struct rq *rq, uint8_t hash[HASH_SIZE])
{
	struct buf b;

	buf_init(&b, rq->arena, 2 * 1024 * 1024);
	buf_printf(&b, "%s\n%s\n%s\n%lld\n", rq->in->method, rq->in->path,
	           rq->in->query == NULL ? "" : rq->in->query, (long long)rq->length);
	buf_add(&b, rq->in->body, rq->in->body_len);
	if (rq->blob != NULL)
		buf_add(&b, rq->blob->sha256, sizeof(rq->blob->sha256));
	crypt_sha256(b.data, b.len, hash);
}

static const struct arg *key_args(struct rq *rq, const char *key)
{
	struct arg *args = arena_array(rq->arena, struct arg, 2);

	args[0] = (struct arg){"key_hash", arg_sha256(rq->arena, key)};
	return args;
}

/* An answer as bytes: "status\nname: value\n…\n\nbody". */
static void answer_pack(const struct rq *rq, struct buf *b)
{
	buf_init(b, rq->arena, IDEM_ANSWER_MAX);
	buf_printf(b, "%d\n", rq->out->status);
	for (unsigned i = 0; i < rq->out->header_count; i++)
		buf_printf(b, "%s: %s\n", rq->out->headers[i].name, rq->out->headers[i].value);
	buf_char(b, '\n');
	buf_add(b, rq->out->body, rq->out->body_len);
}

static void answer_unpack(struct rq *rq, const char *text, size_t len)
{
	const char *end = text + len, *line = strchr(text, '\n') + 1;

	rq->out->status = (int)strtol(text, NULL, 10);
	while (*line != '\n') {
		size_t n = strcspn(line, "\n"), colon = strcspn(line, ":");

		reply_header(rq, arena_strndup(rq->arena, line, colon),
		             arena_strndup(rq->arena, line + colon + 2, n - colon - 2));
		line += n + 1;
	}
	rq->out->body_len = (size_t)(end - line - 1);
	rq->out->body = arena_strndup(rq->arena, line + 1, rq->out->body_len);
	reply_header(rq, "idempotency-replayed", "true");
}

static int replay(struct rq *rq, const struct rows *found)
{
	const uint8_t *bytes, *plain;
	uint8_t hash[HASH_SIZE];
	size_t plain_len;
	int len = row_bytes(found, 0, "fingerprint", rq->arena, &bytes);

	fingerprint(rq, hash);
	if (len != HASH_SIZE || !crypt_equal(bytes, hash, HASH_SIZE))
		return err_set(&rq->err, PROBLEM_idempotency_mismatch,
		               "This Idempotency-Key was used for a different request.");
	len = row_bytes(found, 0, "sealed", rq->arena, &bytes);
	if (len < 0 ||
	    crypt_open(rq->arena, KEY_IDEMPOTENCY, bytes, (size_t)len, &plain, &plain_len) < 0)
		return err_internal(&rq->err, "a stored answer cannot be opened");
	answer_unpack(rq, arena_strndup(rq->arena, (const char *)plain, plain_len), plain_len);
	return 0;
}

int idem_begin(struct rq *rq, bool *replayed_r)
{
	const char *key = idem_key(rq);
	struct rows lock, found;
	const struct arg *args;

	if (key == NULL && rq->route->flags & KEY_REQUIRED)
		return err_set(&rq->err, PROBLEM_idempotency_key_required,
		               "Send an Idempotency-Key of your own making, such as a UUID.");
	if (key == NULL)
		return 0;
	TRY(key_check(rq, key));
	args = key_args(rq, key);
	db_prelude(&rq->db, &sql_idem_lock, args, &lock);
	db_prelude(&rq->db, &sql_idem_find, args, &found);
	TRY(db_flush_prelude(&rq->db));
	if (!row_bool(&lock, 0, "locked")) {
		rq->err.retry_after_s = 1;
		return err_set(&rq->err, PROBLEM_idempotency_in_progress,
		               "The same request is being worked on; ask again in a moment.");
	}
	*replayed_r = found.n > 0;
	return found.n > 0 ? replay(rq, &found) : 0;
}

int idem_known(struct rq *rq, bool *known_r)
{
	const char *key = idem_key(rq);
	struct rows found;

	*known_r = false;
	if (key == NULL)
		return 0;
	TRY(key_check(rq, key));
	TRY(db_query(&rq->db, &sql_idem_find, key_args(rq, key), &found));
	*known_r = found.n > 0;
	return 0;
}

int idem_store(struct rq *rq)
{
	const char *key = idem_key(rq);
	uint8_t hash[HASH_SIZE];
	const uint8_t *sealed;
	size_t sealed_len;
	struct buf b;

	if (key == NULL)
		return 0;
	answer_pack(rq, &b);
	crypt_seal(rq->arena, KEY_IDEMPOTENCY, b.data, b.len, &sealed, &sealed_len);
	fingerprint(rq, hash);
	return db_query(&rq->db, &sql_idem_insert,
	                ARGS({"key_hash", key_args(rq, key)[0].value},
	                     {"fingerprint", arg_bytes(rq->arena, hash, sizeof(hash))},
	                     {"status", arg_int(rq->arena, rq->out->status)},
	                     {"sealed", arg_bytes(rq->arena, sealed, sealed_len)}),
	                NULL);
}
