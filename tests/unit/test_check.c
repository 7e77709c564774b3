/* The checkers on small histories made by hand: what proves, what refutes, what stays unknown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "check/check.h"
#include "check/heartbeat.h"
#include "heartbeat.pb-c.h"
#include "history.pb-c.h"
#include "kv.pb-c.h"

#include <stdio.h>
#include <string.h>

enum { INVOKE, COMPLETE, OPINION, GAP, FLUSH, TYPES };
#define SECOND UINT64_C(1000000000)

struct tale {
    struct check *check;
    uint64_t now;
    uint64_t ordinal;
    uint64_t seq[8];
    uint32_t boot[8];
};

static struct tale begin(void)
{
    return (struct tale){.check = check_new()};
}

static void tell(struct tale *t, uint32_t node, Orrery__Event *event)
{
    struct buf packed = {0};
    event->seq = ++t->seq[node];
    event->mono_ns = t->now;
    orrery__event__pack(event, buf_extend(&packed, orrery__event__get_packed_size(event)));
    struct entry e = {
        .ordinal = ++t->ordinal,
        .node = node,
        .boot = node ? t->boot[node] : 0,
        .event = buf_bytes(&packed),
    };
    assert_int_equal(event_head_read(e.event, &e.head), 0);
    check_entry(t->check, &e);
    buf_free(&packed);
}

static void spawn(struct tale *t, uint32_t node, const char *protocol, const char *key,
                  const char *value)
{
    static char *types[TYPES] = {(char *)"history.Invoke", (char *)"history.Complete",
                                 (char *)"heartbeat.Opinion", (char *)"heartbeat.Gap",
                                 (char *)"kv.PageFlush"};
    static char *states[] = {(char *)"unknown", (char *)"trusted", (char *)"suspected",
                             (char *)"dead"};
    uint32_t members[] = {1, 2};
    Orrery__Event e = ORRERY__EVENT__INIT;
    Orrery__Spawn s = ORRERY__SPAWN__INIT;
    s.node = node;
    s.boot = ++t->boot[node];
    e.body_case = ORRERY__EVENT__BODY_SPAWN;
    e.spawn = &s;
    tell(t, 0, &e);
    Orrery__Machine machine = ORRERY__MACHINE__INIT;
    machine.name = (char *)"peer";
    machine.states = states;
    machine.n_states = 4;
    Orrery__Machine *machines[] = {&machine};
    Orrery__KeyValue setting = ORRERY__KEY_VALUE__INIT;
    setting.key = (char *)(uintptr_t)key;
    setting.value = (char *)(uintptr_t)value;
    Orrery__KeyValue *settings[] = {&setting};
    char *logs[] = {(char *)"wal"};
    Orrery__Instance instance = ORRERY__INSTANCE__INIT;
    instance.number = 1;
    instance.protocol = (char *)(uintptr_t)protocol;
    instance.machines = machines;
    instance.n_machines = 1;
    instance.settings = settings;
    instance.n_settings = key ? 1 : 0;
    instance.logs = logs;
    instance.n_logs = 1;
    Orrery__Instance *instances[] = {&instance};
    Orrery__Start start = ORRERY__START__INIT;
    start.node = node;
    start.boot = t->boot[node];
    start.types = types;
    start.n_types = TYPES;
    start.instances = instances;
    start.n_instances = 1;
    start.members = members;
    start.n_members = 2;
    Orrery__Event begun = ORRERY__EVENT__INIT;
    begun.body_case = ORRERY__EVENT__BODY_START;
    begun.start = &start;
    t->seq[node] = 0;
    tell(t, node, &begun);
}

static void act(struct tale *t, Orrery__Command *command)
{
    Orrery__Event e = ORRERY__EVENT__INIT;
    Orrery__Operator o = ORRERY__OPERATOR__INIT;
    o.command = command;
    e.body_case = ORRERY__EVENT__BODY_OPERATOR;
    e.operator_ = &o;
    tell(t, 0, &e);
}

static void leave(struct tale *t, uint32_t node, int32_t signal, int32_t code, uint64_t because)
{
    Orrery__Event e = ORRERY__EVENT__INIT;
    Orrery__Exit x = ORRERY__EXIT__INIT;
    x.node = node;
    x.boot = t->boot[node];
    x.signal = signal;
    x.code = code;
    x.because = because;
    e.body_case = ORRERY__EVENT__BODY_EXIT;
    e.exit = &x;
    tell(t, 0, &e);
}

static void hole(struct tale *t, uint32_t node)
{
    Orrery__Event e = ORRERY__EVENT__INIT;
    Orrery__Hole x = ORRERY__HOLE__INIT;
    x.node = node;
    x.boot = t->boot[node];
    e.body_case = ORRERY__EVENT__BODY_HOLE;
    e.hole = &x;
    tell(t, 0, &e);
}

static void trace(struct tale *t, uint32_t node, uint32_t type, const ProtobufCMessage *body)
{
    struct buf packed = {0};
    Orrery__Event e = ORRERY__EVENT__INIT;
    Orrery__Trace x = ORRERY__TRACE__INIT;
    protobuf_c_message_pack(body, buf_extend(&packed, protobuf_c_message_get_packed_size(body)));
    x.type = type;
    x.body = (ProtobufCBinaryData){packed.len, packed.base};
    e.instance = 1;
    e.body_case = ORRERY__EVENT__BODY_TRACE;
    e.trace = &x;
    tell(t, node, &e);
    buf_free(&packed);
}

static ProtobufCBinaryData binary(const char *text)
{
    return (ProtobufCBinaryData){text ? strlen(text) : 0, (uint8_t *)(uintptr_t)text};
}

static History__Op make_op(const char *f, const char *key, const char *value, int64_t number)
{
    History__Op op = HISTORY__OP__INIT;
    op.f = (char *)(uintptr_t)f;
    op.key = binary(key);
    op.value = binary(value);
    op.absent = value == NULL;
    op.number = number;
    return op;
}

static void invoke_at(struct tale *t, uint32_t node, uint64_t request, History__Op *ops, size_t n)
{
    History__Op *list[4];
    History__Invoke m = HISTORY__INVOKE__INIT;
    for (size_t i = 0; i < n; i++)
        list[i] = &ops[i];
    m.client = 1;
    m.request = request;
    m.ops = list;
    m.n_ops = n;
    trace(t, node, INVOKE, &m.base);
}

static void complete_at(struct tale *t, uint32_t node, uint64_t request, History__Op *ops, size_t n)
{
    History__Op *list[4];
    History__Complete m = HISTORY__COMPLETE__INIT;
    for (size_t i = 0; i < n; i++)
        list[i] = &ops[i];
    m.client = 1;
    m.request = request;
    m.ops = list;
    m.n_ops = n;
    trace(t, node, COMPLETE, &m.base);
}

static void invoke(struct tale *t, uint64_t request, History__Op *ops, size_t n)
{
    invoke_at(t, 1, request, ops, n);
}

static void complete(struct tale *t, uint64_t request, History__Op *ops, size_t n)
{
    complete_at(t, 1, request, ops, n);
}

static void set(struct tale *t, uint64_t request, const char *key, const char *value, bool answered)
{
    History__Op op = make_op("set", key, value, 0);
    invoke(t, request, &op, 1);
    if (answered)
        complete(t, request, &op, 1);
}

static void get(struct tale *t, uint64_t request, const char *key, const char *value)
{
    History__Op ask = make_op("get", key, NULL, 0);
    History__Op told = make_op("get", key, value, 0);
    invoke(t, request, &ask, 1);
    complete(t, request, &told, 1);
}

/* With a store in its first life. */
static struct tale begin_kv(void)
{
    struct tale t = begin();
    spawn(&t, 1, "kv", NULL, NULL);
    return t;
}

