/* The checker of rate limiters: each bound and each needless refusal on verdicts that are told here
 * one by one; and the verdicts of the real modules, under random traffic, which it must find right.
 */
#include "unit/unit.h"

#include "base/random.h"
#include "check/check.h"
#include "limiter.pb-c.h"
#include "modules/limiter.h"

#include <string.h>

#define MS     UINT64_C(1000000)
#define SECOND (1000 * MS)

struct tale {
    struct check *check;
    uint64_t ordinal;
    uint64_t seq[4];
    uint32_t boot[4];
    Limiter__Rule rule;
    Limiter__Algorithm algorithm;
};

static void tell(struct tale *t, uint32_t node, Orrery__Event *e)
{
    struct buf packed = {0};
    e->seq = ++t->seq[node];
    orrery__event__pack(e, buf_extend(&packed, orrery__event__get_packed_size(e)));
    struct entry entry = {.ordinal = ++t->ordinal,
                          .node = node,
                          .boot = node ? t->boot[node] : 0,
                          .event = buf_bytes(&packed)};
    assert_int_equal(event_head_read(entry.event, &entry.head), 0);
    check_entry(t->check, &entry);
    buf_free(&packed);
}

static void spawn(struct tale *t, uint32_t node)
{
    static char *types[] = {(char *)"limiter.Decision", (char *)"limiter.Release"};
    Orrery__Event e = ORRERY__EVENT__INIT;
    Orrery__Spawn s = ORRERY__SPAWN__INIT;
    s.node = node;
    s.boot = ++t->boot[node];
    e.body_case = ORRERY__EVENT__BODY_SPAWN;
    e.spawn = &s;
    tell(t, 0, &e);
    Orrery__Instance instance = ORRERY__INSTANCE__INIT;
    instance.number = 1;
    instance.protocol = (char *)"limiter";
    Orrery__Instance *instances[] = {&instance};
    Orrery__Start start = ORRERY__START__INIT;
    start.node = node;
    start.boot = t->boot[node];
    start.types = types;
    start.n_types = 2;
    start.instances = instances;
    start.n_instances = 1;
    Orrery__Event begun = ORRERY__EVENT__INIT;
    begun.body_case = ORRERY__EVENT__BODY_START;
    begun.start = &start;
    t->seq[node] = 0;
    tell(t, node, &begun);
}

static struct tale begin(Limiter__Algorithm algorithm, uint64_t count, uint64_t burst)
{
    struct tale t = {.check = check_new(), .algorithm = algorithm};
    limiter__rule__init(&t.rule);
    t.rule.count = count;
    t.rule.period_ns = SECOND;
    t.rule.burst = burst;
    for (uint32_t node = 1; node <= 3; node++)
        spawn(&t, node);
    return t;
}

static void trace(struct tale *t, uint32_t node, uint32_t type, const ProtobufCMessage *m)
{
    uint8_t body[256];
    Orrery__Trace trace = ORRERY__TRACE__INIT;
    Orrery__Event e = ORRERY__EVENT__INIT;
    trace.type = type;
    trace.body.len = protobuf_c_message_pack(m, body);
    trace.body.data = body;
    e.body_case = ORRERY__EVENT__BODY_TRACE;
    e.trace = &trace;
    tell(t, node, &e);
}

static void decides(struct tale *t, uint32_t node, Limiter__Decision *m, uint64_t at,
                    Limiter__Outcome outcome)
{
    m->key.data = (uint8_t *)(uintptr_t) "k";
    m->key.len = 1;
    m->algorithm = t->algorithm;
    m->rule = &t->rule;
    m->quantity = m->quantity ? m->quantity : 1;
    m->at_ns = at;
    m->outcome = outcome;
    trace(t, node, 0, &m->base);
}

static void decision(struct tale *t, uint64_t at, Limiter__Outcome outcome)
{
    Limiter__Decision m = LIMITER__DECISION__INIT;
    decides(t, 1, &m, at, outcome);
}

static void admits(struct tale *t, uint64_t at, int n)
{
    for (int i = 0; i < n; i++)
        decision(t, at, LIMITER__OUTCOME__ADMITTED);
}

static void releases(struct tale *t, uint64_t at)
{
    Limiter__Release m = LIMITER__RELEASE__INIT;
    m.key.data = (uint8_t *)(uintptr_t) "k";
    m.key.len = 1;
    m.algorithm = t->algorithm;
    m.rule = &t->rule;
    m.quantity = 1;
    m.at_ns = at;
    trace(t, 1, 1, &m.base);
}

static enum verdict verdict_of(const struct check *c, const char *invariant)
{
    const struct finding *all;
    uint32_t n = check_findings(c, &all);
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(all[i].checker, "limiter") == 0 && strcmp(all[i].invariant, invariant) == 0)
            return all[i].verdict;
    return VERDICT_NOTHING;
}

