/* download.h - what the staff's and the portal's download have in common. */
#ifndef PORTICO_DOWNLOAD_H
#define PORTICO_DOWNLOAD_H

#include "rq.h"

/*
 * Send the document that `stmt` finds (a struct content) and note it in the audit log. 0; -1 with
 * not_found, scan_pending, file_infected, and as reply_file.
 */
may_wait int download(struct rq *rq, const struct stmt *stmt);

#endif
