#include "base/crc32c.h"
#include "base/errors.h"
#include "core/envelope.h"
#include "toy/toy.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

struct pinger {
    uint64_t received;
    uint64_t starts;
    uint64_t interval_ms;
    nsec next;
};

/* Answers n with n + 1 to whoever sent it, up to 10; traces each. */
static void ping_step(void *core, const struct input *in, struct out *out)
{
    struct pinger *p = core;
    if (in->kind == INPUT_START)
        p->starts++;
    if (in->kind == INPUT_WAKE) {
        p->next = NSEC_NEVER;
        toy_send(out, 2, 1, false);
    }
    if (in->kind == INPUT_ORDER)
        p->next = in->now + NSEC_PER_MS;
    if (in->kind == INPUT_SETTINGS)
        p->interval_ms = ((const Heartbeat__Settings *)(const void *)in->settings)->interval_ms;
    if (in->kind != INPUT_MESSAGE)
        return;
    uint64_t number = toy_number(out, in->message.body);
    if (number == 0) {
        out_violation(out, in->message.from, "not a ping", in->message.body);
        return;
    }
    p->received = number;
    Heartbeat__Gap gap = HEARTBEAT__GAP__INIT;
    gap.number = number;
    out_detail(out, &gap.base);
    Heartbeat__Opinion opinion = HEARTBEAT__OPINION__INIT;
    opinion.peer = in->message.from;
    out_trace(out, &opinion.base);
    if (number < 10)
        toy_send(out, in->message.from, number + 1, false);
}

static void ping_init(void *core, const struct core_config *config)
{
    struct pinger *p = core;
    p->next = NSEC_NEVER;
    p->interval_ms = ((const Heartbeat__Settings *)(const void *)config->settings)->interval_ms;
}

static nsec ping_deadline(const void *core)
{
    return ((const struct pinger *)core)->next;
}

enum { LARGE_VIEW = 16000 };
static size_t view_size; /* So many bytes more than it need have. */

static void ping_view(const void *core, struct out *out)
{
    static uint32_t gaps[LARGE_VIEW];
    Heartbeat__PeerView peer = HEARTBEAT__PEER_VIEW__INIT;
    Heartbeat__PeerView *peers[] = {&peer};
    Heartbeat__NodeView view = HEARTBEAT__NODE_VIEW__INIT;
    peer.gaps_us = gaps;
    peer.n_gaps_us = view_size;
    view.peers = peers;
    view.n_peers = view_size > 0;
    view.beats_sent = ((const struct pinger *)core)->received;
    out_view(out, &view.base);
}

static bool ping_accept(const ProtobufCMessage *settings, char *why, size_t size)
{
    const Heartbeat__Settings *s = (const Heartbeat__Settings *)(const void *)settings;
    if (s->timeout_ms < s->interval_ms) {
        (void)snprintf(why, size, "timeout_ms must not be less than interval_ms");
        return false;
    }
    return true;
}

static struct core_ops ping_ops(void)
{
    struct core_ops ops = toy_ops("ping", sizeof(struct pinger), ping_step);
    ops.init = ping_init;
    ops.deadline = ping_deadline;
    ops.view = ping_view;
    ops.accept = ping_accept;
    return ops;
}

static struct toy *ping_new(node_id self, uint32_t boot, void (*change)(struct host_config *))
{
    static struct core_ops ops;
    ops = ping_ops();
    const struct core_ops *list[] = {&ops};
    struct toy *t = toy_new(self, boot, list, 1, change);
    assert_non_null(t->host);
    return t;
}

static const struct pinger *pinger_of(const struct toy *t)
{
    return host_core(t->host, 1);
}

/* Hands every frame to whom it is for, until none is left. */
static void exchange(struct toy *a, struct toy *b)
{
    size_t from_a = 0;
    size_t from_b = 0;
    while (from_a < a->n_frames || from_b < b->n_frames) {
        for (; from_a < a->n_frames; from_a++)
            host_packet(b->host, toy_tick(b), a->frames[from_a].transport, a->frames[from_a].frame);
        for (; from_b < b->n_frames; from_b++)
            host_packet(a->host, toy_tick(a), b->frames[from_b].transport, b->frames[from_b].frame);
    }
}

static void kick(struct toy *t)
{
    host_order(t->host, toy_tick(t), 1, "go", NULL, 0);
    assert_true(host_deadline(t->host) == t->now.now + NSEC_PER_MS);
    host_wake(t->host, toy_tick(t));
}