static void crash(struct tale *t)
{
    leave(t, 1, 9, 0, 1);
    spawn(t, 1, "kv", NULL, NULL);
}

static enum verdict end(struct tale *t, const char *invariant, enum verdict expected)
{
    const struct finding *all;
    check_end(t->check, t->now);
    uint32_t n = check_findings(t->check, &all);
    enum verdict found = VERDICT_NOTHING;
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(all[i].invariant, invariant) == 0) {
            found = all[i].verdict;
            if (found != expected)
                print_message("%s: %s\n", verdict_name(found), all[i].sentence);
            if (found == VERDICT_REFUTED) {
                assert_true(all[i].n_events > 0);
                assert_true(all[i].events[all[i].n_events - 1] <= t->ordinal);
                assert_true(all[i].sentence[0]);
            }
        }
    enum verdict overall = check_verdict(t->check);
    check_free(t->check);
    assert_int_equal(found, expected);
    return overall;
}

static void acknowledged_is_there(void **state)
{
    (void)state;
    struct tale t = begin_kv();
    set(&t, 1, "a", "1", true);
    set(&t, 2, "a", "2", false);
    crash(&t);
    get(&t, 1, "a", "2"); /* Attempted: it may have made it, */
    get(&t, 2, "a", "2"); /* and then it stays. */
    assert_int_equal(end(&t, "durability", VERDICT_PROVEN), VERDICT_PROVEN);
}

