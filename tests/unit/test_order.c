/* The merge: whatever the interleaving, the clocks and the losses, what comes out never contradicts
 * causality, and nothing is lost or doubled. */
#include "timeline/timeline.h"
#include "unit/model.h"
#include "unit/unit.h"

struct catcher {
    const struct model *m;
    struct outcome o;
    struct timeline *t;
};

static size_t find(const struct model *m, uint32_t node, uint32_t boot, uint64_t seq)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->all[i].node == node && m->all[i].boot == boot && m->all[i].seq == seq)
            return i;
    return m->n;
}

static void catch (void *ctx, const struct entry *e)
{
    struct catcher *c = ctx;
    if (e->node == 0) {
        assert_int_equal(e->head.body, ORRERY__EVENT__BODY_HOLE);
        Orrery__Hole *hole = orrery__hole__unpack(NULL, e->head.payload.len, e->head.payload.base);
        assert_non_null(hole);
        c->o.holes += hole->to - hole->from + 1;
        orrery__hole__free_unpacked(hole, NULL);
        return;
    }
    size_t i = find(c->m, e->node, e->boot, e->head.seq);
    if (i == c->m->n) {
        c->o.strangers++;
        return;
    }
    const struct model_event *in = &c->m->all[i];
    assert_true(bytes_equal(e->event, buf_bytes(&in->packed)));
    c->o.doubles += c->o.ordinals[i] != 0;
    c->o.ordinals[i] = e->ordinal;
    c->o.causes[i] = e->cause;
}

static struct catcher catcher_new(const struct model *m)
{
    struct catcher c = {.m = m};
    c.o.ordinals = calloc(m->n, sizeof(uint64_t));
    c.o.causes = calloc(m->n, sizeof(uint64_t));
    assert_non_null(c.o.ordinals);
    assert_non_null(c.o.causes);
    return c;
}

static void catcher_free(struct catcher *c)
{
    free(c->o.ordinals);
    free(c->o.causes);
}

/* Each stream in its order, streams against each other by dice; the watermark only says what is
 * true: everything older is in. */
static void feed(struct random *r, const struct model *m, struct timeline *t)
{
    size_t n = m->n, *next = calloc(m->n, sizeof *next), *heads = calloc(m->n, sizeof *heads);
    size_t n_heads = 0;
    bool *first = calloc(n, sizeof *first);
    assert_true(next && heads && first);
    for (size_t i = 0; i < n; i++) { /* next[i]: the following event of the same life. */
        next[i] = n;
        for (size_t k = i; k-- > 0;)
            if (m->all[k].node == m->all[i].node && m->all[k].boot == m->all[i].boot) {
                next[k] = i;
                first[i] = true;
                break;
            }
        if (!first[i])
            heads[n_heads++] = i;
    }
    while (n_heads > 0) {
        size_t pick = random_below(r, n_heads);
        for (uint64_t burst = 1 + random_below(r, 20); burst > 0 && heads[pick] < n; burst--) {
            const struct model_event *e = &m->all[heads[pick]];
            if (!e->lost)
                timeline_ingest(t, e->node, e->boot, buf_bytes(&e->packed));
            heads[pick] = next[heads[pick]];
            if (heads[pick] == n && random_chance(r, 0.5))
                timeline_stream_end(t, e->node, e->boot);
        }
        if (heads[pick] == n)
            heads[pick] = heads[--n_heads];
        uint64_t oldest = UINT64_MAX;
        for (size_t i = 0; i < n_heads; i++)
            if (m->all[heads[i]].mono_ns < oldest)
                oldest = m->all[heads[i]].mono_ns;
        if (oldest != UINT64_MAX && oldest > 0 && random_chance(r, 0.3))
            timeline_watermark(t, oldest - 1);
    }
    free(next);
    free(heads);
    free(first);
}

static void run(uint64_t seed, const struct model_options *options)
{
    struct random r;
    random_seed(&r, seed);
    struct model m = model_run(&r, options);
    struct catcher c = catcher_new(&m);
    struct timeline_options to = {.window_bytes = (size_t)8 << 20};
    char why[200];
    struct timeline *t = timeline_new(&to, why, sizeof why);
    assert_non_null(t);
    timeline_follow(t, catch, &c);
    feed(&r, &m, t);
    timeline_flush(t);
    const char *verdict = outcome_judge(&m, &c.o);
    if (!verdict)
        verdict = outcome_judge_lives(&m, &c.o);
    if (verdict)
        fail_msg("seed %llu: %s", (unsigned long long)seed, verdict);
    assert_int_equal(c.o.holes, timeline_holes(t));
    assert_int_equal(timeline_malformed(t), 0);
    timeline_free(t);
    catcher_free(&c);
    model_free(&m);
}

