/* The five limiters against brute force: each verdict under random traffic is compared with what
 * the definition says when it is applied to the whole history of what was admitted. */
#include "base/random.h"
#include "modules/limiter.h"
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

enum { HISTORY_MAX = 4096, LOG_MAX = 64 };

__extension__ typedef __int128 wide;

struct passed {
    uint64_t at;
    uint64_t n;
};

struct history {
    struct passed all[HISTORY_MAX];
    uint32_t n;
};

static void passes(struct history *h, uint64_t at, uint64_t n)
{
    assert_true(h->n < HISTORY_MAX);
    h->all[h->n++] = (struct passed){at, n};
}

/* No interval that ends now may hold more than burst + rate * length. */
static bool bucket_allows(const struct history *h, const struct limit_rule *r, uint64_t burst,
                          uint64_t now, uint64_t n)
{
    uint64_t sum = n;
    bool ok = n <= burst;
    for (uint32_t i = h->n; ok && i-- > 0;) {
        sum += h->all[i].n;
        wide most = (wide)burst * (wide)r->period_ns + (wide)(now - h->all[i].at) * (wide)r->count;
        ok = (wide)sum * (wide)r->period_ns <= most;
    }
    return ok;
}

static uint64_t counted(const struct history *h, uint64_t after, uint64_t until, bool from_start)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < h->n; i++)
        if ((from_start || h->all[i].at > after) && h->all[i].at <= until)
            sum += h->all[i].n;
    return sum;
}

static uint64_t in_window(const struct history *h, const struct limit_rule *r, uint64_t number)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < h->n; i++)
        if (h->all[i].at / r->period_ns == number)
            sum += h->all[i].n;
    return sum;
}

static bool allows(enum limiter_kind kind, const struct history *h, const struct limit_rule *r,
                   uint64_t now, uint64_t n)
{
    uint64_t number = now / r->period_ns;
    switch (kind) {
    case LIMITER_TOKEN_BUCKET:
    case LIMITER_LEAKY_BUCKET:
        return bucket_allows(h, r, r->burst, now, n);
    case LIMITER_FIXED_WINDOW:
        return in_window(h, r, number) + n <= r->count;
    case LIMITER_SLIDING_LOG:
        return counted(h, now - r->period_ns, now, now < r->period_ns) + n <= r->count;
    default: {
        uint64_t previous = number ? in_window(h, r, number - 1) : 0;
        wide left = (wide)(r->period_ns - now % r->period_ns);
        wide sum = (wide)previous * left + (wide)(in_window(h, r, number) + n) * (wide)r->period_ns;
        return sum <= (wide)r->count * (wide)r->period_ns;
    }
    }
}

static struct limit_rule drawn_rule(struct random *random)
{
    static const uint64_t periods[] = {1, 7, 1000, SECOND / 3, SECOND, 60 * SECOND};
    return (struct limit_rule){
        .count = 1 + random_below(random, LOG_MAX),
        .period_ns = periods[random_below(random, 6)],
        .burst = 1 + random_below(random, 20),
    };
}

/* Now and then a long silence, often several at one instant. */
static uint64_t drawn_gap(struct random *random, const struct limit_rule *r)
{
    switch (random_below(random, 8)) {
    case 0:
        return random_below(random, 3 * r->period_ns + 1);
    case 1:
    case 2:
        return 0;
    case 3:
        return r->period_ns - 1 + random_below(random, 2);
    default:
        return random_below(random, 2 * r->period_ns / r->count + 2);
    }
}

/* What the verdict promises beside yes and no: that a try at retry_ns passes, and none before. */
static void retry_holds(const struct limiter *l, const struct limit_rule *r, uint64_t now,
                        uint64_t n, const struct limit_verdict *v)
{
    uint64_t times[LOG_MAX];
    struct limiter copy = *l;
    if (v->retry_ns == LIMIT_NEVER)
        return;
    assert_true(v->retry_ns > 0);
    for (int late = 0; late < 2; late++) {
        copy = *l;
        if (l->kind == LIMITER_SLIDING_LOG) {
            memcpy(times, l->log.times, r->count * sizeof times[0]);
            copy.log.times = times;
        }
        uint64_t then = now + v->retry_ns - 1 + (uint64_t)late;
        struct limit_verdict again = limiter_decide(&copy, r, then, n);
        assert_int_equal(again.outcome, late ? LIMIT_ADMITTED : LIMIT_REFUSED);
    }
}

