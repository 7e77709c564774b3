/* What one event costs a node: the step that makes it, the host that stamps and packs it, and the
 * ring in which it lands. Beside it the same bytes copied into the same ring, which no event can
 * beat. */
#include "base/check.h"
#include "base/ring.h"
#include "heartbeat.pb-c.h"
#include "toy/toy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { RING = 1 << 20, ROUNDS = 15, STEPS = 20000, DRAIN_EVERY = 100 };

static struct ring ring;
static uint64_t events;
static uint64_t event_bytes;

/* Of this thread: what others do on the machine is not the cost of an event. */
static uint64_t cpu_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void drain(void)
{
    atomic_store(&ring.header->tail, atomic_load(&ring.header->head));
}

static void on_event(void *ctx, struct bytes event)
{
    (void)ctx;
    CHECK(ring_write(&ring, event));
    events++;
    event_bytes += event.len;
}

static void on_send(void *ctx, node_id to, enum transport t, struct bytes frame, uint64_t event)
{
    (void)ctx;
    (void)to;
    (void)t;
    (void)frame;
    (void)event;
}

/* A wake: a typical trace of ten fields, and a message. */
static void step(void *core, const struct input *in, struct out *out)
{
    uint64_t *n = core;
    if (in->kind != INPUT_WAKE)
        return;
    ++*n;
    Heartbeat__PeerView v = HEARTBEAT__PEER_VIEW__INIT;
    v.peer = 3;
    v.state = 2;
    v.last_beat = *n;
    v.last_at_ns = in->now;
    v.mean_ns = 1000000000 + *n;
    v.deviation_ns = 20000000;
    v.phi = 0.75;
    v.fixed_limit_ns = 3000000000;
    v.phi_limit_ns = 2500000000;
    v.adaptive_limit_ns = 2600000000;
    out_trace(out, &v.base);
    toy_send(out, 2, *n, true);
}

static nsec deadline(const void *core)
{
    (void)core;
    return 0;
}

static struct host *make_host(void)
{
    static const ProtobufCMessageDescriptor *const traces[] = {&heartbeat__peer_view__descriptor,
                                                               NULL};
    static const node_id members[] = {1, 2, 3};
    static const struct host_io io = {.event = on_event, .send = on_send};
    static struct core_ops ops;
    ops = toy_ops("bench", sizeof(uint64_t), step);
    ops.traces = traces;
    ops.deadline = deadline;
    const struct host_instance instance = {.number = 1, .ops = &ops};
    const struct host_config config = {.self = 1,
                                       .name = "n1",
                                       .boot = 1,
                                       .members = members,
                                       .n_members = 3,
                                       .instances = &instance,
                                       .n_instances = 1};
    char why[100];
    struct host *h = host_new(&config, &io, NULL, why, sizeof why);
    CHECK(h != NULL);
    host_begin(h, (struct moment){1, 1});
    host_start(h, (struct moment){1, 1});
    return h;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print(const char *name, double *rounds, const char *unit)
{
    qsort(rounds, ROUNDS, sizeof *rounds, by_value);
    (void)printf("{\"name\":\"%s\",\"value\":%.1f,\"unit\":\"%s\",\"least\":%.1f,\"most\":%.1f}\n",
                 name, rounds[ROUNDS / 2], unit, rounds[0], rounds[ROUNDS - 1]);
}

static double host_round(struct host *h, uint64_t *at)
{
    events = 0;
    uint64_t from = cpu_ns();
    for (int i = 0; i < STEPS; i++) {
        struct moment m = { *at += 1000000, INT64_C(1700000000000000000) + (int64_t)*at};
        host_wake(h, m);
        if (i % DRAIN_EVERY == 0)
            drain();
    }
    return (double)(cpu_ns() - from) / (double)events;
}

static double copy_round(size_t len)
{
    uint8_t record[1024];
    memset(record, 1, sizeof record);
    CHECK(len <= sizeof record);
    uint64_t from = cpu_ns();
    for (int i = 0; i < 3 * STEPS; i++) {
        record[0] = (uint8_t)i;
        CHECK(ring_write(&ring, bytes_of(record, len)));
        if (i % DRAIN_EVERY == 0)
            drain();
    }
    return (double)(cpu_ns() - from) / (3 * STEPS);
}

int main(void)
{
    void *memory =
        mmap(NULL, ring_size(RING), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    ring_create(&ring, memory, RING);
    struct host *h = make_host();
    double cost[ROUNDS];
    double copy[ROUNDS];
    uint64_t at = 1000;
    (void)host_round(h, &at); /* Pages touched, branches learnt. */
    for (int i = 0; i < ROUNDS; i++) {
        event_bytes = 0;
        cost[i] = host_round(h, &at);
        copy[i] = copy_round((size_t)(event_bytes / events));
    }
    print("event_cost_ns", cost, "ns");
    print("event_copy_ns", copy, "ns");
    (void)printf("{\"name\":\"event_size\",\"value\":%.1f,\"unit\":\"bytes\"}\n",
                 (double)event_bytes / (double)events);
    host_free(h);
    (void)munmap(memory, ring_size(RING));
    return 0;
}
