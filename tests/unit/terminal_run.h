/* A run made by hand, for tests of the terminal: entries in order, with what a heartbeat cluster
 * would say. Times are milliseconds of cluster time. */
#ifndef ORRERY_TESTS_TERMINAL_RUN_H
#define ORRERY_TESTS_TERMINAL_RUN_H

#include "base/check.h"
#include "event.pb-c.h"
#include "heartbeat.pb-c.h"
#include "schema_heartbeat.h"
#include "terminal/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUN_ENTRIES = 60000, RUN_NODES = 64 };

struct run {
    struct entry *entries;
    uint64_t n;
    uint64_t seq[RUN_NODES];
    uint64_t last[RUN_NODES];   /* Ordinal of the newest event of a lane. */
    uint64_t number[RUN_NODES]; /* Of its newest beat. */
    uint32_t boot[RUN_NODES];
    bool alive[RUN_NODES];
    bool paused[RUN_NODES];
    bool cut[RUN_NODES][RUN_NODES];
    uint32_t nodes;
    uint64_t jitter;
    const char *prefix;
    struct schema *schema;
    Orrery__Start *start;
};

static inline uint64_t run_add(struct run *r, uint32_t node, double ms, Orrery__Event *event,
                               uint64_t cause)
{
    CHECK(r->n < RUN_ENTRIES);
    event->seq = ++r->seq[node];
    event->mono_ns = (uint64_t)(ms * 1e6);
    event->instance = node ? 1 : 0;
    event->lamport = r->n + 1;
    size_t size = orrery__event__get_packed_size(event);
    uint8_t *bytes = malloc(size);
    CHECK(bytes);
    orrery__event__pack(event, bytes);
    struct entry *e = &r->entries[r->n++];
    *e = (struct entry){.ordinal = r->n, .node = node, .boot = r->boot[node], .cause = cause};
    e->event = bytes_of(bytes, size);
    CHECK(event_head_read(e->event, &e->head) == 0);
    r->last[node] = r->n;
    return r->n;
}

static inline void run_name(const struct run *r, uint32_t node, char into[40])
{
    snprintf(into, 40, "%s%u", r->prefix ? r->prefix : "n", node);
}

static inline void run_start_node(struct run *r, uint32_t node, double ms)
{
    char name[40];
    Orrery__Event event = ORRERY__EVENT__INIT;
    run_name(r, node, name);
    r->boot[node]++;
    r->number[node] = 0;
    r->seq[node] = 0;
    Orrery__Start start = *r->start;
    start.name = name;
    start.node = node;
    start.boot = r->boot[node];
    start.nodes = r->nodes;
    event.body_case = ORRERY__EVENT__BODY_START;
    event.start = &start;
    run_add(r, node, ms, &event, 0);
    r->alive[node] = true;
}

static inline Orrery__Start *run_template(void)
{
    static char *states[] = {"unknown", "trusted", "suspected", "dead"};
    static char *types[] = {"heartbeat.Opinion", "heartbeat.Gap", "heartbeat.Rebirth"};
    static Orrery__Machine machine;
    static Orrery__Machine *machines[] = {&machine};
    static Orrery__Instance instance;
    static Orrery__Instance *instances[] = {&instance};
    static Orrery__Start start;
    orrery__machine__init(&machine);
    machine.name = "peer";
    machine.states = states;
    machine.n_states = 4;
    orrery__instance__init(&instance);
    instance.number = 1;
    instance.protocol = "heartbeat";
    instance.message_type = "heartbeat.Message";
    instance.machines = machines;
    instance.n_machines = 1;
    orrery__start__init(&start);
    start.instances = instances;
    start.n_instances = 1;
    start.types = types;
    start.n_types = 3;
    return &start;
}

