/* A module of the observer where clusters live: what it refuses, that its bits repeat, that any
 * view is a place to go on from, that checkers see each flaw and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
#include "check/check.h"
#include "cluster/cluster.h"
#include "cluster/command.h"
#include "figure/figure.h"
#include "ml/backpropagation/trainer.h"

#include <stdlib.h>
#include <string.h>

enum { BATCHES_MAX = 400, SETTINGS_MAX = 16 };
static const uint64_t ms = 1000000;

struct seen {
    struct cluster *cluster;
    struct check *check;
    bool judged;
    uint64_t ordinal;
    uint64_t now;
    uint64_t outsides;
    Orrery__Start *start;
    Backpropagation__Batch *batches[BATCHES_MAX];
    size_t n_batches;
    Backpropagation__View *view; /* The newest. */
    uint64_t views;
    uint64_t seed; /* Of the network. */
    uint64_t broken;
};

static void take_trace(struct seen *s, const Orrery__Trace *t)
{
    const char *type = s->start->types[t->type];
    if (strcmp(type, "backpropagation.Batch") == 0 && s->n_batches < BATCHES_MAX) {
        s->batches[s->n_batches++] =
            backpropagation__batch__unpack(NULL, t->body.len, t->body.data);
    } else if (strcmp(type, "backpropagation.Network") == 0) {
        Backpropagation__Network *n =
            backpropagation__network__unpack(NULL, t->body.len, t->body.data);
        s->seed = n->seed;
        backpropagation__network__free_unpacked(n, NULL);
    }
    s->broken += strcmp(type, "backpropagation.Broken") == 0;
}

static void on_event(void *ctx, uint32_t node, uint32_t boot, struct bytes packed)
{
    struct seen *s = ctx;
    struct entry entry = {.ordinal = ++s->ordinal, .node = node, .boot = boot, .event = packed};
    if (!s->judged && event_head_read(packed, &entry.head) == 0)
        check_entry(s->check, &entry);
    Orrery__Event *e = orrery__event__unpack(NULL, packed.len, packed.base);
    assert_non_null(e);
    if (e->body_case == ORRERY__EVENT__BODY_START && !s->start) {
        s->start = e->start;
        e->body_case = ORRERY__EVENT__BODY__NOT_SET;
    } else if (e->body_case == ORRERY__EVENT__BODY_TRACE) {
        take_trace(s, e->trace);
    } else if (e->body_case == ORRERY__EVENT__BODY_VIEW) {
        if (s->view)
            backpropagation__view__free_unpacked(s->view, NULL);
        s->view = backpropagation__view__unpack(NULL, e->view->body.len, e->view->body.data);
        s->views++;
    }
    orrery__event__free_unpacked(e, NULL);
}

static uint64_t on_outside(void *ctx, Orrery__Event *event)
{
    (void)event;
    return ++((struct seen *)ctx)->outsides;
}

static void begin(struct seen *s, const char *const *settings, const char *flaw)
{
    static const struct cluster_sink sink = {.event = on_event, .outside = on_outside};
    struct cluster_instance instance = {.protocol = "backpropagation",
                                        .settings = settings,
                                        .flaws = flaw ? &flaw : NULL,
                                        .n_flaws = flaw != NULL};
    while (settings[instance.n_settings])
        instance.n_settings++;
    struct cluster_group group = {.nodes = 1, .instances = &instance, .n_instances = 1};
    struct cluster_spec spec = {.groups = &group, .n_groups = 1, .seed = 4};
    char why[300];
    memset(s, 0, sizeof *s);
    s->check = check_new();
    s->cluster = cluster_sim_new(&spec, &sink, s, why, sizeof why);
    if (!s->cluster)
        fail_msg("%s", why);
}

static void run(struct seen *s, uint64_t ns)
{
    cluster_sim_run(s->cluster, s->now += ns);
}

static int act(struct seen *s, const char *line, char *why, size_t why_size)
{
    const char *words[16];
    struct buf memory = {0};
    int n = words_split(line, &memory, words, 16);
    assert_true(n > 0);
    Orrery__Command *c = command_parse(words, (size_t)n, why, why_size);
    if (!c)
        fail_msg("%s", why);
    cluster_expand(s->cluster, c);
    int error = s->cluster->ops->command(s->cluster, c, 0, why, why_size);
    orrery__command__free_unpacked(c, NULL);
    buf_free(&memory);
    return error;
}

