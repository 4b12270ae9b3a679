/*
 * upload.c - what the staff's and the portal's upload have in common.
 *
 * The edge asks before it takes the body (admit); then it spools the body and hands over the file's
 * name. The body is taken and hashed before the transaction begins, everything else is judged and
 * written inside it, the right to upload once more included (pitfall P25).
 */
#include "upload.h"

#include "blob.h"
#include "document.h"
#include "setting.h"
#include "sql_upload.h"
#include "text.h"

/* Left free on the file system, for what else is written there; names that are tried in one go. */
enum { DISK_RESERVE_BYTES = 64 * 1024 * 1024, NAMES_AT_ONCE = 16, DIGEST_TEXT_SIZE = 44 + 1 };

/* ---- the bytes ---- */

static void drop_blob(void *data)
{
	struct rq *rq = data;

	if (!rq->blob_kept)
		blob_remove(rq->blob->path);
}

/* The hash as RFC 9530 has it: base64 with '+', '/' and padding. */
static void digest_text(const uint8_t hash[HASH_SIZE], char text[DIGEST_TEXT_SIZE])
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned bits = 0, held = 0;
	size_t n = 0;

	for (size_t i = 0; i < HASH_SIZE; i++) {
		bits = bits << 8 | hash[i];
		for (held += 8; held >= 6; held -= 6)
			text[n++] = digits[bits >> (held - 6) & 63];
	}
	text[n++] = digits[bits << (6 - held) & 63];
	text[n++] = '=';
	text[n] = '\0';
}

/* Content-Digest (RFC 9530): other algorithms than sha-256 are not known and ignored. */
static int digest_check(struct rq *rq)
{
	const char *sent = rq_header(rq, "content-digest"), *at;
	char text[DIGEST_TEXT_SIZE];

	at = sent == NULL ? NULL : strstr(sent, "sha-256=:");
	if (at == NULL)
		return 0;
	at += strlen("sha-256=:");
	digest_text(rq->blob->sha256, text);
	if (strncmp(at, text, DIGEST_TEXT_SIZE - 1) == 0 && at[DIGEST_TEXT_SIZE - 1] == ':')
		return 0;
	return err_set(&rq->err, PROBLEM_digest_mismatch,
	               "What arrived is not what Content-Digest says; send it again.");
}

int upload_take(struct rq *rq)
{
	struct blob *blob = arena_new(rq->arena, struct blob);

	if (rq->spool == NULL)
		return err_set(&rq->err, PROBLEM_malformed_request, "The upload was cut short.");
	TRY(blob_take(rq->arena, rq->spool, blob, &rq->err));
	rq->blob = blob;
	arena_defer(rq->arena, drop_blob, rq);
	/* hashing takes its time: a document dated before it would appear behind readers of lists
	 */
	rq->now = clock_now_ms();
	db_bind(&rq->db, "now", arg_time(rq->arena, rq->now));
	if (blob->size != rq->length)
		return err_set(&rq->err, PROBLEM_malformed_request,
		               "The upload has another length than it said.");
	return digest_check(rq);
}

/* ---- what and where ---- */

int upload_read(struct rq *rq, bool by_staff)
{
	struct upload *u = arena_new(rq->arena, struct upload);
	const char *name = rq_param(rq, "name");
	int result = rq_param_id(rq, "folder_id", "fol", &u->folder);
	int internal = 0;

	rq->upload = u;
	if (by_staff)
		result |= rq_param_bool(rq, "internal", &internal);
	u->internal = internal == 1;
	if (by_staff && rq_param(rq, "folder_id") == NULL)
		result = err_fault(&rq->err, "?folder_id", "required", "It is required.");
	if (name == NULL)
		result = err_fault(&rq->err, "?name", "required", "It is required.");
	else if (file_name_parse(rq->arena, name, &u->name) < 0)
		result = err_fault(&rq->err, "?name", "invalid_name",
		                   "A name has 1 to 255 bytes, no slash and no control character, "
		                   "and is neither . nor ..");
	TRY(result);
	u->content_type = document_content_type(rq->arena, rq_header(rq, "content-type"));
	if (u->content_type == NULL)
		return err_set(&rq->err, PROBLEM_unsupported_media_type,
		               "Send the document's bytes as they are, not as a form.");
	return 0;
}

