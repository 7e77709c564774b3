#include "base/heap.h"

#include "base/check.h"

#include <stdlib.h>

static bool before(const struct heap_item *a, const struct heap_item *b)
{
    return a->key != b->key ? a->key < b->key : a->order < b->order;
}

void heap_free(struct heap *h)
{
    free(h->items);
    *h = (struct heap){NULL, 0, 0, 0};
}

void heap_push(struct heap *h, uint64_t key, void *what)
{
    if (h->n == h->cap) {
        h->cap = h->cap ? 2 * h->cap : 64;
        h->items = realloc(h->items, h->cap * sizeof *h->items);
        CHECK(h->items != NULL);
    }
    struct heap_item item = {key, h->next_order++, what};
    size_t i = h->n++;
    while (i > 0 && before(&item, &h->items[(i - 1) / 2])) {
        h->items[i] = h->items[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    h->items[i] = item;
}

const struct heap_item *heap_peek(const struct heap *h)
{
    return h->n > 0 ? &h->items[0] : NULL;
}

bool heap_pop(struct heap *h, struct heap_item *item)
{
    if (h->n == 0)
        return false;
    *item = h->items[0];
    struct heap_item last = h->items[--h->n];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= h->n)
            break;
        if (child + 1 < h->n && before(&h->items[child + 1], &h->items[child]))
            child++;
        if (!before(&h->items[child], &last))
            break;
        h->items[i] = h->items[child];
        i = child;
    }
    h->items[i] = last;
    return true;
}
