#include "base/clock.h"

#include "base/check.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

void clock_init(struct clock *c, uint64_t epoch_ns)
{
    memset(c, 0, sizeof *c);
    c->paces[0] = (struct pace_change){epoch_ns, 0, 1};
    c->n = 1;
}

/* The change in force at an instant; before the oldest that is known, that one. */
static uint32_t in_force(const struct clock *c, uint64_t mono_ns)
{
    CHECK(c->n > 0);
    uint32_t i = c->n - 1;
    while (i > 0 && c->paces[i].mono_ns > mono_ns)
        i--;
    return i;
}

static nsec scaled(const struct pace_change *p, uint64_t mono_ns)
{
    if (mono_ns <= p->mono_ns)
        return p->at;
    uint64_t passed = mono_ns - p->mono_ns;
    /* At native pace not a nanosecond is rounded. */
    return p->at + (p->factor == 1 ? passed : (nsec)((double)passed * p->factor));
}

nsec clock_now(const struct clock *c, uint64_t mono_ns)
{
    return scaled(&c->paces[in_force(c, mono_ns)], mono_ns);
}

void clock_pace(struct clock *c, uint64_t mono_ns, double factor)
{
    CHECK(isfinite(factor) && factor >= 0);
    /* Every node gets the changes in the same order, so this moves them all alike. */
    uint64_t newest = c->paces[c->n - 1].mono_ns;
    uint64_t from = mono_ns > newest ? mono_ns : newest;
    struct pace_change change = {from, clock_now(c, from), factor};
    if (c->n == CLOCK_PACES_MAX) {
        memmove(&c->paces[0], &c->paces[1], (CLOCK_PACES_MAX - 1) * sizeof c->paces[0]);
        c->n--;
    }
    c->paces[c->n++] = change;
}

/* When `at` comes while p is in force, if ever; not before mono_ns. */
static uint64_t reached(const struct pace_change *p, nsec at, uint64_t mono_ns)
{
    if (scaled(p, mono_ns) >= at)
        return mono_ns;
    if (p->factor <= 0)
        return UINT64_MAX;
    double wait = (double)(at - p->at) / p->factor;
    if (wait >= 0x1p63 || (uint64_t)wait > UINT64_MAX / 2 - p->mono_ns)
        return UINT64_MAX;
    uint64_t when = p->mono_ns + (p->factor == 1 ? at - p->at : (uint64_t)wait);
    for (uint64_t step = 1; scaled(p, when) < at; step *= 2) /* It was rounded down. */
        when += step;
    return when;
}

uint64_t clock_until(const struct clock *c, nsec at, uint64_t mono_ns)
{
    if (at == UINT64_MAX)
        return UINT64_MAX;
    for (uint32_t i = in_force(c, mono_ns); i < c->n; i++) {
        uint64_t from = mono_ns > c->paces[i].mono_ns ? mono_ns : c->paces[i].mono_ns;
        uint64_t when = reached(&c->paces[i], at, i == 0 ? mono_ns : from);
        bool ends = i + 1 < c->n;
        if (when != UINT64_MAX && (!ends || when <= c->paces[i + 1].mono_ns))
            return when;
    }
    return UINT64_MAX;
}

double clock_factor(const struct clock *c, uint64_t mono_ns)
{
    return c->paces[in_force(c, mono_ns)].factor;
}

static int64_t drifted(const struct clock *c, uint64_t mono_ns)
{
    if (mono_ns <= c->drift_from_ns)
        return 0;
    return (int64_t)((double)(mono_ns - c->drift_from_ns) * c->drift_ppm * 1e-6);
}

void clock_fault(struct clock *c, uint64_t mono_ns, const int64_t *skew_ns, const double *drift_ppm)
{
    if (drift_ppm) {
        CHECK(isfinite(*drift_ppm));
        /* What drifted so far stays: the clock goes at another rate, but does not jump. */
        c->skew_ns += drifted(c, mono_ns);
        c->drift_ppm = *drift_ppm;
        c->drift_from_ns = mono_ns;
    }
    if (skew_ns) {
        c->skew_ns = *skew_ns; /* A clock that is set jumps, and is off by just so much now. */
        c->drift_from_ns = mono_ns;
    }
}

int64_t clock_wall(const struct clock *c, uint64_t mono_ns, int64_t machine_wall_ns)
{
    return machine_wall_ns + c->skew_ns + drifted(c, mono_ns);
}
