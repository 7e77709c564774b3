/* The simulated cluster behind the common face: each command does what it says, and is told as a
 * real cluster tells it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cluster/cluster.h"
#include "cluster/command.h"
#include "heartbeat.pb-c.h"
#include "timeline/pattern.h"
#include "timeline/timeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS UINT64_C(1000000)

struct scene {
    struct cluster *cluster;
    struct timeline *timeline;
    uint64_t now;
    uint32_t counts[64]; /* Of events by kind, since clear(). */
    uint32_t of_node[16];
    int32_t exit_signal;
    int32_t exit_code;
    uint64_t exit_because;
    Orrery__DropReason dropped;
    uint64_t held; /* The newest held one's send event. */
    bool held_in_order;
};

static void on_event(void *ctx, uint32_t node, uint32_t boot, struct bytes event)
{
    struct scene *s = ctx;
    timeline_ingest(s->timeline, node, boot, event);
}

static uint64_t on_outside(void *ctx, Orrery__Event *event)
{
    struct scene *s = ctx;
    return timeline_operator(s->timeline, event->mono_ns, event->wall_ns, event);
}

static void on_end(void *ctx, uint32_t node, uint32_t boot)
{
    struct scene *s = ctx;
    timeline_stream_end(s->timeline, node, boot);
}

static void on_watermark(void *ctx, uint64_t mono_ns)
{
    struct scene *s = ctx;
    timeline_watermark(s->timeline, mono_ns);
}

static void on_entry(void *ctx, const struct entry *e)
{
    struct scene *s = ctx;
    assert_in_range(e->head.body, 1, 63);
    s->counts[e->head.body]++;
    if (e->node < 16)
        s->of_node[e->node]++;
    Orrery__Event *m = orrery__event__unpack(NULL, e->event.len, e->event.base);
    assert_non_null(m);
    if (m->body_case == ORRERY__EVENT__BODY_EXIT) {
        s->exit_signal = m->exit->signal;
        s->exit_code = m->exit->code;
        s->exit_because = m->exit->because;
    }
    if (m->body_case == ORRERY__EVENT__BODY_DROP)
        s->dropped = m->drop->reason;
    if (m->body_case == ORRERY__EVENT__BODY_HELD) {
        struct entry send;
        s->held = m->held->event;
        s->held_in_order = m->held->in_order;
        assert_true(timeline_get(s->timeline, e->cause, &send));
        assert_int_equal(send.head.body, ORRERY__EVENT__BODY_SEND);
        assert_int_equal(send.head.seq, s->held);
        assert_int_equal(send.node, e->node);
    }
    orrery__event__free_unpacked(m, NULL);
}

/* `setting` may be NULL. */
static struct scene *begin_set(const char *protocol, uint32_t nodes, const char *setting)
{
    static const struct cluster_sink sink = {on_event, on_outside, on_end, on_watermark, NULL};
    struct scene *s = calloc(1, sizeof *s);
    struct timeline_options options = {0};
    struct cluster_instance instance = {
        .protocol = protocol, .settings = &setting, .n_settings = setting ? 1 : 0};
    struct cluster_group group = {.nodes = nodes, .instances = &instance, .n_instances = 1};
    struct cluster_spec spec = {.groups = &group, .n_groups = 1, .seed = 5};
    char why[300];
    assert_non_null(s);
    orrery__run_info__init(&options.info);
    s->timeline = timeline_new(&options, why, sizeof why);
    timeline_follow(s->timeline, on_entry, s);
    s->cluster = cluster_sim_new(&spec, &sink, s, why, sizeof why);
    assert_non_null(s->cluster);
    return s;
}

static struct scene *begin(const char *protocol, uint32_t nodes)
{
    return begin_set(protocol, nodes, NULL);
}

static void end(struct scene *s)
{
    s->cluster->ops->end(s->cluster, NULL, NULL);
    s->cluster->ops->free(s->cluster);
    timeline_free(s->timeline);
    free(s);
}

