/* A fork has the past of the run that it is of, to the bit, and a future of its own. */
#include "unit/unit.h"

#include "session/past.h"
#include "session/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MS UINT64_C(1000000)

struct todo { /* At this time of the cluster. */
    uint64_t ms;
    const char *line;
};

struct run {
    struct session *session;
    const struct todo *todo; /* Up to one without a line. */
    uint64_t until_ms;
    bool told, up, ended;
    char sentence[600];
    char path[160];
};

struct setup {
    const char *protocol;
    uint32_t nodes;
    const struct todo *todo;
};

static uv_loop_t loop;

/* --- a run, from its beginning to its recording --- */

static void ready(void *ctx, bool up, const char *sentence)
{
    struct run *r = ctx;
    r->told = true;
    r->up = up;
    (void)snprintf(r->sentence, sizeof r->sentence, "%s", sentence);
    if (!up)
        session_end(r->session);
}

static void ticked(void *ctx)
{
    struct run *r = ctx;
    uint64_t ns = cluster_now(session_cluster(r->session));
    for (; r->todo && r->todo->line && r->todo->ms * MS <= ns; r->todo++) {
        char why[300];
        uint64_t seq;
        if (session_act(r->session, r->todo->line, NULL, &seq, why, sizeof why) < 0)
            fail_msg("%s: %s", r->todo->line, why);
    }
    if (ns >= r->until_ms * MS)
        session_end(r->session);
}

static void ended(void *ctx)
{
    ((struct run *)ctx)->ended = true;
}

static void run(struct run *r, struct session_options *o, const char *name)
{
    char why[600];
    (void)snprintf(r->path, sizeof r->path, "%s/%s.orr", getenv("XDG_STATE_HOME"), name);
    (void)unlink(r->path);
    o->recording = r->path;
    o->pace = 1;
    o->simulated = o->rushed = true;
    o->ready = ready;
    o->ticked = ticked;
    o->ended = ended;
    o->ctx = r;
    r->session = session_new(&loop, o, why, sizeof why);
    if (!r->session)
        fail_msg("%s", why);
    while (!r->ended)
        uv_run(&loop, UV_RUN_ONCE);
    session_free(r->session);
}

static void run_first(struct run *r, const struct setup *s, uint64_t seed, const char *name)
{
    const struct cluster_instance instance = {.protocol = s->protocol};
    const struct cluster_group group = {
        .nodes = s->nodes, .instances = &instance, .n_instances = 1};
    struct session_options o = {.groups = &group, .n_groups = 1, .seed = seed};
    *r = (struct run){.todo = s->todo, .until_ms = 3000};
    run(r, &o, name);
    assert_true(r->up);
}

/* --- and a fork of it --- */

struct source {
    struct timeline *timeline;
    struct timeline_view *view;
};

static struct source open_source(const char *path)
{
    char why[300];
    struct source s = {timeline_open(path, why, sizeof why), NULL};
    if (!s.timeline)
        fail_msg("%s", why);
    s.view = timeline_view_new(s.timeline);
    return s;
}

static void close_source(struct source *s)
{
    timeline_view_free(s->view);
    timeline_free(s->timeline);
}

static struct past *past_of(const struct source *s, uint64_t at_ms)
{
    char why[300];
    struct past *p = past_new(s->view, timeline_view_newest_ns(s->view), "",
                              (struct past_end){at_ms * MS, 0}, why, sizeof why);
    if (!p)
        fail_msg("%s", why);
    return p;
}

static void run_fork(struct run *r, struct past *p, const struct todo *todo, uint64_t until_ms)
{
    struct session_options o = {.past = p};
    *r = (struct run){.todo = todo, .until_ms = until_ms};
    run(r, &o, "fork");
}

static const struct todo quarrels[] = {
    {300, "link n1 n2 --delay 30ms --jitter 10ms --loss 20%"},
    {500, "kill n3"},
    {500, "pause n2"},
    {700, "restart n3"},
    {700, "resume n2"},
    {900, "cut n1/n2,n3"},
    {1200, "power n2 --lose random"},
    {1300, "heal"},
    {1400, "restart n2"},
    {1500, "break n1 --at 'receive from=3' --then kill"},
    {1700, "clock n3 --skew 5s"},
    {0, NULL},
};
static const struct todo stores[] = {
    {300, "kill n1"},
    {400, "restart n1"},
    {600, "disk n1 --slow 20ms"},
    {900, "power n1 --lose random"},
    {1000, "restart n1"},
    {0, NULL},
};
static const struct todo by_hand[] = {
    {200, "hold"},   {450, "pace 0"}, {450, "deliver"},   {450, "deliver"}, {450, "hold --off"},
    {450, "pace 1"}, {700, "add 1"},  {900, "remove n2"}, {0, NULL},
};
static const struct setup setups[] = {
    {"heartbeat", 3, quarrels},
    {"kv", 1, stores},
    {"heartbeat", 3, by_hand},
    {"limiter", 3, quarrels},
};
enum { SETUPS = sizeof setups / sizeof setups[0], SEEDS = 3 };

