#include "timeline/view_inside.h"

#include "base/check.h"
#include "timeline/inside.h"

#include <stdlib.h>
#include <string.h>

static int by_ordinal(const void *a, const void *b)
{
    const struct view_base *x = a, *y = b;
    return (x->ordinal > y->ordinal) - (x->ordinal < y->ordinal);
}

/* A start ends the search for its node: before it there was another life. It is given only where no
 * view came after it. */
size_t timeline_view_bases(const struct timeline_view *v, uint64_t at_ns, struct view_base **bases)
{
    size_t n = 0, cap = 0;
    struct view_base *found = NULL;
    uint64_t *seen = calloc(VIEW_LANES_MAX, sizeof *seen); /* By node: a bit for each instance. */
    CHECK(seen);
    for (size_t i = v->marks->n_bases; i > 0; i--) {
        const struct view_base *b = &v->marks->bases[i - 1];
        uint64_t bit = UINT64_C(1) << (b->instance % 64), *node = &seen[b->node];
        bool known = b->instance == 0 ? *node != 0 : *node & (bit | 1);
        if (b->ns > at_ns)
            continue;
        *node |= bit;
        if (known)
            continue;
        if (n == cap) {
            cap = cap ? cap * 2 : 64;
            found = realloc(found, cap * sizeof *found);
            CHECK(found);
        }
        found[n++] = *b;
    }
    free(seen);
    if (n)
        qsort(found, n, sizeof *found, by_ordinal);
    *bases = found;
    return n;
}

size_t timeline_view_outside(const struct timeline_view *v, uint64_t before, size_t n,
                             uint64_t **ordinals)
{
    const struct landmarks *m = v->marks;
    size_t found = 0;
    uint64_t *all = calloc(n ? n : 1, sizeof *all);
    CHECK(all);
    for (size_t i = m->n_moments; i > 0 && found < n; i--) {
        uint32_t body = m->moments[i - 1].body;
        bool outside = body == ORRERY__EVENT__BODY_OPERATOR || body == ORRERY__EVENT__BODY_SPAWN ||
                       body == ORRERY__EVENT__BODY_EXIT || body == ORRERY__EVENT__BODY_START;
        if (outside && m->moments[i - 1].ordinal < before)
            all[n - ++found] = m->moments[i - 1].ordinal;
    }
    memmove(all, all + (n - found), found * sizeof *all);
    *ordinals = all;
    return found;
}

enum view_state timeline_view_state_at(const struct timeline_view *v, uint32_t lane, uint64_t ns)
{
    const struct state_change *is = landmarks_state_at(v->marks, lane, ns);
    return is ? is->state : VIEW_ABSENT;
}

struct timeline_view *timeline_view_new(struct timeline *t)
{
    struct timeline_view *v = calloc(1, sizeof *v);
    CHECK(v);
    v->timeline = t;
    v->marks = timeline_landmarks(t);
    return v;
}

void timeline_view_free(struct timeline_view *v)
{
    free(v);
}

uint64_t timeline_view_newest_ns(const struct timeline_view *v)
{
    return v->marks->newest_ns;
}

struct timeline *timeline_view_timeline(const struct timeline_view *v)
{
    return v->timeline;
}
