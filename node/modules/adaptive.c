#include "modules/adaptive.h"

#include "base/check.h"

#include <math.h>

/* Offsets are kept as samples without a sign: this one stands for 0. */
static const uint32_t raised = UINT32_C(1) << 31;

void adaptive_init(struct adaptive *a, uint32_t *storage, uint32_t cap, uint64_t eta_ns,
                   uint64_t alpha_ns)
{
    CHECK(eta_ns > 0);
    *a = (struct adaptive){.eta_ns = eta_ns, .alpha_ns = alpha_ns};
    window_init(&a->offsets, storage, cap);
}

static void begin_anew(struct adaptive *a, uint64_t number, uint64_t now)
{
    window_clear(&a->offsets);
    a->first_number = number;
    a->origin = now;
}

bool adaptive_beat(struct adaptive *a, uint64_t number, uint64_t now)
{
    CHECK(number >= 1);
    if (number <= a->newest)
        return false;
    a->newest = number;
    if (a->offsets.n == 0)
        begin_anew(a, number, now);
    /* In floating point, so that a wild number cannot wrap. */
    double since = (double)(int64_t)(now - a->origin) / 1e3;
    double scheduled = (double)(number - a->first_number) * ((double)a->eta_ns / 1e3);
    double offset = round(since - scheduled) + raised;
    if (offset < 0 || offset > UINT32_MAX) {
        /* Half an hour off its schedule: what came before says nothing about what comes. */
        begin_anew(a, number, now);
        offset = raised;
    }
    window_push(&a->offsets, (uint32_t)offset);
    return true;
}

uint64_t adaptive_expected(const struct adaptive *a)
{
    if (a->newest == 0)
        return UINT64_MAX;
    double mean_offset_ns = (window_mean(&a->offsets) - raised) * 1e3;
    double ahead_ns = (double)(a->newest - a->first_number + 1) * (double)a->eta_ns;
    double ahead = round(mean_offset_ns + ahead_ns);
    if (ahead < 0)
        return -ahead < (double)a->origin ? a->origin - (uint64_t)-ahead : 0;
    if (ahead >= (double)(UINT64_MAX - a->origin))
        return UINT64_MAX;
    return a->origin + (uint64_t)ahead;
}

uint64_t adaptive_deadline(const struct adaptive *a)
{
    uint64_t expected = adaptive_expected(a);
    return a->alpha_ns > UINT64_MAX - expected ? UINT64_MAX : expected + a->alpha_ns;
}

double adaptive_deviation_ns(const struct adaptive *a)
{
    return window_deviation(&a->offsets) * 1e3;
}
