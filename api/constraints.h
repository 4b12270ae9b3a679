/* constraints.h - what a violated constraint of the schema means to a caller. */
#ifndef PORTICO_CONSTRAINTS_H
#define PORTICO_CONSTRAINTS_H

#include "db.h"

/* The table for db_set_constraints(). */
extern const struct db_constraint constraints[];

#endif