static void run(struct scene *s, uint64_t ms)
{
    s->now += ms * MS;
    cluster_sim_run(s->cluster, s->now);
    timeline_flush(s->timeline);
}

static void clear(struct scene *s)
{
    memset(s->counts, 0, sizeof s->counts);
    memset(s->of_node, 0, sizeof s->of_node);
}

static int act(struct scene *s, const char *line)
{
    const char *words[16];
    char why[300] = "";
    struct buf memory = {0};
    int n = words_split(line, &memory, words, 16);
    assert_true(n > 0);
    Orrery__Command *c = command_parse(words, (size_t)n, why, sizeof why);
    if (!c)
        fail_msg("%s: %s", line, why);
    cluster_expand(s->cluster, c);
    struct buf compiled = {0};
    if (c->verb_case == ORRERY__COMMAND__VERB_BREAK && c->break_->pattern) {
        assert_true(pattern_compile(c->break_->pattern, timeline_schema(s->timeline),
                                    timeline_start(s->timeline, 1), &compiled, why, sizeof why));
        c->break_->has_compiled = 1;
        c->break_->compiled = (ProtobufCBinaryData){compiled.len, compiled.base};
        c->break_->has_id = 1;
        c->break_->id = 1;
    }
    int error = s->cluster->ops->command(s->cluster, c, 77, why, sizeof why);
    if (compiled.base)
        c->break_->compiled = (ProtobufCBinaryData){0, NULL};
    buf_free(&compiled);
    orrery__command__free_unpacked(c, NULL);
    buf_free(&memory);
    timeline_flush(s->timeline);
    if (error)
        assert_true(why[0]);
    return error;
}

static enum node_state state_of(struct scene *s, uint32_t node)
{
    struct cluster_node n;
    assert_true(s->cluster->ops->node(s->cluster, node, &n));
    return n.state;
}

static uint32_t boot_of(struct scene *s, uint32_t node)
{
    struct cluster_node n;
    assert_true(s->cluster->ops->node(s->cluster, node, &n));
    return n.boot;
}

static void lives(void **state)
{
    (void)state;
    struct scene *s = begin("heartbeat", 3);
    assert_int_equal(state_of(s, 1), NODE_STARTING);
    run(s, 1000);
    assert_int_equal(s->counts[ORRERY__EVENT__BODY_SPAWN], 3);
    assert_int_equal(s->counts[ORRERY__EVENT__BODY_START], 3);
    assert_true(s->counts[ORRERY__EVENT__BODY_RECEIVE] > 10);
    assert_int_equal(act(s, "kill n2"), 0);
    assert_int_equal(state_of(s, 2), NODE_KILLED);
    assert_int_equal(s->exit_signal, 9);
    assert_int_equal(s->exit_because, 77);
    clear(s);
    run(s, 1000);
    assert_int_equal(s->of_node[2], 0);
    assert_true(act(s, "pause n2") != 0);
    assert_int_equal(act(s, "restart n2"), 0);
    run(s, 500);
    assert_int_equal(state_of(s, 2), NODE_RUNNING);
    assert_int_equal(boot_of(s, 2), 2);
    assert_int_equal(act(s, "restart n2"), 0); /* A live one is killed first. */
    assert_int_equal(boot_of(s, 2), 3);
    run(s, 500);
    assert_int_equal(act(s, "stop n3"), 0);
    assert_int_equal(state_of(s, 3), NODE_STOPPED);
    assert_int_equal(s->exit_code, 0);
    assert_true(s->counts[ORRERY__EVENT__BODY_STOP] == 1);
    assert_true(act(s, "kill n9") != 0);
    end(s);
}

static void a_pause_stops_and_nothing_is_lost(void **state)
{
    (void)state;
    struct scene *s = begin("heartbeat", 2);
    run(s, 1000);
    assert_int_equal(act(s, "pause n1"), 0);
    clear(s);
    run(s, 2000);
    assert_int_equal(state_of(s, 1), NODE_PAUSED);
    assert_int_equal(s->of_node[1], 0);
    assert_int_equal(act(s, "resume n1"), 0);
    assert_int_equal(state_of(s, 1), NODE_RUNNING);
    /* What came meanwhile lay in its socket. */
    assert_true(s->of_node[1] > 8);
    end(s);
}

