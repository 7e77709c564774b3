/* Decisions a second: of the five modules alone, and of a gateway process whose client pipelines.
 * Bytes that each algorithm keeps for a key. */
#include "base/bytes.h"
#include "base/check.h"
#include "life.h"
#include "modules/limiter.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { DECISIONS = 5000000, PIPELINE = 64, BATCHES = 8000, KEYS = 1000, LIMIT = 100 };
#define SECOND UINT64_C(1000000000)

static const char *const names[LIMITER_KINDS] = {"token bucket", "leaky bucket", "fixed window",
                                                 "sliding log", "sliding counter"};

static double seconds(clockid_t clock)
{
    struct timespec t;
    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void line(const char *what, const char *of, double value, const char *unit, double aim)
{
    printf("{\"what\": \"%s, %s\", \"value\": %.4g, \"unit\": \"%s\"", what, of, value, unit);
    if (aim > 0)
        printf(", \"aim\": \">= %g\", \"met\": %s", aim, value >= aim ? "true" : "false");
    printf("}\n");
}

/* A thousand keys in turn, on one core: time that others took is not counted. They come at one and
 * a half times what each may pass. */
static void measure_module(enum limiter_kind kind)
{
    struct limit_rule r = {.count = LIMIT, .period_ns = SECOND, .burst = LIMIT, .meter = true};
    struct limiter *all = calloc(KEYS, sizeof *all);
    uint64_t *times = calloc(KEYS, LIMIT * sizeof *times);
    CHECK(all && times);
    for (int k = 0; k < KEYS; k++)
        limiter_init(&all[k], kind, &r, 0, times + (size_t)k * LIMIT);
    uint64_t now = 0, admitted = 0;
    double began = seconds(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < DECISIONS; i++) {
        now += 2 * SECOND / (3 * LIMIT * KEYS);
        admitted += limiter_decide(&all[i % KEYS], &r, now, 1).outcome == LIMIT_ADMITTED;
    }
    double took = seconds(CLOCK_THREAD_CPUTIME_ID) - began;
    CHECK(admitted > DECISIONS / 2 && admitted < DECISIONS);
    line("decisions in the module", names[kind], DECISIONS / took / 1e6, "million/s", 20);
    line("bytes a key, limit 100", names[kind], (double)limiter_bytes(kind, &r), "B", 0);
    free(times);
    free(all);
}

static int open_client(uint16_t port)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

/* A batch's answers, by their arrays: "*5". */
static void take_answers(int fd, struct life *l)
{
    char answer[16384];
    for (int got = 0; got < PIPELINE;) {
        ssize_t n = recv(fd, answer, sizeof answer, 0);
        CHECK(n > 0);
        for (ssize_t i = 0; i < n; i++)
            got += answer[i] == '*';
    }
    life_read(l);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* User and system, of all children that ended. */
static double children_seconds(void)
{
    struct rusage of;
    CHECK(getrusage(RUSAGE_CHILDREN, &of) == 0);
    return (double)(of.ru_utime.tv_sec + of.ru_stime.tv_sec) +
           (double)(of.ru_utime.tv_usec + of.ru_stime.tv_usec) / 1e6;
}

/* The median batch is one that no other process of this machine came between. */
static void measure_gateway(const char *level, bool events)
{
    static double took[BATCHES];
    double others = children_seconds();
    struct life_plan plan = {.node = 1,
                             .nodes = 1,
                             .protocol = "limiter",
                             .settings = {"role=gateway", "algorithm=token-bucket"},
                             .ring_bytes = 16 << 20};
    struct life l;
    plan.level = events ? ORRERY__LEVEL__LEVEL_FULL : ORRERY__LEVEL__LEVEL_OFF;
    life_begin(&l, &plan);
    CHECK(life_ready(&l));
    l.keep = false;
    life_introduce(&l, 1);
    int fd = open_client((uint16_t)l.client_port);
    struct buf batch = {0};
    for (int b = 0; b < BATCHES; b++) {
        buf_clear(&batch);
        for (int i = 0; i < PIPELINE; i++)
            buf_printf(
                &batch,
                "*5\r\n$11\r\nCL.THROTTLE\r\n$4\r\nk%03d\r\n$2\r\n99\r\n$3\r\n100\r\n$1\r\n1\r\n",
                (b * PIPELINE + i) % KEYS);
        double began = seconds(CLOCK_MONOTONIC);
        CHECK(send(fd, batch.base, batch.len, MSG_NOSIGNAL) == (ssize_t)batch.len);
        take_answers(fd, &l);
        took[b] = seconds(CLOCK_MONOTONIC) - began;
    }
    qsort(took, BATCHES, sizeof *took, by_size);
    line("decisions of a gateway, 64 pipelined", level, PIPELINE / took[BATCHES / 2], "/s", 300000);
    buf_free(&batch);
    close(fd);
    life_quit(&l);
    (void)life_wait(&l);
    life_end(&l);
    line("its processor time for one, as a process", level,
         (children_seconds() - others) / BATCHES / PIPELINE * 1e6, "us", 0);
}

int main(void)
{
    for (enum limiter_kind kind = 0; kind < LIMITER_KINDS; kind++)
        measure_module(kind);
    measure_gateway("events in full", true);
    measure_gateway("events off", false);
    return 0;
}
