/* A failing seed with less in it: each fault is taken out, each that must stay is shortened, as
 * long as the same invariant still breaks. */
#include "sim/trial.h"

#include "base/check.h"
#include "base/must.h"

#include <stdlib.h>
#include <string.h>

static bool still_fails(const struct trial *t, struct outcome *o)
{
    char why[256];
    struct outcome now;
    if (trial_run(t, NULL, &now, why, sizeof why) != 0 || !now.failed ||
        strcmp(now.invariant, o->invariant) != 0)
        return false;
    *o = now;
    return true;
}

/* First in big bites, then smaller ones (Zeller's ddmin, without its complements). */
static uint32_t take_out(struct trial *t, struct outcome *o)
{
    uint32_t runs = 0;
    for (size_t bite = t->n_faults; bite > 0; bite /= 2)
        for (size_t at = 0; at < t->n_faults; at += bite) {
            bool *before = must_alloc(t->n_faults, sizeof *before);
            bool any = false;
            for (size_t i = at; i < t->n_faults && i < at + bite; i++) {
                before[i] = t->faults[i].out;
                any = any || !before[i];
                t->faults[i].out = true;
            }
            runs += any ? 1 : 0;
            if (any && !still_fails(t, o))
                for (size_t i = at; i < t->n_faults && i < at + bite; i++)
                    t->faults[i].out = before[i];
            free(before);
        }
    return runs;
}

static uint32_t shorten(struct trial *t, struct outcome *o)
{
    uint32_t runs = 0;
    for (size_t i = 0; i < t->n_faults; i++) {
        struct planned *p = &t->faults[i];
        while (!p->out && p->end[0][0] && p->until - p->at > 2 * NSEC_PER_MS) {
            nsec was = p->until;
            p->until = p->at + (p->until - p->at) / 2;
            runs++;
            if (!still_fails(t, o)) {
                p->until = was;
                break;
            }
        }
    }
    return runs;
}

uint32_t trial_shrink(struct trial *t, struct outcome *o)
{
    CHECK(o->failed);
    uint32_t runs = take_out(t, o);
    runs += shorten(t, o);
    return runs + take_out(t, o);
}

void trial_print(const struct trial *t, struct buf *into)
{
    size_t n;
    struct trial_line *all = trial_lines(t, 0, NSEC_NEVER, &n);
    bool calm = false;
    for (size_t i = 0; i <= n; i++) {
        if (!calm && (i == n || all[i].at >= t->calm)) {
            buf_printf(into, "  at %10.6f s  all is healed and started\n", (double)t->calm / 1e9);
            calm = true;
        }
        if (i < n)
            buf_printf(into, "  at %10.6f s  orrery %s\n", (double)all[i].at / 1e9, all[i].line);
    }
    free(all);
}