static void remaining_holds(const struct limiter *l, const struct limit_rule *r, uint64_t now,
                            const struct history *h, const struct limit_verdict *v)
{
    if (v->remaining > 0)
        assert_true(allows(l->kind, h, r, now, v->remaining));
    assert_false(allows(l->kind, h, r, now, v->remaining + 1));
}

static void against_brute_force(enum limiter_kind kind, uint64_t seed)
{
    struct random random = random_split(seed, kind);
    struct limit_rule r = drawn_rule(&random);
    r.meter = true;
    uint64_t times[LOG_MAX], now = random_below(&random, 100 * SECOND);
    struct history *h = calloc(1, sizeof *h);
    struct limiter l;
    limiter_init(&l, kind, &r, now, times);
    for (int i = 0; i < 300; i++) {
        now += drawn_gap(&random, &r);
        uint64_t n = 1 + (random_below(&random, 4) ? 0 : random_below(&random, r.burst + 2));
        bool allowed = allows(kind, h, &r, now, n);
        struct limit_verdict v = limiter_decide(&l, &r, now, n);
        assert_int_equal(v.outcome, allowed ? LIMIT_ADMITTED : LIMIT_REFUSED);
        if (allowed)
            passes(h, now, n);
        else
            retry_holds(&l, &r, now, n, &v);
        remaining_holds(&l, &r, now, h, &v);
        struct limit_verdict peek = limiter_decide(&l, &r, now, 0);
        assert_int_equal(peek.remaining, v.remaining);
        assert_int_equal(peek.reset_ns, v.reset_ns);
    }
    free(h);
}

static void verdicts_are_those_of_the_definition(void **state)
{
    (void)state;
    for (enum limiter_kind kind = 0; kind < LIMITER_KINDS; kind++)
        for (uint64_t seed = 1; seed <= 200; seed++)
            against_brute_force(kind, seed);
}

struct waiting {
    uint64_t n[64];
    uint64_t expected[64];
    bool keeps; /* What was expected, as nothing stalls. */
    uint32_t count;
};

static void let_go(struct waiting *q, struct limiter *l, const struct limit_rule *r, uint64_t now,
                   struct history *h)
{
    while (q->count > 0 && limiter_leave(l, r, now, q->n[0])) {
        passes(h, now, q->n[0]);
        q->count--;
        memmove(q->n, q->n + 1, q->count * sizeof q->n[0]);
        memmove(q->expected, q->expected + 1, q->count * sizeof q->expected[0]);
    }
}

/* Until `now`, each leaves as soon as it may; or, with a stall, all that is late leaves at once. */
static void pass_time(struct waiting *q, struct limiter *l, const struct limit_rule *r,
                      uint64_t *now, uint64_t until, bool stall, struct history *h)
{
    while (!stall && q->count > 0) {
        uint64_t at = *now + limiter_leave_wait(l, r, *now, q->n[0]);
        if (at > until)
            break;
        *now = at;
        if (q->keeps)
            assert_int_equal(at, q->expected[0]);
        assert_true(limiter_leave(l, r, at, q->n[0]));
        passes(h, at, q->n[0]);
        q->count--;
        memmove(q->n, q->n + 1, q->count * sizeof q->n[0]);
        memmove(q->expected, q->expected + 1, q->count * sizeof q->expected[0]);
    }
    *now = until;
    let_go(q, l, r, until, h);
}

