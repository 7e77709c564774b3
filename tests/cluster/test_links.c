/* Nodes and what lies between them: datagrams, streams, and the faults of both. */
#include "unit/unit.h"

#include "base/crc32c.h"
#include "core/envelope.h"
#include "life.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { NODES = 2 };

struct want {
    Orrery__Event__BodyCase body;
    uint32_t peer;  /* 0: any */
    int reason;     /* -1: any */
    uint64_t event; /* 0: any */
    int transport;  /* -1: any */
};

static bool is_wanted(const Orrery__Event *e, const void *arg)
{
    const struct want *w = arg;
    if (e->body_case != w->body)
        return false;
    switch (e->body_case) {
    case ORRERY__EVENT__BODY_RECEIVE:
        return (!w->peer || e->receive->from == w->peer) &&
               (!w->event || e->receive->event == w->event) &&
               (w->transport < 0 || (int)e->receive->transport == w->transport);
    case ORRERY__EVENT__BODY_LINK:
        return (!w->peer || e->link->peer == w->peer) &&
               (w->reason < 0 || (int)e->link->reason == w->reason);
    case ORRERY__EVENT__BODY_DROP:
        return w->reason < 0 || (int)e->drop->reason == w->reason;
    default:
        return true;
    }
}

static size_t find(struct life *l, size_t from, struct want w, const char *what)
{
    return life_find(l, from, is_wanted, &w, what);
}

static size_t find_receive(struct life *l, size_t from, uint32_t peer, const char *what)
{
    return find(l, from, (struct want){ORRERY__EVENT__BODY_RECEIVE, peer, -1, 0, -1}, what);
}

static size_t find_link(struct life *l, size_t from, uint32_t peer, int reason, const char *what)
{
    return find(l, from, (struct want){ORRERY__EVENT__BODY_LINK, peer, reason, 0, -1}, what);
}

static size_t find_drop(struct life *l, size_t from, int reason, const char *what)
{
    return find(l, from, (struct want){ORRERY__EVENT__BODY_DROP, 0, reason, 0, -1}, what);
}

static size_t find_body(struct life *l, size_t from, Orrery__Event__BodyCase body, const char *what)
{
    return find(l, from, (struct want){body, 0, -1, 0, -1}, what);
}

static struct life_plan plan_of(uint32_t node, const char *transport)
{
    return (struct life_plan){.node = node,
                              .nodes = NODES,
                              .protocol = "heartbeat",
                              .settings = {"interval_ms=20", "timeout_ms=200", transport}};
}

static void begin_one(struct life *l, uint32_t node, const char *transport)
{
    struct life_plan plan = plan_of(node, transport);
    life_begin(l, &plan);
    assert_true(life_ready(l));
}

static void begin_both(struct life lives[NODES], const char *transport)
{
    for (uint32_t i = 0; i < NODES; i++)
        begin_one(&lives[i], i + 1, transport);
    life_introduce(lives, NODES);
}

static void end_both(struct life lives[NODES])
{
    for (uint32_t i = 0; i < NODES; i++)
        life_end(&lives[i]);
}

static Orrery__LinkFault fault_of(uint32_t from, uint32_t to)
{
    Orrery__LinkFault f = ORRERY__LINK_FAULT__INIT;
    f.has_from = f.has_to = f.has_one_way = 1;
    f.from = from;
    f.to = to;
    f.one_way = 1;
    return f;
}

static void say_fault(struct life *l, Orrery__LinkFault *fault)
{
    Orrery__ToNode message = ORRERY__TO_NODE__INIT;
    message.kind_case = ORRERY__TO_NODE__KIND_LINK;
    message.link = fault;
    life_say(l, &message);
}

static void say_cut(struct life *l, uint32_t from, uint32_t to, bool on)
{
    Orrery__LinkFault f = fault_of(from, to);
    f.has_cut = 1;
    f.cut = on;
    say_fault(l, &f);
}