static void ping_pong(void **state)
{
    (void)state;
    struct toy *a = ping_new(1, 1, NULL);
    struct toy *b = ping_new(2, 1, NULL);
    toy_start(a);
    toy_start(b);
    kick(a);
    exchange(a, b);
    assert_int_equal(pinger_of(b)->received, 9);
    assert_int_equal(pinger_of(a)->received, 10);
    assert_int_equal(pinger_of(a)->starts, 1);
    /* Numbers are 1, 2, 3 ...; Lamport time only grows; a receive is behind its send. */
    for (size_t i = 0; i < a->n_events; i++)
        assert_int_equal(toy_event(a, i)->seq, i + 1);
    for (size_t i = 0; i < toy_count(a, ORRERY__EVENT__BODY_RECEIVE); i++) {
        const Orrery__Event *receive = toy_event(a, toy_find(a, ORRERY__EVENT__BODY_RECEIVE, i));
        const Orrery__Event *send = toy_event(b, receive->receive->event - 1);
        assert_int_equal(send->body_case, ORRERY__EVENT__BODY_SEND);
        assert_int_equal(send->send->to[0], 1);
        assert_int_equal(receive->receive->lamport, send->lamport);
        assert_true(receive->lamport > send->lamport);
        assert_int_equal(receive->receive->body.len, send->send->body.len);
        assert_memory_equal(receive->receive->body.data, send->send->body.data,
                            send->send->body.len);
        assert_int_equal(receive->receive->n_vclock, TOY_NODES);
    }
    const Orrery__Event *wake = toy_event(a, toy_find(a, ORRERY__EVENT__BODY_WAKE, 0));
    assert_int_equal(wake->wake->deadline_ns, wake->mono_ns);
    assert_int_equal(toy_count(b, ORRERY__EVENT__BODY_TRACE), 2 * 5);
    toy_free(a);
    toy_free(b);
}

static void start_tells_all(void **state)
{
    (void)state;
    struct toy *t = ping_new(2, 5, NULL);
    toy_start(t);
    const Orrery__Event *e = toy_event(t, 0);
    assert_int_equal(e->body_case, ORRERY__EVENT__BODY_START);
    assert_int_equal(e->start->node, 2);
    assert_int_equal(e->start->boot, 5);
    assert_int_equal(e->start->n_members, TOY_NODES);
    assert_int_equal(e->start->n_types, 2);
    assert_string_equal(e->start->types[1], "heartbeat.Opinion");
    assert_string_equal(e->start->instances[0]->protocol, "ping");
    assert_string_equal(e->start->instances[0]->view_type, "heartbeat.NodeView");
    assert_true(e->start->schemas.len > 100);
    const Orrery__Event *last = toy_event(t, 1);
    assert_int_equal(last->body_case, ORRERY__EVENT__BODY_RECOVERED);
    assert_true(last->recovered->last && last->recovered->lsn == 0);
    assert_int_equal(toy_event(t, 2)->body_case, ORRERY__EVENT__BODY_VIEW);
    assert_int_equal(t->n_events, 3);
    toy_free(t);
}

static void rewrite_crc(uint8_t *frame, size_t n)
{
    put_u32(frame, crc32c(0, frame + FRAME_CRC, n - FRAME_CRC));
}

static const Orrery__Event *packet(struct toy *t, const struct envelope *e)
{
    struct buf room = {NULL, 0, 0};
    size_t before = t->n_events;
    host_packet(t->host, toy_tick(t), TRANSPORT_DATAGRAM, envelope_pack(e, &room));
    buf_free(&room);
    assert_true(t->n_events > before);
    return toy_event(t, before);
}

/* Node 2, in its third life, says 10; in these 32 bytes. */
static struct envelope good_envelope(uint8_t body[32])
{
    Heartbeat__Message m;
    Heartbeat__Beat beat;
    size_t len = heartbeat__message__pack(toy_message(&m, &beat, 10), body);
    return (struct envelope){.from = 2,
                             .to = 1,
                             .instance = 1,
                             .boot = 3,
                             .event = 77,
                             .lamport = 1000,
                             .secret = bytes_of(toy_secret, SECRET_SIZE),
                             .body = bytes_of(body, len)};
}