static void acknowledged_is_lost(void **state)
{
    (void)state;
    struct tale t = begin_kv();
    set(&t, 1, "a", "1", true);
    set(&t, 2, "a", "2", true);
    crash(&t);
    get(&t, 1, "a", "1");
    assert_int_equal(end(&t, "durability", VERDICT_REFUTED), VERDICT_REFUTED);
}

static void never_attempted(void **state)
{
    (void)state;
    struct tale t = begin_kv();
    set(&t, 1, "a", "1", false);
    crash(&t);
    get(&t, 1, "a", "9");
    end(&t, "durability", VERDICT_REFUTED);
}

static void one_read_rules_out_the_other(void **state)
{
    (void)state;
    struct tale t = begin_kv();
    set(&t, 1, "a", "1", true);
    set(&t, 2, "a", "2", false);
    crash(&t);
    get(&t, 1, "a", "1");
    get(&t, 2, "a", "2"); /* It was not there, and nobody wrote it since. */
    end(&t, "durability", VERDICT_REFUTED);
}

static void half_a_transaction(void **state)
{
    (void)state;
    for (int half = 0; half < 2; half++) {
        struct tale t = begin_kv();
        History__Op both[] = {make_op("set", "a", "1", 0), make_op("set", "b", "1", 0)};
        invoke(&t, 1, both, 2);
        crash(&t);
        get(&t, 1, "a", "1");
        get(&t, 2, "b", half ? NULL : "1");
        end(&t, "durability", half ? VERDICT_REFUTED : VERDICT_PROVEN);
    }
}

static void not_a_prefix(void **state)
{
    (void)state;
    struct tale t = begin_kv();
    set(&t, 1, "a", "1", false);
    set(&t, 2, "b", "1", false);
    crash(&t);
    get(&t, 1, "b", "1");
    get(&t, 2, "a", NULL); /* The later write is there, the earlier is not. */
    end(&t, "durability", VERDICT_REFUTED);
}

static void two_crashes(void **state)
{
    (void)state;
    struct tale t = begin_kv();
    set(&t, 1, "a", "1", false);
    crash(&t);
    History__Op incr = make_op("incr", "n", NULL, 1);
    invoke(&t, 1, &incr, 1);
    crash(&t);
    incr.number = 2;
    History__Op ask = make_op("incr", "n", NULL, 1);
    invoke(&t, 1, &ask, 1);
    complete(&t, 1, &incr, 1); /* So the first increment survived. */
    get(&t, 2, "a", "1");
    get(&t, 3, "n", "2");
    assert_int_equal(end(&t, "durability", VERDICT_PROVEN), VERDICT_PROVEN);
}

