/* What the timeline costs: events a second from the rings of 1, 10 and 100 nodes through merge,
 * window, pyramid, compression and disk, with nothing lost; and how long a large recording takes to
 * open. A process of its own writes the rings as fast as they are read.
 *
 *   bench_timeline [EVENTS]      the large recording's size; 10,000,000 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/ring.h"
#include "heartbeat.pb-c.h"
#include "timeline/timeline.h"

enum { NODES_MAX = 128, RING_BYTES = 1 << 18, EVENTS_A_ROUND = 4, MEASURED = 4000000 };

static const uint64_t round_ns = 1000000;

struct shared {
    _Atomic uint64_t rounds; /* Told completely, on every ring. */
    _Atomic uint32_t over;
};

struct bench {
    struct shared *shared;
    void *memory[NODES_MAX];
    struct ring writers[NODES_MAX];
    struct ring readers[NODES_MAX];
    uint32_t nodes;
    uint64_t rounds;
};

static void *shared_memory(size_t n)
{
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED);
    return p;
}

static double seconds(clockid_t clock)
{
    struct timespec t;
    CHECK(clock_gettime(clock, &t) == 0);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void say(const char *name, double value, const char *unit)
{
    printf("{\"name\":\"%s\",\"value\":%.6g,\"unit\":\"%s\"}\n", name, value, unit);
    (void)fflush(stdout);
}

/* --- the nodes --- */

static void tell(struct ring *ring, Orrery__Event *event)
{
    uint8_t packed[512];
    size_t n = orrery__event__get_packed_size(event);
    CHECK(n <= sizeof packed);
    orrery__event__pack(event, packed);
    while (!ring_write(ring, bytes_of(packed, n)))
        (void)sched_yield(); /* The reader is behind: a bench loses nothing. */
}

/* A node of a heartbeat cluster in one round: it wakes, beats, hears its neighbour's last beat, and
 * traces the gap. */
static void tell_round(struct bench *b, uint32_t node, uint64_t round, const uint8_t *beat,
                       size_t beat_len)
{
    Orrery__Wake wake = ORRERY__WAKE__INIT;
    Orrery__Send send = ORRERY__SEND__INIT;
    Orrery__Receive receive = ORRERY__RECEIVE__INIT;
    Orrery__Trace trace = ORRERY__TRACE__INIT;
    Orrery__Event event = ORRERY__EVENT__INIT;
    uint32_t to = node % b->nodes + 1;
    uint64_t clock[16];
    struct ring *ring = &b->writers[node - 1];
    uint8_t gap[] = {8, 2, 16, 0x81, 1, 24, 0x80, 0xb5, 0x9e, 0x77};
    event.mono_ns = round * round_ns + node * 100;
    event.wall_ns = (int64_t)(UINT64_C(1700000000000000000) + event.mono_ns);
    event.seq = (round - 1) * EVENTS_A_ROUND;
    event.instance = 1;
    wake.deadline_ns = event.mono_ns - 50000;
    event.body_case = ORRERY__EVENT__BODY_WAKE;
    event.wake = &wake;
    event.lamport = ++event.seq;
    tell(ring, &event);
    send.n_to = 1;
    send.to = &to;
    send.size = (uint32_t)beat_len;
    send.body.data = (uint8_t *)(uintptr_t)beat;
    send.body.len = beat_len;
    event.body_case = ORRERY__EVENT__BODY_SEND;
    event.send = &send;
    event.lamport = ++event.seq;
    event.mono_ns += 20000;
    tell(ring, &event);
    receive.from = (node + b->nodes - 2) % b->nodes + 1;
    receive.boot = 1;
    receive.event = round == 1 ? 0 : (round - 2) * EVENTS_A_ROUND + 2;
    receive.size = send.size;
    receive.body = send.body;
    receive.lamport = event.lamport;
    receive.n_vclock = b->nodes <= 16 ? b->nodes : 0;
    for (size_t i = 0; i < 16; i++)
        clock[i] = event.seq;
    receive.vclock = clock;
    event.body_case = ORRERY__EVENT__BODY_RECEIVE;
    event.receive = &receive;
    event.lamport = ++event.seq;
    event.mono_ns += 60000;
    tell(ring, &event);
    trace.type = 1;
    trace.body.data = gap;
    trace.body.len = sizeof gap;
    event.body_case = ORRERY__EVENT__BODY_TRACE;
    event.trace = &trace;
    event.lamport = ++event.seq;
    tell(ring, &event);
}

static _Noreturn void nodes_live(struct bench *b)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    Heartbeat__Beat beat = HEARTBEAT__BEAT__INIT;
    Heartbeat__Message message = HEARTBEAT__MESSAGE__INIT;
    uint8_t packed[64];
    message.kind_case = HEARTBEAT__MESSAGE__KIND_BEAT;
    message.beat = &beat;
    beat.interval_ns = 100000000;
    for (uint64_t round = 1; round <= b->rounds; round++) {
        beat.number = round;
        beat.wall_ns = (int64_t)(UINT64_C(1700000000000000000) + round * round_ns);
        size_t n = heartbeat__message__pack(&message, packed);
        for (uint32_t node = 1; node <= b->nodes; node++)
            tell_round(b, node, round, packed, n);
        atomic_store_explicit(&b->shared->rounds, round, memory_order_release);
    }
    _exit(0);
}

/* --- the observer --- */

static uint64_t read_rings(struct bench *b, struct timeline *t, struct buf *scratch)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < b->nodes; i++) {
        struct bytes event;
        while (ring_read(&b->readers[i], &event, scratch) == 1) {
            timeline_ingest(t, i + 1, 1, event);
            ring_read_done(&b->readers[i]);
            n++;
        }
    }
    return n;
}