static inline void run_begin(struct run *r, uint32_t nodes, const char *prefix)
{
    memset(r, 0, sizeof *r);
    r->entries = calloc(RUN_ENTRIES, sizeof *r->entries);
    CHECK(r->entries);
    r->nodes = nodes;
    r->prefix = prefix;
    r->schema = schema_new();
    CHECK(schema_add(r->schema, schema_heartbeat()) == 0);
    r->start = run_template();
    for (uint32_t i = 1; i <= nodes; i++)
        run_start_node(r, i, 2 + i * 0.1);
}

static inline void run_end(struct run *r)
{
    for (uint64_t i = 0; i < r->n; i++)
        free((void *)(uintptr_t)r->entries[i].event.base);
    free(r->entries);
    schema_free(r->schema);
}

static inline void run_receive(struct run *r, uint32_t from, uint32_t to, uint64_t send, double ms)
{
    Orrery__Event event = ORRERY__EVENT__INIT;
    Orrery__Receive receive = ORRERY__RECEIVE__INIT;
    receive.from = from;
    receive.boot = r->entries[send - 1].boot;
    receive.event = r->entries[send - 1].head.seq;
    event.body_case = ORRERY__EVENT__BODY_RECEIVE;
    event.receive = &receive;
    run_add(r, to, ms, &event, send);
}

static inline void run_drop(struct run *r, uint32_t from, uint32_t to, uint64_t send, int reason,
                            double ms)
{
    Orrery__Event event = ORRERY__EVENT__INIT;
    Orrery__Drop drop = ORRERY__DROP__INIT;
    drop.reason = (Orrery__DropReason)reason;
    drop.from = from;
    drop.to = to;
    drop.boot = r->entries[send - 1].boot;
    drop.event = r->entries[send - 1].head.seq;
    event.body_case = ORRERY__EVENT__BODY_DROP;
    event.drop = &drop;
    run_add(r, from, ms, &event, send);
}

/* Sends a beat to all others; returns the send's ordinal. Receives are left to the caller. */
static inline uint64_t run_send(struct run *r, uint32_t from, double ms)
{
    uint8_t bytes[64];
    uint32_t to[RUN_NODES];
    Heartbeat__Beat beat = HEARTBEAT__BEAT__INIT;
    beat.number = ++r->number[from];
    beat.interval_ns = 250000000;
    Heartbeat__Message message = HEARTBEAT__MESSAGE__INIT;
    message.kind_case = HEARTBEAT__MESSAGE__KIND_BEAT;
    message.beat = &beat;
    Orrery__Send send = ORRERY__SEND__INIT;
    send.to = to;
    for (uint32_t i = 1; i <= r->nodes; i++)
        if (i != from)
            to[send.n_to++] = i;
    send.body.data = bytes;
    send.body.len = heartbeat__message__pack(&message, bytes);
    Orrery__Event event = ORRERY__EVENT__INIT;
    event.body_case = ORRERY__EVENT__BODY_SEND;
    event.send = &send;
    return run_add(r, from, ms, &event, 0);
}

static inline void run_beat(struct run *r, uint32_t from, double ms)
{
    uint64_t send = run_send(r, from, ms);
    for (uint32_t i = 1; i <= r->nodes; i++) {
        if (i == from || !r->alive[i] || r->paused[i])
            continue;
        r->jitter = r->jitter * 6364136223846793005u + 1442695040888963407u;
        double latency = 0.03 + 0.08 * (double)(r->jitter >> 40) / (double)(1 << 24);
        if (r->cut[from][i])
            run_drop(r, from, i, send, ORRERY__DROP_REASON__DROP_CUT, ms + 0.01);
        else
            run_receive(r, from, i, send, ms + latency);
    }
}

/* Everybody alive beats, each at its own phase of a quarter second, from `ms` until `until`. */
static inline void run_go(struct run *r, double ms, double until)
{
    for (int slot = 0; ms + slot * 1.0 < until; slot++)
        for (uint32_t i = 1; i <= r->nodes; i++)
            if (r->alive[i] && !r->paused[i] && (uint32_t)(slot % 250) == i * 250 / (r->nodes + 1))
                run_beat(r, i, ms + slot);
}

