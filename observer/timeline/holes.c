#include "timeline/holes.h"

#include "base/must.h"

#include <stdlib.h>

void holes_free(struct holes *h)
{
    free(h->all);
    *h = (struct holes){0};
}

/* The newest one of its lane, if the gap between them is small enough. */
static struct hole *joined(struct holes *h, size_t from, const struct hole *hole, uint64_t near_ns)
{
    for (size_t i = h->n; i > from; i--) {
        struct hole *last = &h->all[i - 1];
        if (last->lane != hole->lane)
            continue;
        bool near = hole->from_ns <= last->to_ns || hole->from_ns - last->to_ns < near_ns;
        return near ? last : NULL;
    }
    return NULL;
}

static void join(struct hole *into, const struct hole *more)
{
    into->from_ns = more->from_ns < into->from_ns ? more->from_ns : into->from_ns;
    into->to_ns = more->to_ns > into->to_ns ? more->to_ns : into->to_ns;
    into->events += more->events;
    into->ordinal = more->ordinal;
}

static void append(struct holes *h, const struct hole *hole)
{
    if (h->n == h->cap) {
        size_t cap = h->cap ? h->cap * 2 : 16;
        h->all = must_grow(h->all, h->cap, cap, sizeof *h->all);
        h->cap = cap;
    }
    h->all[h->n++] = *hole;
}

/* Twice as near as before counts as one, until half of the room is free again. */
static void thin(struct holes *h)
{
    for (uint64_t near_ns = 1000000; h->n > HOLES_MAX / 2 && near_ns < UINT64_MAX / 4;
         near_ns *= 4) {
        struct holes fewer = {0};
        for (size_t i = 0; i < h->n; i++) {
            struct hole *last = joined(&fewer, 0, &h->all[i], near_ns);
            if (last)
                join(last, &h->all[i]);
            else
                append(&fewer, &h->all[i]);
        }
        holes_free(h);
        *h = fewer;
    }
}

void holes_add(struct holes *h, const struct hole *hole)
{
    if (h->n == HOLES_MAX)
        thin(h);
    append(h, hole);
}

void holes_note(struct holes *h, const struct entry *e)
{
    if (e->head.body != ORRERY__EVENT__BODY_HOLE || e->node != 0)
        return;
    Orrery__Hole *m = orrery__hole__unpack(NULL, e->head.payload.len, e->head.payload.base);
    if (m && m->node && m->to >= m->from) {
        uint64_t to = e->head.mono_ns;
        uint64_t from = m->since_ns && m->since_ns < to ? m->since_ns : to;
        holes_add(h, &(struct hole){e->ordinal, from, to, m->to - m->from + 1, m->node});
    }
    if (m)
        orrery__hole__free_unpacked(m, NULL);
}

void holes_in(const struct holes *h, uint64_t from_ns, uint64_t to_ns, uint64_t near_ns,
              struct holes *into)
{
    size_t first = into->n;
    for (size_t i = 0; i < h->n; i++) {
        const struct hole *hole = &h->all[i];
        if (hole->to_ns < from_ns || hole->from_ns > to_ns)
            continue;
        struct hole *last = joined(into, first, hole, near_ns);
        if (last)
            join(last, hole);
        else
            append(into, hole);
    }
}
