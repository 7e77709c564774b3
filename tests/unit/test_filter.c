#include "unit.h"

#include "runtime/filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS NSEC_PER_MS

/* What the filter did, as one line of words: "2:a" passed to node 2, "drop2:cut" and so on. */
struct heard {
    char words[4096];
};

static void note(struct heard *h, const char *format, unsigned to, const char *what)
{
    size_t at = strlen(h->words);
    snprintf(h->words + at, sizeof h->words - at, format, to, what);
}

static void pass(void *ctx, node_id to, enum transport t, struct bytes frame, uint64_t event)
{
    (void)t;
    (void)event;
    char text[64];
    snprintf(text, sizeof text, "%.*s", (int)frame.len, (const char *)frame.base);
    note(ctx, "%u:%s ", to, text);
}

static void dropped(void *ctx, node_id to, uint64_t event, size_t size, Orrery__DropReason reason)
{
    (void)event;
    (void)size;
    const ProtobufCEnumValue *value =
        protobuf_c_enum_descriptor_get_value(&orrery__drop_reason__descriptor, (int)reason);
    note(ctx, "drop%u:%s ", to, value->name + strlen("DROP_"));
}

static void held(void *ctx, node_id to, enum transport t, uint64_t event)
{
    (void)t;
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)event);
    note(ctx, "held%u:%s ", to, text);
}

static void lost(void *ctx, node_id to, enum link_reason reason)
{
    note(ctx, "lost%u:%s ", to, reason == LINK_SILENT ? "SILENT" : "RESET");
}

static const struct filter_io io = {pass, dropped, held, lost};

static void expect(struct heard *h, const char *words)
{
    assert_string_equal(h->words, words);
    h->words[0] = 0;
}

static void send_text(struct filter *f, nsec now, node_id to, enum transport t, const char *text,
                      uint64_t event)
{
    filter_send(f, now, to, t, bytes_of(text, strlen(text)), event);
}

static Orrery__LinkFault fault(uint32_t from, uint32_t to)
{
    Orrery__LinkFault f = ORRERY__LINK_FAULT__INIT;
    f.has_from = f.has_to = 1;
    f.from = from;
    f.to = to;
    return f;
}

static void cut(struct filter *f, nsec now, uint32_t from, uint32_t to, bool on)
{
    Orrery__LinkFault c = fault(from, to);
    c.has_cut = 1;
    c.cut = on;
    filter_fault(f, now, &c);
}

static void hold(struct filter *f, uint32_t from, uint32_t to, bool on)
{
    Orrery__Hold h = ORRERY__HOLD__INIT;
    h.has_off = h.has_from = h.has_to = 1;
    h.off = !on;
    h.from = from;
    h.to = to;
    filter_hold(f, 0, &h);
}

static bool deliver(struct filter *f, uint64_t event, uint32_t to, bool drop, bool duplicate)
{
    Orrery__Deliver d = ORRERY__DELIVER__INIT;
    d.event = event;
    d.to = to;
    d.drop = drop;
    d.duplicate = duplicate;
    return filter_deliver(f, 0, &d);
}

static int begin(void **state)
{
    static struct heard heard;
    memset(&heard, 0, sizeof heard);
    struct filter *f = malloc(sizeof *f);
    filter_init(f, 1, 7, &io, &heard);
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct filter *f = *state;
    filter_free(f);
    assert_int_equal(f->waiting, 0);
    free(f);
    return 0;
}

static void without_faults_frames_pass(void **state)
{
    struct filter *f = *state;
    send_text(f, 0, 2, TRANSPORT_DATAGRAM, "a", 1);
    send_text(f, 0, 3, TRANSPORT_STREAM, "b", 2);
    expect(f->ctx, "2:a 3:b ");
    assert_true(filter_deadline(f) == NSEC_NEVER);
}