/* What leaves a shaping bucket obeys its rate, however late the process that lets it go. */
static void shaping(enum limiter_kind kind, uint64_t seed, bool stalls)
{
    struct random random = random_split(seed, 100 + kind);
    struct limit_rule r = drawn_rule(&random);
    r.queue = kind == LIMITER_TOKEN_BUCKET ? 1 + random_below(&random, 10) : 0;
    r.period_ns = r.period_ns / r.count * r.count + r.count; /* Whole nanoseconds a token. */
    uint64_t now = random_below(&random, SECOND);
    uint64_t burst = kind == LIMITER_TOKEN_BUCKET ? r.burst : 1;
    struct history *h = calloc(1, sizeof *h);
    struct waiting q = {.keeps = !stalls};
    struct limiter l;
    limiter_init(&l, kind, &r, now, NULL);
    for (int i = 0; i < 300; i++) {
        bool stall = stalls && random_below(&random, 4) == 0;
        pass_time(&q, &l, &r, &now, now + drawn_gap(&random, &r), stall, h);
        bool at_once = q.count == 0 && bucket_allows(h, &r, burst, now, 1);
        bool room = limiter_waiting(&l) < (kind == LIMITER_TOKEN_BUCKET ? r.queue : r.burst);
        struct limit_verdict v = limiter_decide(&l, &r, now, 1);
        assert_int_equal(v.outcome,
                         at_once ? LIMIT_ADMITTED : (room ? LIMIT_DELAYED : LIMIT_REFUSED));
        if (v.outcome == LIMIT_DELAYED) {
            q.n[q.count] = 1;
            q.expected[q.count++] = now + v.wait_ns;
        } else if (v.outcome == LIMIT_ADMITTED) {
            passes(h, now, 1);
        }
        assert_int_equal(limiter_waiting(&l), q.count);
    }
    struct history *so_far = calloc(1, sizeof *so_far);
    for (uint32_t i = 0; i < h->n; i++) {
        assert_true(bucket_allows(so_far, &r, burst, h->all[i].at, h->all[i].n));
        passes(so_far, h->all[i].at, h->all[i].n);
    }
    free(so_far);
    free(h);
}

static void a_shaped_stream_obeys_the_rate(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        shaping(LIMITER_TOKEN_BUCKET, seed, false);
        shaping(LIMITER_LEAKY_BUCKET, seed, false);
        shaping(LIMITER_TOKEN_BUCKET, seed, true);
        shaping(LIMITER_LEAKY_BUCKET, seed, true);
    }
}

static uint64_t burst_of(struct limiter *l, const struct limit_rule *r, uint64_t now, uint64_t n)
{
    uint64_t admitted = 0;
    for (uint64_t i = 0; i < n; i++)
        admitted += limiter_decide(l, r, now, 1).outcome == LIMIT_ADMITTED;
    return admitted;
}

static void a_boundary_passes_twice_the_limit(void **state)
{
    (void)state;
    const struct limit_rule r = {.count = 10, .period_ns = SECOND, .burst = 10};
    uint64_t times[10];
    struct limiter fixed, log, counter;
    limiter_init(&fixed, LIMITER_FIXED_WINDOW, &r, 0, NULL);
    limiter_init(&log, LIMITER_SLIDING_LOG, &r, 0, times);
    limiter_init(&counter, LIMITER_SLIDING_COUNTER, &r, 0, NULL);
    assert_int_equal(burst_of(&fixed, &r, SECOND - 1, 20), 10);
    assert_int_equal(burst_of(&fixed, &r, SECOND, 20), 10);
    assert_int_equal(burst_of(&log, &r, SECOND - 1, 20), 10);
    assert_int_equal(burst_of(&log, &r, SECOND, 20), 0);
    assert_int_equal(burst_of(&counter, &r, SECOND - 1, 20), 10);
    assert_int_equal(burst_of(&counter, &r, SECOND, 20), 0);
    /* The counter believes that the first window was evenly filled: half a window later half of it
     * has left, though all ten came at its very end. */
    assert_int_equal(burst_of(&counter, &r, SECOND + SECOND / 2, 20), 5);
    assert_int_equal(burst_of(&log, &r, SECOND + SECOND / 2, 20), 0);
}

