/* Spans of a timeline as they are drawn, against the events themselves. */
#include "unit/unit.h"

#include "model.h"
#include "story.h"

#include <math.h>

static void message(const Orrery__Window *w, size_t i, uint32_t from, uint32_t to, double sent_ms,
                    double received_ms, uint32_t fate)
{
    assert_true(i < w->n_sent_ns);
    assert_int_equal(w->from[i], from);
    assert_int_equal(w->to[i], to);
    assert_true(w->sent_ns[i] == sent_ms * MS);
    assert_true(w->received_ns[i] == received_ms * MS);
    assert_int_equal(w->fate[i], fate);
    assert_string_equal(w->names[w->name[i]], "Beat");
}

static void messages_are_paired_with_what_became_of_them(void **state)
{
    struct story s;
    (void)state;
    story_begin(&s);
    uint64_t early = beat(&s, 1, 3, 90 * MS);
    uint64_t whole = beat(&s, 1, 3, 110 * MS);
    uint64_t twice = beat(&s, 3, 1, 120 * MS);
    uint64_t lost = beat(&s, 1, 3, 130 * MS);
    dropped(&s, 1, 3, lost, 130 * MS);
    beat(&s, 1, 2, 140 * MS); /* To one that dies before it comes. */
    uint64_t late = beat(&s, 3, 1, 190 * MS);
    received(&s, 1, early, 3, 195 * MS);
    received(&s, 1, whole, 3, 196 * MS);
    received(&s, 3, twice, 1, 150 * MS);
    received(&s, 3, twice, 1, 160 * MS);
    killed(&s, 2, 170 * MS);
    beat(&s, 1, 2, 180 * MS); /* To one that is dead. */
    beat(&s, 1, 3, 185 * MS); /* Still under way. */
    received(&s, 3, late, 1, 250 * MS);
    timeline_flush(s.timeline);
    Orrery__Window *w = look(s.view, 100 * MS, 200 * MS);
    assert_int_equal(w->level, 0);
    assert_int_equal(w->n_sent_ns, 9);
    message(w, 0, 1, 3, 90, 195, 1); /* Sent before the span. */
    message(w, 1, 1, 3, 110, 196, 1);
    message(w, 2, 3, 1, 120, 150, 1);
    message(w, 3, 3, 1, 120, 160, 1);
    message(w, 4, 1, 3, 130, 0, 2 + ORRERY__DROP_REASON__DROP_LOSS);
    message(w, 5, 1, 2, 140, 0, 100);
    message(w, 6, 1, 2, 180, 0, 100);
    message(w, 7, 1, 3, 185, 0, 0);
    message(w, 8, 3, 1, 190, 250, 1); /* Received after it. */
    orrery__window__free_unpacked(w, NULL);
    Orrery__WindowAsk ask = ORRERY__WINDOW_ASK__INIT;
    uint32_t only = 2;
    ask.from_ns = 100 * MS;
    ask.to_ns = 200 * MS;
    ask.columns = 100;
    ask.lanes = &only;
    ask.n_lanes = 1;
    w = timeline_view_window(s.view, &ask);
    assert_int_equal(w->n_sent_ns, 2);
    orrery__window__free_unpacked(w, NULL);
    story_end(&s);
}

static size_t marks(const Orrery__Window *w, const char *name, uint32_t lane)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n_mark_ns; i++)
        n += w->mark_lane[i] == lane && strcmp(w->names[w->mark_name[i]], name) == 0;
    return n;
}

static void states(const Orrery__Window *w, uint32_t lane, const uint32_t *expected, size_t n)
{
    size_t at = 0;
    for (size_t i = 0; i < w->n_state; i++)
        if (w->state_lane[i] == lane) {
            assert_true(at < n);
            assert_int_equal(w->state[i], expected[at++]);
        }
    assert_int_equal(at, n);
}