static inline uint64_t run_operator(struct run *r, const char *line, uint32_t node, double ms)
{
    char text[100];
    Orrery__Event event = ORRERY__EVENT__INIT;
    Orrery__Operator operator= ORRERY__OPERATOR__INIT;
    Orrery__Command command = ORRERY__COMMAND__INIT;
    Orrery__Nodes nodes = ORRERY__NODES__INIT;
    snprintf(text, sizeof text, "%s", line);
    nodes.nodes = &node;
    nodes.n_nodes = 1;
    if (strncmp(line, "kill", 4) == 0) {
        command.verb_case = ORRERY__COMMAND__VERB_KILL;
        command.kill = &nodes;
    } else if (strncmp(line, "pause", 5) == 0) {
        command.verb_case = ORRERY__COMMAND__VERB_PAUSE;
        command.pause = &nodes;
        r->paused[node] = true;
    } else if (strncmp(line, "resume", 6) == 0) {
        command.verb_case = ORRERY__COMMAND__VERB_RESUME;
        command.resume = &nodes;
        r->paused[node] = false;
    } else if (strncmp(line, "restart", 7) == 0) {
        command.verb_case = ORRERY__COMMAND__VERB_RESTART;
        command.restart = &nodes;
    }
    operator.line = text;
    operator.nodes = & node;
    operator.n_nodes = node ? 1 : 0;
    operator.command = command.verb_case ? &command : NULL;
    event.body_case = ORRERY__EVENT__BODY_OPERATOR;
    event.operator_ = &operator;
    return run_add(r, 0, ms, &event, 0);
}

static inline void run_exit(struct run *r, uint32_t node, int signal, uint64_t because, double ms)
{
    Orrery__Event event = ORRERY__EVENT__INIT;
    Orrery__Exit exited = ORRERY__EXIT__INIT;
    exited.node = node;
    exited.boot = r->boot[node];
    exited.signal = signal;
    exited.because = because ? r->entries[because - 1].head.seq : 0;
    event.body_case = ORRERY__EVENT__BODY_EXIT;
    event.exit = &exited;
    run_add(r, 0, ms, &event, because);
    r->alive[node] = false;
}

static inline void run_opinion(struct run *r, uint32_t by, uint32_t of, int detector,
                               bool suspected, double silent_ms, double level, double limit_ms,
                               double ms)
{
    uint8_t bytes[128];
    Heartbeat__Opinion o = HEARTBEAT__OPINION__INIT;
    o.peer = of;
    o.detector = (Heartbeat__Detector)detector;
    o.suspected = suspected;
    o.silent_ns = (uint64_t)(silent_ms * 1e6);
    o.level = level;
    o.limit_ns = (uint64_t)(limit_ms * 1e6);
    o.last_beat = r->number[of];
    Orrery__Trace trace = ORRERY__TRACE__INIT;
    trace.body.data = bytes;
    trace.body.len = heartbeat__opinion__pack(&o, bytes);
    Orrery__Event event = ORRERY__EVENT__INIT;
    event.body_case = ORRERY__EVENT__BODY_TRACE;
    event.trace = &trace;
    run_add(r, by, ms, &event, 0);
}

static inline void run_move(struct run *r, uint32_t by, uint32_t of, uint32_t from, uint32_t to,
                            double ms)
{
    Orrery__Event event = ORRERY__EVENT__INIT;
    Orrery__Move move = ORRERY__MOVE__INIT;
    move.of = of;
    move.from = from;
    move.to = to;
    event.body_case = ORRERY__EVENT__BODY_MOVE;
    event.move = &move;
    run_add(r, by, ms, &event, 0);
}

/* The source over it. */
static inline uint64_t run_oldest(void *ctx)
{
    (void)ctx;
    return 1;
}

