/* What transcripts cannot show: hundreds of peers at once, within the bounds of a step and of
 * memory. */
#include "core/host.h"
#include "core/registry.h"

#include "base/crc32c.h"
#include "envelope.pb-c.h"
#include "heartbeat.pb-c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { PEERS_MOST = 1500 };

struct counts {
    uint32_t moves_to[8];
    uint32_t opinions;
    uint32_t wakes;
    uint32_t sends;
    uint64_t beats_of_last_send;
    uint32_t violations;
};

static void on_event(void *ctx, struct bytes event)
{
    struct counts *c = ctx;
    Orrery__Event *e = orrery__event__unpack(NULL, event.len, event.base);
    assert_non_null(e);
    if (e->body_case == ORRERY__EVENT__BODY_MOVE)
        c->moves_to[e->move->to]++;
    if (e->body_case == ORRERY__EVENT__BODY_TRACE && e->trace->type == 0)
        c->opinions++;
    c->wakes += e->body_case == ORRERY__EVENT__BODY_WAKE;
    c->sends += e->body_case == ORRERY__EVENT__BODY_SEND;
    c->violations += e->body_case == ORRERY__EVENT__BODY_VIOLATION;
    orrery__event__free_unpacked(e, NULL);
}

static void on_send(void *ctx, node_id to, enum transport t, struct bytes frame, uint64_t event)
{
    (void)ctx, (void)to, (void)t, (void)frame, (void)event;
}

static const struct host_io io = {.send = on_send, .event = on_event};

static struct moment at_ms(uint64_t ms, uint64_t wall_ms)
{
    return (struct moment){ms * NSEC_PER_MS, (int64_t)(wall_ms * NSEC_PER_MS)};
}

static struct host *new_host(uint32_t n, const char *flaw, size_t memory_limit,
                             struct counts *counts)
{
    static node_id members[PEERS_MOST];
    for (uint32_t i = 0; i < n; i++)
        members[i] = i + 1;
    struct host_instance instance = {
        .number = 1,
        .ops = registry_find("heartbeat"),
        .flaws = &flaw,
        .n_flaws = flaw ? 1 : 0,
    };
    struct host_config config = {
        .self = 1,
        .name = "n1",
        .boot = 1,
        .seed = 5,
        .members = members,
        .n_members = n,
        .instances = &instance,
        .n_instances = 1,
        .memory_limit = memory_limit,
    };
    char why[256];
    struct host *h = host_new(&config, &io, counts, why, sizeof why);
    assert_non_null(h);
    host_begin(h, at_ms(0, 0));
    host_start(h, at_ms(0, 0));
    return h;
}

static void beat_of(struct host *h, node_id from, uint64_t number, struct moment at)
{
    uint8_t secret[SECRET_SIZE] = {0};
    Heartbeat__Beat beat = HEARTBEAT__BEAT__INIT;
    beat.number = number;
    beat.interval_ns = 250 * NSEC_PER_MS;
    Heartbeat__Message m = HEARTBEAT__MESSAGE__INIT;
    m.kind_case = HEARTBEAT__MESSAGE__KIND_BEAT;
    m.beat = &beat;
    uint8_t body[64];
    Orrery__Envelope e = ORRERY__ENVELOPE__INIT;
    e.from = from;
    e.to = 1;
    e.instance = 1;
    e.boot = 1;
    e.secret = (ProtobufCBinaryData){sizeof secret, secret};
    e.body = (ProtobufCBinaryData){heartbeat__message__pack(&m, body), body};
    uint8_t frame[256];
    size_t n = orrery__envelope__pack(&e, frame + 4);
    put_u32(frame, crc32c(0, frame + 4, n));
    host_packet(h, at, TRANSPORT_DATAGRAM, bytes_of(frame, n + 4));
}

/* Lets it wake as often as it wants to at one moment; asserts that it comes to rest. */
static void settle(struct host *h, struct moment at)
{
    for (int i = 0; host_deadline(h) <= at.now; i++) {
        assert_true(i < 100);
        host_wake(h, at);
    }
}

static void a_thousand_suspicions_at_once(void **state)
{
    (void)state;
    struct counts c = {0};
    struct host *h = new_host(PEERS_MOST, "wall-clock", 0, &c);
    for (node_id id = 2; id <= PEERS_MOST; id++)
        beat_of(h, id, 1, at_ms(10, 10));
    settle(h, at_ms(400, 400));
    assert_int_equal(c.moves_to[1], PEERS_MOST - 1);
    assert_int_equal(c.moves_to[2], 0);
    /* The clock jumps by a minute: more opinions than one step may have effects. */
    struct moment later = at_ms(401, 60401);
    beat_of(h, 2, 2, later);
    settle(h, later);
    assert_int_equal(c.moves_to[2], PEERS_MOST - 1);
    assert_true(c.opinions >= 3 * (PEERS_MOST - 1));
    host_view(h, later);
    host_free(h);
}

static void silence_of_all_is_noticed_in_turn(void **state)
{
    (void)state;
    struct counts c = {0};
    struct host *h = new_host(200, NULL, 0, &c);
    for (uint64_t number = 1; number <= 20; number++)
        for (node_id id = 2; id <= 200; id++) {
            struct moment at = at_ms(250 * number + id, 0);
            settle(h, at);
            beat_of(h, id, number, at);
        }
    assert_int_equal(c.moves_to[2], 0);
    /* Node 2's silence reaches a second before node 3's, and so on. */
    for (node_id id = 2; id <= 200; id++) {
        settle(h, at_ms(250 * 20 + 1000 + id - 1, 0));
        assert_int_equal(c.moves_to[2], id - 2);
        settle(h, at_ms(250 * 20 + 1000 + id, 0));
        assert_int_equal(c.moves_to[2], id - 1);
    }
    host_free(h);
}

static void two_hundred_peers_are_small(void **state)
{
    (void)state;
    struct counts c = {0};
    /* Past its limit a protocol gets no memory and ends, so this would crash. */
    struct host *h = new_host(200, NULL, 300 << 10, &c);
    for (node_id id = 2; id <= 200; id++)
        beat_of(h, id, 1, at_ms(10, 10));
    assert_int_equal(c.moves_to[1], 199);
    host_free(h);
}

static void a_pause_skips_the_slots_it_slept_through(void **state)
{
    (void)state;
    struct counts c = {0};
    struct host *h = new_host(2, NULL, 0, &c);
    settle(h, at_ms(250, 0));
    uint32_t before = c.sends;
    assert_true(before >= 1);
    settle(h, at_ms(9000, 0));
    assert_int_equal(c.sends, before + 1);
    assert_true(host_deadline(h) <= 9250 * NSEC_PER_MS);
    host_free(h);
}

static void a_node_that_joins_later_is_watched_too(void **state)
{
    (void)state;
    struct counts c = {0};
    struct host *h = new_host(3, NULL, 0, &c);
    beat_of(h, 9, 1, at_ms(100, 0));
    if (c.moves_to[1] == 0 && c.violations == 0)
        fail_msg("a beat of a new node went unnoticed");
    settle(h, at_ms(1100, 0));
    assert_int_equal(c.moves_to[2], 1);
    host_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thousand_suspicions_at_once),
        cmocka_unit_test(silence_of_all_is_noticed_in_turn),
        cmocka_unit_test(two_hundred_peers_are_small),
        cmocka_unit_test(a_pause_skips_the_slots_it_slept_through),
        cmocka_unit_test(a_node_that_joins_later_is_watched_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