/* Nothing is changed: behind the last command both futures are one, to where the other one ends. */
static void test_same(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < SETUPS; i++)
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            struct run first, fork;
            uint64_t ordinal, ns;
            run_first(&first, &setups[i], seed, "first");
            struct source s = open_source(first.path);
            struct past *p = past_of(&s, 2000);
            run_fork(&fork, p, NULL, 2990);
            if (!fork.up)
                fail_msg("%s, seed %u: %s", setups[i].protocol, (unsigned)seed, fork.sentence);
            /* The order to end is the first that the other run has not, or not then. */
            int parted = past_parted(p, &ordinal, &ns);
            assert_int_not_equal(parted, PAST_SAME);
            assert_in_range(ns, 2990 * MS, 3100 * MS);
            past_free(p);
            close_source(&s);
        }
}

/* At every command's instant, and just beside: its past is lived, and what is done there parts it.
 */
static void test_change(void **state)
{
    (void)state;
    static const uint64_t instants[] = {0, 1, 499, 501, 903, 1299, 1700};
    struct run first, fork;
    run_first(&first, &setups[0], 7, "first");
    struct source s = open_source(first.path);
    for (size_t i = 0; i < sizeof instants / sizeof instants[0]; i++) {
        const struct todo change[] = {{instants[i], "link n2 n3 --loss 99%"}, {0, NULL}};
        struct past *p = past_of(&s, instants[i]);
        uint64_t ordinal, ns;
        struct entry e;
        run_fork(&fork, p, change, 2000);
        if (!fork.up)
            fail_msg("at %u ms: %s", (unsigned)instants[i], fork.sentence);
        assert_int_equal(past_parted(p, &ordinal, &ns), PAST_PARTED);
        assert_in_range(ns, instants[i] * MS, instants[i] * MS + 6 * MS);
        struct source own = open_source(fork.path);
        assert_true(timeline_get(own.timeline, ordinal, &e));
        assert_int_equal(e.head.body, ORRERY__EVENT__BODY_OPERATOR);
        const Orrery__RunInfo *info = timeline_info(own.timeline);
        assert_non_null(info->forked);
        assert_int_equal(info->forked->at_ns, instants[i] * MS);
        close_source(&own);
        past_free(p);
    }
    close_source(&s);
}

static void test_fork_of_fork(void **state)
{
    (void)state;
    static const struct todo change[] = {{800, "kill n1"}, {0, NULL}};
    struct run first, fork;
    run_first(&first, &setups[0], 11, "first");
    struct source s = open_source(first.path);
    struct past *p = past_of(&s, 800);
    run_fork(&fork, p, change, 2000);
    assert_true(fork.up);
    past_free(p);
    close_source(&s);
    assert_int_equal(rename(fork.path, first.path), 0);
    s = open_source(first.path);
    p = past_of(&s, 1500);
    run_fork(&fork, p, NULL, 1900);
    if (!fork.up)
        fail_msg("%s", fork.sentence);
    past_free(p);
    close_source(&s);
}

/* The comparison is no formality: a past without one of its commands is another past. */
static void test_forgotten(void **state)
{
    (void)state;
    struct run first, fork;
    run_first(&first, &setups[0], 5, "first");
    struct source s = open_source(first.path);
    for (uint64_t at_ms = 301; at_ms < 1000; at_ms += 600) { /* Its only one, or its first. */
        struct past *p = past_of(&s, at_ms);
        past_next(p);
        run_fork(&fork, p, NULL, 2000);
        assert_true(fork.told);
        assert_false(fork.up);
        assert_non_null(strstr(fork.sentence, "not the past of"));
        past_free(p);
    }
    close_source(&s);
}