static void datagrams_are_exchanged(void **state)
{
    (void)state;
    struct life lives[NODES];
    begin_both(lives, "transport=udp");
    size_t at = find_receive(&lives[0], 0, 2, "a beat of node 2");
    assert_int_equal(lives[0].events[at]->receive->transport, ORRERY__TRANSPORT__DATAGRAM);
    at = find_receive(&lives[1], 0, 1, "a beat of node 1");
    /* The receive names the send that caused it. */
    uint64_t cause = lives[1].events[at]->receive->event;
    life_read(&lives[0]);
    assert_true(cause >= 1 && cause <= lives[0].n);
    assert_int_equal(lives[0].events[cause - 1]->body_case, ORRERY__EVENT__BODY_SEND);
    assert_true(lives[0].events[cause - 1]->mono_ns <= lives[1].events[at]->mono_ns);
    end_both(lives);
}

static void streams_come_up_and_carry_frames_in_order(void **state)
{
    (void)state;
    struct life lives[NODES];
    begin_both(lives, "transport=tcp");
    size_t up = find_link(&lives[1], 0, 1, ORRERY__LINK_REASON__LINK_OK, "the stream is up");
    assert_true(lives[1].events[up]->link->up);
    uint64_t latest = 0;
    size_t at = 0;
    for (int i = 0; i < 5; i++) {
        at = find_receive(&lives[1], at, 1, "a beat of node 1");
        assert_int_equal(lives[1].events[at]->receive->transport, ORRERY__TRANSPORT__STREAM);
        assert_true(lives[1].events[at]->receive->event > latest);
        latest = lives[1].events[at]->receive->event;
        at++;
    }
    find_link(&lives[0], 0, 2, ORRERY__LINK_REASON__LINK_OK, "the sender's end is up");
    end_both(lives);
}

static void links_go_down_for_a_reason_and_up_again(void **state)
{
    (void)state;
    struct life lives[NODES];
    begin_both(lives, "transport=tcp");
    find_receive(&lives[0], 0, 2, "a beat of node 2");
    find_receive(&lives[1], 0, 1, "a beat of node 1");
    uint32_t udp = lives[1].udp_port;
    uint32_t tcp = lives[1].tcp_port;
    life_read(&lives[0]);
    size_t before = lives[0].n;
    life_end(&lives[1]); /* SIGKILL: the kernel closes its sockets. */
    size_t refused =
        find_link(&lives[0], before, 2, ORRERY__LINK_REASON__LINK_REFUSED, "nobody listens");
    assert_false(lives[0].events[refused]->link->up);
    bool broke = false;
    for (size_t i = before; i < refused; i++)
        broke = broke || (lives[0].events[i]->body_case == ORRERY__EVENT__BODY_LINK &&
                          !lives[0].events[i]->link->up);
    assert_true(broke); /* Before that: closed, or reset. */
    find_drop(&lives[0], before, ORRERY__DROP_REASON__DROP_NO_LINK, "a beat that found no link");

    struct life_plan plan = plan_of(2, "transport=tcp");
    plan.boot = 2;
    plan.udp_port = udp;
    plan.tcp_port = tcp;
    life_begin(&lives[1], &plan);
    assert_true(life_ready(&lives[1]));
    life_introduce(lives, NODES);
    find_link(&lives[0], refused, 2, ORRERY__LINK_REASON__LINK_OK, "the link is up again");
    find_receive(&lives[1], 0, 1, "a beat of node 1, in the second life");
    end_both(lives);
}

static void a_cut_drops_datagrams_one_way(void **state)
{
    (void)state;
    struct life lives[NODES];
    begin_both(lives, "transport=udp");
    find_receive(&lives[1], 0, 1, "a beat of node 1");
    say_cut(&lives[0], 1, 2, true);
    size_t at = find_drop(&lives[0], 0, ORRERY__DROP_REASON__DROP_CUT, "a beat at the cut");
    uint64_t lost = lives[0].events[at]->drop->event;
    assert_int_equal(lives[0].events[at]->drop->to, 2);
    find_receive(&lives[0], at, 2, "a beat in the other direction");
    say_cut(&lives[0], 1, 2, false);
    size_t got = find_receive(&lives[1], 0, 1, "a beat");
    while (lives[1].events[got]->receive->event <= lost)
        got = find_receive(&lives[1], got + 1, 1, "a beat behind the cut");
    for (size_t i = 0; i < got; i++)
        assert_false(lives[1].events[i]->body_case == ORRERY__EVENT__BODY_RECEIVE &&
                     lives[1].events[i]->receive->event == lost);
    end_both(lives);
}