static void lanes_have_marks_and_states(void **state)
{
    struct story s;
    (void)state;
    story_begin(&s);
    pause_node(&s, 3, true, 50 * MS);
    killed(&s, 2, 70 * MS);
    pause_node(&s, 3, false, 90 * MS);
    start(&s, 2, 110 * MS);
    timeline_flush(s.timeline);
    Orrery__Window *w = look(s.view, 0, 200 * MS);
    assert_int_equal(marks(w, "start", 1), 1);
    assert_int_equal(marks(w, "start", 2), 2);
    assert_int_equal(marks(w, "pause", 0), 1);
    assert_int_equal(marks(w, "resume", 0), 1);
    assert_int_equal(marks(w, "kill", 0), 1);
    assert_int_equal(marks(w, "exit", 2), 1);
    for (size_t i = 0; i < w->n_mark_ns; i++) {
        struct entry e;
        assert_true(timeline_get(s.timeline, (uint64_t)w->mark_event[i], &e));
        assert_true(w->mark_ns[i] == (double)e.head.mono_ns);
        assert_true(w->mark_text[i][0] != 0);
    }
    states(w, 1, (const uint32_t[]){VIEW_ABSENT, VIEW_RUNNING}, 2);
    states(w, 2, (const uint32_t[]){VIEW_ABSENT, VIEW_RUNNING, VIEW_DEAD, VIEW_RUNNING}, 4);
    states(w, 3, (const uint32_t[]){VIEW_ABSENT, VIEW_RUNNING, VIEW_PAUSED, VIEW_RUNNING}, 4);
    orrery__window__free_unpacked(w, NULL);
    w = look(s.view, 60 * MS, 80 * MS);
    states(w, 3, (const uint32_t[]){VIEW_PAUSED}, 1);
    states(w, 2, (const uint32_t[]){VIEW_RUNNING, VIEW_DEAD}, 2);
    orrery__window__free_unpacked(w, NULL);
    story_end(&s);
}

static void appended(struct story *s, uint32_t node, uint64_t lsn, uint64_t ns)
{
    Orrery__Append append = ORRERY__APPEND__INIT;
    Orrery__Event event = ORRERY__EVENT__INIT;
    append.lsn = lsn;
    event.instance = 1;
    event.body_case = ORRERY__EVENT__BODY_APPEND;
    event.append = &append;
    tell(s, node, ns, &event);
}

/* A busy store: more marks than a window takes are thinned all over it, and none of its tenths is
 * left blank. */
static void a_crowd_of_marks_is_thinned_evenly(void **state)
{
    struct story s;
    size_t tenths[10] = {0}, rare = 0;
    (void)state;
    story_begin(&s);
    for (uint64_t i = 0; i < 5 * VIEW_MARKS_MAX; i++)
        appended(&s, 1, i + 1, 10 * MS + i * (MS / 10));
    killed(&s, 1, 10 * MS + UINT64_C(5) * VIEW_MARKS_MAX * (MS / 10));
    timeline_watermark(s.timeline, UINT64_MAX);
    const double from = 10.0 * MS, to = from + 5.0 * VIEW_MARKS_MAX * (MS / 10.0);
    Orrery__Window *w = look(s.view, from, to);
    assert_int_equal(w->level, 0);
    assert_true(w->n_mark_ns <= VIEW_MARKS_MAX);
    for (size_t i = 0; i < w->n_mark_ns; i++) {
        bool usual = strcmp(w->names[w->mark_name[i]], "append") == 0;
        size_t tenth = (size_t)((w->mark_ns[i] - from) / (to - from) * 10);
        rare += !usual;
        if (usual && tenth < 10)
            tenths[tenth]++;
    }
    for (size_t i = 0; i < 10; i++)
        assert_in_range(tenths[i], 40, 200);
    assert_true(rare > 0);
    orrery__window__free_unpacked(w, NULL);
    story_end(&s);
}

