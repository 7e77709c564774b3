#include "session/watch.h"

#include "base/must.h"

#include <stdlib.h>
#include <string.h>

enum { KINDS_MAX = 64, KIND_SIZE = 128, BACK_MAX = 200000 };

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
    struct view_base *bases; /* Ascending. */
    size_t n_bases;
    uint64_t walk; /* Where the walk begins. */
    bool begun;
};

struct watch *watch_new(const Orrery__Watch *asked)
{
    struct watch *w = must_alloc(1, sizeof *w);
    w->n_kinds = asked->n_kinds < KINDS_MAX ? asked->n_kinds : KINDS_MAX;
    for (size_t i = 0; i < w->n_kinds; i++)
        strncpy(w->kinds[i].name, asked->kinds[i], KIND_SIZE - 1);
    w->per_second = asked->per_second;
    if (asked->from_ns > 0)
        w->from_ns = asked->from_ns < 9e18 ? (uint64_t)asked->from_ns : UINT64_MAX;
    return w;
}

void watch_free(struct watch *w)
{
    if (!w)
        return;
    free(w->bases);
    free(w);
}

/* A node that died long ago must not make all others be told from that time on: its newest view is
 * given by itself then. */
uint64_t watch_begin(struct watch *w, const struct timeline_view *view)
{
    struct timeline *t = timeline_view_timeline(view);
    uint64_t here = timeline_newest(t) + 1;
    if (w->from_ns < timeline_view_newest_ns(view))
        here = timeline_at(t, w->from_ns);
    w->n_bases = timeline_view_bases(view, w->from_ns, &w->bases);
    w->walk = w->n_bases ? w->bases[0].ordinal : timeline_oldest(t);
    if (w->walk > here)
        w->walk = here;
    if (here - w->walk > BACK_MAX)
        w->walk = here - BACK_MAX;
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

/* What came before the newest view of its instance is in that view. */
static bool is_older_than_base(const struct watch *w, const struct entry *e)
{
    if (w->n_bases == 0 || e->ordinal >= w->bases[w->n_bases - 1].ordinal)
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

void watch_first(struct viewer *v, struct job *job, struct batch *batch)
{
    struct watch *w = job->watch;
    struct timeline *t = v->session->timeline;
    struct entry e;
    if (!w || w->begun)
        return;
    w->begun = true;
    for (size_t i = 0; i < w->n_bases && w->bases[i].ordinal < w->walk; i++)
        if (timeline_get(t, w->bases[i].ordinal, &e) && (!w->n_kinds || kind_of(w, t, &e)))
            batch_put(v, batch, &e);
    if (w->n_bases && w->bases[0].ordinal < w->walk)
        job->missed += w->walk - w->bases[0].ordinal;
}
