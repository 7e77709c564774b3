#include "modules/limiter.h"

#include "base/check.h"

size_t limiter_storage(enum limiter_kind kind, const struct limit_rule *r)
{
    return kind == LIMITER_SLIDING_LOG ? r->count * sizeof(uint64_t) : 0;
}

size_t limiter_bytes(enum limiter_kind kind, const struct limit_rule *r)
{
    static const size_t sizes[LIMITER_KINDS] = {
        [LIMITER_TOKEN_BUCKET] = sizeof(struct token_bucket),
        [LIMITER_LEAKY_BUCKET] = sizeof(struct leaky_bucket),
        [LIMITER_FIXED_WINDOW] = sizeof(struct fixed_window),
        [LIMITER_SLIDING_LOG] = sizeof(struct sliding_log),
        [LIMITER_SLIDING_COUNTER] = sizeof(struct sliding_counter),
    };
    bool queue = kind == LIMITER_TOKEN_BUCKET && r->queue > 0;
    return sizes[kind] + limiter_storage(kind, r) + (queue ? sizeof(uint64_t) : 0);
}

void limiter_init(struct limiter *l, enum limiter_kind kind, const struct limit_rule *r,
                  uint64_t now, uint64_t *storage)
{
    CHECK(limit_rule_ok(r));
    *l = (struct limiter){.kind = kind};
    switch (kind) {
    case LIMITER_TOKEN_BUCKET:
        token_bucket_init(&l->token, r, now);
        break;
    case LIMITER_LEAKY_BUCKET:
        leaky_bucket_init(&l->leaky, now);
        break;
    case LIMITER_FIXED_WINDOW:
        fixed_window_init(&l->fixed, r, now);
        break;
    case LIMITER_SLIDING_LOG:
        sliding_log_init(&l->log, storage);
        break;
    default:
        CHECK(kind == LIMITER_SLIDING_COUNTER);
        sliding_counter_init(&l->counter, r, now);
        break;
    }
}

static void token_decide(struct limiter *l, const struct limit_rule *r, uint64_t now, uint64_t n,
                         struct limit_verdict *v)
{
    struct token_bucket *b = &l->token;
    uint64_t credit = token_bucket_credit(b, r, now);
    v->level_milli = limit_milli(credit, r->period_ns);
    /* Nobody overtakes those who wait. */
    if ((l->waiting == 0 || n == 0) && token_bucket_take(b, r, now, n)) {
        v->outcome = LIMIT_ADMITTED;
    } else if (n <= r->burst && n <= r->queue - l->waiting) {
        l->waiting += n;
        v->outcome = LIMIT_DELAYED;
        v->wait_ns = limit_until(l->waiting * r->period_ns, credit, r);
    } else {
        v->outcome = LIMIT_REFUSED;
        /* There is room for n once so many of those that wait have left, or once there are n. */
        if (r->queue < n || n > r->burst)
            v->retry_ns = token_bucket_wait(b, r, now, n);
        else
            v->retry_ns = limit_until((l->waiting + n - r->queue) * r->period_ns, credit, r);
    }
    credit = b->credit;
    uint64_t owed = l->waiting * r->period_ns;
    uint64_t full = r->burst * r->period_ns;
    v->remaining = l->waiting ? r->queue - l->waiting : credit / r->period_ns + r->queue;
    v->reset_ns = limit_divide_up(full - credit + owed, r->count);
}

static void leaky_queue_decide(struct leaky_bucket *b, const struct limit_rule *r, uint64_t now,
                               uint64_t n, struct limit_verdict *v)
{
    uint64_t drip = leaky_bucket_drip(b, r, now);
    uint64_t before = b->waiting;
    v->level_milli = before * 1000;
    if (n == 0) {
        v->outcome = LIMIT_ADMITTED;
    } else if (!leaky_bucket_enter(b, r, n)) {
        v->outcome = LIMIT_REFUSED;
        v->retry_ns =
            n > r->burst
                ? LIMIT_NEVER
                : drip + limit_divide_up((before + n - r->burst - 1) * r->period_ns, r->count);
    } else if (before == 0 && leaky_bucket_leave(b, r, now, n)) {
        v->outcome = LIMIT_ADMITTED;
    } else {
        v->outcome = LIMIT_DELAYED;
        v->wait_ns = drip + limit_divide_up(before * r->period_ns, r->count);
    }
    v->remaining = r->burst - b->waiting;
    v->reset_ns =
        limit_divide_up(leaky_bucket_level(b, r, now) + b->waiting * r->period_ns, r->count);
}

