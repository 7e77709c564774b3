/* Puts to etcd by its own API, gRPC, with keys of 16 and values of 64 bytes, as redis-benchmark has
 * them.
 *   etcd_puts load CLIENTS CONNECTIONS SECONDS PORT...
 * has one put of each client under way, over so many connections, shared out among the ports; reads
 * one back; and prints: puts a second, and the median and the 99th percentile of what one took, in
 * milliseconds.
 *   etcd_puts first PORT...
 * waits for a line on stdin, sends a put to every port each few milliseconds, connecting anew where
 * it must, until one is acknowledged; prints when, in nanoseconds of the monotonic clock. */
#include "etcd.pb-c.h"
#include "grpc.h"

#include "base/check.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

enum {
    CLIENTS_MAX = 4096,
    CONNECTIONS_MAX = 1024,
    SAMPLES_MAX = 1 << 23,
    KEYS = 10000,
    KEY = 16,
    VALUE = 64,
    EVERY_MS = 2,
    GIVE_UP_MS = 60000,
};

static const char put_path[] = "/etcdserverpb.KV/Put";
static const char range_path[] = "/etcdserverpb.KV/Range";

static uint64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static _Noreturn void fail(const char *why)
{
    (void)fprintf(stderr, "etcd_puts: %s\n", why);
    exit(1);
}

static uint32_t number(const char *text, uint32_t most)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (*end || n < 1 || n > most)
        fail("a number is wrong");
    return (uint32_t)n;
}

/* Every value is another, so that one can tell which put is read back. */
static void begin_put(struct grpc *g, struct grpc_call *call, uint32_t key, uint64_t value)
{
    uint8_t packed[256];
    char key_text[KEY + 1];
    char value_text[VALUE + 1];
    Etcd__PutRequest put = ETCD__PUT_REQUEST__INIT;
    (void)snprintf(key_text, sizeof key_text, "key:%012" PRIu32, key);
    (void)snprintf(value_text, sizeof value_text, "%0*" PRIu64, VALUE, value);
    put.key = (ProtobufCBinaryData){KEY, (uint8_t *)key_text};
    put.value = (ProtobufCBinaryData){VALUE, (uint8_t *)value_text};
    grpc_begin(g, call, put_path, bytes_of(packed, etcd__put_request__pack(&put, packed)));
}

struct client {
    struct grpc_call call;
    struct grpc *connection;
    uint64_t begun_at;
};

struct load {
    uint64_t until;
    uint64_t value;
    uint32_t waiting; /* Clients whose answers are awaited. */
    uint64_t *took;
    size_t n;
};

static struct load load;

static void next_put(struct client *c)
{
    static uint64_t drawn = 88172645463325252;
    drawn ^= drawn << 13;
    drawn ^= drawn >> 7;
    drawn ^= drawn << 17;
    c->begun_at = now_ns();
    load.waiting++;
    begin_put(c->connection, &c->call, (uint32_t)(drawn % KEYS), ++load.value);
}

static void put_done(struct grpc_call *call, void *ctx)
{
    struct client *c = ctx;
    uint64_t now = now_ns();
    if (call->status != 0)
        fail("a put failed");
    load.waiting--;
    if (now < load.until && load.n < SAMPLES_MAX) {
        load.took[load.n++] = now - c->begun_at;
        next_put(c);
    }
}

static void watch(int epoll, struct grpc *g, int how)
{
    struct epoll_event e = {.events = EPOLLIN | (grpc_blocked(g) ? (uint32_t)EPOLLOUT : 0),
                            .data.ptr = g};
    CHECK(epoll_ctl(epoll, how, g->fd, &e) == 0);
}

static void flush(int epoll, struct grpc *g)
{
    bool was = grpc_blocked(g);
    if (!grpc_flush(g))
        fail("a connection broke");
    if (grpc_blocked(g) != was)
        watch(epoll, g, EPOLL_CTL_MOD);
}

static void run_until_answered(int epoll)
{
    while (load.waiting > 0) {
        struct epoll_event events[64];
        int n = epoll_wait(epoll, events, 64, GIVE_UP_MS);
        if (n <= 0)
            fail("etcd does not answer");
        for (int i = 0; i < n; i++) {
            struct grpc *g = events[i].data.ptr;
            if ((events[i].events & ~(uint32_t)EPOLLOUT) && !grpc_read(g))
                fail("a connection broke");
            flush(epoll, g);
        }
    }
}

static void answered(struct grpc_call *call, void *ctx)
{
    (void)call, (void)ctx;
    load.waiting--;
}

static void call_and_wait(int epoll, struct grpc *g, struct grpc_call *call)
{
    load.waiting++;
    flush(epoll, g);
    run_until_answered(epoll);
    if (call->status != 0)
        fail("a call failed");
}