static void a_cut_stream_becomes_silent_and_heals(void **state)
{
    (void)state;
    struct life lives[NODES];
    begin_both(lives, "transport=tcp");
    find_receive(&lives[1], 0, 1, "a beat of node 1");
    say_cut(&lives[0], 1, 2, true);
    size_t at =
        find_link(&lives[0], 0, 2, ORRERY__LINK_REASON__LINK_SILENT, "the stream is silent");
    find_drop(&lives[0], 0, ORRERY__DROP_REASON__DROP_CUT, "what the cut swallowed");
    life_read(&lives[1]);
    size_t before = lives[1].n;
    say_cut(&lives[0], 1, 2, false);
    find_link(&lives[0], at, 2, ORRERY__LINK_REASON__LINK_OK, "a new stream");
    find_receive(&lives[1], before, 1, "a beat on it");
    end_both(lives);
}

static void loss_delay_and_duplication_do_as_they_say(void **state)
{
    (void)state;
    struct life lives[NODES];
    begin_both(lives, "transport=udp");
    find_receive(&lives[1], 0, 1, "a beat of node 1");
    Orrery__LinkFault f = fault_of(1, 2);
    f.has_duplicate = 1;
    f.duplicate = 1;
    say_fault(&lives[0], &f);
    size_t at = 0;
    uint64_t last = 0;
    for (;;) { /* Until one came twice. */
        at = find_receive(&lives[1], at, 1, "a beat that came twice");
        uint64_t event = lives[1].events[at++]->receive->event;
        if (event == last)
            break;
        last = event;
    }
    f.duplicate = 0;
    f.has_delay_ns = 1;
    f.delay_ns = 300000000;
    say_fault(&lives[0], &f);
    for (;;) { /* Until one came late. */
        at = find_receive(&lives[1], at, 1, "a beat that came late");
        const Orrery__Event *got = lives[1].events[at++];
        life_read(&lives[0]);
        if (got->mono_ns - lives[0].events[got->receive->event - 1]->mono_ns >= f.delay_ns)
            break;
    }
    f.delay_ns = 0;
    f.has_loss = 1;
    f.loss = 1;
    say_fault(&lives[0], &f);
    find_drop(&lives[0], 0, ORRERY__DROP_REASON__DROP_LOSS, "a lost beat");
    end_both(lives);
}

static void say_hold(struct life *l, bool on)
{
    Orrery__Hold hold = ORRERY__HOLD__INIT;
    hold.has_off = 1;
    hold.off = !on;
    Orrery__ToNode message = ORRERY__TO_NODE__INIT;
    message.kind_case = ORRERY__TO_NODE__KIND_HOLD;
    message.hold = &hold;
    life_say(l, &message);
}

static void say_deliver(struct life *l, uint64_t event)
{
    Orrery__Deliver deliver = ORRERY__DELIVER__INIT;
    deliver.has_event = 1;
    deliver.event = event;
    Orrery__ToNode message = ORRERY__TO_NODE__INIT;
    message.kind_case = ORRERY__TO_NODE__KIND_DELIVER;
    message.deliver = &deliver;
    life_say(l, &message);
}

static void held_messages_wait_for_a_hand(void **state)
{
    (void)state;
    struct life lives[NODES];
    for (uint32_t i = 0; i < NODES; i++)
        begin_one(&lives[i], i + 1, "transport=udp");
    say_hold(&lives[0], true);
    life_introduce(lives, NODES);
    size_t at = find_body(&lives[0], 0, ORRERY__EVENT__BODY_HELD, "a held beat");
    at = find_body(&lives[0], at + 1, ORRERY__EVENT__BODY_HELD, "the second held beat");
    uint64_t event = lives[0].events[at]->held->event;
    assert_int_equal(lives[0].events[at]->held->to, 2);
    say_deliver(&lives[0], event);
    size_t got = find_receive(&lives[1], 0, 1, "the delivered beat");
    assert_int_equal(lives[1].events[got]->receive->event, event);
    say_hold(&lives[0], false);
    got = find_receive(&lives[1], got + 1, 1, "the first beat, let go");
    assert_true(lives[1].events[got]->receive->event < event);
    end_both(lives);
}

/* Strangers. */

static int connect_to(uint32_t port, int type)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

