/* Memory that is handed out in order and taken back all at once, within a fixed bound.
 *
 * The arena reserves its bound at once; the machine lends pages as they are touched. It can serve
 * as a ProtobufCAllocator, so a hostile length makes unpacking fail instead of allocating. */
#ifndef ORRERY_BASE_ARENA_H
#define ORRERY_BASE_ARENA_H

#include "bytes.h"

struct arena {
    uint8_t *base;
    size_t used;
    size_t cap;
};

void arena_init(struct arena *a, size_t cap);
void arena_free(struct arena *a);
void arena_clear(struct arena *a);            /* All that was handed out ends here. */
void *arena_alloc(struct arena *a, size_t n); /* 16-aligned, unset; NULL past the bound. */
struct bytes arena_copy(struct arena *a, struct bytes b); /* base is NULL past the bound. */

/* The two functions of a ProtobufCAllocator whose data is the arena:
 * (ProtobufCAllocator){arena_lend, arena_keep, &arena}. Nothing is freed before arena_clear(). */
void *arena_lend(void *arena, size_t n);
void arena_keep(void *arena, void *p);

#endif