static void older_lives_and_strangers_are_dropped(void **state)
{
    (void)state;
    struct toy *t = ping_new(1, 1, NULL);
    toy_start(t);
    uint8_t body[32];
    const struct envelope good = good_envelope(body);
    const Orrery__Event *e = packet(t, &good);
    assert_int_equal(e->body_case, ORRERY__EVENT__BODY_RECEIVE);
    assert_int_equal(e->lamport, 1001);
    assert_int_equal(e->receive->event, 77);

    struct envelope bad = good;
    bad.boot = 2;
    e = packet(t, &bad);
    assert_int_equal(e->body_case, ORRERY__EVENT__BODY_DROP);
    assert_int_equal(e->drop->reason, ORRERY__DROP_REASON__DROP_STALE);
    assert_int_equal(e->drop->from, 2);
    assert_int_equal(e->drop->event, 77);

    bad = good;
    bad.secret = bytes_of("another run's se", SECRET_SIZE);
    assert_int_equal(packet(t, &bad)->drop->reason, ORRERY__DROP_REASON__DROP_STRANGER);
    bad.secret = bytes_of(NULL, 0);
    assert_int_equal(packet(t, &bad)->drop->reason, ORRERY__DROP_REASON__DROP_STRANGER);
    toy_free(t);
}

static void nonsense_is_a_violation(void **state)
{
    (void)state;
    struct toy *t = ping_new(1, 1, NULL);
    toy_start(t);
    uint8_t body[32];
    const struct envelope good = good_envelope(body);
    const struct envelope wrong[] = {
        {.from = 2, .to = 3, .instance = 1, .boot = 3},
        {.from = 0, .to = 1, .instance = 1, .boot = 3},
        {.from = 1, .to = 1, .instance = 1, .boot = 3},
        {.from = 2, .to = 1, .instance = 2, .boot = 3},
        {.from = 2, .to = 1, .instance = 1, .boot = 0},
        {.from = 2, .to = 1, .instance = 1, .boot = 3, .lamport = UINT64_MAX},
        {.from = 2, .to = 1, .instance = 1, .boot = 3, .n_vclock = 1, .vclock = {UINT64_MAX}},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct envelope bad = wrong[i];
        bad.secret = good.secret;
        assert_int_equal(packet(t, &bad)->body_case, ORRERY__EVENT__BODY_VIOLATION);
    }
    assert_true(toy_event(t, t->n_events - 1)->lamport < 100);

    struct envelope bad = good;
    bad.body = bytes_str("\xff\xff");
    const Orrery__Event *e = packet(t, &bad); /* The protocol's own complaint follows. */
    assert_int_equal(e->body_case, ORRERY__EVENT__BODY_RECEIVE);
    e = toy_event(t, t->n_events - 1);
    assert_int_equal(e->body_case, ORRERY__EVENT__BODY_VIOLATION);
    assert_string_equal(e->violation->why, "not a ping");
    assert_int_equal(e->violation->body.len, 2);
    toy_free(t);
}

static void damaged_and_cut_frames_are_dropped(void **state)
{
    (void)state;
    struct toy *t = ping_new(1, 1, NULL);
    toy_start(t);
    uint8_t body[32];
    const struct envelope good = good_envelope(body);
    struct buf room = {NULL, 0, 0};
    struct bytes frame = envelope_pack(&good, &room);
    uint8_t bad[256];
    for (size_t i = 0; i < frame.len; i++) {
        memcpy(bad, frame.base, frame.len);
        bad[i] ^= 0x10;
        host_packet(t->host, toy_tick(t), TRANSPORT_DATAGRAM, bytes_of(bad, frame.len));
        const Orrery__Event *e = toy_event(t, t->n_events - 1);
        assert_int_equal(e->drop->reason, ORRERY__DROP_REASON__DROP_CRC);
        host_packet(t->host, toy_tick(t), TRANSPORT_DATAGRAM, bytes_of(frame.base, i));
        e = toy_event(t, t->n_events - 1);
        assert_int_equal(e->body_case, ORRERY__EVENT__BODY_DROP);
    }
    assert_int_equal(pinger_of(t)->received, 0);
    /* Rightly summed, but no whole envelope. */
    for (size_t i = FRAME_CRC; i < frame.len; i++) {
        memcpy(bad, frame.base, i);
        rewrite_crc(bad, i);
        size_t before = t->n_events;
        host_packet(t->host, toy_tick(t), TRANSPORT_DATAGRAM, bytes_of(bad, i));
        assert_true(t->n_events > before);
    }
    buf_free(&room);
    toy_free(t);
}

/* It was added while we ran, and knows the run's secret. */
static void a_new_node_is_known_by_its_first_frame(void **state)
{
    (void)state;
    struct toy *t = ping_new(1, 1, NULL);
    toy_start(t);
    uint8_t body[32];
    struct envelope e = good_envelope(body);
    e.from = 9;
    assert_int_equal(packet(t, &e)->body_case, ORRERY__EVENT__BODY_RECEIVE);
    e.boot = 2;
    assert_int_equal(packet(t, &e)->drop->reason, ORRERY__DROP_REASON__DROP_STALE);
    toy_free(t);
}

