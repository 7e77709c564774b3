#include "modules/sliding_counter.h"

void sliding_counter_init(struct sliding_counter *c, const struct limit_rule *r, uint64_t now)
{
    *c = (struct sliding_counter){.number = now / r->period_ns};
}

static struct sliding_counter rolled(const struct sliding_counter *c, uint64_t number)
{
    if (number <= c->number)
        return *c;
    return (struct sliding_counter){
        .number = number,
        .previous = number == c->number + 1 ? c->current : 0,
    };
}

void sliding_counter_roll(struct sliding_counter *c, const struct limit_rule *r, uint64_t now)
{
    *c = rolled(c, now / r->period_ns);
}

static uint64_t parts(const struct sliding_counter *c, const struct limit_rule *r, uint64_t now)
{
    uint64_t left = r->period_ns - now % r->period_ns;
    return c->previous * left + c->current * r->period_ns;
}

uint64_t sliding_counter_parts(const struct sliding_counter *c, const struct limit_rule *r,
                               uint64_t now)
{
    struct sliding_counter then = rolled(c, now / r->period_ns);
    return parts(&then, r, now);
}

bool sliding_counter_take(struct sliding_counter *c, const struct limit_rule *r, uint64_t now,
                          uint64_t n)
{
    sliding_counter_roll(c, r, now);
    uint64_t most = r->count * r->period_ns;
    uint64_t counted = parts(c, r, now);
    if (n > r->count || counted > most || n * r->period_ns > most - counted)
        return false;
    c->current += (uint32_t)n;
    return true;
}

/* Sums stay at the limit: more counts for no more, and the products must fit. */
static uint32_t sum(uint32_t a, uint32_t b, const struct limit_rule *r)
{
    uint64_t both = (uint64_t)a + b;
    return (uint32_t)(both < r->count ? both : r->count);
}

void sliding_counter_add(struct sliding_counter *c, const struct sliding_counter *other,
                         const struct limit_rule *r)
{
    struct sliding_counter o = rolled(other, c->number);
    if (o.number == c->number) {
        c->previous = sum(c->previous, o.previous, r);
        c->current = sum(c->current, o.current, r);
    } else if (o.number == c->number + 1) { /* Its clock is a little ahead of ours. */
        c->current = sum(c->current, o.previous, r);
    }
}

/* Time into a window after which `held` of the one before leave room for n beside `current`. */
static uint64_t room_at(uint64_t held, uint64_t current, const struct limit_rule *r, uint64_t n)
{
    uint64_t most = (r->count - current - n) * r->period_ns;
    uint64_t all = held * r->period_ns;
    return all > most ? limit_divide_up(all - most, held) : 0;
}

uint64_t sliding_counter_wait(const struct sliding_counter *c, const struct limit_rule *r,
                              uint64_t now, uint64_t n)
{
    if (n > r->count)
        return LIMIT_NEVER;
    struct sliding_counter then = rolled(c, now / r->period_ns);
    uint64_t into = now % r->period_ns;
    if (then.current + n <= r->count) {
        uint64_t at = room_at(then.previous, then.current, r, n);
        return at > into ? at - into : 0;
    }
    return r->period_ns - into + room_at(then.current, 0, r, n);
}

uint64_t sliding_counter_reset(const struct sliding_counter *c, const struct limit_rule *r,
                               uint64_t now)
{
    struct sliding_counter then = rolled(c, now / r->period_ns);
    uint64_t left = r->period_ns - now % r->period_ns;
    if (then.current > 0)
        return left + r->period_ns;
    return then.previous > 0 ? left : 0;
}