static void random_runs(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct random r = random_split(seed, 7);
        struct model_options options = {
            .nodes = 1 + (uint32_t)random_below(&r, 12),
            .steps = 50 + random_below(&r, 1500),
            .skew_ns = random_chance(&r, 0.5) ? random_below(&r, 400000000) : 0,
            .tick_ns = random_chance(&r, 0.2) ? 0 : 1 + random_below(&r, 2000000),
            .lose = random_chance(&r, 0.5) ? 0.03 : 0,
        };
        run(seed, &options);
    }
}

static void many_streams(void **state)
{
    (void)state;
    run(1, &(struct model_options){
               .nodes = 1000, .steps = 5000, .skew_ns = 50000000, .tick_ns = 30000});
}

/* The checker itself: a merge by time alone, with receives stamped earlier than their sends, must
 * not pass it. */
static int by_time(const void *a, const void *b)
{
    const struct model_event *x = *(const struct model_event *const *)a;
    const struct model_event *y = *(const struct model_event *const *)b;
    return (x->mono_ns > y->mono_ns) - (x->mono_ns < y->mono_ns);
}

static void a_merge_by_time_is_caught(void **state)
{
    (void)state;
    struct random r;
    random_seed(&r, 5);
    struct model m =
        model_run(&r, &(struct model_options){
                          .nodes = 5, .steps = 1000, .skew_ns = 20000000, .tick_ns = 1000000});
    struct catcher c = catcher_new(&m);
    const struct model_event **sorted = calloc(m.n, sizeof *sorted);
    assert_non_null(sorted);
    for (size_t i = 0; i < m.n; i++)
        sorted[i] = &m.all[i];
    qsort(sorted, m.n, sizeof *sorted, by_time);
    for (size_t i = 0; i < m.n; i++)
        c.o.ordinals[sorted[i] - m.all] = i + 1;
    for (size_t i = 0; i < m.n; i++)
        c.o.causes[i] = m.all[i].cause ? c.o.ordinals[m.all[i].cause - 1] : 0;
    const char *verdict = outcome_judge(&m, &c.o);
    assert_non_null(verdict);
    assert_string_equal(verdict, "a receive came before its send");
    free(sorted);
    catcher_free(&c);
    model_free(&m);
}

/* --- waiting, and its bounds --- */

static struct timeline *fresh(void)
{
    char why[200];
    struct timeline_options to = {.window_bytes = (size_t)8 << 20};
    struct timeline *t = timeline_new(&to, why, sizeof why);
    assert_non_null(t);
    return t;
}

static void wake_at(struct timeline *t, uint32_t node, uint64_t seq, uint64_t mono_ns)
{
    struct model_event e = {.seq = seq, .mono_ns = mono_ns};
    model_wake(&e);
    timeline_ingest(t, node, 1, buf_bytes(&e.packed));
    buf_free(&e.packed);
}

static void receive_at(struct timeline *t, uint32_t node, uint64_t seq, uint64_t mono_ns,
                       uint32_t from, uint64_t sent)
{
    struct model_event s = {.node = from, .boot = 1, .seq = sent};
    struct model m = {.all = &s, .n = 1};
    struct model_event e = {.node = node, .seq = seq, .mono_ns = mono_ns};
    model_take(&m, &e, 0, false);
    timeline_ingest(t, node, 1, buf_bytes(&e.packed));
    buf_free(&e.packed);
}

static const uint64_t ms = 1000000;

static void a_receive_waits_a_second_for_a_stream_that_says_nothing(void **state)
{
    (void)state;
    struct timeline *t = fresh();
    receive_at(t, 1, 1, 100 * ms, 2, 7);
    timeline_watermark(t, 100 * ms);
    assert_int_equal(timeline_newest(t), 0);
    timeline_watermark(t, 1099 * ms);
    assert_int_equal(timeline_newest(t), 0);
    timeline_watermark(t, 1100 * ms);
    assert_int_equal(timeline_newest(t), 1);
    struct entry e;
    assert_true(timeline_get(t, 1, &e));
    assert_int_equal(e.cause, 0);
    timeline_free(t);
}

static void a_stream_that_is_beyond_or_ended_is_not_waited_for(void **state)
{
    (void)state;
    struct timeline *t = fresh();
    wake_at(t, 2, 1, 90 * ms);
    receive_at(t, 1, 1, 100 * ms, 2, 3);
    timeline_watermark(t, 100 * ms);
    assert_int_equal(timeline_newest(t), 1); /* Only the wake. */
    wake_at(t, 2, 5, 150 * ms);              /* Seq 2 to 4 never came. */
    timeline_watermark(t, 110 * ms);
    assert_int_equal(timeline_newest(t), 2);
    receive_at(t, 1, 2, 160 * ms, 2, 6);
    timeline_watermark(t, 200 * ms); /* Hole, wake: the receive waits. */
    assert_int_equal(timeline_newest(t), 4);
    timeline_stream_end(t, 2, 1);
    timeline_watermark(t, 201 * ms);
    assert_int_equal(timeline_newest(t), 5);
    assert_int_equal(timeline_holes(t), 3);
    timeline_free(t);
}

