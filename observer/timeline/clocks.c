#include "timeline/clocks.h"

#include "base/must.h"

#include <stdlib.h>

enum { SHARE = 20 }; /* One in so many of a latency is what a stroke may be off unmarked. */

void clocks_free(struct clocks *c)
{
    free(c->all);
    *c = (struct clocks){0};
}

/* A telling goes, and the wider one of the two stands for both: no bound becomes a lie by it. */
static void thin(struct clocks *c)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->n; i++) {
        struct clock_told *t = &c->all[i], *last = NULL;
        for (size_t k = kept; k > 0 && !last && i < c->n / 2; k--)
            if (c->all[k - 1].node == t->node)
                last = &c->all[k - 1];
        if (last && last->clock == t->clock && last->shift_ns == t->shift_ns)
            last->bound_ns = t->bound_ns > last->bound_ns ? t->bound_ns : last->bound_ns;
        else
            c->all[kept++] = *t;
    }
    size_t over = kept > CLOCKS_MAX * 3 / 4 ? kept - CLOCKS_MAX * 3 / 4 : 0;
    for (size_t i = over; i < kept; i++)
        c->all[i - over] = c->all[i];
    c->n = kept - over;
}

void clocks_add(struct clocks *c, const struct clock_told *told)
{
    if (c->n == CLOCKS_MAX)
        thin(c);
    if (c->n == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 16;
        c->all = must_grow(c->all, c->cap, cap, sizeof *c->all);
        c->cap = cap;
    }
    c->all[c->n++] = *told;
}

void clocks_note(struct clocks *c, const struct entry *e)
{
    if (e->head.body != ORRERY__EVENT__BODY_OFFSET || e->node != 0)
        return;
    Orrery__Offset *o = orrery__offset__unpack(NULL, e->head.payload.len, e->head.payload.base);
    if (!o)
        return;
    clocks_add(c,
               &(struct clock_told){e->head.mono_ns, o->clock, o->shift_ns, o->bound_ns, o->node});
    orrery__offset__free_unpacked(o, NULL);
}

/* What held of a node at an instant; NULL: its clock is the observer's. */
static const struct clock_told *told_of(const struct clocks *c, uint32_t node, uint64_t ns)
{
    const struct clock_told *found = NULL;
    for (size_t i = c->n; i > 0; i--) {
        const struct clock_told *t = &c->all[i - 1];
        if (t->node != node)
            continue;
        found = t;
        if (t->ns <= ns)
            break;
    }
    return found;
}

static uint64_t between(const struct clock_told *a, const struct clock_told *b)
{
    uint64_t bound = (a ? a->bound_ns : 0) + (b ? b->bound_ns : 0);
    if (a && b && a->clock == b->clock) /* What was taken off may differ; the clock does not. */
        bound = a->shift_ns > b->shift_ns ? (uint64_t)a->shift_ns - (uint64_t)b->shift_ns
                                          : (uint64_t)b->shift_ns - (uint64_t)a->shift_ns;
    return bound;
}

uint64_t clocks_bound(const struct clocks *c, uint32_t a, uint32_t b, uint64_t ns)
{
    if (c->n == 0 || a == b)
        return 0;
    return between(told_of(c, a, ns), told_of(c, b, ns));
}

/* The two widest that are not of one clock: every pair is within their sum. */
uint64_t clocks_widest(const struct clocks *c, uint64_t ns)
{
    const struct clock_told *first = NULL, *second = NULL;
    for (size_t i = 0; i < c->n; i++) {
        const struct clock_told *t = told_of(c, c->all[i].node, ns);
        if (t != &c->all[i])
            continue;
        if (!first || t->bound_ns > first->bound_ns) {
            second = first && first->clock != t->clock ? first : second;
            first = t;
        } else if (t->clock != first->clock && (!second || t->bound_ns > second->bound_ns)) {
            second = t;
        }
    }
    return between(first, second);
}

bool clocks_matter(uint64_t bound_ns, uint64_t latency_ns)
{
    return bound_ns > 0 && bound_ns > latency_ns / SHARE;
}
