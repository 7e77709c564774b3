#include "session/watch.h"

#include "base/must.h"

#include <stdlib.h>
#include <string.h>

enum {
    KINDS_MAX = 64,
    KIND_SIZE = 128,
    BACK_MAX = 200000,
    GLANCE_BACK_MAX = 20000,
    OLD_MAX = 4096
};
static const uint64_t shuffled_ns = 50000000; /* Causality may have moved entries by about that. */

struct kind {
    char name[KIND_SIZE];
    uint64_t second; /* Of cluster time, */
    uint32_t given;  /* and how many in it. */
};

struct watch {
    struct kind kinds[KINDS_MAX];
    size_t n_kinds; /* 0: all. */
    uint32_t per_second;
    uint64_t from_ns;
    uint64_t to_ns;      /* 0: it goes on. */
    uint64_t from_event; /* Behind this one; 0: from the newest views. */
    uint64_t *old;       /* Ordinals of what befell nodes before the walk. */
    size_t n_old;
    struct view_base *bases; /* Ascending. */
    size_t n_bases;
    uint64_t walk; /* Where the walk begins. */
    bool begun;
};

static uint64_t whole(double x)
{
    if (!(x > 0))
        return 0;
    return x < 9e18 ? (uint64_t)x : UINT64_MAX / 2;
}

struct watch *watch_new(const Orrery__Watch *asked)
{
    struct watch *w = must_alloc(1, sizeof *w);
    w->n_kinds = asked->n_kinds < KINDS_MAX ? asked->n_kinds : KINDS_MAX;
    for (size_t i = 0; i < w->n_kinds; i++)
        strncpy(w->kinds[i].name, asked->kinds[i], KIND_SIZE - 1);
    w->per_second = asked->per_second;
    w->from_ns = whole(asked->from_ns);
    w->to_ns = whole(asked->to_ns);
    w->from_event = whole(asked->from_event);
    return w;
}

void watch_free(struct watch *w)
{
    if (!w)
        return;
    free(w->bases);
    free(w->old);
    free(w);
}

/* A node that died long ago must not make all others be told from that time on: its newest view is
 * given by itself then. */
static void begin_at_views(struct watch *w, const struct timeline_view *view)
{
    struct timeline *t = timeline_view_timeline(view);
    uint64_t here = timeline_newest(t) + 1, back = w->to_ns ? GLANCE_BACK_MAX : BACK_MAX;
    if (w->from_ns < timeline_view_newest_ns(view))
        here = timeline_at(t, w->from_ns);
    w->n_bases = timeline_view_bases(view, w->from_ns, &w->bases);
    w->walk = w->n_bases ? w->bases[0].ordinal : timeline_oldest(t);
    if (w->walk > here)
        w->walk = here;
    if (here - w->walk > back)
        w->walk = here - back;
    w->n_old = timeline_view_outside(view, w->walk, OLD_MAX, &w->old);
}

uint64_t watch_begin(struct watch *w, const struct timeline_view *view, uint64_t *to)
{
    struct timeline *t = timeline_view_timeline(view);
    if (w->from_event)
        w->walk = w->from_event + 1;
    else
        begin_at_views(w, view);
    *to = w->to_ns ? timeline_at(t, w->to_ns + shuffled_ns) : UINT64_MAX;
    if (*to != UINT64_MAX && *to > timeline_newest(t))
        *to = timeline_newest(t);
    return w->walk;
}

static bool is_told(const struct entry *e, const struct kind *k, const char *trace)
{
    if (e->head.body == ORRERY__EVENT__BODY_TRACE && trace && strcmp(k->name, trace) == 0)
        return true;
    return strcmp(k->name, timeline_kind(e->head.body)) == 0;
}

static struct kind *kind_of(struct watch *w, struct timeline *t, const struct entry *e)
{
    const char *trace = NULL;
    if (e->head.body == ORRERY__EVENT__BODY_TRACE && e->head.kind > 0) {
        const Orrery__Start *start = timeline_start_of(t, e->node, e->boot);
        if (start && e->head.kind <= start->n_types)
            trace = start->types[e->head.kind - 1];
    }
    for (size_t i = 0; i < w->n_kinds; i++)
        if (is_told(e, &w->kinds[i], trace))
            return &w->kinds[i];
    return NULL;
}

/* What came before the newest view of its instance is in that view; but not what the node began
 * with.
 */
static bool is_older_than_base(const struct watch *w, const struct entry *e)
{
    if (w->n_bases == 0 || e->ordinal >= w->bases[w->n_bases - 1].ordinal ||
        e->head.body == ORRERY__EVENT__BODY_START)
        return false;
    for (size_t i = 0; i < w->n_bases; i++) {
        const struct view_base *b = &w->bases[i];
        bool same = e->head.instance == b->instance || b->instance == 0;
        if (b->node == e->node && same && e->ordinal < b->ordinal)
            return true;
    }
    return false;
}

/* What the truth about nodes depends on is never thinned. */
static bool is_always_given(uint32_t body)
{
    return body == ORRERY__EVENT__BODY_START || body == ORRERY__EVENT__BODY_OPERATOR ||
           body == ORRERY__EVENT__BODY_SPAWN || body == ORRERY__EVENT__BODY_EXIT;
}

bool watch_passes(struct watch *w, struct timeline *t, const struct entry *e, uint64_t *missed)
{
    if (!w)
        return true;
    if (is_older_than_base(w, e))
        return false;
    struct kind *k = kind_of(w, t, e);
    if (!k)
        return w->n_kinds == 0;
    uint64_t second = e->head.mono_ns / 1000000000;
    if (second != k->second) {
        k->second = second;
        k->given = 0;
    }
    if (w->per_second && k->given >= w->per_second && !is_always_given(e->head.body)) {
        ++*missed;
        return false;
    }
    k->given++;
    return true;
}

static void put_if_watched(struct viewer *v, struct watch *w, struct batch *batch, uint64_t ordinal)
{
    struct timeline *t = v->session->timeline;
    struct entry e;
    if (timeline_get(t, ordinal, &e) && (!w->n_kinds || kind_of(w, t, &e)))
        batch_put(v, batch, &e);
}

/* Both ascending; a start may be in both. */
void watch_first(struct viewer *v, struct job *job, struct batch *batch)
{
    struct watch *w = job->watch;
    size_t old = 0, base = 0;
    if (!w || w->begun)
        return;
    w->begun = true;
    while (old < w->n_old || (base < w->n_bases && w->bases[base].ordinal < w->walk)) {
        bool views_left = base < w->n_bases && w->bases[base].ordinal < w->walk;
        if (old < w->n_old && views_left && w->old[old] == w->bases[base].ordinal)
            old++;
        if (old < w->n_old && (!views_left || w->old[old] < w->bases[base].ordinal))
            put_if_watched(v, w, batch, w->old[old++]);
        else if (views_left)
            put_if_watched(v, w, batch, w->bases[base++].ordinal);
    }
    if (w->n_bases && w->bases[0].ordinal < w->walk)
        job->missed += w->walk - w->bases[0].ordinal;
}
