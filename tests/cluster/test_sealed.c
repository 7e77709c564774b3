/* Nodes that seal what they send to each other, with somebody between them who reads, repeats and
 * changes it. */
#include "unit/unit.h"

#include "life.h"
#include "seal/seal.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { NODES = 2, MOST = 4096 };

/* Of the harness; in every envelope and Hello. */
static const char secret[] = "a secret of all";

static uint8_t key[SEAL_KEY], other_key[SEAL_KEY];

static void begin_one(struct life *l, uint32_t node, const char *transport, uint8_t *its_key)
{
    Orrery__NodeConfig config = ORRERY__NODE_CONFIG__INIT;
    config.key = (ProtobufCBinaryData){SEAL_KEY, its_key};
    struct life_plan plan = {.node = node,
                             .nodes = NODES,
                             .protocol = "heartbeat",
                             .settings = {"interval_ms=20", "timeout_ms=200", transport},
                             .config = &config};
    life_begin(l, &plan);
    assert_true(life_ready(l));
}

static bool is_receive(const Orrery__Event *e, const void *from)
{
    return e->body_case == ORRERY__EVENT__BODY_RECEIVE &&
           e->receive->from == *(const uint32_t *)from;
}

static size_t find_receive(struct life *l, size_t at, uint32_t from, const char *what)
{
    return life_find(l, at, is_receive, &from, what);
}

static bool is_drop(const Orrery__Event *e, const void *reason)
{
    return e->body_case == ORRERY__EVENT__BODY_DROP && (int)e->drop->reason == *(const int *)reason;
}

static size_t find_drop(struct life *l, size_t at, int reason, const char *what)
{
    return life_find(l, at, is_drop, &reason, what);
}

static uint16_t bound_port(int fd)
{
    struct sockaddr_in at;
    socklen_t size = sizeof at;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    return ntohs(at.sin_port);
}

static struct sockaddr_in loopback(uint32_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return at;
}

static int between(int type)
{
    struct sockaddr_in at = loopback(0);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    if (type == SOCK_STREAM)
        assert_int_equal(listen(fd, 4), 0);
    return fd;
}

/* Node 1 takes who stands at `udp` and `tcp` for node 2; node 2 knows node 1. */
static void introduce(struct life lives[NODES], uint32_t udp, uint32_t tcp)
{
    static char address[] = "127.0.0.1";
    for (uint32_t to = 0; to < NODES; to++) {
        Orrery__Member members[NODES], *list[NODES];
        Orrery__Members all = ORRERY__MEMBERS__INIT;
        for (uint32_t i = 0; i < NODES; i++) {
            orrery__member__init(&members[i]);
            members[i].node = i + 1;
            members[i].address = address;
            members[i].udp_port = i == 1 && to == 0 ? udp : lives[i].udp_port;
            members[i].tcp_port = i == 1 && to == 0 ? tcp : lives[i].tcp_port;
            list[i] = &members[i];
        }
        all.n_members = NODES;
        all.members = list;
        Orrery__ToNode message = ORRERY__TO_NODE__INIT;
        message.kind_case = ORRERY__TO_NODE__KIND_MEMBERS;
        message.members = &all;
        life_say(&lives[to], &message);
    }
}

static size_t take(int fd, uint8_t *into, size_t most)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, LIFE_DEADLINE_MS), 1);
    ssize_t n = recv(fd, into, most, 0);
    assert_true(n > 0);
    return (size_t)n;
}

static void give(int fd, uint32_t port, const uint8_t *bytes, size_t n)
{
    struct sockaddr_in at = loopback(port);
    assert_int_equal(sendto(fd, bytes, n, 0, (struct sockaddr *)&at, sizeof at), (ssize_t)n);
}