static inline uint64_t run_newest(void *ctx)
{
    return ((struct run *)ctx)->n;
}

static inline bool run_get(void *ctx, uint64_t ordinal, struct entry *e)
{
    struct run *r = ctx;
    if (ordinal == 0 || ordinal > r->n)
        return false;
    *e = r->entries[ordinal - 1];
    return true;
}

static inline uint64_t run_previous(void *ctx, uint64_t ordinal)
{
    struct run *r = ctx;
    const struct entry *e = &r->entries[ordinal - 1];
    for (uint64_t i = ordinal - 1; i > 0; i--)
        if (r->entries[i - 1].node == e->node && r->entries[i - 1].boot == e->boot)
            return i;
    return 0;
}

static inline size_t run_past(void *ctx, uint64_t ordinal, uint64_t *into, size_t n)
{
    struct run *r = ctx;
    bool *in = calloc(ordinal + 1, sizeof *in);
    size_t found = 0;
    CHECK(in);
    in[ordinal] = true;
    for (uint64_t i = ordinal; i > 0; i--) {
        if (!in[i])
            continue;
        in[r->entries[i - 1].cause] = true;
        in[run_previous(ctx, i)] = true;
        if (i != ordinal && found < n)
            into[found++] = i;
    }
    free(in);
    return found;
}

static inline size_t run_future(void *ctx, uint64_t ordinal, uint64_t *into, size_t n)
{
    struct run *r = ctx;
    bool *in = calloc(r->n + 1, sizeof *in);
    size_t found = 0;
    CHECK(in);
    in[ordinal] = true;
    for (uint64_t i = ordinal + 1; i <= r->n; i++) {
        in[i] = in[r->entries[i - 1].cause] || in[run_previous(ctx, i)];
        if (in[i] && found < n)
            into[found++] = i;
    }
    free(in);
    return found;
}

static inline void run_describe(void *ctx, const struct entry *e, struct buf *into)
{
    char name[40];
    run_name(ctx, e->node, name);
    buf_printf(into, "%s: %s", e->node ? name : "you", timeline_kind(e->head.body));
}

static inline const struct schema *run_schema(void *ctx)
{
    return ((struct run *)ctx)->schema;
}

static inline const Orrery__Start *run_start_of(void *ctx, uint32_t node, uint32_t boot)
{
    (void)node;
    (void)boot;
    return ((struct run *)ctx)->start;
}

static inline struct terminal_source run_source(struct run *r)
{
    static const struct terminal_source_ops ops = {
        .oldest = run_oldest,
        .newest = run_newest,
        .get = run_get,
        .previous = run_previous,
        .past = run_past,
        .future = run_future,
        .describe = run_describe,
        .schema = run_schema,
        .start_of = run_start_of,
    };
    return (struct terminal_source){&ops, r};
}

/* n2 is killed at `ms`; the others' detectors notice one after the other. */
static inline void run_kill_and_notice(struct run *r, uint32_t node, double ms)
{
    char line[64], name[40];
    run_name(r, node, name);
    snprintf(line, sizeof line, "kill %s", name);
    uint64_t kill = run_operator(r, line, node, ms);
    run_exit(r, node, 9, kill, ms + 1.4);
    run_go(r, ms + 2, ms + 480);
    for (uint32_t i = 1; i <= r->nodes; i++)
        if (i != node)
            run_opinion(r, i, node, HEARTBEAT__DETECTOR__PHI_ACCRUAL, true, 533, 8.01, 532,
                        ms + 480 + i);
    run_go(r, ms + 490, ms + 950);
    for (uint32_t i = 1; i <= r->nodes; i++) {
        if (i == node)
            continue;
        run_opinion(r, i, node, HEARTBEAT__DETECTOR__FIXED, true, 1000.2, 1.0, 1000, ms + 950 + i);
        run_move(r, i, node, 1, 2, ms + 950 + i);
    }
}

#endif
