#include "base/check.h"
#include "base/must.h"
#include "terminal/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fold *model_fold(struct model *m, const struct entry *e)
{
    struct row *r = &m->growing;
    if (!r->fold) {
        r->fold = must_alloc(1, sizeof *r->fold);
        r->fold->fastest_ns = UINT64_MAX;
        r->kind = ROW_FOLD;
        r->first = r->entry = e->ordinal;
        r->from_ns = m->told_ns && m->told_ns < e->head.mono_ns ? m->told_ns : e->head.mono_ns;
    }
    r->last = e->ordinal;
    r->id = m->next_id;
    if (e->head.mono_ns > r->to_ns)
        r->to_ns = e->head.mono_ns;
    struct fold *f = r->fold;
    if (f->n_lanes < m->lanes.n) {
        f->lanes = realloc(f->lanes, m->lanes.n * sizeof *f->lanes);
        CHECK(f->lanes);
        memset(&f->lanes[f->n_lanes], 0, (m->lanes.n - f->n_lanes) * sizeof *f->lanes);
        f->n_lanes = m->lanes.n;
    }
    return f;
}

static void count_kind(struct fold *f, const char *name, uint32_t times)
{
    CHECK(name);
    for (int i = 0; i < FOLD_KINDS_MAX; i++) {
        if (!f->kinds[i].count)
            snprintf(f->kinds[i].name, sizeof f->kinds[i].name, "%.*s", FOLD_KIND_SIZE - 1, name);
        if (strncmp(f->kinds[i].name, name, FOLD_KIND_SIZE - 1) == 0) {
            f->kinds[i].count += times;
            return;
        }
    }
    f->others += times;
}

void fold_sent(struct fold *f, uint32_t lane, const char *name)
{
    if (lane < f->n_lanes)
        f->lanes[lane].sent++;
    count_kind(f, name, 1);
}

void fold_received(struct fold *f, uint32_t lane, uint64_t latency_ns)
{
    if (lane < f->n_lanes)
        f->lanes[lane].received++;
    f->received++;
    if (latency_ns == UINT64_MAX)
        return;
    if (latency_ns < f->fastest_ns)
        f->fastest_ns = latency_ns;
    if (latency_ns > f->slowest_ns)
        f->slowest_ns = latency_ns;
}

void fold_lost(struct fold *f, uint32_t lane, int reason)
{
    if (lane < f->n_lanes)
        f->lanes[lane].lost++;
    f->lost++;
    if (reason < 0)
        f->dead++;
    else if (reason < 32)
        f->reasons |= UINT32_C(1) << reason;
}

void fold_other(struct fold *f, uint32_t lane, const char *name)
{
    if (lane < f->n_lanes)
        f->lanes[lane].others++;
    count_kind(f, name, 1);
}

/* The same lanes did the same sort of thing. */
bool fold_alike(const struct fold *a, const struct fold *b)
{
    if (a->n_lanes != b->n_lanes || a->reasons != b->reasons || !a->dead != !b->dead)
        return false;
    for (uint32_t i = 0; i < a->n_lanes; i++) {
        const struct fold_lane *x = &a->lanes[i], *y = &b->lanes[i];
        if (!x->sent != !y->sent || !x->received != !y->received || !x->lost != !y->lost)
            return false;
    }
    return true;
}

void fold_join(struct fold *into, const struct fold *more)
{
    CHECK(into->n_lanes == more->n_lanes);
    for (uint32_t i = 0; i < into->n_lanes; i++) {
        into->lanes[i].sent += more->lanes[i].sent;
        into->lanes[i].received += more->lanes[i].received;
        into->lanes[i].lost += more->lanes[i].lost;
        into->lanes[i].others += more->lanes[i].others;
    }
    for (int i = 0; i < FOLD_KINDS_MAX; i++)
        if (more->kinds[i].count)
            count_kind(into, more->kinds[i].name, more->kinds[i].count);
    into->received += more->received;
    into->lost += more->lost;
    into->dead += more->dead;
    into->reasons |= more->reasons;
    into->others += more->others;
    if (more->fastest_ns < into->fastest_ns)
        into->fastest_ns = more->fastest_ns;
    if (more->slowest_ns > into->slowest_ns)
        into->slowest_ns = more->slowest_ns;
}

void fold_free(struct fold *f)
{
    if (f)
        free(f->lanes);
    free(f);
}
