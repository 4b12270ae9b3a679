/*
 * blob.h - the documents' bytes in the local store: store/incoming (arriving) and store/blobs.
 *
 * Order that loses nothing: take (rename out of the spool at once, since the edge unlinks the spool
 * file when the client aborts), hash and fsync the file, publish (rename to a new name, fsync the
 * directory), insert the row. A file in blobs/ without a row is an orphan for the janitor.
 */
#ifndef PORTICO_BLOB_H
#define PORTICO_BLOB_H

#include "base.h"
#include "crypt.h"

/* Make the store's directories under `store_dir`, remember them and the spool. 0, or -1 with errno.
 */
int blob_init(const char *store_dir, const char *spool_dir);

struct blob {
	struct id id;
	int64_t size;
	uint8_t sha256[HASH_SIZE];
	char path[64]; /* below blobs/, e.g. "3f/01k…": what the row keeps and X-Accel-Redirect
	                  names */
};

/*
 * Take the spool file at `spool` (must lie in the spool directory, be a regular file), hash it away
 * from the event loop, make it durable and publish it under a new id. 0 and *blob_r; -1 with err:
 * quota_exceeded when the disk is full, malformed_request when the file is not there, unavailable
 * when the queue stays full for a minute. On failure or cancel nothing is left behind.
 */
may_wait int blob_take(struct arena *a, const char *spool, struct blob *blob_r, struct err *e);

/* Open a published blob for reading, at its beginning: a descriptor of the caller, or -1 with
 * errno. */
int blob_open(const char *path);

/* Remove a published blob (its row was never committed, or is purged). Missing is fine. */
void blob_remove(const char *path);

/* Bytes free for documents on the store's file system, -1 with errno. */
int64_t blob_free_bytes(void);
/* The same where the edge puts arriving bodies. */
int64_t blob_spool_free_bytes(void);

/* Can the store be written? 0, or -1 with errno (readyz). */
int blob_probe(void);

#endif
