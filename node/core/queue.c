#include "core/queue.h"

#include "base/check.h"

enum { ENTRY_ALIGN = 16, COMPACT_ABOVE = 1 << 16 };

struct entry {
    _Alignas(ENTRY_ALIGN) size_t size; /* With this. */
};

void queue_free(struct queue *q)
{
    buf_free(&q->bytes);
    q->head = 0;
}

bool queue_empty(const struct queue *q)
{
    return q->head == q->bytes.len;
}

void *queue_push(struct queue *q, size_t size)
{
    /* What was popped makes room, at most as often as it pays for the move. */
    if (q->head > COMPACT_ABOVE && q->head > q->bytes.len / 2) {
        buf_consume(&q->bytes, q->head);
        q->head = 0;
    }
    size_t whole = (sizeof(struct entry) + size + ENTRY_ALIGN - 1) & ~(size_t)(ENTRY_ALIGN - 1);
    struct entry *e = (void *)buf_extend(&q->bytes, whole);
    CHECK((uintptr_t)e % ENTRY_ALIGN == 0);
    e->size = whole;
    return e + 1;
}

void *queue_first(const struct queue *q)
{
    return queue_empty(q) ? NULL : q->bytes.base + q->head + sizeof(struct entry);
}

void queue_pop(struct queue *q)
{
    CHECK(!queue_empty(q));
    const struct entry *e = (const void *)(q->bytes.base + q->head);
    q->head += e->size;
    if (queue_empty(q)) {
        buf_clear(&q->bytes);
        q->head = 0;
    }
}

void *queue_each(const struct queue *q, size_t *at)
{
    if (q->head + *at == q->bytes.len)
        return NULL;
    uint8_t *entry = q->bytes.base + q->head + *at;
    *at += ((const struct entry *)(const void *)entry)->size;
    return entry + sizeof(struct entry);
}
