#include "modules/leaky_bucket.h"

#include "base/check.h"

void leaky_bucket_init(struct leaky_bucket *b, uint64_t now)
{
    *b = (struct leaky_bucket){.at = now};
}

uint64_t leaky_bucket_level(const struct leaky_bucket *b, const struct limit_rule *r, uint64_t now)
{
    uint64_t elapsed = now > b->at ? now - b->at : 0;
    return elapsed > b->level / r->count ? 0 : b->level - elapsed * r->count;
}

static void drain(struct leaky_bucket *b, const struct limit_rule *r, uint64_t now)
{
    b->level = leaky_bucket_level(b, r, now);
    b->at = now > b->at ? now : b->at;
}

bool leaky_bucket_pour(struct leaky_bucket *b, const struct limit_rule *r, uint64_t now, uint64_t n)
{
    drain(b, r, now);
    if (n > (r->burst * r->period_ns - b->level) / r->period_ns)
        return false;
    b->level += n * r->period_ns;
    return true;
}

uint64_t leaky_bucket_room(const struct leaky_bucket *b, const struct limit_rule *r, uint64_t now,
                           uint64_t n)
{
    if (n > r->burst)
        return LIMIT_NEVER;
    return limit_until(leaky_bucket_level(b, r, now), (r->burst - n) * r->period_ns, r);
}

bool leaky_bucket_enter(struct leaky_bucket *b, const struct limit_rule *r, uint64_t n)
{
    if (n > r->burst - b->waiting)
        return false;
    b->waiting += n;
    return true;
}

bool leaky_bucket_leave(struct leaky_bucket *b, const struct limit_rule *r, uint64_t now,
                        uint64_t n)
{
    CHECK(n <= b->waiting);
    drain(b, r, now);
    if (b->level > 0)
        return false;
    b->waiting -= n;
    b->level = n * r->period_ns;
    return true;
}

uint64_t leaky_bucket_drip(const struct leaky_bucket *b, const struct limit_rule *r, uint64_t now)
{
    return limit_divide_up(leaky_bucket_level(b, r, now), r->count);
}