/* Two nodes that share one store; at the end, or as it goes on. */
static struct tale begin_shared(bool whole)
{
    struct tale t = begin();
    if (whole)
        check_at_the_end(t.check);
    spawn(&t, 1, "raft", NULL, NULL);
    spawn(&t, 2, "raft", NULL, NULL);
    return t;
}

static void write_at(struct tale *t, uint32_t node, uint64_t request, const char *value)
{
    History__Op op = make_op("set", "k", value, 0);
    invoke_at(t, node, request, &op, 1);
    complete_at(t, node, request, &op, 1);
}

static void read_at(struct tale *t, uint32_t node, uint64_t request, const char *value)
{
    History__Op ask = make_op("get", "k", NULL, 0);
    History__Op told = make_op("get", "k", value, 0);
    invoke_at(t, node, request, &ask, 1);
    complete_at(t, node, request, &told, 1);
}

static void a_shared_store_is_linearizable(void **state)
{
    (void)state;
    for (int whole = 0; whole < 2; whole++) {
        struct tale t = begin_shared(whole);
        write_at(&t, 1, 1, "a");
        read_at(&t, 2, 1, "a");
        write_at(&t, 2, 2, "b");
        read_at(&t, 1, 2, "b");
        end(&t, "linearizable", VERDICT_PROVEN);

        t = begin_shared(whole); /* n2 has not heard of b. */
        write_at(&t, 1, 1, "a");
        write_at(&t, 1, 2, "b");
        read_at(&t, 2, 1, "a");
        const struct finding *all;
        bool seen = false;
        for (uint32_t i = 0, n = check_peek(t.check, &all); i < n; i++)
            seen |=
                strcmp(all[i].invariant, "linearizable") == 0 && all[i].verdict == VERDICT_REFUTED;
        assert_int_equal(seen, !whole);
        end(&t, "linearizable", VERDICT_REFUTED);
    }
}

/* Whether a write whose node ended is there, nobody knows; but not both. */
static void what_a_crash_cut_off_is_unknown(void **state)
{
    (void)state;
    for (int both = 0; both < 2; both++) {
        struct tale t = begin_shared(false);
        History__Op op = make_op("set", "k", "a", 0);
        write_at(&t, 2, 1, "before");
        invoke_at(&t, 1, 1, &op, 1);
        leave(&t, 1, 9, 0, 1);
        read_at(&t, 2, 2, "before");
        read_at(&t, 2, 3, "a");
        if (both)
            read_at(&t, 2, 4, "before");
        end(&t, "linearizable", both ? VERDICT_REFUTED : VERDICT_PROVEN);
    }
}

/* A client need not wait, and what it asks happens in its order all the same. */
static void one_client_is_served_in_its_order(void **state)
{
    (void)state;
    for (int swapped = 0; swapped < 2; swapped++) {
        struct tale t = begin_shared(false);
        History__Op a = make_op("set", "k", "a", 0);
        History__Op b = make_op("set", "k", "b", 0);
        invoke_at(&t, 1, 1, &a, 1);
        invoke_at(&t, 1, 2, &b, 1);
        complete_at(&t, 1, 1, &a, 1);
        complete_at(&t, 1, 2, &b, 1);
        read_at(&t, 2, 1, swapped ? "a" : "b");
        end(&t, "linearizable", swapped ? VERDICT_REFUTED : VERDICT_PROVEN);
    }
}

static void over_a_hole_a_history_is_unknown(void **state)
{
    (void)state;
    struct tale t = begin_shared(false);
    write_at(&t, 1, 1, "a");
    hole(&t, 2);
    read_at(&t, 1, 2, "b");
    end(&t, "linearizable", VERDICT_UNKNOWN);
}