static void leaky_decide(struct limiter *l, const struct limit_rule *r, uint64_t now, uint64_t n,
                         struct limit_verdict *v)
{
    struct leaky_bucket *b = &l->leaky;
    if (!r->meter) {
        leaky_queue_decide(b, r, now, n, v);
        return;
    }
    v->level_milli = limit_milli(leaky_bucket_level(b, r, now), r->period_ns);
    v->outcome = leaky_bucket_pour(b, r, now, n) ? LIMIT_ADMITTED : LIMIT_REFUSED;
    if (v->outcome == LIMIT_REFUSED)
        v->retry_ns = leaky_bucket_room(b, r, now, n);
    v->remaining = (r->burst * r->period_ns - b->level) / r->period_ns;
    v->reset_ns = limit_divide_up(b->level, r->count);
}

static void fixed_decide(struct fixed_window *w, const struct limit_rule *r, uint64_t now,
                         uint64_t n, struct limit_verdict *v)
{
    v->level_milli = fixed_window_count(w, r, now) * 1000;
    v->outcome = fixed_window_take(w, r, now, n) ? LIMIT_ADMITTED : LIMIT_REFUSED;
    if (v->outcome == LIMIT_REFUSED)
        v->retry_ns = fixed_window_wait(w, r, now, n);
    v->remaining = r->count - w->count;
    v->reset_ns = w->count > 0 ? r->period_ns - now % r->period_ns : 0;
}

static void log_decide(struct sliding_log *g, const struct limit_rule *r, uint64_t now, uint64_t n,
                       struct limit_verdict *v)
{
    bool taken = sliding_log_take(g, r, now, n);
    v->level_milli = (g->n - (taken ? n : 0)) * 1000;
    v->outcome = taken ? LIMIT_ADMITTED : LIMIT_REFUSED;
    if (!taken)
        v->retry_ns = sliding_log_wait(g, r, now, n);
    v->remaining = r->count - g->n;
    v->reset_ns = sliding_log_reset(g, r, now);
}

static void counter_decide(struct sliding_counter *c, const struct limit_rule *r, uint64_t now,
                           uint64_t n, struct limit_verdict *v)
{
    bool taken = sliding_counter_take(c, r, now, n);
    uint64_t counted = sliding_counter_parts(c, r, now);
    uint64_t most = r->count * r->period_ns;
    v->level_milli = limit_milli(counted - (taken ? n * r->period_ns : 0), r->period_ns);
    v->outcome = taken ? LIMIT_ADMITTED : LIMIT_REFUSED;
    if (!taken)
        v->retry_ns = sliding_counter_wait(c, r, now, n);
    v->remaining = counted < most ? (most - counted) / r->period_ns : 0;
    v->reset_ns = sliding_counter_reset(c, r, now);
}

struct limit_verdict limiter_decide(struct limiter *l, const struct limit_rule *r, uint64_t now,
                                    uint64_t n)
{
    struct limit_verdict v = {.outcome = LIMIT_REFUSED};
    switch (l->kind) {
    case LIMITER_TOKEN_BUCKET:
        token_decide(l, r, now, n, &v);
        break;
    case LIMITER_LEAKY_BUCKET:
        leaky_decide(l, r, now, n, &v);
        break;
    case LIMITER_FIXED_WINDOW:
        fixed_decide(&l->fixed, r, now, n, &v);
        break;
    case LIMITER_SLIDING_LOG:
        log_decide(&l->log, r, now, n, &v);
        break;
    default:
        counter_decide(&l->counter, r, now, n, &v);
        break;
    }
    return v;
}

bool limiter_leave(struct limiter *l, const struct limit_rule *r, uint64_t now, uint64_t n)
{
    CHECK(n <= limiter_waiting(l));
    if (l->kind == LIMITER_LEAKY_BUCKET)
        return leaky_bucket_leave(&l->leaky, r, now, n);
    if (!token_bucket_take(&l->token, r, now, n))
        return false;
    l->waiting -= n;
    return true;
}

uint64_t limiter_leave_wait(const struct limiter *l, const struct limit_rule *r, uint64_t now,
                            uint64_t n)
{
    if (l->kind == LIMITER_LEAKY_BUCKET)
        return leaky_bucket_drip(&l->leaky, r, now);
    return token_bucket_wait(&l->token, r, now, n);
}

uint64_t limiter_waiting(const struct limiter *l)
{
    if (l->kind == LIMITER_LEAKY_BUCKET)
        return l->leaky.waiting;
    return l->kind == LIMITER_TOKEN_BUCKET ? l->waiting : 0;
}
