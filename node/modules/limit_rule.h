/* What a limiter is told to keep, and what it answers. Shared by the five of them: token bucket,
 * leaky bucket, fixed window, sliding-window log, sliding-window counter. Each is a value whose
 * rule and time come with every call; times are nanoseconds of one clock that does not run back.
 *
 * All arithmetic is in whole numbers, so that no rounding piles up: a token is `period_ns` parts,
 * and `count` parts arrive every nanosecond. limit_rule_ok() holds what keeps this below 64 bits.
 */
#ifndef ORRERY_MODULES_LIMIT_RULE_H
#define ORRERY_MODULES_LIMIT_RULE_H

#include <stdbool.h>
#include <stdint.h>

struct limit_rule {
    uint64_t count;     /* Requests in each period: the rate, or a window's limit. */
    uint64_t period_ns; /* Of the rate, or the window. */
    uint64_t burst;     /* Tokens that a bucket holds; water that a leaky one does. */
    uint64_t queue;     /* Token bucket: requests that may wait for tokens; 0: refuse at once. */
    bool meter;         /* Leaky bucket: only measures, and refuses where it would delay. */
    bool whole_seconds; /* A flaw: the token bucket sees only the seconds of the clock. */
};

#define LIMIT_NEVER UINT64_MAX

enum limit_outcome { LIMIT_ADMITTED, LIMIT_DELAYED, LIMIT_REFUSED };

struct limit_verdict {
    enum limit_outcome outcome;
    uint64_t level_milli; /* Before it: tokens, water, or requests that counted; thousandths. */
    uint64_t remaining;   /* Requests that would be admitted right after it. */
    uint64_t wait_ns;     /* DELAYED: expected, if nothing stalls. */
    uint64_t retry_ns;    /* REFUSED: until as many would be admitted; LIMIT_NEVER: never. */
    uint64_t reset_ns;    /* Until all is as if nothing had ever been asked. */
};

enum { LIMIT_BURST_MAX = 1000000000 };
#define LIMIT_PERIOD_MAX UINT64_C(1000000000000000) /* Eleven days. */

/* Whether count, burst and period stay within what the sums hold. */
static inline bool limit_rule_ok(const struct limit_rule *r)
{
    const uint64_t most = INT64_MAX;
    return r->count >= 1 && r->burst >= 1 && r->period_ns >= 1 &&
           r->period_ns <= LIMIT_PERIOD_MAX && r->count <= LIMIT_BURST_MAX &&
           r->burst + r->queue <= LIMIT_BURST_MAX && r->queue <= LIMIT_BURST_MAX &&
           r->count <= most / r->period_ns && r->burst + r->queue <= most / r->period_ns;
}

static inline uint64_t limit_divide_up(uint64_t a, uint64_t b)
{
    return a / b + (a % b != 0);
}

/* Time until `owed` parts have come, where `there` came already. */
static inline uint64_t limit_until(uint64_t owed, uint64_t there, const struct limit_rule *r)
{
    return owed > there ? limit_divide_up(owed - there, r->count) : 0;
}

/* Parts as thousandths of one. */
static inline uint64_t limit_milli(uint64_t parts, uint64_t period_ns)
{
    return parts / period_ns * 1000 + parts % period_ns * 1000 / period_ns;
}

#endif