static void folds_begin_at_the_newest_view(void **state)
{
    struct story s;
    struct view_base *bases;
    struct entry e;
    (void)state;
    story_begin(&s);
    node_view(&s, 1, 40 * MS);
    node_view(&s, 2, 45 * MS);
    node_view(&s, 1, 60 * MS);
    killed(&s, 2, 70 * MS);
    start(&s, 2, 80 * MS);
    node_view(&s, 1, 90 * MS);
    timeline_flush(s.timeline);
    size_t n = timeline_view_bases(s.view, 85 * MS, &bases);
    static const struct {
        uint32_t node, body;
        uint64_t ns;
    } expected[] = {
        {3, ORRERY__EVENT__BODY_START, 3 * MS},
        {1, ORRERY__EVENT__BODY_VIEW, 60 * MS},
        {2, ORRERY__EVENT__BODY_START, 80 * MS},
    };
    assert_int_equal(n, 3);
    for (size_t i = 0; i < n; i++) {
        assert_true(timeline_get(s.timeline, bases[i].ordinal, &e));
        assert_int_equal(e.node, expected[i].node);
        assert_int_equal(e.head.body, expected[i].body);
        assert_int_equal(e.head.mono_ns, expected[i].ns);
    }
    free(bases);
    assert_int_equal(timeline_view_bases(s.view, MS / 2, &bases), 0);
    free(bases);
    story_end(&s);
}

/* --- anything that may happen --- */

static struct timeline *of_model(const struct model *m)
{
    struct timeline *t = new_timeline();
    uint64_t newest = 0;
    for (size_t i = 0; i < m->n; i++) {
        const struct model_event *e = &m->all[i];
        newest = e->mono_ns > newest ? e->mono_ns : newest;
        timeline_ingest(t, e->node, e->boot, buf_bytes(&e->packed));
    }
    timeline_flush(t);
    return t;
}

/* Every arrival that touches the span is there once, and says what its events say. */
static void judge(struct timeline *t, const Orrery__Window *w)
{
    struct entry e, sent;
    uint8_t *seen = calloc(timeline_newest(t) + 1, 1);
    assert_non_null(seen);
    for (size_t i = 0; i < w->n_sent_ns; i++) {
        assert_true(i == 0 || w->sent_ns[i - 1] <= w->sent_ns[i]);
        if (w->send_event[i] > 0) {
            assert_true(timeline_get(t, (uint64_t)w->send_event[i], &sent));
            assert_int_equal(sent.head.body, ORRERY__EVENT__BODY_SEND);
            assert_int_equal(sent.node, w->from[i]);
            assert_true(w->sent_ns[i] == (double)sent.head.mono_ns);
        }
        if (w->receive_event[i] > 0) {
            uint64_t at = (uint64_t)w->receive_event[i];
            assert_int_equal(seen[at], 0);
            seen[at] = 1;
            assert_true(timeline_get(t, at, &e));
            bool lost = e.head.body == ORRERY__EVENT__BODY_DROP;
            assert_int_equal(w->fate[i], lost ? 2 + ORRERY__DROP_REASON__DROP_LOSS : 1);
            assert_true(w->received_ns[i] == (lost ? 0 : (double)e.head.mono_ns));
            assert_true(e.cause == (uint64_t)w->send_event[i]);
        } else {
            assert_true(w->fate[i] == 0);
        }
    }
    for (uint64_t at = 1; at <= timeline_newest(t); at++) {
        assert_true(timeline_get(t, at, &e));
        double ns = (double)e.head.mono_ns;
        bool arrival =
            e.head.body == ORRERY__EVENT__BODY_RECEIVE || e.head.body == ORRERY__EVENT__BODY_DROP;
        if (arrival && ns >= w->from_ns && ns <= w->to_ns)
            if (!e.cause ||
                (timeline_get(t, e.cause, &sent) && (double)sent.head.mono_ns <= w->to_ns))
                assert_int_equal(seen[at], 1);
    }
    free(seen);
}

static void random_spans_agree_with_the_events(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct random r;
        random_seed(&r, seed);
        const struct model_options options = {
            .nodes = 2 + (uint32_t)random_below(&r, 5),
            .steps = 1500,
            .skew_ns = seed % 2 ? 2000000 : 0,
            .tick_ns = 400000,
            .lose = seed % 3 ? 0 : 0.05,
        };
        struct model m = model_run(&r, &options);
        struct timeline *t = of_model(&m);
        struct timeline_view *v = timeline_view_new(t); /* Of what is there already. */
        double newest = (double)timeline_view_newest_ns(v);
        for (int i = 0; i < 10; i++) {
            double from = random_unit(&r) * newest;
            Orrery__Window *w = look(v, from, from + random_unit(&r) * newest / 2);
            assert_int_equal(w->level, 0);
            judge(t, w);
            orrery__window__free_unpacked(w, NULL);
        }
        timeline_view_free(v);
        timeline_free(t);
        model_free(&m);
    }
}