static void ends(struct tale *t, const char *invariant, enum verdict expected)
{
    check_end(t->check, 0);
    assert_int_equal(verdict_of(t->check, invariant), expected);
    check_free(t->check);
}

static void a_token_bucket_passes_its_burst_and_rate(void **state)
{
    (void)state;
    struct tale t = begin(LIMITER__ALGORITHM__TOKEN_BUCKET, 10, 3);
    admits(&t, SECOND, 3);
    admits(&t, SECOND + 100 * MS, 1); /* One token in a tenth of a second. */
    admits(&t, 9 * SECOND, 3);
    ends(&t, "token-bucket", VERDICT_PROVEN);
    t = begin(LIMITER__ALGORITHM__TOKEN_BUCKET, 10, 3);
    admits(&t, SECOND, 3);
    admits(&t, SECOND + 100 * MS - 1, 1); /* A nanosecond early. */
    ends(&t, "token-bucket", VERDICT_REFUTED);
}

static void a_refusal_is_needed_or_not(void **state)
{
    (void)state;
    struct tale t = begin(LIMITER__ALGORITHM__TOKEN_BUCKET, 10, 3);
    admits(&t, SECOND, 3);
    decision(&t, SECOND + 99 * MS, LIMITER__OUTCOME__REFUSED);
    ends(&t, "no-needless-refusal", VERDICT_PROVEN);
    t = begin(LIMITER__ALGORITHM__TOKEN_BUCKET, 10, 3);
    admits(&t, SECOND, 3);
    decision(&t, SECOND + 100 * MS, LIMITER__OUTCOME__REFUSED);
    ends(&t, "no-needless-refusal", VERDICT_REFUTED);
    t = begin(LIMITER__ALGORITHM__TOKEN_BUCKET, 10, 3);
    t.rule.queue = 2; /* There was a place in the queue. */
    admits(&t, SECOND, 3);
    decision(&t, SECOND, LIMITER__OUTCOME__DELAYED);
    decision(&t, SECOND, LIMITER__OUTCOME__REFUSED);
    ends(&t, "no-needless-refusal", VERDICT_REFUTED);
}

static void a_leaky_bucket_keeps_its_distance(void **state)
{
    (void)state;
    struct tale t = begin(LIMITER__ALGORITHM__LEAKY_BUCKET, 10, 2);
    admits(&t, SECOND, 1);
    decision(&t, SECOND, LIMITER__OUTCOME__DELAYED);
    releases(&t, SECOND + 100 * MS);
    ends(&t, "leaky-bucket", VERDICT_PROVEN);
    t = begin(LIMITER__ALGORITHM__LEAKY_BUCKET, 10, 2);
    admits(&t, SECOND, 1);
    decision(&t, SECOND, LIMITER__OUTCOME__DELAYED);
    releases(&t, SECOND + 99 * MS);
    ends(&t, "leaky-bucket", VERDICT_REFUTED);
}

static void windows_by_the_clock_and_not(void **state)
{
    (void)state;
    struct tale t = begin(LIMITER__ALGORITHM__FIXED_WINDOW, 2, 1);
    admits(&t, 2 * SECOND - 1, 2);
    admits(&t, 2 * SECOND, 2); /* Its promise is about windows by the clock. */
    ends(&t, "fixed-window", VERDICT_PROVEN);
    t = begin(LIMITER__ALGORITHM__SLIDING_LOG, 2, 1);
    admits(&t, 2 * SECOND - 1, 2);
    admits(&t, 3 * SECOND - 1, 2); /* To the nanosecond. */
    ends(&t, "sliding-log", VERDICT_PROVEN);
    t = begin(LIMITER__ALGORITHM__SLIDING_LOG, 2, 1);
    admits(&t, 2 * SECOND - 1, 2);
    admits(&t, 3 * SECOND - 2, 1);
    ends(&t, "sliding-log", VERDICT_REFUTED);
    t = begin(LIMITER__ALGORITHM__SLIDING_COUNTER, 2, 1);
    admits(&t, 2 * SECOND - 1, 2);
    admits(&t, 2 * SECOND + SECOND / 2, 1); /* Half of two is one. */
    ends(&t, "sliding-counter", VERDICT_PROVEN);
    t = begin(LIMITER__ALGORITHM__SLIDING_COUNTER, 2, 1);
    admits(&t, 2 * SECOND - 1, 2);
    admits(&t, 2 * SECOND + SECOND / 2 - 1, 1);
    ends(&t, "sliding-counter", VERDICT_REFUTED);
}

static void shared(struct tale *t, uint32_t node, uint32_t owner)
{
    Limiter__Decision m = LIMITER__DECISION__INIT;
    m.share = LIMITER__SHARE__EXACT;
    m.owner = owner;
    decides(t, node, &m, SECOND, LIMITER__OUTCOME__ADMITTED);
}