static void a_cut_drops_datagrams_of_its_direction(void **state)
{
    struct filter *f = *state;
    cut(f, 0, 1, 2, true);
    send_text(f, 0, 2, TRANSPORT_DATAGRAM, "a", 1);
    send_text(f, 0, 3, TRANSPORT_DATAGRAM, "b", 2);
    expect(f->ctx, "drop2:CUT 3:b ");
    cut(f, 0, 1, 2, false);
    send_text(f, 0, 2, TRANSPORT_DATAGRAM, "c", 3);
    expect(f->ctx, "2:c ");
}

static void faults_find_the_sender_that_they_mean(void **state)
{
    struct filter *f = *state;
    Orrery__LinkFault one_way = fault(2, 1);
    one_way.has_one_way = one_way.has_cut = 1;
    one_way.one_way = one_way.cut = 1;
    filter_fault(f, 0, &one_way);
    send_text(f, 0, 2, TRANSPORT_DATAGRAM, "a", 1);
    expect(f->ctx, "2:a ");
    cut(f, 0, 2, 1, true); /* Both directions. */
    send_text(f, 0, 2, TRANSPORT_DATAGRAM, "b", 2);
    send_text(f, 0, 3, TRANSPORT_DATAGRAM, "c", 3);
    expect(f->ctx, "drop2:CUT 3:c ");
    cut(f, 0, 2, 0, true); /* Between 2 and all: of ours only that to 2. */
    send_text(f, 0, 3, TRANSPORT_DATAGRAM, "d", 4);
    expect(f->ctx, "3:d ");
    cut(f, 0, 0, 0, true);
    send_text(f, 0, 3, TRANSPORT_DATAGRAM, "e", 5);
    send_text(f, 0, 300, TRANSPORT_DATAGRAM, "f", 6); /* A node not heard of before. */
    expect(f->ctx, "drop3:CUT drop300:CUT ");
    cut(f, 0, 0, 1, false); /* Between all and us. */
    send_text(f, 0, 3, TRANSPORT_DATAGRAM, "g", 7);
    expect(f->ctx, "3:g ");
}

static void delayed_frames_leave_when_due(void **state)
{
    struct filter *f = *state;
    Orrery__LinkFault slow = fault(1, 2);
    slow.has_delay_ns = 1;
    slow.delay_ns = 5 * MS;
    filter_fault(f, 0, &slow);
    send_text(f, 10 * MS, 2, TRANSPORT_DATAGRAM, "a", 1);
    send_text(f, 11 * MS, 2, TRANSPORT_STREAM, "b", 2);
    expect(f->ctx, "");
    assert_true(filter_deadline(f) == 15 * MS);
    filter_due(f, 15 * MS);
    expect(f->ctx, "2:a ");
    filter_due(f, 16 * MS);
    expect(f->ctx, "2:b ");
    assert_true(filter_deadline(f) == NSEC_NEVER);
}

static void a_stream_is_never_overtaken(void **state)
{
    struct filter *f = *state;
    Orrery__LinkFault slow = fault(1, 2);
    slow.has_delay_ns = 1;
    slow.delay_ns = 5 * MS;
    filter_fault(f, 0, &slow);
    send_text(f, 0, 2, TRANSPORT_STREAM, "a", 1);
    slow.delay_ns = 0;
    filter_fault(f, MS, &slow);
    send_text(f, MS, 2, TRANSPORT_STREAM, "b", 2);
    send_text(f, MS, 2, TRANSPORT_DATAGRAM, "c", 3);
    expect(f->ctx, "2:c ");
    filter_due(f, 5 * MS);
    expect(f->ctx, "2:a 2:b ");
    send_text(f, 6 * MS, 2, TRANSPORT_STREAM, "d", 4);
    expect(f->ctx, "2:d ");
}

static void a_cut_stream_heals_in_time_or_goes_silent(void **state)
{
    struct filter *f = *state;
    cut(f, 0, 1, 2, true);
    send_text(f, MS, 2, TRANSPORT_STREAM, "a", 1);
    send_text(f, MS, 2, TRANSPORT_STREAM, "b", 2);
    expect(f->ctx, "");
    cut(f, 2 * MS, 1, 2, false);
    expect(f->ctx, "2:a 2:b ");
    cut(f, 3 * MS, 1, 2, true);
    send_text(f, 4 * MS, 2, TRANSPORT_STREAM, "c", 3);
    assert_true(filter_deadline(f) == 4 * MS + FILTER_SILENT);
    filter_due(f, 4 * MS + FILTER_SILENT);
    expect(f->ctx, "drop2:CUT lost2:SILENT ");
}