static void what_is_too_much_is_counted(void **state)
{
    struct random r;
    struct entry e;
    (void)state;
    random_seed(&r, 5);
    const struct model_options options = {.nodes = 4, .steps = 40000, .tick_ns = 100000};
    struct model m = model_run(&r, &options);
    struct timeline *t = of_model(&m);
    struct timeline_view *v = timeline_view_new(t);
    double sends = 0, counted = 0, drops = 0, lost = 0, known = 0, took = 0, timed = 0, sum = 0;
    struct entry sent;
    for (uint64_t at = 1; at <= timeline_newest(t); at++) {
        assert_true(timeline_get(t, at, &e));
        sends += e.head.body == ORRERY__EVENT__BODY_SEND;
        lost += e.head.body == ORRERY__EVENT__BODY_DROP;
        if (e.head.body == ORRERY__EVENT__BODY_RECEIVE && timeline_get(t, e.cause, &sent)) {
            known++;
            took += (double)(e.head.mono_ns - sent.head.mono_ns);
        }
    }
    Orrery__Window *w = look(v, 0, 1e18);
    assert_true(w->messages == sends);
    assert_true(w->level > 0);
    assert_int_equal(w->n_sent_ns, 0);
    double wide = 256000 * pow(2, w->level - 1);
    assert_true((w->to_ns - w->from_ns) / wide <= 400);
    for (size_t i = 0; i < w->n_bin_ns; i++) {
        assert_true(fmod(w->bin_ns[i], wide) == 0);
        bool receives = strcmp(w->names[w->bin_name[i]], "receive") == 0;
        counted += receives ? 0 : w->bin_count[i];
        drops += w->bin_drops[i];
        timed += w->bin_timed[i];
        sum += w->bin_sum_ns[i];
        assert_true(w->bin_least_ns[i] <= w->bin_most_ns[i]);
        assert_true(w->bin_timed[i] * w->bin_most_ns[i] >= w->bin_sum_ns[i] * (1 - 1e-6));
    }
    assert_true(timed == known && fabs(sum - took) < 1);
    assert_true(counted == sends);
    assert_true(drops == lost);
    orrery__window__free_unpacked(w, NULL);
    Orrery__WindowAsk ask = ORRERY__WINDOW_ASK__INIT;
    ask.to_ns = 20e6;
    ask.columns = 800;
    w = timeline_view_window(v, &ask);
    assert_true(w->level == 0 && w->n_sent_ns > 0);
    orrery__window__free_unpacked(w, NULL);
    ask.counts = 1;
    w = timeline_view_window(v, &ask);
    assert_true(w->level > 0 && w->n_sent_ns == 0);
    orrery__window__free_unpacked(w, NULL);
    ask.counts = 0;
    ask.to_ns = 1e18;
    ask.messages = UINT32_MAX;
    w = timeline_view_window(v, &ask);
    assert_true(w->n_sent_ns <= VIEW_MESSAGES_MAX);
    orrery__window__free_unpacked(w, NULL);
    timeline_view_free(v);
    timeline_free(t);
    model_free(&m);
}

/* --- causes --- */

/* By the events alone: an entry is of a set when the one before it in its life is, or its cause. */
static void mark_future(struct timeline *t, uint64_t of, bool *in)
{
    struct entry e;
    in[of] = true;
    for (uint64_t at = of + 1; at <= timeline_newest(t); at++)
        if (timeline_get(t, at, &e))
            in[at] = (e.previous && in[e.previous]) || (e.cause && in[e.cause]);
}

static void mark_past(struct timeline *t, uint64_t of, bool *in)
{
    struct entry e;
    in[of] = true;
    for (uint64_t at = of; at > 0; at--)
        if (in[at] && timeline_get(t, at, &e))
            in[e.previous] = in[e.cause] = true;
    in[0] = false;
}