/* Its frames may come after the news, to one who never heard of it, too. */
static void a_removed_node_is_not_learnt_again(void **state)
{
    (void)state;
    struct toy *t = ping_new(1, 1, NULL);
    toy_start(t);
    uint8_t body[32];
    struct envelope e = good_envelope(body);
    assert_int_equal(packet(t, &e)->body_case, ORRERY__EVENT__BODY_RECEIVE);
    size_t before = t->n_events;
    host_link(t->host, toy_tick(t), 2, false, LINK_REMOVED);
    assert_int_equal(toy_event(t, before)->body_case, ORRERY__EVENT__BODY_LINK);
    assert_int_equal(packet(t, &e)->drop->reason, ORRERY__DROP_REASON__DROP_STALE);
    e.from = 9;
    before = t->n_events;
    host_link(t->host, toy_tick(t), 9, false, LINK_REMOVED);
    assert_int_equal(t->n_events, before); /* No protocol has anything to forget. */
    assert_int_equal(packet(t, &e)->drop->reason, ORRERY__DROP_REASON__DROP_STALE);
    toy_free(t);
}

static void config_settings(struct host_config *config)
{
    static Orrery__KeyValue interval = ORRERY__KEY_VALUE__INIT;
    static Orrery__KeyValue timeout = ORRERY__KEY_VALUE__INIT;
    static const Orrery__KeyValue *list[] = {&interval, &timeout};
    static char key[] = "interval-ms";
    static char value[] = "250";
    static char key2[] = "timeout_ms";
    static char value2[] = "900";
    interval.key = key;
    interval.value = value;
    timeout.key = key2;
    timeout.value = value2;
    struct host_instance *in = (struct host_instance *)(uintptr_t)config->instances;
    in->settings = list;
    in->n_settings = 2;
}

static void settings_change_while_it_runs(void **state)
{
    (void)state;
    struct toy *t = ping_new(1, 1, config_settings);
    toy_start(t);
    assert_int_equal(pinger_of(t)->interval_ms, 250);
    char why[200];
    const char *one[] = {"interval_ms=300"};
    assert_int_equal(host_settings(t->host, toy_tick(t), 1, one, 1, why, sizeof why), 0);
    assert_int_equal(pinger_of(t)->interval_ms, 300);
    const Orrery__Event *e = toy_event(t, toy_find(t, ORRERY__EVENT__BODY_SETTING, 0));
    assert_string_equal(e->setting->settings[0]->key, "interval_ms");
    assert_string_equal(e->setting->settings[0]->value, "300");
    size_t events = t->n_events;
    const char *bad[] = {"interval_ms=901", "interval_ms", "nothing=1", "interval_ms=-1"};
    const char *says[] = {"must not be less", "KEY=VALUE", "there are: interval_ms", "0 to 4294"};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(host_settings(t->host, toy_tick(t), 1, bad + i, 1, why, sizeof why),
                         ERROR_REFUSED);
        assert_non_null(strstr(why, says[i]));
    }
    assert_int_equal(t->n_events, events);
    const Heartbeat__Settings *s =
        (const Heartbeat__Settings *)(const void *)host_settings_of(t->host, 1);
    assert_int_equal(s->interval_ms, 300);
    assert_int_equal(s->timeout_ms, 900);
    toy_free(t);
}

static Orrery__Level level_of_test;

static void config_level(struct host_config *config)
{
    config->level = level_of_test;
    config->view_every = 5;
}

