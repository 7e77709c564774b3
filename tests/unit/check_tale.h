/* Events of a run, told to the checkers one by one. */
#ifndef ORRERY_TESTS_TALE_H
#define ORRERY_TESTS_TALE_H

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
    uint64_t lose; /* Of what nodes tell, this one from now on goes missing; 0: none. */
};

static inline void hole(struct tale *t, uint32_t node);

static inline struct tale begin(void)
{
    return (struct tale){.check = check_new()};
}

static inline void tell(struct tale *t, uint32_t node, Orrery__Event *event)
{
    struct buf packed = {0};
    event->seq = ++t->seq[node];
    if (node && t->lose && --t->lose == 0) {
        hole(t, node);
        return;
    }
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

/* A new life, and what it says of itself. */
static inline void begin_life(struct tale *t, uint32_t node, Orrery__Start *start)
{
    Orrery__Event e = ORRERY__EVENT__INIT;
    Orrery__Spawn s = ORRERY__SPAWN__INIT;
    s.node = start->node = node;
    s.boot = start->boot = ++t->boot[node];
    e.body_case = ORRERY__EVENT__BODY_SPAWN;
    e.spawn = &s;
    tell(t, 0, &e);
    Orrery__Event begun = ORRERY__EVENT__INIT;
    begun.body_case = ORRERY__EVENT__BODY_START;
    begun.start = start;
    t->seq[node] = 0;
    tell(t, node, &begun);
}

static inline void spawn(struct tale *t, uint32_t node, const char *protocol, const char *key,
                         const char *value)
{
    static char *types[TYPES] = {(char *)"history.Invoke", (char *)"history.Complete",
                                 (char *)"heartbeat.Opinion", (char *)"heartbeat.Gap",
                                 (char *)"kv.PageFlush"};
    static char *states[] = {(char *)"unknown", (char *)"trusted", (char *)"suspected",
                             (char *)"dead"};
    uint32_t members[] = {1, 2};
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
    start.types = types;
    start.n_types = TYPES;
    start.instances = instances;
    start.n_instances = 1;
    start.members = members;
    start.n_members = 2;
    begin_life(t, node, &start);
}

static inline void act(struct tale *t, Orrery__Command *command)
{
    Orrery__Event e = ORRERY__EVENT__INIT;
    Orrery__Operator o = ORRERY__OPERATOR__INIT;
    o.command = command;
    e.body_case = ORRERY__EVENT__BODY_OPERATOR;
    e.operator_ = &o;
    tell(t, 0, &e);
}

static inline void leave(struct tale *t, uint32_t node, int32_t signal, int32_t code,
                         uint64_t because)
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

static inline void hole(struct tale *t, uint32_t node)
{
    Orrery__Event e = ORRERY__EVENT__INIT;
    Orrery__Hole x = ORRERY__HOLE__INIT;
    x.node = node;
    x.boot = t->boot[node];
    e.body_case = ORRERY__EVENT__BODY_HOLE;
    e.hole = &x;
    tell(t, 0, &e);
}

static inline void trace(struct tale *t, uint32_t node, uint32_t type, const ProtobufCMessage *body)
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

static inline void invoke_at(struct tale *t, uint32_t node, uint64_t request, History__Op *ops,
                             size_t n)
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

static inline void complete_at(struct tale *t, uint32_t node, uint64_t request, History__Op *ops,
                               size_t n)
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

static inline void invoke(struct tale *t, uint64_t request, History__Op *ops, size_t n)
{
    invoke_at(t, 1, request, ops, n);
}

static inline void complete(struct tale *t, uint64_t request, History__Op *ops, size_t n)
{
    complete_at(t, 1, request, ops, n);
}

static inline void set(struct tale *t, uint64_t request, const char *key, const char *value,
                       bool answered)
{
    History__Op op = make_op("set", key, value, 0);
    invoke(t, request, &op, 1);
    if (answered)
        complete(t, request, &op, 1);
}

static inline void get(struct tale *t, uint64_t request, const char *key, const char *value)
{
    History__Op ask = make_op("get", key, NULL, 0);
    History__Op told = make_op("get", key, value, 0);
    invoke(t, request, &ask, 1);
    complete(t, request, &told, 1);
}

/* With a store in its first life. */
static inline struct tale begin_kv(void)
{
    struct tale t = begin();
    spawn(&t, 1, "kv", NULL, NULL);
    return t;
}

static inline void crash(struct tale *t)
{
    leave(t, 1, 9, 0, 1);
    spawn(t, 1, "kv", NULL, NULL);
}

static inline enum verdict end(struct tale *t, const char *invariant, enum verdict expected)
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

static inline void acknowledged_is_there(void **state)
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

static inline void acknowledged_is_lost(void **state)
{
    (void)state;
    struct tale t = begin_kv();
    set(&t, 1, "a", "1", true);
    set(&t, 2, "a", "2", true);
    crash(&t);
    get(&t, 1, "a", "1");
    assert_int_equal(end(&t, "durability", VERDICT_REFUTED), VERDICT_REFUTED);
}

static inline void never_attempted(void **state)
{
    (void)state;
    struct tale t = begin_kv();
    set(&t, 1, "a", "1", false);
    crash(&t);
    get(&t, 1, "a", "9");
    end(&t, "durability", VERDICT_REFUTED);
}

static inline void one_read_rules_out_the_other(void **state)
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

static inline void half_a_transaction(void **state)
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

static inline void not_a_prefix(void **state)
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

static inline void two_crashes(void **state)
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

#endif
