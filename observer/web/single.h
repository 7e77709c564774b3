/* The page as one file that has a run in it and asks nobody for anything. */
#ifndef ORRERY_WEB_SINGLE_H
#define ORRERY_WEB_SINGLE_H

#include "base/bytes.h"

/* `carried` is a packed Carried. Appends the file; false and a sentence. */
bool single_page_make(struct bytes carried, struct buf *into, char *why, size_t why_size);

#endif