static void reads_in_one_life(void **state)
{
    (void)state;
    struct tale t = begin_kv();
    set(&t, 1, "a", "1", true);
    set(&t, 2, "a", "2", true);
    get(&t, 3, "a", "1");
    end(&t, "reads", VERDICT_REFUTED);
}

/* The read was executed before the second write, and answered after it. */
static void a_read_is_of_its_moment(void **state)
{
    (void)state;
    struct tale t = begin_kv();
    set(&t, 1, "a", "1", true);
    History__Op ask = make_op("get", "a", NULL, 0);
    History__Op told = make_op("get", "a", "1", 0);
    invoke(&t, 2, &ask, 1);
    set(&t, 3, "a", "2", false);
    complete(&t, 2, &told, 1);
    get(&t, 4, "a", "2");
    assert_int_equal(end(&t, "reads", VERDICT_PROVEN), VERDICT_PROVEN);
}

static void over_a_hole_it_is_unknown(void **state)
{
    (void)state;
    struct tale t = begin_kv();
    set(&t, 1, "a", "1", true);
    hole(&t, 1);
    get(&t, 2, "a", "7");
    crash(&t);
    get(&t, 1, "a", "8");
    assert_int_equal(end(&t, "durability", VERDICT_UNKNOWN), VERDICT_UNKNOWN);
}

static void sync_never_promises_nothing(void **state)
{
    (void)state;
    struct tale t = begin();
    spawn(&t, 1, "kv", "sync", "never");
    set(&t, 1, "a", "1", true);
    leave(&t, 1, 9, 0, 1);
    spawn(&t, 1, "kv", "sync", "never");
    get(&t, 1, "a", NULL);
    const struct finding *all;
    check_end(t.check, 0);
    uint32_t n = check_findings(t.check, &all);
    for (uint32_t i = 0; i < n; i++)
        assert_true(all[i].verdict != VERDICT_REFUTED);
    check_free(t.check);
}

static void nobody_asked(void **state)
{
    (void)state;
    struct tale t = begin_kv();
    leave(&t, 1, 6, 0, 0);
    end(&t, "survival", VERDICT_REFUTED);
    t = begin();
    spawn(&t, 1, "kv", NULL, NULL);
    leave(&t, 1, 9, 0, 3);
    end(&t, "survival", VERDICT_PROVEN);
}

static void opinion(struct tale *t, uint32_t node, uint32_t peer, bool suspected)
{
    Heartbeat__Opinion o = HEARTBEAT__OPINION__INIT;
    o.peer = peer;
    o.suspected = suspected;
    trace(t, node, OPINION, &o.base);
    Orrery__Event e = ORRERY__EVENT__INIT;
    Orrery__Move m = ORRERY__MOVE__INIT;
    m.of = peer;
    m.to = suspected ? 2 : 1;
    e.instance = 1;
    e.body_case = ORRERY__EVENT__BODY_MOVE;
    e.move = &m;
    tell(t, node, &e);
}

static void gap(struct tale *t, uint32_t node, uint32_t peer, uint64_t number)
{
    Heartbeat__Gap g = HEARTBEAT__GAP__INIT;
    g.peer = peer;
    g.number = number;
    trace(t, node, GAP, &g.base);
}

/* Two nodes that beat four times a second for a while; by default a time-out is one second. */
static struct tale two_nodes(uint64_t seconds)
{
    struct tale t = begin();
    spawn(&t, 1, "heartbeat", NULL, NULL);
    spawn(&t, 2, "heartbeat", NULL, NULL);
    for (uint64_t i = 1; i <= 4 * seconds; i++) {
        t.now += SECOND / 4;
        gap(&t, 1, 2, i);
        gap(&t, 2, 1, i);
    }
    return t;
}