static void datagrams_are_unreadable_and_arrive_once(void **state)
{
    (void)state;
    struct life lives[NODES];
    uint8_t beat[MOST];
    for (uint32_t i = 0; i < NODES; i++)
        begin_one(&lives[i], i + 1, "transport=udp", key);
    int fd = between(SOCK_DGRAM);
    introduce(lives, bound_port(fd), lives[1].tcp_port);
    size_t n = take(fd, beat, sizeof beat);
    assert_null(memmem(beat, n, secret, sizeof secret - 1));
    assert_int_equal(get_u32(beat), 1); /* Who sends, and that is all that can be read. */
    give(fd, lives[1].udp_port, beat, n);
    size_t got = find_receive(&lives[1], 0, 1, "a beat that was passed on");
    give(fd, lives[1].udp_port, beat, n);
    find_drop(&lives[1], got, ORRERY__DROP_REASON__DROP_STALE, "the same beat again");
    n = take(fd, beat, sizeof beat);
    beat[n / 2] ^= 1;
    give(fd, lives[1].udp_port, beat, n);
    find_drop(&lives[1], got, ORRERY__DROP_REASON__DROP_STRANGER, "a beat that was changed");
    find_receive(&lives[0], 0, 2, "a beat straight from node 2");
    close(fd);
    for (uint32_t i = 0; i < NODES; i++)
        life_end(&lives[i]);
}

static int connect_to(uint32_t port)
{
    struct sockaddr_in at = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

/* Passes on what either says until the receiver has had a beat; keeps what the sender said. */
static void pass_on(struct life *receiver, int sender, int to, struct buf *said)
{
    uint8_t bytes[MOST];
    for (;;) {
        life_read(receiver);
        if (life_count(receiver, is_receive, &(uint32_t){1}) > 0)
            return;
        struct pollfd p[2] = {{.fd = sender, .events = POLLIN}, {.fd = to, .events = POLLIN}};
        assert_true(poll(p, 2, LIFE_DEADLINE_MS) >= 1);
        for (int i = 0; i < 2; i++) {
            if (!(p[i].revents & POLLIN))
                continue;
            size_t n = take(p[i].fd, bytes, sizeof bytes);
            if (i == 0)
                buf_append(said, bytes_of(bytes, n));
            assert_int_equal(send(p[1 - i].fd, bytes, n, MSG_NOSIGNAL), (ssize_t)n);
        }
    }
}

static void streams_are_unreadable_and_cannot_be_played_again(void **state)
{
    (void)state;
    struct life lives[NODES];
    struct buf said = {0};
    for (uint32_t i = 0; i < NODES; i++)
        begin_one(&lives[i], i + 1, "transport=tcp", key);
    int listener = between(SOCK_STREAM);
    introduce(lives, lives[1].udp_port, bound_port(listener));
    int sender = accept(listener, NULL, NULL), to = connect_to(lives[1].tcp_port);
    pass_on(&lives[1], sender, to, &said);
    assert_true(said.len > SEAL_RANDOM);
    assert_null(memmem(said.base, said.len, secret, sizeof secret - 1));
    find_receive(&lives[0], 0, 2, "a beat on a stream straight from node 2");

    life_read(&lives[1]);
    size_t before = lives[1].n;
    int again = connect_to(lives[1].tcp_port);
    assert_int_equal(send(again, said.base, said.len, MSG_NOSIGNAL), (ssize_t)said.len);
    find_drop(&lives[1], before, ORRERY__DROP_REASON__DROP_STRANGER, "what was played again");
    close(again);
    close(sender);
    close(to);
    close(listener);
    buf_free(&said);
    for (uint32_t i = 0; i < NODES; i++)
        life_end(&lives[i]);
}

static void who_has_another_key_is_a_stranger(void **state)
{
    static const char *const transports[] = {"transport=udp", "transport=tcp"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct life lives[NODES];
        begin_one(&lives[0], 1, transports[i], key);
        begin_one(&lives[1], 2, transports[i], other_key);
        life_introduce(lives, NODES);
        find_drop(&lives[1], 0, ORRERY__DROP_REASON__DROP_STRANGER, "what does not open");
        assert_int_equal(life_count(&lives[1], is_receive, &(uint32_t){1}), 0);
        for (int k = 0; k < NODES; k++)
            life_end(&lives[k]);
    }
}

static int make_keys(void **state)
{
    (void)state;
    seal_key_of_text(bytes_str("the run's"), key);
    seal_key_of_text(bytes_str("another run's"), other_key);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datagrams_are_unreadable_and_arrive_once),
        cmocka_unit_test(streams_are_unreadable_and_cannot_be_played_again),
        cmocka_unit_test(who_has_another_key_is_a_stranger),
    };
    return cmocka_run_group_tests(tests, make_keys, NULL);
}