static void claims_in_a_circle_are_not_believed(void **state)
{
    (void)state;
    struct timeline *t = fresh();
    receive_at(t, 1, 1, 100 * ms, 2, 2);
    receive_at(t, 2, 1, 100 * ms, 3, 2);
    receive_at(t, 3, 1, 100 * ms, 1, 2);
    for (uint32_t node = 1; node <= 3; node++)
        wake_at(t, node, 2, 101 * ms);
    receive_at(t, 4, 1, 102 * ms, 4, 9); /* Its own future. */
    timeline_watermark(t, 103 * ms);
    assert_int_equal(timeline_newest(t), 7);
    timeline_free(t);
}

static void a_hole_comes_before_what_follows_it(void **state)
{
    (void)state;
    struct timeline *t = fresh();
    wake_at(t, 1, 1, 10 * ms);
    wake_at(t, 1, 9, 20 * ms);
    timeline_watermark(t, 30 * ms);
    struct entry e;
    assert_int_equal(timeline_newest(t), 3);
    assert_true(timeline_get(t, 2, &e));
    assert_int_equal(e.node, 0);
    assert_int_equal(e.head.body, ORRERY__EVENT__BODY_HOLE);
    assert_int_equal(timeline_holes(t), 7);
    timeline_free(t);
}

static void bad_events_are_counted_and_dropped(void **state)
{
    (void)state;
    struct timeline *t = fresh();
    wake_at(t, 1, 5, 10 * ms);
    wake_at(t, 1, 5, 11 * ms); /* Again. */
    wake_at(t, 1, 3, 12 * ms); /* Backwards. */
    wake_at(t, 1, 0, 13 * ms);
    timeline_ingest(t, 1, 1, bytes_of("\xff\xff\xff", 3));
    timeline_ingest(t, 1, 1, bytes_of("", 0));
    wake_at(t, 0, 1, 14 * ms); /* Nobody but the observer speaks on lane "you". */
    wake_at(t, 1u << 30, 1, 14 * ms);
    timeline_flush(t);
    assert_int_equal(timeline_malformed(t), 7);
    assert_int_equal(timeline_newest(t), 2);
    timeline_free(t);
}

/* A hostile node that skips ahead makes nobody allocate for what it skipped. */
static void huge_holes_cost_nothing(void **state)
{
    (void)state;
    struct timeline *t = fresh();
    uint64_t seq = 1;
    for (int i = 0; i < 2000; i++, seq += 1 + (UINT64_C(1) << (i % 40)))
        wake_at(t, 1, seq, 10 * ms + (uint64_t)i);
    timeline_flush(t);
    assert_int_equal(timeline_newest(t), 2000 + 1999);
    timeline_free(t);
}

static uint64_t told;

static void speaks_back(void *ctx, const struct entry *e)
{
    struct timeline *t = ctx;
    told++;
    if (e->node == 0)
        return;
    Orrery__Operator operator_ = ORRERY__OPERATOR__INIT;
    Orrery__Event event = ORRERY__EVENT__INIT;
    event.body_case = ORRERY__EVENT__BODY_OPERATOR;
    event.operator_ = &operator_;
    timeline_operator(t, 1, 1, &event);
}

static void followers_may_add_events(void **state)
{
    (void)state;
    struct timeline *t = fresh();
    told = 0;
    int handle = timeline_follow(t, speaks_back, t);
    for (uint64_t i = 1; i <= 50; i++)
        for (uint32_t node = 1; node <= 4; node++)
            wake_at(t, node, i, i * ms);
    timeline_watermark(t, 100 * ms);
    assert_int_equal(timeline_newest(t), 400);
    assert_int_equal(told, 400);
    timeline_unfollow(t, handle);
    wake_at(t, 1, 51, 60 * ms);
    timeline_flush(t);
    assert_int_equal(told, 400);
    timeline_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_runs),
        cmocka_unit_test(many_streams),
        cmocka_unit_test(a_merge_by_time_is_caught),
        cmocka_unit_test(a_receive_waits_a_second_for_a_stream_that_says_nothing),
        cmocka_unit_test(a_stream_that_is_beyond_or_ended_is_not_waited_for),
        cmocka_unit_test(claims_in_a_circle_are_not_believed),
        cmocka_unit_test(a_hole_comes_before_what_follows_it),
        cmocka_unit_test(bad_events_are_counted_and_dropped),
        cmocka_unit_test(huge_holes_cost_nothing),
        cmocka_unit_test(followers_may_add_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
