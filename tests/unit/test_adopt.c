/* A timeline that another process ordered: the same entries, words and causes on this side. */
#include "heartbeat.pb-c.h"
#include "schema_heartbeat.h"
#include "session.pb-c.h"
#include "timeline/timeline.h"
#include "unit/unit.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>

static void put(struct timeline *t, uint32_t node, uint64_t seq, Orrery__Event *event)
{
    struct buf packed = {0};
    event->seq = seq;
    event->mono_ns = seq * 1000 + node;
    orrery__event__pack(event, buf_extend(&packed, orrery__event__get_packed_size(event)));
    timeline_ingest(t, node, 1, buf_bytes(&packed));
    buf_free(&packed);
}

static void put_start(struct timeline *t, uint32_t node)
{
    static Orrery__Instance instance;
    static Orrery__Instance *instances[] = {&instance};
    Orrery__Start start = ORRERY__START__INIT;
    Orrery__Event event = ORRERY__EVENT__INIT;
    orrery__instance__init(&instance);
    instance.number = 1;
    instance.protocol = "heartbeat";
    instance.message_type = "heartbeat.Message";
    start.name = node == 1 ? "left" : "right";
    start.node = node;
    start.boot = 1;
    start.instances = instances;
    start.n_instances = 1;
    start.schemas.data = (uint8_t *)(uintptr_t)schema_heartbeat().base;
    start.schemas.len = schema_heartbeat().len;
    event.body_case = ORRERY__EVENT__BODY_START;
    event.start = &start;
    put(t, node, 1, &event);
}

/* left sends beat 7 to right. */
static void put_beat(struct timeline *t, uint64_t seq)
{
    uint8_t body[64];
    uint32_t to = 2;
    Heartbeat__Beat beat = HEARTBEAT__BEAT__INIT;
    Heartbeat__Message message = HEARTBEAT__MESSAGE__INIT;
    Orrery__Send send = ORRERY__SEND__INIT;
    Orrery__Receive receive = ORRERY__RECEIVE__INIT;
    Orrery__Event event = ORRERY__EVENT__INIT;
    beat.number = 7;
    message.kind_case = HEARTBEAT__MESSAGE__KIND_BEAT;
    message.beat = &beat;
    send.to = &to;
    send.n_to = 1;
    send.body.data = body;
    send.body.len = heartbeat__message__pack(&message, body);
    event.instance = 1;
    event.body_case = ORRERY__EVENT__BODY_SEND;
    event.send = &send;
    put(t, 1, seq, &event);
    receive.from = 1;
    receive.boot = 1;
    receive.event = seq;
    event.body_case = ORRERY__EVENT__BODY_RECEIVE;
    event.receive = &receive;
    put(t, 2, seq, &event);
}

static struct timeline *timeline_of_none(void)
{
    char why[200];
    struct timeline_options options = {.window_bytes = 1 << 20};
    orrery__run_info__init(&options.info);
    struct timeline *t = timeline_new(&options, why, sizeof why);
    assert_non_null(t);
    return t;
}

static struct timeline *two_nodes(void)
{
    struct timeline *t = timeline_of_none();
    put_start(t, 1);
    put_start(t, 2);
    for (uint64_t seq = 2; seq < 12; seq++)
        put_beat(t, seq);
    timeline_flush(t);
    assert_int_equal(timeline_newest(t), 22);
    return t;
}

/* Entries from..to of `t` as a batch; with `starts`, those of both lives. */
struct batch {
    Orrery__Entries entries;
    Orrery__Entry all[64];
    Orrery__Entry *pointers[64];
    Orrery__Entry starts[2];
    Orrery__Entry *start_pointers[2];
    ProtobufCBinaryData schema;
};

static void entry_of(struct timeline *t, uint64_t ordinal, Orrery__Entry *into)
{
    struct entry e;
    assert_true(timeline_get(t, ordinal, &e));
    orrery__entry__init(into);
    into->ordinal = ordinal;
    into->node = e.node;
    into->boot = e.boot;
    into->cause = e.cause;
    into->event.data = (uint8_t *)(uintptr_t)e.event.base;
    into->event.len = e.event.len;
}

