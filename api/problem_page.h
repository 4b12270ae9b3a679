/* problem_page.h - the page that the type of a problem leads to. */
#ifndef PORTICO_PROBLEM_PAGE_H
#define PORTICO_PROBLEM_PAGE_H

#include "arena.h"
#include "err.h"

/* The page of `p` as HTML, owned by `a`; NULL for PROBLEM_NONE. */
const char *problem_page(struct arena *a, enum problem p);

#endif