static void end(struct seen *s)
{
    s->cluster->ops->end(s->cluster, NULL, NULL);
    s->cluster->ops->free(s->cluster);
    check_free(s->check);
    for (size_t i = 0; i < s->n_batches; i++)
        backpropagation__batch__free_unpacked(s->batches[i], NULL);
    if (s->view)
        backpropagation__view__free_unpacked(s->view, NULL);
    orrery__start__free_unpacked(s->start, NULL);
}

static struct seen one, other;

static void assert_same_batches(void)
{
    size_t n = one.n_batches < other.n_batches ? one.n_batches : other.n_batches;
    assert_true(n >= 3);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(one.batches[i]->step, other.batches[i]->step);
        assert_int_equal(one.batches[i]->n_weights, other.batches[i]->n_weights);
        assert_memory_equal(one.batches[i]->weights, other.batches[i]->weights,
                            one.batches[i]->n_weights * sizeof(double));
        assert_memory_equal(one.batches[i]->gradient, other.batches[i]->gradient,
                            one.batches[i]->n_weights * sizeof(double));
    }
}

static void any_grain_gives_the_same_bits(void **state)
{
    (void)state;
    static const char *const fine[] = {"grain=multiply", "every_ms=1",     "check_every=1",
                                       "batch=4",        "optimizer=adam", NULL};
    static const char *const coarse[] = {
        "grain=step", "every_ms=5", "check_every=1", "batch=4", "burst=3", "optimizer=adam", NULL};
    begin(&one, fine, NULL);
    begin(&other, coarse, NULL);
    run(&one, 3000 * ms);
    run(&other, 3000 * ms);
    assert_same_batches();
    end(&one);
    end(&other);
}

static void by_hand_and_by_itself_are_the_same(void **state)
{
    (void)state;
    static const char *const settings[] = {"every_ms=10", "check_every=1", "batch=4", NULL};
    char why[300];
    begin(&one, settings, NULL);
    begin(&other, settings, NULL);
    run(&one, 200 * ms);
    run(&other, 6 * ms);
    assert_int_equal(act(&other, "pace 0", why, sizeof why), 0);
    static const char *const lines[] = {"do n1 multiply 5", "do n1 phase",       "do n1 example 2",
                                        "do n1 multiply",   "do n1 nudge 1 2 1", "do n1 step 4"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        assert_int_equal(act(&other, lines[i], why, sizeof why), 0);
    assert_same_batches();
    end(&one);
    end(&other);
}

/* From a view in the middle of a phase on, to the batches that were told later. */
static void a_view_is_a_place_to_go_on_from(void **state)
{
    (void)state;
    static const char *const settings[] = {
        "grain=multiply",     "every_ms=1", "check_every=1", "batch=4", "seed=6",
        "optimizer=momentum", NULL};
    static struct trainer t;
    Backpropagation__Settings s = BACKPROPAGATION__SETTINGS__INIT;
    static char hidden[] = "4,4";
    s.points = 200;
    s.noise = 0.1;
    s.hidden = hidden;
    s.rate = 0.3;
    s.batch = 4;
    s.seed = 6;
    s.optimizer = BACKPROPAGATION__OPTIMIZER__MOMENTUM;
    begin(&one, settings, NULL);
    while (one.views < 3 || one.view->next == 0) /* In the middle of a phase. */
        run(&one, 10 * ms);
    assert_true(trainer_restore(&t, &s, one.seed, one.view));
    size_t known = one.n_batches;
    run(&one, 4000 * ms);
    assert_true(one.n_batches >= known + 3);
    for (size_t i = known; i < one.n_batches; i++) {
        while (t.step < one.batches[i]->step || t.phase != BACKPROPAGATION__PHASE__UPDATE)
            trainer_go(&t, 3);
        trainer_mean(&t);
        assert_memory_equal(t.net.weights, one.batches[i]->weights,
                            t.net.n_weights * sizeof(double));
        assert_memory_equal(t.gradient, one.batches[i]->gradient, t.net.n_weights * sizeof(double));
    }
    Backpropagation__View *bad = one.view;
    bad->n_sums--;
    assert_false(trainer_restore(&t, &s, one.seed, bad));
    bad->n_sums++;
    end(&one);
}

static void what_has_no_meaning_is_refused(void **state)
{
    (void)state;
    static const char *const settings[] = {NULL};
    static const char *const lines[] = {"kill n1", "power n1", "disk n1 --slow 5ms", "cut n1/n1",
                                        "hold"};
    char why[300];
    begin(&one, settings, NULL);
    run(&one, 100 * ms);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        why[0] = 0;
        assert_true(act(&one, lines[i], why, sizeof why) < 0);
        assert_true(strlen(why) > 20);
    }
    assert_true(act(&one, "set n1 hidden=99", why, sizeof why) < 0);
    assert_non_null(strstr(why, "hidden lists"));
    assert_int_equal(act(&one, "restart n1", why, sizeof why), 0);
    end(&one);
}