static void links(void **state)
{
    (void)state;
    struct scene *s = begin("heartbeat", 2);
    run(s, 1000);
    assert_int_equal(act(s, "cut n1/n2 --one-way"), 0);
    clear(s);
    run(s, 1000);
    assert_int_equal(s->counts[ORRERY__EVENT__BODY_DROP], 4);
    assert_int_equal(s->dropped, ORRERY__DROP_REASON__DROP_CUT);
    assert_true(s->counts[ORRERY__EVENT__BODY_RECEIVE] >= 4); /* The other way. */
    assert_int_equal(act(s, "heal"), 0);
    assert_int_equal(act(s, "link n2 n1 --loss 100% --one-way"), 0);
    clear(s);
    run(s, 1000);
    assert_int_equal(s->dropped, ORRERY__DROP_REASON__DROP_LOSS);
    assert_int_equal(act(s, "heal n1"), 0);
    clear(s);
    run(s, 1000);
    assert_int_equal(s->counts[ORRERY__EVENT__BODY_DROP], 0);
    end(s);
}

static void by_hand(void **state)
{
    (void)state;
    struct scene *s = begin("heartbeat", 2);
    run(s, 1000);
    assert_int_equal(act(s, "hold n1"), 0);
    clear(s);
    run(s, 1000);
    assert_int_equal(s->counts[ORRERY__EVENT__BODY_HELD], 4);
    assert_int_equal(s->cluster->ops->held(s->cluster), 4);
    assert_int_equal(act(s, "pace 0"), 0);
    uint32_t received = s->counts[ORRERY__EVENT__BODY_RECEIVE];
    assert_int_equal(act(s, "deliver"), 0);
    run(s, 1);
    assert_int_equal(s->counts[ORRERY__EVENT__BODY_RECEIVE], received + 1);
    assert_int_equal(act(s, "deliver --drop"), 0);
    assert_int_equal(s->cluster->ops->held(s->cluster), 2);
    assert_int_equal(s->counts[ORRERY__EVENT__BODY_DROP], 1);
    assert_int_equal(act(s, "hold --off"), 0);
    run(s, 1);
    assert_int_equal(s->cluster->ops->held(s->cluster), 0);
    assert_int_equal(s->counts[ORRERY__EVENT__BODY_RECEIVE], received + 3);
    assert_true(act(s, "deliver") != 0);
    end(s);
}

/* A stream has no gaps, whichever of its messages is let go or lost by hand. */
static void a_stream_by_hand(void **state)
{
    (void)state;
    struct scene *s = begin_set("heartbeat", 2, "transport=tcp");
    char line[64];
    run(s, 1000);
    assert_int_equal(act(s, "hold n1"), 0);
    run(s, 1000);
    assert_int_equal(s->cluster->ops->held(s->cluster), 4);
    assert_true(s->held_in_order);
    assert_int_equal(act(s, "pace 0"), 0);
    uint32_t received = s->counts[ORRERY__EVENT__BODY_RECEIVE];
    snprintf(line, sizeof line, "deliver n1 --event %llu", (unsigned long long)s->held);
    assert_int_equal(act(s, line), 0);
    assert_int_equal(s->cluster->ops->held(s->cluster), 0);
    run(s, 1);
    assert_int_equal(s->counts[ORRERY__EVENT__BODY_RECEIVE], received + 4);
    assert_int_equal(act(s, "pace 1"), 0);
    run(s, 1000);
    assert_int_equal(s->cluster->ops->held(s->cluster), 4);
    clear(s);
    assert_int_equal(act(s, "deliver n1 --drop"), 0);
    assert_int_equal(s->cluster->ops->held(s->cluster), 0);
    assert_int_equal(s->counts[ORRERY__EVENT__BODY_DROP], 4);
    end(s);
}