static void a_crash_is_noticed(void **state)
{
    (void)state;
    struct tale t = two_nodes(10);
    t.now += SECOND / 4;
    leave(&t, 2, 9, 0, 1);
    t.now += SECOND * 3 / 4;
    opinion(&t, 1, 2, true);
    t.now += 10 * SECOND;
    check_end(t.check, t.now);
    const struct heartbeat_measure *m = check_heartbeat_measures(t.check);
    assert_int_equal(m[0].n, 1);
    assert_int_equal(m[0].detection_ns[0], SECOND * 3 / 4);
    assert_int_equal(m[0].mistakes, 0);
    assert_int_equal(check_verdict(t.check), VERDICT_PROVEN);
    check_free(t.check);
}

static void a_crash_is_missed(void **state)
{
    (void)state;
    struct tale t = two_nodes(10);
    leave(&t, 2, 9, 0, 1);
    t.now += 10 * SECOND;
    end(&t, "completeness", VERDICT_REFUTED);
}

/* Whoever was removed from the cluster is watched by nobody. */
static void a_removed_node_is_not_missed(void **state)
{
    (void)state;
    struct tale t = two_nodes(10);
    uint32_t node = 2;
    Orrery__Command c = ORRERY__COMMAND__INIT;
    Orrery__Nodes nodes = ORRERY__NODES__INIT;
    nodes.nodes = &node;
    nodes.n_nodes = 1;
    c.verb_case = ORRERY__COMMAND__VERB_REMOVE;
    c.remove = &nodes;
    act(&t, &c);
    leave(&t, 2, 0, 0, 1);
    t.now += 10 * SECOND;
    end(&t, "completeness", VERDICT_NOTHING);
}

static void a_crash_is_missed_in_a_hole(void **state)
{
    (void)state;
    struct tale t = two_nodes(10);
    leave(&t, 2, 9, 0, 1);
    hole(&t, 1);
    t.now += 10 * SECOND;
    end(&t, "completeness", VERDICT_UNKNOWN);
}

static void a_mistake_may_hide_in_a_hole(void **state)
{
    (void)state;
    struct tale t = two_nodes(10);
    end(&t, "accuracy", VERDICT_PROVEN);
    t = two_nodes(10);
    hole(&t, 1);
    end(&t, "accuracy", VERDICT_UNKNOWN);
}

static void suspected_for_nothing(void **state)
{
    (void)state;
    struct tale t = two_nodes(10);
    opinion(&t, 1, 2, true);
    opinion(&t, 1, 2, false);
    end(&t, "accuracy", VERDICT_REFUTED);
}

static void suspected_for_a_reason(void **state)
{
    (void)state;
    struct tale t = two_nodes(10);
    Orrery__Command c = ORRERY__COMMAND__INIT;
    Orrery__Cut cut = ORRERY__CUT__INIT;
    uint32_t a = 1;
    uint32_t b = 2;
    cut.a = &a;
    cut.b = &b;
    cut.n_a = cut.n_b = 1;
    c.verb_case = ORRERY__COMMAND__VERB_CUT;
    c.cut = &cut;
    act(&t, &c);
    t.now += SECOND;
    opinion(&t, 1, 2, true);
    end(&t, "accuracy", VERDICT_PROVEN);
}

static void suspected_to_the_end(void **state)
{
    (void)state;
    struct tale t = begin();
    spawn(&t, 1, "heartbeat", NULL, NULL);
    spawn(&t, 2, "heartbeat", NULL, NULL);
    t.now += SECOND;
    gap(&t, 1, 2, 1);
    opinion(&t, 1, 2, true);
    t.now += 20 * SECOND;
    end(&t, "agreement", VERDICT_REFUTED);
}

static void durable(struct tale *t, uint64_t lsn)
{
    Orrery__Event e = ORRERY__EVENT__INIT;
    Orrery__Durable d = ORRERY__DURABLE__INIT;
    d.lsn = lsn;
    e.instance = 1;
    e.body_case = ORRERY__EVENT__BODY_DURABLE;
    e.durable = &d;
    tell(t, 1, &e);
}

