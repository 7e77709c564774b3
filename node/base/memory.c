#include "base/memory.h"

#include "base/check.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct memory_block {
    struct memory_block *next;
    struct memory_block *previous;
    size_t size;
    _Alignas(16) unsigned char bytes[];
};

static struct memory_block *block_of(void *p)
{
    return (struct memory_block *)(void *)((unsigned char *)p -
                                           offsetof(struct memory_block, bytes));
}

static void link_block(struct memory *m, struct memory_block *b)
{
    b->previous = NULL;
    b->next = m->blocks;
    if (m->blocks)
        m->blocks->previous = b;
    m->blocks = b;
}

static void unlink_block(struct memory *m, struct memory_block *b)
{
    if (b->previous)
        b->previous->next = b->next;
    else
        m->blocks = b->next;
    if (b->next)
        b->next->previous = b->previous;
}

void memory_init(struct memory *m, size_t limit)
{
    *m = (struct memory){0, limit, NULL};
}

void *memory_alloc(struct memory *m, size_t n)
{
    CHECK(m->used <= m->limit);
    if (n > m->limit - m->used || n > SIZE_MAX - sizeof(struct memory_block))
        return NULL;
    struct memory_block *b = calloc(1, sizeof *b + n);
    CHECK(b != NULL);
    b->size = n;
    link_block(m, b);
    m->used += n;
    return b->bytes;
}

void *memory_resize(struct memory *m, void *p, size_t n)
{
    if (!p)
        return memory_alloc(m, n);
    struct memory_block *b = block_of(p);
    size_t old = b->size;
    CHECK(old <= m->used);
    if (n > m->limit - (m->used - old) || n > SIZE_MAX - sizeof *b)
        return NULL;
    unlink_block(m, b);
    b = realloc(b, sizeof *b + n);
    CHECK(b != NULL);
    if (n > old)
        memset(b->bytes + old, 0, n - old);
    b->size = n;
    link_block(m, b);
    m->used = m->used - old + n;
    return b->bytes;
}

void memory_free(struct memory *m, void *p)
{
    if (!p)
        return;
    struct memory_block *b = block_of(p);
    CHECK(b->size <= m->used);
    unlink_block(m, b);
    m->used -= b->size;
    free(b);
}

void memory_clear(struct memory *m)
{
    while (m->blocks)
        memory_free(m, m->blocks->bytes);
    CHECK(m->used == 0);
}