static void breakpoints(void **state)
{
    (void)state;
    struct scene *s = begin("heartbeat", 2);
    run(s, 1000);
    assert_int_equal(act(s, "break n1 --at 'send beat.number=10' --then pause"), 0);
    clear(s);
    run(s, 3000);
    assert_int_equal(s->counts[ORRERY__EVENT__BODY_HALT], 1);
    assert_int_equal(state_of(s, 1), NODE_PAUSED);
    uint32_t sent = s->counts[ORRERY__EVENT__BODY_SEND];
    uint32_t received = s->counts[ORRERY__EVENT__BODY_RECEIVE];
    assert_int_equal(act(s, "resume n1"), 0); /* Then its effects leave. */
    assert_int_equal(s->counts[ORRERY__EVENT__BODY_SEND], sent + 1);
    run(s, 5);
    assert_true(s->counts[ORRERY__EVENT__BODY_RECEIVE] > received);
    assert_int_equal(act(s, "break n2 --at 'receive from=1' --then kill"), 0);
    clear(s);
    run(s, 3000);
    assert_int_equal(state_of(s, 2), NODE_KILLED);
    assert_int_equal(s->exit_because, 77);
    end(s);
}

static void members_come_and_go(void **state)
{
    (void)state;
    struct scene *s = begin("heartbeat", 2);
    run(s, 1000);
    assert_int_equal(act(s, "add 2"), 0);
    assert_int_equal(s->cluster->ops->nodes(s->cluster), 4);
    clear(s);
    run(s, 2000);
    assert_int_equal(state_of(s, 4), NODE_RUNNING);
    assert_true(s->of_node[4] > 4);
    assert_int_equal(act(s, "remove n1"), 0);
    assert_int_equal(state_of(s, 1), NODE_REMOVED);
    assert_true(act(s, "restart n1") != 0);
    assert_int_equal(act(s, "set all interval_ms=50"), 0);
    clear(s);
    run(s, 1000);
    assert_true(s->counts[ORRERY__EVENT__BODY_SEND] > 30);
    /* Whoever slept or was dead has the new setting, too. */
    assert_int_equal(act(s, "pause n3"), 0);
    assert_int_equal(act(s, "kill n4"), 0);
    assert_int_equal(act(s, "set all interval_ms=10"), 0);
    run(s, 100);
    assert_int_equal(act(s, "resume n3"), 0);
    assert_int_equal(act(s, "restart n4"), 0);
    clear(s);
    run(s, 1000);
    assert_int_equal(s->counts[ORRERY__EVENT__BODY_SETTING], 0);
    assert_true(s->counts[ORRERY__EVENT__BODY_SEND] > 250);
    end(s);
}

/* By its newest view. */
static bool watches(struct scene *s, uint32_t node, uint32_t peer)
{
    struct entry e;
    uint64_t at = timeline_newest(s->timeline);
    do
        assert_true(timeline_get(s->timeline, at--, &e));
    while (e.node != node || e.head.body != ORRERY__EVENT__BODY_VIEW);
    Orrery__Event *m = orrery__event__unpack(NULL, e.event.len, e.event.base);
    assert_non_null(m);
    Heartbeat__NodeView *v =
        heartbeat__node_view__unpack(NULL, m->view->body.len, m->view->body.data);
    assert_non_null(v);
    bool found = false;
    for (size_t i = 0; i < v->n_peers; i++)
        found = found || v->peers[i]->peer == peer;
    heartbeat__node_view__free_unpacked(v, NULL);
    orrery__event__free_unpacked(m, NULL);
    return found;
}

/* Its last beats are a second on their way: to n1, who knows it; to n2, who has a new life; to n4,
 * who never heard of it. Nobody takes it for a new node. */
