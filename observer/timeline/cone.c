/* The causal past and future of an entry: of each life a prefix and a suffix, so that one walk back
 * and one forth find them whole. */
#include <stdlib.h>

#include "base/check.h"
#include "timeline/front.h"
#include "timeline/inside.h"

enum { CONE_WALK_MAX = 1 << 18 }; /* Entries that are looked at, each way. */

struct walk {
    struct timeline *timeline;
    struct timeline_cone *cone;
    struct front lives; /* Index of a life's reach, + 1. */
    size_t cap;
};

static struct timeline_reach *reach_of(struct walk *w, uint32_t node, uint32_t boot)
{
    uint64_t *at = front_mark(&w->lives, node, boot, 0);
    struct timeline_cone *c = w->cone;
    if (!*at) {
        if (c->n == w->cap) {
            w->cap = w->cap ? w->cap * 2 : 16;
            c->all = realloc(c->all, w->cap * sizeof *c->all);
            CHECK(c->all);
        }
        c->all[c->n++] = (struct timeline_reach){.node = node, .boot = boot};
        *at = c->n;
    }
    return &c->all[*at - 1];
}

static void follow_cause(struct walk *w, const struct entry *e)
{
    uint32_t node, boot;
    if (!e->cause)
        return;
    front_cause_life(e, &node, &boot);
    struct timeline_reach *r = reach_of(w, node, boot);
    if (r->past_last < e->cause)
        r->past_last = e->cause;
}

/* Downwards, so that whatever an entry of the past has as its cause is still to come. */
static void walk_back(struct walk *w, const struct entry *from)
{
    uint64_t oldest = timeline_oldest(w->timeline), at = from->ordinal;
    struct entry e;
    reach_of(w, from->node, from->boot)->past_last = from->previous;
    follow_cause(w, from);
    for (size_t n = 0; at > oldest && n < CONE_WALK_MAX; n++) {
        if (!timeline_get(w->timeline, --at, &e))
            continue;
        struct timeline_reach *r = reach_of(w, e.node, e.boot);
        if (r->past_last < at)
            continue;
        if (!r->past_first)
            r->past_ns = e.head.mono_ns;
        r->past_first = at;
        w->cone->past++;
        follow_cause(w, &e);
    }
    w->cone->bounded |= at > oldest;
}

static void walk_on(struct walk *w, const struct entry *from)
{
    uint64_t newest = timeline_newest(w->timeline), at = from->ordinal;
    struct entry e;
    reach_of(w, from->node, from->boot)->future_first = from->ordinal;
    for (size_t n = 0; at < newest && n < CONE_WALK_MAX; n++) {
        if (!timeline_get(w->timeline, ++at, &e))
            continue;
        uint32_t node, boot;
        front_cause_life(&e, &node, &boot);
        uint64_t causes = e.cause ? reach_of(w, node, boot)->future_first : 0;
        struct timeline_reach *r = reach_of(w, e.node, e.boot);
        if (!r->future_first && causes && e.cause >= causes)
            r->future_first = at;
        if (!r->future_first)
            continue;
        if (!r->future_last)
            r->future_ns = e.head.mono_ns;
        r->future_last = at;
        w->cone->future++;
    }
    w->cone->bounded |= at < newest;
}

/* A life that only stands for a cause that is no longer there, and the entry itself, are no reach.
 */
static void tidy(struct timeline_cone *c, uint64_t ordinal)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->n; i++) {
        struct timeline_reach *r = &c->all[i];
        if (!r->past_first)
            r->past_last = 0;
        if (!r->future_last)
            r->future_first = 0;
        else if (r->future_first == ordinal)
            r->future_first = ordinal + 1;
        if (r->past_first || r->future_last)
            c->all[kept++] = *r;
    }
    c->n = kept;
}

bool timeline_cone(struct timeline *t, uint64_t ordinal, struct timeline_cone *cone)
{
    struct entry from;
    *cone = (struct timeline_cone){0};
    if (!timeline_get(t, ordinal, &from))
        return false;
    struct walk w = {.timeline = t, .cone = cone};
    const struct entry entry = from; /* Its bytes may go; they are not needed. */
    walk_back(&w, &entry);
    walk_on(&w, &entry);
    front_free(&w.lives);
    tidy(cone, ordinal);
    return true;
}