static void held_messages_leave_by_hand(void **state)
{
    struct filter *f = *state;
    hold(f, 0, 0, true);
    for (uint64_t event = 1; event <= 4; event++) {
        char text[2] = {(char)('a' + event - 1), 0};
        send_text(f, 0, 2, TRANSPORT_DATAGRAM, text, event);
        send_text(f, 0, 3, TRANSPORT_DATAGRAM, text, event);
    }
    expect(f->ctx, "held2:1 held3:1 held2:2 held3:2 held2:3 held3:3 held2:4 held3:4 ");
    assert_true(deliver(f, 2, 3, false, false));
    expect(f->ctx, "3:b ");
    assert_true(deliver(f, 0, 0, false, false)); /* The oldest, to both. */
    expect(f->ctx, "2:a 3:a ");
    assert_true(deliver(f, 2, 0, false, true));
    expect(f->ctx, "2:b 2:b ");
    assert_true(deliver(f, 3, 2, true, false));
    expect(f->ctx, "drop2:LOSS ");
    assert_false(deliver(f, 99, 0, false, false));
    hold(f, 1, 0, false);
    expect(f->ctx, "3:c 2:d 3:d ");
    send_text(f, 0, 2, TRANSPORT_DATAGRAM, "e", 5);
    expect(f->ctx, "2:e ");
    assert_false(deliver(f, 0, 0, false, false));
}

static void a_held_stream_keeps_its_order(void **state)
{
    struct filter *f = *state;
    hold(f, 1, 2, true);
    send_text(f, 0, 2, TRANSPORT_STREAM, "a", 1);
    send_text(f, 0, 2, TRANSPORT_DATAGRAM, "x", 2);
    send_text(f, 0, 2, TRANSPORT_STREAM, "b", 3);
    send_text(f, 0, 2, TRANSPORT_STREAM, "c", 4);
    send_text(f, 0, 2, TRANSPORT_STREAM, "d", 5);
    expect(f->ctx, "held2:1 held2:2 held2:3 held2:4 held2:5 ");
    assert_true(deliver(f, 3, 2, false, false));
    expect(f->ctx, "2:a 2:b ");
    assert_true(deliver(f, 4, 2, true, false));
    expect(f->ctx, "drop2:LOSS drop2:LOSS lost2:RESET ");
    hold(f, 1, 2, false);
    expect(f->ctx, "2:x ");
}

static void what_waits_is_bounded(void **state)
{
    struct filter *f = *state;
    hold(f, 1, 0, true);
    static uint8_t large[4 << 20];
    for (int i = 0; i < 4; i++)
        filter_send(f, 0, 2, TRANSPORT_STREAM, bytes_of(large, sizeof large), 1);
    expect(f->ctx, "held2:1 held2:1 held2:1 held2:1 ");
    send_text(f, 0, 2, TRANSPORT_DATAGRAM, "a", 2);
    expect(f->ctx, "drop2:QUEUE ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_faults_frames_pass, begin, end),
        cmocka_unit_test_setup_teardown(a_cut_drops_datagrams_of_its_direction, begin, end),
        cmocka_unit_test_setup_teardown(faults_find_the_sender_that_they_mean, begin, end),
        cmocka_unit_test_setup_teardown(delayed_frames_leave_when_due, begin, end),
        cmocka_unit_test_setup_teardown(a_stream_is_never_overtaken, begin, end),
        cmocka_unit_test_setup_teardown(a_cut_stream_heals_in_time_or_goes_silent, begin, end),
        cmocka_unit_test_setup_teardown(held_messages_leave_by_hand, begin, end),
        cmocka_unit_test_setup_teardown(a_held_stream_keeps_its_order, begin, end),
        cmocka_unit_test_setup_teardown(what_waits_is_bounded, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