/* Says something on a fresh connection, which must be closed for it. */
static void expect_closed(struct life *l, struct bytes words, int reason)
{
    life_read(l);
    size_t before = l->n;
    int fd = connect_to(l->tcp_port, SOCK_STREAM);
    assert_int_equal(send(fd, words.base, words.len, MSG_NOSIGNAL), words.len);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, LIFE_DEADLINE_MS), 1);
    char byte;
    assert_true(recv(fd, &byte, 1, 0) <= 0);
    close(fd);
    find_drop(l, before, reason, "a drop of the stranger's bytes");
}

static void hello_of(struct buf *frame, node_id to, const char *secret)
{
    struct buf room = {0};
    struct bytes hello = hello_pack(2, to, 1, (const uint8_t *)secret, &room);
    buf_clear(frame);
    put_u32(buf_extend(frame, 4), (uint32_t)hello.len);
    buf_append(frame, hello);
    buf_free(&room);
}

static void strangers_are_turned_away(void **state)
{
    (void)state;
    struct life l;
    begin_one(&l, 1, "transport=tcp");
    life_introduce(&l, 1);
    struct buf frame = {0};
    hello_of(&frame, 1, "another secret !");
    expect_closed(&l, buf_bytes(&frame), ORRERY__DROP_REASON__DROP_STRANGER);
    hello_of(&frame, 7, "a secret of all");
    expect_closed(&l, buf_bytes(&frame), ORRERY__DROP_REASON__DROP_STRANGER);
    hello_of(&frame, 1, "a secret of all");
    frame.base[10] ^= 1;
    expect_closed(&l, buf_bytes(&frame), ORRERY__DROP_REASON__DROP_CRC);
    expect_closed(&l, bytes_of("\xff\xff\xff\x7f", 4), ORRERY__DROP_REASON__DROP_MALFORMED);
    expect_closed(&l, bytes_str("POST / HTTP/1.1\r\n\r\n"), ORRERY__DROP_REASON__DROP_MALFORMED);

    /* A right Hello, then a frame that is none: the frame is dropped, the link stays. */
    hello_of(&frame, 1, "a secret of all");
    put_u32(buf_extend(&frame, 4), 5);
    buf_append(&frame, bytes_str("12345"));
    int fd = connect_to(l.tcp_port, SOCK_STREAM);
    assert_int_equal(send(fd, frame.base, frame.len, MSG_NOSIGNAL), frame.len);
    size_t up = find_link(&l, 0, 2, ORRERY__LINK_REASON__LINK_OK, "a stream from node 2");
    find_drop(&l, up, ORRERY__DROP_REASON__DROP_CRC, "a damaged frame");
    close(fd);
    find_link(&l, up, 2, ORRERY__LINK_REASON__LINK_CLOSED, "its end");

    life_read(&l);
    size_t before = l.n;
    fd = connect_to(l.udp_port, SOCK_DGRAM);
    assert_int_equal(send(fd, "nonsense", 8, 0), 8);
    find_drop(&l, before, ORRERY__DROP_REASON__DROP_CRC, "a damaged datagram");
    close(fd);
    buf_free(&frame);
    life_end(&l);
}

static void silent_strangers_do_not_keep_peers_out(void **state)
{
    (void)state;
    struct life l;
    begin_one(&l, 1, "transport=tcp");
    life_introduce(&l, 1);
    int fds[100];
    for (int i = 0; i < 100; i++)
        fds[i] = connect_to(l.tcp_port, SOCK_STREAM);
    struct buf frame = {0};
    hello_of(&frame, 1, "a secret of all");
    int fd = connect_to(l.tcp_port, SOCK_STREAM);
    assert_int_equal(send(fd, frame.base, frame.len, MSG_NOSIGNAL), frame.len);
    find_link(&l, 0, 2, ORRERY__LINK_REASON__LINK_OK, "a stream among strangers");
    for (int i = 0; i < 100; i++)
        close(fds[i]);
    close(fd);
    buf_free(&frame);
    life_end(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datagrams_are_exchanged),
        cmocka_unit_test(streams_come_up_and_carry_frames_in_order),
        cmocka_unit_test(links_go_down_for_a_reason_and_up_again),
        cmocka_unit_test(a_cut_drops_datagrams_one_way),
        cmocka_unit_test(a_cut_stream_becomes_silent_and_heals),
        cmocka_unit_test(loss_delay_and_duplication_do_as_they_say),
        cmocka_unit_test(held_messages_wait_for_a_hand),
        cmocka_unit_test(strangers_are_turned_away),
        cmocka_unit_test(silent_strangers_do_not_keep_peers_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