static void flush(struct tale *t, uint64_t page_lsn)
{
    Kv__PageFlush p = KV__PAGE_FLUSH__INIT;
    p.page_lsn = page_lsn;
    p.durable_lsn = page_lsn; /* What it says of itself proves nothing. */
    trace(t, 1, FLUSH, &p.base);
}

static void the_log_goes_first(void **state)
{
    (void)state;
    struct tale t = begin_kv();
    durable(&t, 3);
    flush(&t, 3);
    assert_int_equal(end(&t, "write-ahead", VERDICT_PROVEN), VERDICT_PROVEN);
    t = begin();
    spawn(&t, 1, "kv", NULL, NULL);
    durable(&t, 3);
    flush(&t, 4);
    durable(&t, 4);
    assert_int_equal(end(&t, "write-ahead", VERDICT_REFUTED), VERDICT_REFUTED);
    t = begin();
    spawn(&t, 1, "kv", NULL, NULL);
    durable(&t, 3);
    hole(&t, 1);
    flush(&t, 4);
    end(&t, "write-ahead", VERDICT_UNKNOWN);
    t = begin();
    spawn(&t, 1, "kv", NULL, NULL);
    durable(&t, 3);
    flush(&t, 3);
    hole(&t, 1);
    end(&t, "write-ahead", VERDICT_UNKNOWN);
    t = begin();
    spawn(&t, 1, "kv", "sync", "never");
    flush(&t, 4);
    end(&t, "write-ahead", VERDICT_NOTHING);
}

static void nonsense_is_survived(void **state)
{
    (void)state;
    struct tale t = begin();
    spawn(&t, 1, "heartbeat", "interval_ms", "-1e300");
    opinion(&t, 1, 0, true);
    opinion(&t, 1, 4000000000u, true);
    gap(&t, 1, 99999, 1);
    leave(&t, 7, 9, 0, 0);
    Orrery__Event e = ORRERY__EVENT__INIT;
    Orrery__Trace x = ORRERY__TRACE__INIT;
    uint8_t bytes[] = {0xff, 0xff, 0xff};
    x.type = GAP;
    x.body = (ProtobufCBinaryData){sizeof bytes, bytes};
    e.body_case = ORRERY__EVENT__BODY_TRACE;
    e.trace = &x;
    tell(&t, 1, &e);
    x.type = 70000;
    tell(&t, 1, &e);
    check_end(t.check, 0);
    check_free(t.check);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acknowledged_is_there),
        cmocka_unit_test(acknowledged_is_lost),
        cmocka_unit_test(never_attempted),
        cmocka_unit_test(one_read_rules_out_the_other),
        cmocka_unit_test(half_a_transaction),
        cmocka_unit_test(not_a_prefix),
        cmocka_unit_test(two_crashes),
        cmocka_unit_test(a_shared_store_is_linearizable),
        cmocka_unit_test(what_a_crash_cut_off_is_unknown),
        cmocka_unit_test(one_client_is_served_in_its_order),
        cmocka_unit_test(over_a_hole_a_history_is_unknown),
        cmocka_unit_test(reads_in_one_life),
        cmocka_unit_test(a_read_is_of_its_moment),
        cmocka_unit_test(over_a_hole_it_is_unknown),
        cmocka_unit_test(sync_never_promises_nothing),
        cmocka_unit_test(nobody_asked),
        cmocka_unit_test(a_crash_is_noticed),
        cmocka_unit_test(a_crash_is_missed),
        cmocka_unit_test(a_removed_node_is_not_missed),
        cmocka_unit_test(a_crash_is_missed_in_a_hole),
        cmocka_unit_test(a_mistake_may_hide_in_a_hole),
        cmocka_unit_test(suspected_for_nothing),
        cmocka_unit_test(suspected_for_a_reason),
        cmocka_unit_test(suspected_to_the_end),
        cmocka_unit_test(the_log_goes_first),
        cmocka_unit_test(nonsense_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
