#include "check/limiter.h"

#include "base/check.h"

#include <stdlib.h>

void limiter_lane_free(struct limiter_lane *lane)
{
    free(lane->log);
    free(lane);
}

/* What counts is at most what the rule allows, or a little above where it was broken; sums of a
 * hostile recording stay in bounds. */
static uint64_t add(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t parts(const struct limiter_lane *lane, uint64_t n)
{
    return n > UINT64_MAX / lane->rule.period_ns ? UINT64_MAX : n * lane->rule.period_ns;
}

/* --- buckets --- */

static uint64_t drained(const struct limiter_lane *lane, uint64_t at_ns)
{
    uint64_t elapsed = at_ns > lane->at_ns ? at_ns - lane->at_ns : 0;
    return elapsed > lane->excess / lane->rule.count ? 0
                                                     : lane->excess - elapsed * lane->rule.count;
}

static bool bucket_allows(const struct limiter_lane *lane, const struct limiter_pass *p)
{
    uint64_t excess = drained(lane, p->at_ns);
    if (limiter_lane_is_queue(lane))
        return excess == 0;
    return add(excess, parts(lane, p->n)) <= parts(lane, lane->rule.burst);
}

/* The interval with the largest excess begins where it last was nothing. */
static void bucket_pass(struct limiter_lane *lane, const struct limiter_pass *p)
{
    lane->excess = drained(lane, p->at_ns);
    lane->at_ns = p->at_ns > lane->at_ns ? p->at_ns : lane->at_ns;
    if (lane->excess == 0) {
        lane->since = p->ordinal;
        lane->since_ns = p->at_ns;
        lane->passed = 0;
    }
    lane->excess = add(lane->excess, parts(lane, p->n));
    lane->passed += p->n;
}

/* --- windows --- */

static void roll(struct limiter_lane *lane, uint64_t at_ns)
{
    uint64_t window = at_ns / lane->rule.period_ns;
    if (window <= lane->window)
        return;
    lane->previous = window == lane->window + 1 ? lane->current : 0;
    lane->current = 0;
    lane->window = window;
}

static bool fixed_allows(struct limiter_lane *lane, const struct limiter_pass *p)
{
    roll(lane, p->at_ns);
    return lane->current + p->n <= lane->rule.count;
}

static bool counter_allows(struct limiter_lane *lane, const struct limiter_pass *p)
{
    roll(lane, p->at_ns);
    const uint64_t period = lane->rule.period_ns;
    uint64_t left = p->at_ns / period == lane->window ? period - p->at_ns % period : period;
    uint64_t before = lane->previous > UINT64_MAX / left ? UINT64_MAX : lane->previous * left;
    return add(before, parts(lane, add(lane->current, p->n))) <= parts(lane, lane->rule.count);
}

static void forget(struct limiter_lane *lane, uint64_t at_ns)
{
    while (lane->n > 0 && at_ns >= lane->rule.period_ns &&
           lane->log[lane->first].at_ns <= at_ns - lane->rule.period_ns) {
        lane->logged -= lane->log[lane->first++].n;
        lane->n--;
    }
}

static void keep(struct limiter_lane *lane, const struct limiter_pass *p)
{
    if (lane->first > 0 && lane->first >= lane->n) { /* Half of it is past. */
        for (uint32_t i = 0; i < lane->n; i++)
            lane->log[i] = lane->log[lane->first + i];
        lane->first = 0;
    }
    if (lane->first + lane->n == lane->cap) {
        lane->cap = lane->cap ? 2 * lane->cap : 16;
        lane->log = realloc(lane->log, lane->cap * sizeof *lane->log);
        CHECK(lane->log);
    }
    lane->log[lane->first + lane->n++] = *p;
    lane->logged += p->n;
}

/* The log of passes within one period is what shows an excess, of every kind of window. */
static void window_pass(struct limiter_lane *lane, const struct limiter_pass *p)
{
    roll(lane, p->at_ns);
    lane->current = add(lane->current, p->n);
    forget(lane, p->at_ns);
    keep(lane, p);
}

/* --- both --- */

static bool may_pass(struct limiter_lane *lane, const struct limiter_pass *p)
{
    switch (lane->algorithm) {
    case LIMITER__ALGORITHM__FIXED_WINDOW:
        return fixed_allows(lane, p);
    case LIMITER__ALGORITHM__SLIDING_LOG:
        forget(lane, p->at_ns);
        return lane->logged + p->n <= lane->rule.count;
    case LIMITER__ALGORITHM__SLIDING_COUNTER:
        return counter_allows(lane, p);
    default:
        return bucket_allows(lane, p);
    }
}

bool limiter_lane_pass(struct limiter_lane *lane, const struct limiter_pass *p,
                       struct limiter_excess *e)
{
    bool allowed = may_pass(lane, p);
    lane->newest = p->ordinal;
    if (lane->algorithm <= LIMITER__ALGORITHM__LEAKY_BUCKET) {
        bucket_pass(lane, p);
        *e = (struct limiter_excess){lane->passed, lane->at_ns - lane->since_ns, lane->since};
    } else {
        window_pass(lane, p);
        const struct limiter_pass *oldest = &lane->log[lane->first];
        uint64_t within = p->at_ns > oldest->at_ns ? p->at_ns - oldest->at_ns : 0;
        *e = (struct limiter_excess){lane->logged, within, oldest->ordinal};
    }
    return allowed;
}

bool limiter_lane_allows(struct limiter_lane *lane, const struct limiter_pass *p)
{
    uint64_t places = limiter_lane_is_queue(lane) ? lane->rule.burst : lane->rule.queue;
    bool queue = limiter_lane_is_queue(lane) ||
                 (lane->algorithm == LIMITER__ALGORITHM__TOKEN_BUCKET && lane->rule.queue > 0);
    if (queue && p->n <= lane->rule.burst && lane->waiting + p->n <= places)
        return true;
    return lane->waiting == 0 && !limiter_lane_is_queue(lane) && may_pass(lane, p);
}