static void a_removed_node_stays_forgotten(void **state)
{
    (void)state;
    struct scene *s = begin("heartbeat", 3);
    run(s, 1000);
    assert_int_equal(act(s, "link n3 all --delay 1s --jitter 500ms --reorder 20%"), 0);
    run(s, 300);
    assert_int_equal(act(s, "kill n2"), 0);
    assert_int_equal(act(s, "add 1"), 0);
    run(s, 300);
    assert_int_equal(act(s, "remove n3"), 0);
    assert_int_equal(act(s, "restart n2"), 0);
    clear(s);
    run(s, 100000); /* Until each has shown a view. */
    assert_true(s->counts[ORRERY__EVENT__BODY_DROP] > 0);
    assert_int_equal(s->dropped, ORRERY__DROP_REASON__DROP_STALE);
    static const uint32_t others[] = {1, 2, 4};
    for (size_t i = 0; i < 3; i++)
        assert_false(watches(s, others[i], 3));
    assert_true(watches(s, 4, 1));
    end(s);
}

static void disks(void **state)
{
    (void)state;
    struct scene *s = begin("kv", 1);
    run(s, 3000);
    assert_true(s->counts[ORRERY__EVENT__BODY_DURABLE] > 5);
    assert_int_equal(act(s, "disk n1 --full"), 0);
    run(s, 3000);
    assert_int_equal(state_of(s, 1), NODE_FAILED);
    assert_int_equal(s->exit_code, 1);
    assert_int_equal(s->counts[ORRERY__EVENT__BODY_STOP], 1);
    assert_int_equal(act(s, "disk n1 --well"), 0);
    assert_int_equal(act(s, "restart n1"), 0);
    clear(s);
    run(s, 3000);
    assert_int_equal(state_of(s, 1), NODE_RUNNING);
    assert_true(s->counts[ORRERY__EVENT__BODY_RECOVERED] > 5);
    assert_int_equal(act(s, "power n1 --lose all"), 0);
    assert_int_equal(act(s, "restart n1"), 0);
    run(s, 3000);
    assert_int_equal(state_of(s, 1), NODE_RUNNING);
    end(s);
}

static void count_words(void *arg, uint32_t node, const char *words)
{
    (void)node;
    assert_true(words[0]);
    ++*(uint32_t *)arg;
}

static void faults_are_said(void **state)
{
    (void)state;
    struct scene *s = begin("heartbeat", 3);
    uint32_t n = 0;
    run(s, 100);
    s->cluster->ops->faults(s->cluster, count_words, &n);
    assert_int_equal(n, 0);
    assert_int_equal(act(s, "clock n1 --skew 5s"), 0);
    assert_int_equal(act(s, "cut n1/n2"), 0);
    s->cluster->ops->faults(s->cluster, count_words, &n);
    assert_true(n >= 3);
    end(s);
}

static void refused_at_once(void **state)
{
    (void)state;
    static const struct cluster_sink sink = {0};
    const char *bad = "timeout_ms=1";
    struct cluster_instance instance = {"heartbeat", &bad, 1, NULL, 0};
    struct cluster_group group = {.nodes = 2, .instances = &instance, .n_instances = 1};
    struct cluster_spec spec = {.groups = &group, .n_groups = 1};
    char why[300] = "";
    assert_null(cluster_sim_new(&spec, &sink, NULL, why, sizeof why));
    assert_non_null(strstr(why, "timeout_ms"));
    instance.protocol = "nothing";
    assert_null(cluster_sim_new(&spec, &sink, NULL, why, sizeof why));
    assert_non_null(strstr(why, "nothing"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lives),
        cmocka_unit_test(a_pause_stops_and_nothing_is_lost),
        cmocka_unit_test(links),
        cmocka_unit_test(by_hand),
        cmocka_unit_test(a_stream_by_hand),
        cmocka_unit_test(breakpoints),
        cmocka_unit_test(members_come_and_go),
        cmocka_unit_test(a_removed_node_stays_forgotten),
        cmocka_unit_test(disks),
        cmocka_unit_test(faults_are_said),
        cmocka_unit_test(refused_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