/* One put more, and what etcd says of its key then. */
static void read_back(int epoll, struct grpc *g)
{
    struct grpc_call call = {.done = answered};
    uint8_t packed[64];
    char key[KEY + 1];
    char value[VALUE + 1];
    begin_put(g, &call, KEYS, ++load.value);
    call_and_wait(epoll, g, &call);
    Etcd__RangeRequest range = ETCD__RANGE_REQUEST__INIT;
    (void)snprintf(key, sizeof key, "key:%012d", KEYS);
    (void)snprintf(value, sizeof value, "%0*" PRIu64, VALUE, load.value);
    range.key = (ProtobufCBinaryData){KEY, (uint8_t *)key};
    grpc_begin(g, &call, range_path, bytes_of(packed, etcd__range_request__pack(&range, packed)));
    call_and_wait(epoll, g, &call);
    struct bytes answer = grpc_answer(&call);
    Etcd__RangeResponse *r = etcd__range_response__unpack(NULL, answer.len, answer.base);
    if (!r || r->n_kvs != 1 || r->kvs[0]->value.len != VALUE ||
        memcmp(r->kvs[0]->value.data, value, VALUE) != 0)
        fail("what was put is not what is read");
    etcd__range_response__free_unpacked(r, NULL);
    grpc_call_free(&call);
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static int put_under_load(uint32_t n_clients, uint32_t n, uint32_t seconds, char **ports,
                          int n_ports)
{
    static struct client clients[CLIENTS_MAX];
    static struct grpc connections[CONNECTIONS_MAX];
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    load.took = malloc(SAMPLES_MAX * sizeof *load.took);
    CHECK(epoll >= 0 && load.took);
    for (uint32_t i = 0; i < n; i++) {
        if (!grpc_open(&connections[i], (uint16_t)number(ports[i % (uint32_t)n_ports], UINT16_MAX)))
            fail("nobody listens at a port");
        watch(epoll, &connections[i], EPOLL_CTL_ADD);
    }
    uint64_t from = now_ns();
    load.until = from + seconds * UINT64_C(1000000000);
    for (uint32_t i = 0; i < n_clients; i++) {
        struct client *c = &clients[i];
        *c = (struct client){.connection = &connections[i % n]};
        c->call.done = put_done;
        c->call.ctx = c;
        next_put(c);
    }
    for (uint32_t i = 0; i < n; i++)
        flush(epoll, &connections[i]);
    run_until_answered(epoll);
    if (load.n == 0)
        fail("no put was answered in time");
    read_back(epoll, &connections[0]);
    qsort(load.took, load.n, sizeof *load.took, ascending);
    (void)printf("%.1f %.4f %.4f\n", (double)load.n / seconds, (double)load.took[load.n / 2] / 1e6,
                 (double)load.took[load.n * 99 / 100] / 1e6);
    return 0;
}

static void first_done(struct grpc_call *call, void *ctx)
{
    uint64_t *acknowledged_at = ctx;
    if (call->status == 0 && *acknowledged_at == 0)
        *acknowledged_at = now_ns();
}

/* Calls are not reused here: who knows which one is answered, and when. */
static void offer(struct grpc *g, uint16_t port, uint64_t *acknowledged_at)
{
    static uint64_t value;
    if (g->fd < 0 && !grpc_open(g, port))
        return;
    struct grpc_call *call = calloc(1, sizeof *call);
    CHECK(call);
    call->done = first_done;
    call->ctx = acknowledged_at;
    begin_put(g, call, KEYS, ++value);
    if (!grpc_flush(g))
        grpc_close(g);
}

static int put_first(char **ports, int n)
{
    struct grpc connections[16] = {0};
    struct pollfd polls[16];
    uint64_t acknowledged_at = 0;
    char line[16];
    for (int i = 0; i < n; i++)
        (void)grpc_open(&connections[i], (uint16_t)number(ports[i], UINT16_MAX));
    (void)puts("ready");
    (void)fflush(stdout);
    if (!fgets(line, sizeof line, stdin))
        return 1;
    uint64_t next = now_ns();
    uint64_t until = next + GIVE_UP_MS * UINT64_C(1000000);
    while (acknowledged_at == 0 && now_ns() < until) {
        for (int i = 0; i < n && now_ns() >= next; i++)
            offer(&connections[i], (uint16_t)number(ports[i], UINT16_MAX), &acknowledged_at);
        while (now_ns() >= next)
            next += EVERY_MS * UINT64_C(1000000);
        for (int i = 0; i < n; i++)
            polls[i] = (struct pollfd){.fd = connections[i].fd, .events = POLLIN};
        (void)poll(polls, (nfds_t)n, 1);
        for (int i = 0; i < n; i++)
            if (polls[i].revents && !(grpc_read(&connections[i]) && grpc_flush(&connections[i])))
                grpc_close(&connections[i]);
    }
    if (acknowledged_at == 0)
        fail("no put was acknowledged within a minute");
    (void)printf("%" PRIu64 "\n", acknowledged_at);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc >= 6 && strcmp(argv[1], "load") == 0)
        return put_under_load(number(argv[2], CLIENTS_MAX), number(argv[3], CONNECTIONS_MAX),
                              number(argv[4], 3600), argv + 5, argc - 5);
    if (argc >= 3 && argc - 2 <= 16 && strcmp(argv[1], "first") == 0)
        return put_first(argv + 2, argc - 2);
    (void)fputs("usage: etcd_puts load CLIENTS CONNECTIONS SECONDS PORT...\n"
                "       etcd_puts first PORT...\n",
                stderr);
    return 2;
}
