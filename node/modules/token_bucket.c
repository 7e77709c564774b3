#include "modules/token_bucket.h"

#define NS_PER_S UINT64_C(1000000000)

void token_bucket_init(struct token_bucket *b, const struct limit_rule *r, uint64_t now)
{
    *b = (struct token_bucket){.credit = r->burst * r->period_ns, .at = now};
}

static uint64_t since(const struct token_bucket *b, const struct limit_rule *r, uint64_t now)
{
    if (now <= b->at)
        return 0;
    /* The flaw: 2.9 s after 1.1 s are taken for one second, 3.0 s after 2.9 s for another. */
    if (r->whole_seconds)
        return (now / NS_PER_S - b->at / NS_PER_S) * NS_PER_S;
    return now - b->at;
}

uint64_t token_bucket_credit(const struct token_bucket *b, const struct limit_rule *r, uint64_t now)
{
    uint64_t full = r->burst * r->period_ns;
    uint64_t elapsed = since(b, r, now);
    /* Enough to fill it: then the product below might not fit. */
    if (elapsed > (full - b->credit) / r->count)
        return full;
    return b->credit + elapsed * r->count;
}

bool token_bucket_take(struct token_bucket *b, const struct limit_rule *r, uint64_t now, uint64_t n)
{
    uint64_t credit = token_bucket_credit(b, r, now);
    bool enough = n <= credit / r->period_ns;
    b->credit = enough ? credit - n * r->period_ns : credit;
    b->at = now > b->at ? now : b->at;
    return enough;
}

uint64_t token_bucket_wait(const struct token_bucket *b, const struct limit_rule *r, uint64_t now,
                           uint64_t n)
{
    if (n > r->burst)
        return LIMIT_NEVER;
    return limit_until(n * r->period_ns, token_bucket_credit(b, r, now), r);
}
