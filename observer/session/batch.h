/* An Entries message as it is put together: its fields may come in any order, so each entry is
 * packed at once, while its bytes are certain to be there. With an entry goes, once, what its
 * reader needs to understand it: the start of its life, and the schemas. */
#ifndef ORRERY_SESSION_BATCH_H
#define ORRERY_SESSION_BATCH_H

#include "session/viewer.h"

struct batch { /* Starts as zeroes. */
    struct buf fields;
    size_t n;
};

void batch_put(struct viewer *v, struct batch *batch, const struct entry *e);
/* Ends the batch: `rest` has the fields that are left (truncated, last, counts). */
void batch_send(struct viewer *v, uint64_t ask, struct batch *batch, const Orrery__Entries *rest);

#endif
