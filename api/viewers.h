/* viewers.h - whom what has just been placed is seen by (pitfall P20). */
#ifndef PORTICO_VIEWERS_H
#define PORTICO_VIEWERS_H

#include "rq.h"

/*
 * The contacts with whom the bound :document_id, or :folder_id, is shared where it lies now, by
 * itself or by a folder above it, and with its matter: JSON Refs in *json_r, owned by the request.
 * NULL for a caller who may not read shares.
 */
may_wait int viewers_of_document(struct rq *rq, const char **json_r);
may_wait int viewers_of_folder(struct rq *rq, const char **json_r);

#endif