static void what_is_shared_counts_together(void **state)
{
    (void)state;
    struct tale t = begin(LIMITER__ALGORITHM__SLIDING_COUNTER, 2, 1);
    shared(&t, 1, 0);
    shared(&t, 2, 1);
    ends(&t, "shared-limit", VERDICT_PROVEN);
    t = begin(LIMITER__ALGORITHM__SLIDING_COUNTER, 2, 1);
    shared(&t, 1, 0);
    shared(&t, 2, 1);
    shared(&t, 3, 1);
    ends(&t, "shared-limit", VERDICT_REFUTED);
    t = begin(LIMITER__ALGORITHM__SLIDING_COUNTER, 2, 1);
    shared(&t, 1, 0);
    shared(&t, 2, 1);
    spawn(&t, 1); /* The owner's count went with its process. */
    shared(&t, 3, 1);
    ends(&t, "shared-limit", VERDICT_PROVEN);
}

static void what_no_algorithm_decided_is_not_judged(void **state)
{
    (void)state;
    struct tale t = begin(LIMITER__ALGORITHM__TOKEN_BUCKET, 10, 3);
    Limiter__Decision m = LIMITER__DECISION__INIT;
    m.reason = LIMITER__REASON__OWNER_SILENT;
    decides(&t, 1, &m, SECOND, LIMITER__OUTCOME__REFUSED);
    ends(&t, "no-needless-refusal", VERDICT_NOTHING);
}

static void a_hostile_recording_is_no_danger(void **state)
{
    (void)state;
    struct random random = random_split(1, 2);
    struct tale t = begin(LIMITER__ALGORITHM__TOKEN_BUCKET, 1, 1);
    for (int i = 0; i < 3000; i++) {
        uint64_t *fields[] = {&t.rule.count, &t.rule.period_ns, &t.rule.burst, &t.rule.queue};
        for (int k = 0; k < 4; k++)
            *fields[k] = random_u64(&random) >> random_below(&random, 64);
        t.algorithm = (Limiter__Algorithm)random_below(&random, 8);
        Limiter__Decision m = LIMITER__DECISION__INIT;
        m.quantity = (uint32_t)random_u64(&random) >> random_below(&random, 32);
        m.owner = (uint32_t)random_below(&random, 5);
        decides(&t, 1, &m, random_u64(&random), (Limiter__Outcome)random_below(&random, 4));
        releases(&t, random_u64(&random));
    }
    check_end(t.check, 0);
    check_free(t.check);
}

/* The modules' verdicts under random traffic are right, and with the flaw they are not. */
static enum verdict modules_verdict(enum limiter_kind kind, uint64_t seed, bool flaw)
{
    static const char *const names[] = {"token-bucket", "leaky-bucket", "fixed-window",
                                        "sliding-log", "sliding-counter"};
    struct random random = random_split(seed, kind);
    struct limit_rule r = {.count = 1 + random_below(&random, 20),
                           .period_ns = SECOND,
                           .burst = 1 + random_below(&random, 10),
                           .meter = true,
                           .whole_seconds = flaw};
    struct tale t = begin((Limiter__Algorithm)kind, r.count, r.burst);
    uint64_t times[20], now = SECOND;
    struct limiter l;
    t.rule.meter = true;
    limiter_init(&l, kind, &r, now, times);
    for (int i = 0; i < 400; i++) {
        now += random_below(&random, 2 * SECOND / r.count);
        struct limit_verdict v = limiter_decide(&l, &r, now, 1);
        decision(&t, now, (Limiter__Outcome)v.outcome);
    }
    check_end(t.check, 0);
    enum verdict bound = verdict_of(t.check, names[kind]);
    enum verdict needless = verdict_of(t.check, "no-needless-refusal");
    check_free(t.check);
    return bound == VERDICT_PROVEN && needless == VERDICT_REFUTED ? needless : bound;
}

static void modules_and_checker_agree(void **state)
{
    (void)state;
    for (enum limiter_kind kind = 0; kind < LIMITER_KINDS; kind++)
        for (uint64_t seed = 1; seed <= 40; seed++)
            assert_int_equal(modules_verdict(kind, seed, false), VERDICT_PROVEN);
    int caught = 0;
    for (uint64_t seed = 1; seed <= 40; seed++)
        caught += modules_verdict(LIMITER_TOKEN_BUCKET, seed, true) == VERDICT_REFUTED;
    assert_true(caught > 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_bucket_passes_its_burst_and_rate),
        cmocka_unit_test(a_refusal_is_needed_or_not),
        cmocka_unit_test(a_leaky_bucket_keeps_its_distance),
        cmocka_unit_test(windows_by_the_clock_and_not),
        cmocka_unit_test(what_is_shared_counts_together),
        cmocka_unit_test(what_no_algorithm_decided_is_not_judged),
        cmocka_unit_test(a_hostile_recording_is_no_danger),
        cmocka_unit_test(modules_and_checker_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
