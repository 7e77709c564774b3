#include "modules/fixed_window.h"

void fixed_window_init(struct fixed_window *w, const struct limit_rule *r, uint64_t now)
{
    *w = (struct fixed_window){.number = now / r->period_ns};
}

uint64_t fixed_window_count(const struct fixed_window *w, const struct limit_rule *r, uint64_t now)
{
    return now / r->period_ns > w->number ? 0 : w->count;
}

bool fixed_window_take(struct fixed_window *w, const struct limit_rule *r, uint64_t now, uint64_t n)
{
    uint64_t number = now / r->period_ns;
    if (number > w->number)
        *w = (struct fixed_window){.number = number};
    if (n > r->count - w->count)
        return false;
    w->count += n;
    return true;
}

uint64_t fixed_window_wait(const struct fixed_window *w, const struct limit_rule *r, uint64_t now,
                           uint64_t n)
{
    if (n > r->count)
        return LIMIT_NEVER;
    if (n <= r->count - fixed_window_count(w, r, now))
        return 0;
    return r->period_ns - now % r->period_ns;
}
