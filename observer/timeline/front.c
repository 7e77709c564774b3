#include "timeline/front.h"

#include <stdlib.h>

#include "base/check.h"

void front_free(struct front *f)
{
    free(f->keys);
    free(f->marks);
}

static void front_grow(struct front *f)
{
    struct front old = *f;
    f->size = old.size ? old.size * 2 : 64;
    f->n = 0;
    f->keys = calloc(f->size, sizeof *f->keys);
    f->marks = calloc(f->size, sizeof *f->marks);
    CHECK(f->keys && f->marks);
    for (size_t i = 0; i < old.size; i++)
        if (old.keys[i]) {
            uint64_t key = old.keys[i] - 1;
            *front_mark(f, (uint32_t)(key >> 32), (uint32_t)key, 0) = old.marks[i];
        }
    front_free(&old);
}

uint64_t *front_mark(struct front *f, uint32_t node, uint32_t boot, uint64_t absent)
{
    if (f->n * 2 >= f->size)
        front_grow(f);
    uint64_t key = ((uint64_t)node << 32 | boot) + 1;
    size_t i = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 40) & (f->size - 1);
    while (f->keys[i] && f->keys[i] != key)
        i = (i + 1) & (f->size - 1);
    if (!f->keys[i]) {
        f->keys[i] = key;
        f->marks[i] = absent;
        f->n++;
    }
    return &f->marks[i];
}

void front_cause_life(const struct entry *e, uint32_t *node, uint32_t *boot)
{
    bool start = e->head.body == ORRERY__EVENT__BODY_START; /* Its cause is a spawn, on lane 0. */
    bool held = e->head.body == ORRERY__EVENT__BODY_HELD; /* And here the send of the same life. */
    *node = start ? 0 : held ? e->node : e->head.peer;
    *boot = start ? 0 : held ? e->boot : e->head.peer_boot;
}
