/* A binary heap of (key, order) pairs with a payload: least key first, equal keys in the order in
 * which they came. No pointer decides anything, so a simulation repeats itself. */
#ifndef ORRERY_BASE_HEAP_H
#define ORRERY_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_item {
    uint64_t key;
    uint64_t order;
    void *what;
};

struct heap {
    struct heap_item *items;
    size_t n;
    size_t cap;
    uint64_t next_order;
};

void heap_free(struct heap *h);
void heap_push(struct heap *h, uint64_t key, void *what);
const struct heap_item *heap_peek(const struct heap *h); /* NULL when empty. */
bool heap_pop(struct heap *h, struct heap_item *item);

#endif
