#include "check/smallest.h"

#include "base/check.h"
#include "base/must.h"

#include <stdlib.h>
#include <string.h>

enum { SMALLEST_OF_MAX = 4000 };

struct smallest {
    struct history *history;
    const uint32_t *base;
    refutes *refuted;
    struct operations *kept;
    struct operation **tried; /* [kept.n] */
    uint32_t n_tried;
    bool *out; /* [kept.n]: not tried. */
    uint64_t steps;
};

static bool may_go(const struct smallest *s)
{
    struct datatype *m = &s->history->datatype;
    for (uint32_t i = 0; i < s->kept->n; i++) {
        const struct operation *o = s->kept->all[i];
        for (uint32_t k = 0; s->out[i] && !o->stays && k < s->n_tried; k++)
            if (datatype_may_see(m, s->tried[k], o))
                return false;
    }
    return true;
}

/* Without those that are out; false when they cannot be. */
static bool leave_out(struct smallest *s)
{
    struct operations *kept = s->kept;
    s->n_tried = 0;
    for (uint32_t i = 0; i < kept->n; i++)
        if (!s->out[i])
            s->tried[s->n_tried++] = kept->all[i];
    s->steps -= s->steps < kept->n ? s->steps : kept->n; /* Trying has its price, too. */
    if (s->n_tried == kept->n || !may_go(s) ||
        !s->refuted(s->history, s->base, s->tried, s->n_tried, &s->steps))
        return false;
    uint32_t n = 0;
    for (uint32_t i = 0; i < kept->n; i++) {
        if (s->out[i])
            free(kept->all[i]);
        else
            kept->all[n++] = kept->all[i];
    }
    kept->n = n;
    return true;
}

/* From the newest back, for what is old explains what is new. True if something went. */
static bool leave_out_runs(struct smallest *s, uint32_t run)
{
    bool less = false;
    for (uint32_t end = s->kept->n; end > 0 && s->steps > 0;) {
        uint32_t from = end > run ? end - run : 0;
        memset(s->out, 0, s->kept->n * sizeof *s->out);
        memset(s->out + from, 1, (end - from) * sizeof *s->out);
        less |= leave_out(s);
        end = from;
    }
    return less;
}

/* All at once that changes nothing but what is needed, then what it saw can go with it. */
static bool leave_out_unseen(struct smallest *s)
{
    bool less = false;
    for (uint32_t i = 0; i < s->kept->n && s->steps > 0; i++) {
        memset(s->out, 0, s->kept->n * sizeof *s->out);
        s->out[i] = true;
        const struct operation *o = s->kept->all[i];
        for (uint32_t k = 0; k < s->kept->n; k++)
            s->out[k] |= datatype_may_see(&s->history->datatype, s->kept->all[k], o);
        if (leave_out(s)) {
            less = true;
            i = UINT32_MAX;
        }
    }
    return less;
}

static bool forget_results(struct smallest *s)
{
    bool less = false;
    memset(s->out, 0, s->kept->n * sizeof *s->out);
    for (uint32_t i = 0; i < s->kept->n && s->steps > 0; i++) {
        struct operation *o = s->kept->all[i];
        for (uint32_t k = 0; k < o->n && !o->stays; k++) {
            struct action *a = &o->actions[k];
            if (!a->told || a->kind == ACTION_CAS || a->kind == ACTION_DEQUEUE)
                continue;
            a->told = false;
            operation_settle(o);
            memcpy(s->tried, s->kept->all, s->kept->n * sizeof(struct operation *));
            s->n_tried = s->kept->n;
            bool still = s->refuted(s->history, s->base, s->tried, s->n_tried, &s->steps);
            a->told = !still;
            operation_settle(o);
            less |= still;
        }
    }
    return less;
}

static int by_invocation(const void *a, const void *b)
{
    const struct operation *x = *(struct operation *const *)a;
    const struct operation *y = *(struct operation *const *)b;
    return x->invoked < y->invoked ? -1 : x->invoked > y->invoked;
}

void smallest_find(struct history *h, const uint32_t *base, const struct operations *of,
                   refutes *refuted, uint64_t steps, struct operations *into)
{
    *into = (struct operations){0};
    for (uint32_t i = 0; i < of->n; i++) {
        const struct operation *o = of->all[i];
        if (o->fate == FATE_DROPPED || (o->fate == FATE_UNKNOWN && o->stays))
            continue;
        struct operation *copy = operation_new(o->n);
        memcpy(copy, o, sizeof *o + o->n * sizeof o->actions[0]);
        operations_add(into, copy);
    }
    qsort(into->all, into->n, sizeof(struct operation *), by_invocation);
    if (into->n > SMALLEST_OF_MAX)
        return;
    struct smallest s = {
        .history = h, .base = base, .refuted = refuted, .kept = into, .steps = steps};
    s.tried = must_alloc(into->n, sizeof(struct operation *));
    s.out = must_alloc(into->n, sizeof *s.out);
    for (uint32_t run = into->n / 2; run > 1; run /= 2)
        (void)leave_out_runs(&s, run);
    for (bool fewer = true; fewer;) {
        fewer = leave_out_runs(&s, 1);
        fewer = leave_out_unseen(&s) || fewer;
        fewer = forget_results(&s) || fewer;
    }
    free(s.tried);
    free(s.out);
}
