/* The link between an observer and an agent: who is let in, and what strangers cost. */
#include "agent/link.h"

#include "agent.pb-c.h"
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct end {
    struct link link;
    bool accepted;
    bool up;
    bool closed;
    uint32_t heard;
    uint64_t last;
    char why[96];
};

static uv_loop_t loop;
static uv_tcp_t listener;
static struct sockaddr_in where;
static struct end caller, called;
static uint8_t key[SEAL_KEY];

static void on_up(void *ctx)
{
    ((struct end *)ctx)->up = true;
}

static void on_heard(void *ctx, struct bytes message)
{
    struct end *e = ctx;
    Orrery__Ping *ping = orrery__ping__unpack(NULL, message.len, message.base);
    assert_non_null(ping);
    e->heard++;
    e->last = ping->sent_ns;
    orrery__ping__free_unpacked(ping, NULL);
}

static void on_broke(void *ctx, const char *why)
{
    struct end *e = ctx;
    assert_false(e->closed);
    snprintf(e->why, sizeof e->why, "%s", why);
}

static void on_closed(void *ctx)
{
    ((struct end *)ctx)->closed = true;
}

static const struct link_io io = {on_up, on_heard, on_broke, on_closed};

static void somebody(uv_stream_t *stream, int status)
{
    assert_int_equal(status, 0);
    assert_false(called.accepted);
    called.link = (struct link){.io = &io, .ctx = &called};
    called.accepted = link_accept(&called.link, stream, key);
}

static int set_up(void **state)
{
    (void)state;
    int size = sizeof where;
    memset(&caller, 0, sizeof caller);
    memset(&called, 0, sizeof called);
    seal_key_of_text(bytes_str("the cluster's"), key);
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(uv_tcp_init(&loop, &listener), 0);
    assert_int_equal(uv_ip4_addr("127.0.0.1", 0, &where), 0);
    assert_int_equal(uv_tcp_bind(&listener, (struct sockaddr *)&where, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&listener, 4, somebody), 0);
    assert_int_equal(uv_tcp_getsockname(&listener, (struct sockaddr *)&where, &size), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (caller.link.io && !caller.closed)
        link_close(&caller.link);
    if (called.accepted && !called.closed)
        link_close(&called.link);
    uv_close((uv_handle_t *)&listener, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    return 0;
}

static void run_until(const bool *what)
{
    while (!*what) /* The links' own deadlines end it. */
        uv_run(&loop, UV_RUN_ONCE);
}

static void call(const uint8_t *with)
{
    caller.link = (struct link){.io = &io, .ctx = &caller};
    link_call(&caller.link, &loop, with, (struct sockaddr *)&where);
}

static void say(struct end *e, uint64_t number)
{
    Orrery__Ping ping = ORRERY__PING__INIT;
    ping.sent_ns = number;
    link_say(&e->link, &ping.base);
}

static void both_hear_each_other_in_order(void **state)
{
    (void)state;
    call(key);
    run_until(&caller.up);
    run_until(&called.up);
    for (uint64_t i = 1; i <= 500; i++) {
        say(&caller, i);
        say(&called, 1000 + i);
    }
    while (caller.heard < 500 || called.heard < 500)
        uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(called.last, 500);
    assert_int_equal(caller.last, 1500);
    char address[64];
    assert_true(link_address(&caller.link, true, address, sizeof address));
    assert_string_equal(address, "127.0.0.1");
    link_close(&caller.link);
    run_until(&called.closed);
    assert_string_equal(called.why, "was closed");
    assert_string_equal(caller.why, ""); /* It was closed by its owner. */
}

static void another_key_is_refused_by_who_is_called(void **state)
{
    uint8_t other[SEAL_KEY];
    (void)state;
    seal_key_of_text(bytes_str("another cluster's"), other);
    call(other);
    run_until(&called.closed);
    run_until(&caller.closed);
    assert_false(called.up);
    assert_false(caller.up);
    assert_non_null(strstr(called.why, "another cluster key"));
}

/* A stranger's end of a connection. */
static int connect_raw(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&where, sizeof where), 0);
    run_until(&called.accepted);
    return fd;
}

static void nonsense_ends_the_connection(void **state)
{
    (void)state;
    char page[SEAL_HELLO + 1] = "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n";
    int fd = connect_raw();
    assert_int_equal(send(fd, page, sizeof page, MSG_NOSIGNAL), sizeof page);
    run_until(&called.closed);
    assert_false(called.up);
    close(fd);
}

/* A stranger that has the key, and may send what it likes. */
static int connect_with_key(struct sealer *out)
{
    struct handshake h;
    struct sealer in;
    uint8_t answer[SEAL_HELLO];
    int fd = connect_raw();
    handshake_begin(&h, key, true);
    assert_int_equal(send(fd, handshake_call(&h).base, SEAL_HELLO, MSG_NOSIGNAL), SEAL_HELLO);
    run_until(&called.up);
    assert_int_equal(recv(fd, answer, sizeof answer, MSG_WAITALL), SEAL_HELLO);
    assert_true(handshake_hear(&h, answer, out, &in));
    return fd;
}

static void a_record_that_claims_too_much_ends_it(void **state)
{
    struct sealer out;
    uint8_t head[SEAL_LENGTH];
    (void)state;
    int fd = connect_with_key(&out);
    put_u32(head, LINK_RECORD_MAX + SEAL_TAG + 1);
    assert_int_equal(send(fd, head, sizeof head, MSG_NOSIGNAL), sizeof head);
    run_until(&called.closed);
    assert_non_null(strstr(called.why, "no message of ours"));
    assert_true(called.link.plain.cap < 1 << 20);
    close(fd);
}

static void a_record_that_comes_again_ends_it(void **state)
{
    struct sealer out;
    struct buf record = {0};
    Orrery__Ping ping = ORRERY__PING__INIT;
    uint8_t packed[32];
    (void)state;
    int fd = connect_with_key(&out);
    ping.sent_ns = 7;
    sealer_put(&out, bytes_of(packed, orrery__ping__pack(&ping, packed)), &record);
    assert_int_equal(send(fd, record.base, record.len, MSG_NOSIGNAL), (ssize_t)record.len);
    while (called.heard == 0)
        uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(called.last, 7);
    assert_int_equal(send(fd, record.base, record.len, MSG_NOSIGNAL), (ssize_t)record.len);
    run_until(&called.closed);
    assert_int_equal(called.heard, 1);
    buf_free(&record);
    close(fd);
}

static void who_says_nothing_is_shown_out(void **state)
{
    (void)state;
    int fd = connect_raw();
    run_until(&called.closed); /* By its own deadline. */
    assert_string_equal(called.why, "did not come up in time");
    close(fd);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(both_hear_each_other_in_order),     TEST(another_key_is_refused_by_who_is_called),
        TEST(nonsense_ends_the_connection),      TEST(a_record_that_claims_too_much_ends_it),
        TEST(a_record_that_comes_again_ends_it), TEST(who_says_nothing_is_shown_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
