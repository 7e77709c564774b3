#include "modules/sliding_log.h"

#include "base/check.h"

void sliding_log_init(struct sliding_log *l, uint64_t *times)
{
    CHECK(times);
    *l = (struct sliding_log){.times = times};
}

static uint64_t at(const struct sliding_log *l, const struct limit_rule *r, uint32_t i)
{
    uint64_t place = (uint64_t)l->first + i;
    return l->times[place < r->count ? place : place - r->count];
}

static bool gone(uint64_t time, const struct limit_rule *r, uint64_t now)
{
    return now >= r->period_ns && time <= now - r->period_ns;
}

/* How many of the oldest have left the window. */
static uint32_t left(const struct sliding_log *l, const struct limit_rule *r, uint64_t now)
{
    uint32_t low = 0;
    for (uint32_t high = l->n; low < high;) {
        uint32_t middle = low + (high - low) / 2;
        if (gone(at(l, r, middle), r, now))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint64_t sliding_log_count(const struct sliding_log *l, const struct limit_rule *r, uint64_t now)
{
    return l->n - left(l, r, now);
}

bool sliding_log_take(struct sliding_log *l, const struct limit_rule *r, uint64_t now, uint64_t n)
{
    while (l->n > 0 && gone(l->times[l->first], r, now)) {
        l->first = l->first + 1 == r->count ? 0 : l->first + 1;
        l->n--;
    }
    if (n > r->count - l->n)
        return false;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t place = (uint64_t)l->first + l->n++;
        l->times[place < r->count ? place : place - r->count] = now;
    }
    return true;
}

uint64_t sliding_log_wait(const struct sliding_log *l, const struct limit_rule *r, uint64_t now,
                          uint64_t n)
{
    if (n > r->count)
        return LIMIT_NEVER;
    if (l->n + n <= r->count)
        return 0;
    /* So many of the oldest must leave. */
    uint64_t until = at(l, r, (uint32_t)(l->n + n - r->count - 1)) + r->period_ns;
    return until > now ? until - now : 0;
}

uint64_t sliding_log_reset(const struct sliding_log *l, const struct limit_rule *r, uint64_t now)
{
    uint64_t until = l->n > 0 ? at(l, r, l->n - 1) + r->period_ns : 0;
    return until > now ? until - now : 0;
}
