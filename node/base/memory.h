/* The heap that a host lends to a protocol: bounded, zeroed, and taken back whole when a life ends.
 * Protocols have no other. */
#ifndef ORRERY_BASE_MEMORY_H
#define ORRERY_BASE_MEMORY_H

#include <stddef.h>

struct memory_block;

struct memory {
    size_t used;
    size_t limit;
    struct memory_block *blocks; /* Doubly linked, so that memory_clear() finds them. */
};

void memory_init(struct memory *m, size_t limit);
void *memory_alloc(struct memory *m, size_t n);           /* NULL past the limit. */
void *memory_resize(struct memory *m, void *p, size_t n); /* As realloc; new bytes are zero. */
void memory_free(struct memory *m, void *p);              /* p may be NULL. */
void memory_clear(struct memory *m);                      /* Frees all that is left. */

#endif
