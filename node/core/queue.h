/* A queue of things of many sizes, each a copy: what waits inside a host. */
#ifndef ORRERY_CORE_QUEUE_H
#define ORRERY_CORE_QUEUE_H

#include "base/bytes.h"

struct queue {
    struct buf bytes;
    size_t head; /* Where the first entry begins. */
};

void queue_free(struct queue *q);
bool queue_empty(const struct queue *q);
void *queue_push(struct queue *q, size_t size); /* Unset, 16-aligned; valid until the next push. */
void *queue_first(const struct queue *q);       /* NULL when empty; valid until the next push. */
void queue_pop(struct queue *q);

/* For a change of all that waits: *at begins at 0; NULL at the end. */
void *queue_each(const struct queue *q, size_t *at);

#endif
