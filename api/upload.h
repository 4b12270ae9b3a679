/* upload.h - what the staff's and the portal's upload have in common. */
#ifndef PORTICO_UPLOAD_H
#define PORTICO_UPLOAD_H

#include "rq.h"

/* What is to be uploaded where, as rq->upload. */
struct upload {
	struct id folder, client; /* folder: id_none until it is known where */
	const char *name, *content_type;
	bool internal; /* kept out of the portal */
};

/*
 * Take the spooled body into the store, as rq->blob; it is removed again unless the request
 * commits. Done before the first statement, since hashing takes its time and no transaction waits
 * for it. 0; -1 with err: digest_mismatch, and as blob_take.
 */
may_wait int upload_take(struct rq *rq);

/*
 * Read what is to be uploaded from the query and the headers into rq->upload. Staff name the
 * folder, and say whether it is internal. 0, or -1 with all faults, or unsupported_media_type.
 */
int upload_read(struct rq *rq, bool by_staff);

/*
 * May this be put there? `place` has one row: folder_id, client_id, archived (the client is) and
 * max_upload_bytes (of the firm). 0; -1 with client_archived, too_large or quota_exceeded.
 */
int upload_admit(struct rq *rq, const struct rows *place);

/*
 * Make the document of rq->blob that rq->upload tells of, and tell of it: event, audit, mail. A
 * name that is taken gets a suffix when it may be `renamed`, else it is name_taken. 0 and
 * *document_r, or -1.
 */
may_wait int upload_store(struct rq *rq, bool renamed, struct id *document_r);

#endif