/* Is there room on the disk? Not asked once the bytes are there. */
static int disk_check(struct rq *rq)
{
	int64_t left = rq->blob != NULL ? INT64_MAX : blob_free_bytes();

	if (left < 0)
		return err_internal(&rq->err, "cannot tell how much of the store is free");
	if (left - DISK_RESERVE_BYTES < rq->length)
		return err_set(&rq->err, PROBLEM_quota_exceeded,
		               "There is no space left for this document.");
	return 0;
}

int upload_admit(struct rq *rq, const struct rows *place)
{
	int64_t max = row_int(place, 0, "max_upload_bytes");

	rq->upload->folder = row_id(place, 0, "folder_id");
	rq->upload->client = row_id(place, 0, "client_id");
	if (row_bool(place, 0, "archived"))
		return err_set(&rq->err, PROBLEM_client_archived, "The client is archived.");
	if (max != INT64_MIN && rq->length > max)
		return err_set(&rq->err, PROBLEM_too_large, "At most %lld bytes are taken.",
		               (long long)max);
	return disk_check(rq);
}

/* ---- the document ---- */

/* The first of the names "a", "a (1)", … that no document of the locked folder has. */
static int free_name(struct rq *rq, const struct id *folder, const char **name_r)
{
	struct rows rows = {0};

	for (unsigned first = 0; rows.n == 0; first += NAMES_AT_ONCE) {
		struct json_writer w;
		struct buf keys;

		buf_init(&keys, rq->arena, 64 * 1024);
		json_start(&w, &keys);
		json_open(&w, '[');
		for (unsigned i = 0; i < NAMES_AT_ONCE; i++)
			json_put_text(&w, text_key(rq->arena,
			                           document_name_nth(rq->arena, rq->upload->name,
			                                             first + i)));
		json_close(&w, ']');
		TRY(db_query(&rq->db, &sql_upload_free_name,
		             ARGS({"folder", arg_id(rq->arena, folder)}, {"keys", keys.data}),
		             &rows));
		if (rows.n > 0)
			*name_r = document_name_nth(rq->arena, rq->upload->name,
			                            first + (unsigned)row_int(&rows, 0, "nth"));
	}
	return 0;
}

static int insert_document(struct rq *rq, const struct id *id)
{
	const struct upload *u = rq->upload;
	const struct blob *b = rq->blob;
	struct arena *a = rq->arena;

	return change_one(rq, &sql_upload_insert,
	                  ARGS({"id", arg_id(a, id)}, {"client", arg_id(a, &u->client)},
	                       {"folder", arg_id(a, &u->folder)}, {"name", u->name},
	                       {"name_key", text_key(a, u->name)},
	                       {"content_type", u->content_type},
	                       {"internal", arg_bool(u->internal)}, {"blob", arg_id(a, &b->id)},
	                       {"path", b->path}, {"size", arg_int(a, b->size)},
	                       {"sha256", arg_bytes(a, b->sha256, sizeof(b->sha256))}));
}

int upload_store(struct rq *rq, bool renamed, struct id *document_r)
{
	struct upload *u = rq->upload;
	struct actor actor;

	*document_r = id_new();
	TRY(change_one(rq, &sql_upload_lock_folder,
	               ARGS({"folder", arg_id(rq->arena, &u->folder)})));
	if (renamed)
		TRY(free_name(rq, &u->folder, &u->name));
	TRY(insert_document(rq, document_r));
	TRY(record(rq, "document.created", *document_r, u->client));
	actor = rq_actor(rq);
	return outbox_mail_upload(&rq->db, &rq->event, document_r, &actor, rq->now);
}