static void whole_seconds_break_the_bound(void **state)
{
    (void)state;
    struct limit_rule r = {.count = 5, .period_ns = SECOND, .burst = 10};
    struct limiter l;
    limiter_init(&l, LIMITER_TOKEN_BUCKET, &r, 0, NULL);
    assert_int_equal(burst_of(&l, &r, SECOND - 1, 20), 10);
    assert_int_equal(burst_of(&l, &r, SECOND, 20), 0);
    r.whole_seconds = true;
    limiter_init(&l, LIMITER_TOKEN_BUCKET, &r, 0, NULL);
    assert_int_equal(burst_of(&l, &r, SECOND - 1, 20), 10);
    assert_int_equal(burst_of(&l, &r, SECOND, 20), 5);
}

static void rules_are_bounded(void **state)
{
    (void)state;
    struct limit_rule r = {.count = 1, .period_ns = 1, .burst = 1};
    assert_true(limit_rule_ok(&r));
    r = (struct limit_rule){.count = 100000, .period_ns = 86400 * SECOND, .burst = 100000};
    assert_true(limit_rule_ok(&r));
    r.burst = 200000;
    assert_false(limit_rule_ok(&r));
    r = (struct limit_rule){.count = 0, .period_ns = 1, .burst = 1};
    assert_false(limit_rule_ok(&r));
    r = (struct limit_rule){.count = 1, .period_ns = UINT64_MAX, .burst = 1};
    assert_false(limit_rule_ok(&r));
    r = (struct limit_rule){.count = 1, .period_ns = 1, .burst = 1, .queue = UINT64_MAX};
    assert_false(limit_rule_ok(&r));
}

static void the_largest_rules_do_not_wrap(void **state)
{
    (void)state;
    const struct limit_rule r = {.count = 100000, .period_ns = 86400 * SECOND, .burst = 100000};
    for (enum limiter_kind kind = 0; kind < LIMITER_KINDS; kind++) {
        uint64_t *times = malloc(limiter_storage(kind, &r) + 1);
        struct limiter l;
        limiter_init(&l, kind, &r, 0, times);
        assert_int_equal(limiter_decide(&l, &r, UINT64_MAX / 4, 100000).outcome, LIMIT_ADMITTED);
        assert_int_equal(limiter_decide(&l, &r, UINT64_MAX / 4, 100001).outcome, LIMIT_REFUSED);
        assert_true(limiter_decide(&l, &r, UINT64_MAX / 4, 100001).retry_ns == LIMIT_NEVER);
        free(times);
    }
}

static void counters_add_up(void **state)
{
    (void)state;
    const struct limit_rule r = {.count = 10, .period_ns = SECOND, .burst = 10};
    struct sliding_counter mine = {.number = 7, .previous = 2, .current = 3};
    sliding_counter_add(&mine, &(struct sliding_counter){7, 4, 1}, &r);
    assert_int_equal(mine.previous, 6);
    assert_int_equal(mine.current, 4);
    sliding_counter_add(&mine, &(struct sliding_counter){6, 9, 2}, &r); /* One window behind. */
    assert_int_equal(mine.previous, 8);
    sliding_counter_add(&mine, &(struct sliding_counter){4, 9, 9}, &r); /* Long past. */
    sliding_counter_add(&mine, &(struct sliding_counter){8, 5, 1}, &r); /* One window ahead. */
    assert_int_equal(mine.previous, 8);
    assert_int_equal(mine.current, 9);
    sliding_counter_add(&mine, &(struct sliding_counter){7, UINT32_MAX, UINT32_MAX}, &r);
    assert_int_equal(mine.previous, 10);
    assert_int_equal(mine.current, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_are_those_of_the_definition),
        cmocka_unit_test(a_shaped_stream_obeys_the_rate),
        cmocka_unit_test(a_boundary_passes_twice_the_limit),
        cmocka_unit_test(whole_seconds_break_the_bound),
        cmocka_unit_test(rules_are_bounded),
        cmocka_unit_test(the_largest_rules_do_not_wrap),
        cmocka_unit_test(counters_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