static void a_rate_too_large_is_told(void **state)
{
    (void)state;
    static const char *const settings[] = {
        "activation=linear", "rate=1000",    "every_ms=1", "optimizer=momentum",
        "data=spirals",      "hidden=8,8,8", NULL};
    begin(&one, settings, NULL);
    run(&one, 3000 * ms);
    assert_int_equal(one.broken, 1); /* Said once, and then it stands. */
    end(&one);
}

static enum verdict judged(const char *const *settings, const char *flaw, const char *invariant)
{
    const struct finding *f;
    enum verdict v = VERDICT_NOTHING;
    begin(&one, settings, flaw);
    run(&one, 1500 * ms);
    check_end(one.check, 0);
    one.judged = true;
    uint32_t n = check_findings(one.check, &f);
    for (uint32_t i = 0; i < n; i++) {
        if (strcmp(f[i].invariant, invariant) == 0)
            v = f[i].verdict;
        if (!flaw && f[i].verdict == VERDICT_REFUTED)
            fail_msg("%s: %s", f[i].invariant, f[i].sentence);
        if (f[i].verdict == VERDICT_REFUTED && strcmp(f[i].checker, "backpropagation") == 0)
            assert_true(f[i].n_events > 0);
    }
    end(&one);
    return v;
}

static void each_flaw_is_seen_and_nothing_else(void **state)
{
    (void)state;
    static const char *const kinds[][SETTINGS_MAX] = {
        {"every_ms=10", "check_every=10", NULL},
        {"every_ms=10", "check_every=10", "activation=sigmoid", "hidden=5,5,5", NULL},
        {"every_ms=10", "check_every=10", "activation=relu", "optimizer=adam", "rate=0.05",
         "hidden=8,8", "data=circles", NULL},
        {"every_ms=10", "check_every=50", "data=digits", "hidden=12,12", NULL},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const char *const *k = kinds[i];
        assert_int_equal(judged(k, NULL, "gradient"), VERDICT_PROVEN);
        assert_int_equal(judged(k, "never-cleared", "gradient"), VERDICT_REFUTED);
        assert_int_equal(judged(k, "wrong-transpose", "gradient"), VERDICT_REFUTED);
        assert_int_equal(judged(k, "zero-init", "symmetry"), VERDICT_REFUTED);
    }
    static const char *const cut[] = {"every_ms=10", "check_every=10", "cut=2", NULL};
    assert_int_equal(judged(cut, NULL, "gradient"), VERDICT_PROVEN);
    static const char *const wild[] = {"every_ms=10", "check_every=10", "rate=50", NULL};
    assert_int_equal(judged(wild, NULL, "gradient"), VERDICT_PROVEN);
}

static void losses_are_those_of_an_independent_library(void **state)
{
    (void)state;
    char figure[] = "figure", name[] = "backpropagation", *argv[] = {figure, name, NULL};
    assert_int_equal(figure_command(2, argv), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_grain_gives_the_same_bits),
        cmocka_unit_test(by_hand_and_by_itself_are_the_same),
        cmocka_unit_test(a_view_is_a_place_to_go_on_from),
        cmocka_unit_test(what_has_no_meaning_is_refused),
        cmocka_unit_test(a_rate_too_large_is_told),
        cmocka_unit_test(each_flaw_is_seen_and_nothing_else),
        cmocka_unit_test(losses_are_those_of_an_independent_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