/* Each entry of the life is in the set exactly if it lies between the two ordinals. */
static size_t agree(struct timeline *t, const bool *in, const struct timeline_reach *r,
                    uint64_t first, uint64_t last, uint64_t of)
{
    struct entry e;
    size_t n = 0;
    for (uint64_t at = 1; at <= timeline_newest(t); at++) {
        assert_true(timeline_get(t, at, &e));
        if (e.node != r->node || e.boot != r->boot || at == of)
            continue;
        assert_int_equal(in[at], first && at >= first && at <= last);
        n += in[at];
    }
    return n;
}

static void causes_reach_as_far_as_events_say(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct random r;
        random_seed(&r, seed);
        const struct model_options options = {.nodes = 2 + (uint32_t)seed % 4,
                                              .steps = 600,
                                              .tick_ns = 400000,
                                              .lose = seed % 3 ? 0 : 0.05};
        struct model m = model_run(&r, &options);
        struct timeline *t = of_model(&m);
        size_t size = timeline_newest(t) + 1;
        for (int i = 0; i < 6; i++) {
            struct timeline_cone cone;
            uint64_t of = 1 + random_below(&r, size - 1);
            bool *past = calloc(size, 1), *future = calloc(size, 1);
            size_t n_past = 0, n_future = 0;
            assert_true(past && future);
            mark_past(t, of, past);
            mark_future(t, of, future);
            assert_true(timeline_cone(t, of, &cone));
            assert_false(cone.bounded);
            for (size_t k = 0; k < cone.n; k++) {
                const struct timeline_reach *c = &cone.all[k];
                n_past += agree(t, past, c, c->past_first, c->past_last, of);
                n_future += agree(t, future, c, c->future_first, c->future_last, of);
            }
            for (uint64_t at = 1; at < size; at++) { /* Nothing lies outside of the reaches. */
                n_past -= past[at] && at != of;
                n_future -= future[at] && at != of;
            }
            assert_int_equal(n_past, 0);
            assert_int_equal(n_future, 0);
            free(cone.all);
            free(past);
            free(future);
        }
        timeline_free(t);
        model_free(&m);
    }
}

static void nonsense_is_bounded(void **state)
{
    static const double odd[] = {0, -1, 1e300, -1e300, 1e18, 5e6};
    static uint32_t lanes[100000];
    struct random r;
    (void)state;
    random_seed(&r, 6);
    const struct model_options options = {.nodes = 3, .steps = 2000, .tick_ns = 100000};
    struct model m = model_run(&r, &options);
    struct timeline *t = of_model(&m);
    struct timeline_view *v = timeline_view_new(t);
    for (size_t a = 0; a <= 8; a++)
        for (size_t b = 0; b <= 8; b++) {
            Orrery__WindowAsk ask = ORRERY__WINDOW_ASK__INIT;
            ask.from_ns = a < 6 ? odd[a] : a == 6 ? (double)NAN : a == 7 ? INFINITY : -INFINITY;
            ask.to_ns = b < 6 ? odd[b] : b == 6 ? (double)NAN : b == 7 ? INFINITY : -INFINITY;
            ask.columns = a == b ? UINT32_MAX : 0;
            ask.lanes = lanes;
            ask.n_lanes = a > b ? 100000 : 0;
            Orrery__Window *w = timeline_view_window(v, &ask);
            assert_true(w->from_ns >= 0 && w->to_ns >= w->from_ns);
            assert_true(w->to_ns <= w->newest_ns + 5e9);
            orrery__window__free_unpacked(w, NULL);
        }
    timeline_view_free(v);
    timeline_free(t);
    model_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_paired_with_what_became_of_them),
        cmocka_unit_test(lanes_have_marks_and_states),
        cmocka_unit_test(a_crowd_of_marks_is_thinned_evenly),
        cmocka_unit_test(folds_begin_at_the_newest_view),
        cmocka_unit_test(random_spans_agree_with_the_events),
        cmocka_unit_test(what_is_too_much_is_counted),
        cmocka_unit_test(causes_reach_as_far_as_events_say),
        cmocka_unit_test(nonsense_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
