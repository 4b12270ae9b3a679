/* importer.h - makes what files of clients and contacts say, in the background of the API. */
#ifndef PORTICO_IMPORTER_H
#define PORTICO_IMPORTER_H

/* Take up one waiting import after the other until the worker ends. `conf` is the worker's. Runs in
 * a fiber of its own. */
void importer_run(void *conf);

#endif