static void batch_of(struct timeline *t, uint64_t from, uint64_t to, bool starts, struct batch *b)
{
    memset(b, 0, sizeof *b);
    orrery__entries__init(&b->entries);
    for (uint64_t o = from; o <= to; o++) {
        size_t i = b->entries.n_entries++;
        entry_of(t, o, &b->all[i]);
        b->pointers[i] = &b->all[i];
    }
    b->entries.entries = b->pointers;
    if (!starts)
        return;
    for (uint64_t o = 1; o <= 2; o++) {
        entry_of(t, o, &b->starts[o - 1]);
        b->start_pointers[o - 1] = &b->starts[o - 1];
    }
    b->entries.starts = b->start_pointers;
    b->entries.n_starts = 2;
    b->schema.data = (uint8_t *)(uintptr_t)schema_heartbeat().base;
    b->schema.len = schema_heartbeat().len;
    b->entries.schemas = &b->schema;
    b->entries.n_schemas = 1;
}

static void count(void *ctx, const struct entry *e)
{
    uint64_t *newest = ctx;
    assert_true(e->ordinal > *newest);
    *newest = e->ordinal;
}

static void assert_same(struct timeline *a, struct timeline *b, uint64_t ordinal)
{
    struct entry x, y;
    struct buf in_a = {0}, in_b = {0};
    assert_true(timeline_get(a, ordinal, &x));
    timeline_describe(a, &x, &in_a);
    assert_true(timeline_get(b, ordinal, &y));
    assert_int_equal(x.cause, y.cause);
    timeline_describe(b, &y, &in_b);
    assert_true(bytes_equal(buf_bytes(&in_a), buf_bytes(&in_b)));
    buf_free(&in_a);
    buf_free(&in_b);
}

static void the_whole_run(void **state)
{
    (void)state;
    struct timeline *theirs = two_nodes(), *ours = timeline_of_none();
    struct batch b;
    uint64_t newest = 0, past[64], past_there[64];
    timeline_follow(ours, count, &newest);
    batch_of(theirs, 1, 10, false, &b);
    timeline_adopt(ours, &b.entries);
    batch_of(theirs, 11, 22, false, &b);
    timeline_adopt(ours, &b.entries);
    assert_int_equal(newest, 22);
    assert_int_equal(timeline_oldest(ours), 1);
    assert_int_equal(timeline_malformed(ours), 0);
    assert_string_equal(timeline_lane(ours, 2), "right");
    for (uint64_t o = 1; o <= 22; o++)
        assert_same(theirs, ours, o);
    size_t n = timeline_past(ours, 22, past, 64);
    assert_int_equal(n, timeline_past(theirs, 22, past_there, 64));
    assert_memory_equal(past, past_there, n * sizeof *past);
    timeline_free(theirs);
    timeline_free(ours);
}

static void from_the_middle(void **state)
{
    (void)state;
    struct timeline *theirs = two_nodes(), *ours = timeline_of_none();
    struct batch b;
    struct entry e;
    batch_of(theirs, 15, 18, true, &b);
    timeline_adopt(ours, &b.entries);
    assert_int_equal(timeline_oldest(ours), 15);
    assert_string_equal(timeline_lane(ours, 1), "left");
    assert_same(theirs, ours, 17);
    batch_of(theirs, 21, 22, false, &b); /* Two were missed: the window begins anew. */
    timeline_adopt(ours, &b.entries);
    assert_int_equal(timeline_oldest(ours), 21);
    assert_int_equal(timeline_newest(ours), 22);
    assert_false(timeline_get(ours, 18, &e));
    timeline_free(theirs);
    timeline_free(ours);
}

static void what_makes_no_sense(void **state)
{
    (void)state;
    struct timeline *theirs = two_nodes(), *ours = timeline_of_none();
    struct batch b;
    batch_of(theirs, 1, 5, false, &b);
    b.all[1].event.len = 3;              /* Torn. */
    b.all[2].cause = 99;                 /* Caused by the future. */
    b.all[3].node = UINT32_MAX;          /* A node that cannot be. */
    b.all[4].ordinal = b.all[0].ordinal; /* Told already. */
    timeline_adopt(ours, &b.entries);
    assert_int_equal(timeline_malformed(ours), 4);
    assert_int_equal(timeline_newest(ours), 1);
    timeline_free(theirs);
    timeline_free(ours);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_run),
        cmocka_unit_test(from_the_middle),
        cmocka_unit_test(what_makes_no_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