/* Just before a command the fork may be given another one instead. */
static void test_instead(void **state)
{
    (void)state;
    static const struct todo change[] = {{500, "kill n1"}, {0, NULL}};
    struct run first, fork;
    struct entry e = {0};
    char why[300];
    uint64_t at = 1, ordinal, ns;
    run_first(&first, &setups[0], 5, "first");
    struct source s = open_source(first.path);
    while (timeline_get(s.timeline, at, &e) &&
           (e.head.body != ORRERY__EVENT__BODY_OPERATOR || e.head.mono_ns < 500 * MS))
        at++;
    assert_in_range(e.head.mono_ns, 500 * MS, 502 * MS);
    struct past *p = past_new(s.view, timeline_view_newest_ns(s.view), "",
                              (struct past_end){e.head.mono_ns, at}, why, sizeof why);
    assert_non_null(p);
    run_fork(&fork, p, change, 2000);
    if (!fork.up)
        fail_msg("%s", fork.sentence);
    assert_int_equal(past_parted(p, &ordinal, &ns), PAST_PARTED);
    assert_int_equal(ordinal, at);
    past_free(p);
    close_source(&s);
}

static void test_refused(void **state)
{
    (void)state;
    char why[300];
    struct run first;
    run_first(&first, &setups[0], 5, "first");
    struct source s = open_source(first.path);
    assert_null(past_new(s.view, timeline_view_newest_ns(s.view), "",
                         (struct past_end){9000 * MS, 0}, why, sizeof why));
    assert_non_null(strstr(why, "did not get as far"));
    close_source(&s);

    struct timeline_options o = {0};
    orrery__run_info__init(&o.info);
    o.info.name = (char *)(uintptr_t) "real-run";
    s.timeline = timeline_new(&o, why, sizeof why);
    s.view = timeline_view_new(s.timeline);
    assert_null(past_new(s.view, MS, "", (struct past_end){0}, why, sizeof why));
    assert_non_null(strstr(why, "real processes"));
    close_source(&s);

    o.info.simulated = true;
    s.timeline = timeline_new(&o, why, sizeof why);
    s.view = timeline_view_new(s.timeline);
    assert_null(past_new(s.view, MS, "", (struct past_end){0}, why, sizeof why));
    assert_non_null(strstr(why, "does not tell"));
    close_source(&s);
}

/* A recording may come from anybody: what says how its cluster began is bounded, then believed. */
static void test_strange(void **state)
{
    (void)state;
    char why[300], *flaws[] = {(char *)(uintptr_t) "no-such"};
    Orrery__ClusterInstance one = ORRERY__CLUSTER_INSTANCE__INIT, *many[9];
    Orrery__ClusterGroup group = ORRERY__CLUSTER_GROUP__INIT, *groups[] = {&group};
    Orrery__ClusterLoad load = ORRERY__CLUSTER_LOAD__INIT;
    Orrery__SimulatedCluster cluster = ORRERY__SIMULATED_CLUSTER__INIT;
    struct timeline_options o = {0};
    for (int i = 0; i < 9; i++)
        many[i] = &one;
    one.protocol = (char *)(uintptr_t) "heartbeat";
    group.instances = many;
    cluster.groups = groups;
    cluster.n_groups = 1;
    cluster.load = &load;
    orrery__run_info__init(&o.info);
    o.info.simulated = true;
    o.info.cluster = &cluster;
    for (int kind = 0; kind < 6; kind++) {
        group.nodes = kind == 0 ? 0 : 3;
        group.n_instances = kind == 1 ? 9 : 1;
        load.clients = kind == 2 ? 1000000 : 1;
        load.keys = kind == 3 ? UINT32_MAX : 1;
        load.value_bytes = kind == 4 ? UINT32_MAX : 1;
        one.flaws = flaws;
        one.n_flaws = kind == 5;
        struct source s = {timeline_new(&o, why, sizeof why), NULL};
        s.view = timeline_view_new(s.timeline);
        struct past *p = past_new(s.view, 0, "", (struct past_end){0}, why, sizeof why);
        if (kind < 5)
            assert_null(p);
        if (kind == 5) { /* The simulator says so. */
            struct session_options options = {.past = p, .no_recording = true};
            assert_non_null(p);
            assert_null(session_new(&loop, &options, why, sizeof why));
            assert_non_null(strstr(why, "no-such"));
            past_free(p);
            uv_run(&loop, UV_RUN_NOWAIT);
        }
        close_source(&s);
    }
}

int main(void)
{
    char folder[] = "/tmp/orrery-fork-XXXXXX";
    if (!mkdtemp(folder) || setenv("XDG_STATE_HOME", folder, 1) ||
        setenv("XDG_RUNTIME_DIR", folder, 1))
        return 1;
    (void)uv_loop_init(&loop);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same),         cmocka_unit_test(test_change),
        cmocka_unit_test(test_fork_of_fork), cmocka_unit_test(test_forgotten),
        cmocka_unit_test(test_instead),      cmocka_unit_test(test_refused),
        cmocka_unit_test(test_strange),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