/* The same run at each level: the frames may differ in their event number only. */
static void levels_change_nothing(void **state)
{
    (void)state;
    const Orrery__Level levels[] = {ORRERY__LEVEL__LEVEL_FULL, ORRERY__LEVEL__LEVEL_SUMMARY,
                                    ORRERY__LEVEL__LEVEL_OFF};
    struct toy *a[3];
    struct toy *b[3];
    for (int i = 0; i < 3; i++) {
        level_of_test = levels[i];
        a[i] = ping_new(1, 1, config_level);
        b[i] = ping_new(2, 1, config_level);
        toy_start(a[i]);
        toy_start(b[i]);
        kick(a[i]);
        exchange(a[i], b[i]);
    }
    for (int i = 1; i < 3; i++) {
        assert_int_equal(a[i]->n_frames, a[0]->n_frames);
        for (size_t f = 0; f < a[0]->n_frames; f++) {
            struct envelope full;
            struct envelope less;
            assert_int_equal(a[i]->frames[f].frame.len, a[0]->frames[f].frame.len);
            assert_int_equal(envelope_unpack(a[0]->frames[f].frame, &full), 0);
            assert_int_equal(envelope_unpack(a[i]->frames[f].frame, &less), 0);
            assert_int_equal(full.lamport, less.lamport);
            assert_memory_equal(full.vclock, less.vclock, sizeof full.vclock);
            assert_true(bytes_equal(full.body, less.body));
            assert_int_equal(less.event, a[i]->frames[f].event);
        }
    }
    assert_int_equal(toy_count(a[0], ORRERY__EVENT__BODY_WAKE), 1);
    assert_int_equal(toy_count(a[1], ORRERY__EVENT__BODY_WAKE), 0);
    assert_int_equal(toy_count(a[0], ORRERY__EVENT__BODY_TRACE), 10);
    assert_int_equal(toy_count(a[1], ORRERY__EVENT__BODY_TRACE), 5);
    assert_int_equal(toy_count(a[2], ORRERY__EVENT__BODY_TRACE), 5);
    const Orrery__Event *receive = toy_event(a[1], toy_find(a[1], ORRERY__EVENT__BODY_RECEIVE, 0));
    assert_int_equal(receive->receive->body.len, 0);
    assert_int_equal(receive->receive->n_vclock, 0);
    assert_true(receive->receive->size > 0);
    assert_int_equal(toy_count(a[2], ORRERY__EVENT__BODY_RECEIVE), 0);
    assert_int_equal(toy_count(a[2], ORRERY__EVENT__BODY_SEND), 0);
    for (int i = 0; i < 3; i++) {
        assert_true(toy_count(a[i], ORRERY__EVENT__BODY_VIEW) >= 2);
        toy_free(a[i]);
        toy_free(b[i]);
    }
}

static void events_are_canonical(void **state)
{
    (void)state;
    struct toy *a = ping_new(1, 1, NULL);
    struct toy *b = ping_new(2, 1, NULL);
    toy_start(a);
    toy_start(b);
    kick(a);
    exchange(a, b);
    for (size_t i = 0; i < a->n_events; i++) {
        const Orrery__Event *e = toy_event(a, i);
        size_t n = orrery__event__get_packed_size(e);
        assert_int_equal(n, a->events[i].len);
        uint8_t again[8192];
        assert_true(n <= sizeof again);
        orrery__event__pack(e, again);
        assert_memory_equal(again, a->events[i].base, n);
    }
    toy_free(a);
    toy_free(b);
}

static void reports_come_last(void **state)
{
    (void)state;
    struct toy *t = ping_new(1, 1, NULL);
    toy_start(t);
    t->report_sends = true;
    kick(t);
    const Orrery__Event *drop = toy_event(t, t->n_events - 1);
    const Orrery__Event *send = toy_event(t, t->n_events - 2);
    assert_int_equal(send->body_case, ORRERY__EVENT__BODY_SEND);
    assert_int_equal(drop->body_case, ORRERY__EVENT__BODY_DROP);
    assert_int_equal(drop->drop->event, send->seq);
    assert_true(drop->lamport > send->lamport);
    toy_free(t);
}

/* Orders until there is another view; how many events came before it. */
static size_t until_view(struct toy *t)
{
    size_t views = toy_count(t, ORRERY__EVENT__BODY_VIEW), began = t->n_events;
    while (toy_count(t, ORRERY__EVENT__BODY_VIEW) == views) {
        assert_true(t->n_events < TOY_MAX - 4);
        host_order(t->host, toy_tick(t), 1, "go", NULL, 0);
    }
    return t->n_events - 1 - began;
}

static void small_views_come_often_and_large_ones_may_not(void **state)
{
    (void)state;
    for (view_size = 0; view_size <= LARGE_VIEW; view_size += LARGE_VIEW) {
        struct toy *t = ping_new(1, 1, NULL);
        toy_start(t);
        size_t told = until_view(t), least = view_size ? LARGE_VIEW / 16 : 500;
        assert_in_range(told, least, least + 8);
        toy_free(t);
    }
    view_size = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ping_pong),
        cmocka_unit_test(start_tells_all),
        cmocka_unit_test(older_lives_and_strangers_are_dropped),
        cmocka_unit_test(nonsense_is_a_violation),
        cmocka_unit_test(damaged_and_cut_frames_are_dropped),
        cmocka_unit_test(a_new_node_is_known_by_its_first_frame),
        cmocka_unit_test(a_removed_node_is_not_learnt_again),
        cmocka_unit_test(settings_change_while_it_runs),
        cmocka_unit_test(levels_change_nothing),
        cmocka_unit_test(events_are_canonical),
        cmocka_unit_test(reports_come_last),
        cmocka_unit_test(small_views_come_often_and_large_ones_may_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