static void ingest_all(struct bench *b, struct timeline *t)
{
    struct buf scratch = {0};
    uint64_t told = 0, all = b->rounds * b->nodes * EVENTS_A_ROUND;
    while (told < all) {
        uint64_t rounds = atomic_load_explicit(&b->shared->rounds, memory_order_acquire);
        uint64_t n = read_rings(b, t, &scratch);
        timeline_watermark(t, rounds * round_ns);
        if (n == 0)
            (void)sched_yield();
        told += n;
    }
    timeline_flush(t);
    buf_free(&scratch);
}

static struct timeline *new_timeline(const char *path)
{
    struct timeline_options options = {
        .window_bytes = (size_t)64 << 20,
        .recording = path,
        .recording_bytes = UINT64_C(16) << 30,
    };
    char why[300];
    char name[] = "bench";
    options.info.name = name;
    struct timeline *t = timeline_new(&options, why, sizeof why);
    if (!t) {
        fprintf(stderr, "%s\n", why);
        exit(1);
    }
    return t;
}

struct figures {
    double wall_s, ingest_s, all_s; /* CPU of the ingest thread; of all threads. */
    double bytes;
};

static struct figures run(uint32_t nodes, uint64_t events, const char *path)
{
    struct bench b = {.nodes = nodes, .rounds = events / nodes / EVENTS_A_ROUND};
    struct figures f;
    b.shared = shared_memory(sizeof *b.shared);
    for (uint32_t i = 0; i < nodes; i++) {
        b.memory[i] = shared_memory(ring_size(RING_BYTES));
        ring_create(&b.readers[i], b.memory[i], RING_BYTES);
        CHECK(ring_attach(&b.writers[i], b.memory[i], ring_size(RING_BYTES)) == 0);
    }
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        nodes_live(&b);
    struct timeline *t = new_timeline(path);
    f.wall_s = -seconds(CLOCK_MONOTONIC);
    f.ingest_s = -seconds(CLOCK_THREAD_CPUTIME_ID);
    f.all_s = -seconds(CLOCK_PROCESS_CPUTIME_ID);
    ingest_all(&b, t);
    f.ingest_s += seconds(CLOCK_THREAD_CPUTIME_ID);
    uint64_t newest = timeline_newest(t);
    bool well = newest == b.rounds * nodes * EVENTS_A_ROUND && timeline_holes(t) == 0 &&
                timeline_malformed(t) == 0 && !timeline_trouble(t);
    timeline_free(t);
    f.wall_s += seconds(CLOCK_MONOTONIC);
    f.all_s += seconds(CLOCK_PROCESS_CPUTIME_ID);
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    struct stat stat_of;
    CHECK(stat(path, &stat_of) == 0);
    f.bytes = (double)stat_of.st_size;
    for (uint32_t i = 0; i < nodes; i++)
        (void)munmap(b.memory[i], ring_size(RING_BYTES));
    (void)munmap(b.shared, sizeof *b.shared);
    if (!well) {
        fprintf(stderr, "events were lost: %llu came out\n", (unsigned long long)newest);
        exit(1);
    }
    return f;
}

static void rates(uint32_t nodes, const char *path)
{
    char name[80];
    struct figures f = run(nodes, MEASURED, path);
    double n = (double)(MEASURED / nodes / EVENTS_A_ROUND) * nodes * EVENTS_A_ROUND;
    (void)snprintf(name, sizeof name, "timeline_%u_nodes_per_core", (unsigned)nodes);
    say(name, n / f.ingest_s, "events/s");
    (void)snprintf(name, sizeof name, "timeline_%u_nodes_wall", (unsigned)nodes);
    say(name, n / f.wall_s, "events/s");
    (void)snprintf(name, sizeof name, "timeline_%u_nodes_cpu_with_disk_thread", (unsigned)nodes);
    say(name, f.all_s / n * 1e9, "ns/event");
    (void)snprintf(name, sizeof name, "timeline_%u_nodes_recorded", (unsigned)nodes);
    say(name, f.bytes / n, "bytes/event");
    (void)unlink(path);
}

static double open_ms(const char *path, uint64_t expect)
{
    char why[300];
    double from = seconds(CLOCK_MONOTONIC);
    struct timeline *t = timeline_open(path, why, sizeof why);
    double took = seconds(CLOCK_MONOTONIC) - from;
    if (!t || timeline_newest(t) != expect) {
        fprintf(stderr, "%s\n", t ? "not all events are there" : why);
        exit(1);
    }
    timeline_free(t);
    return took * 1e3;
}

static void opening(uint64_t events, const char *path)
{
    enum { NODES = 100 };
    uint64_t expect = events / NODES / EVENTS_A_ROUND * NODES * EVENTS_A_ROUND;
    (void)run(NODES, events, path);
    say("recording_events", (double)expect, "events");
    say("recording_open", open_ms(path, expect), "ms");
    struct stat stat_of;
    CHECK(stat(path, &stat_of) == 0);
    CHECK(truncate(path, stat_of.st_size - 1) == 0);
    say("recording_open_without_index", open_ms(path, expect), "ms");
    (void)unlink(path);
}

int main(int argc, char **argv)
{
    char path[64];
    const char *folder = getenv("TMPDIR");
    uint64_t events = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000000;
    (void)snprintf(path, sizeof path, "%.40s/bench-%d.orr", folder ? folder : "/tmp",
                   (int)getpid());

    rates(1, path);
    rates(10, path);
    rates(100, path);
    if (events >= 1000)
        opening(events, path);
    return 0;
}
