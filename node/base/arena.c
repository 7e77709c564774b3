#include "base/arena.h"

#include "base/check.h"

#include <string.h>
#include <sys/mman.h>

enum { ARENA_ALIGN = 16, ARENA_KEEP = 1 << 20 };

void arena_init(struct arena *a, size_t cap)
{
    CHECK(cap > 0);
    void *base =
        mmap(NULL, cap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(base != MAP_FAILED);
    *a = (struct arena){base, 0, cap};
}

void arena_free(struct arena *a)
{
    if (a->base)
        CHECK(munmap(a->base, a->cap) == 0);
    *a = (struct arena){NULL, 0, 0};
}

void arena_clear(struct arena *a)
{
    /* One large step must not hold its pages for the rest of a life. */
    if (a->used > ARENA_KEEP)
        (void)madvise(a->base + ARENA_KEEP, a->cap - ARENA_KEEP, MADV_DONTNEED);
    a->used = 0;
}

void *arena_alloc(struct arena *a, size_t n)
{
    CHECK(a->used <= a->cap);
    size_t free_bytes = a->cap - a->used;
    if (n > free_bytes)
        return NULL;
    size_t rounded = (n + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    void *p = a->base + a->used;
    a->used += rounded < free_bytes ? rounded : free_bytes;
    return p;
}

struct bytes arena_copy(struct arena *a, struct bytes b)
{
    void *p = arena_alloc(a, b.len);
    if (!p)
        return bytes_of(NULL, 0);
    if (b.len > 0)
        memcpy(p, b.base, b.len);
    return bytes_of(p, b.len);
}

void *arena_lend(void *arena, size_t n)
{
    return arena_alloc(arena, n);
}

void arena_keep(void *arena, void *p)
{
    (void)arena;
    (void)p;
}
