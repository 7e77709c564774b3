/* What a node costs before it does anything, and two hundred of them that watch each other: the
 * time from fork to Ready, private memory, processor time. */
#include "life.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LAUNCHES = 100, NODES = 200, SECONDS = 10 };

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void print(const char *name, double value, const char *unit)
{
    printf("{\"what\":\"%s\",\"value\":%.6g,\"unit\":\"%s\"}\n", name, value, unit);
    fflush(stdout);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static struct life_plan plan_of(uint32_t node, uint32_t nodes)
{
    return (struct life_plan){.node = node,
                              .nodes = nodes,
                              .protocol = "heartbeat",
                              .settings = {"interval_ms=1000", "timeout_ms=5000"},
                              .level = ORRERY__LEVEL__LEVEL_SUMMARY};
}

/* KiB of its memory that nobody shares. */
static double private_memory(pid_t pid)
{
    char path[64];
    char line[256];
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
    FILE *f = fopen(path, "r");
    double sum = 0;
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "Private_", 8) == 0)
            sum += strtod(strchr(line, ':') + 1, NULL);
    if (f)
        fclose(f);
    return sum;
}

/* Processor time that it used, in seconds. */
static double processor_time(pid_t pid)
{
    char path[64];
    char text[1024] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    if (!f)
        return 0;
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = 0;
    char *at = strrchr(text, ')');
    for (int field = 2; at && field < 14; field++)
        at = strchr(at + 1, ' ');
    if (!at)
        return 0;
    double user = strtod(at, &at);
    double system = strtod(at, NULL);
    return (user + system) / (double)sysconf(_SC_CLK_TCK);
}

static void bench_launch(void)
{
    double took[LAUNCHES];
    for (int i = 0; i < LAUNCHES; i++) {
        struct life l;
        struct life_plan plan = plan_of(1, 2);
        double begun = seconds();
        life_begin(&l, &plan);
        life_ready(&l);
        took[i] = seconds() - begun;
        if (i == LAUNCHES - 1) {
            life_introduce(&l, 1);
            life_find(&l, 0, life_is_body,
                      &(Orrery__Event__BodyCase){ORRERY__EVENT__BODY_RECOVERED}, "its start");
            print("node_private_memory", private_memory(l.pid), "KiB");
        }
        life_end(&l);
    }
    qsort(took, LAUNCHES, sizeof took[0], by_value);
    print("node_launch", took[LAUNCHES / 2] * 1e3, "ms");
}

static bool is_receive(const Orrery__Event *e)
{
    return e->body_case == ORRERY__EVENT__BODY_RECEIVE;
}

/* Reads the rings for so long, counting beats that were received. */
static uint64_t listen_for(struct life *lives, double span)
{
    uint64_t received = 0;
    double end = seconds() + span;
    while (seconds() < end) {
        for (int i = 0; i < NODES; i++) {
            life_read(&lives[i]);
            for (size_t e = 0; e < lives[i].n; e++) {
                received += is_receive(lives[i].events[e]);
                orrery__event__free_unpacked(lives[i].events[e], NULL);
            }
            lives[i].n = 0;
        }
        for (int i = 0; i < 20; i++)
            wait_a_moment();
    }
    return received;
}

static double all_processor_time(const struct life *lives)
{
    double sum = 0;
    for (int i = 0; i < NODES; i++)
        sum += processor_time(lives[i].pid);
    return sum;
}

static void bench_many(void)
{
    struct life *lives = calloc(NODES, sizeof *lives);
    if (!lives)
        abort();
    double begun = seconds();
    for (uint32_t i = 0; i < NODES; i++) {
        struct life_plan plan = plan_of(i + 1, NODES);
        plan.ring_bytes = 256 << 10;
        life_begin(&lives[i], &plan);
    }
    for (int i = 0; i < NODES; i++)
        life_ready(&lives[i]);
    print("node_launch_200", (seconds() - begun) * 1e3, "ms");
    life_introduce(lives, NODES);
    listen_for(lives, 2);
    double before = all_processor_time(lives);
    begun = seconds();
    uint64_t received = listen_for(lives, SECONDS);
    double span = seconds() - begun;
    print("heartbeat_200_processor", (all_processor_time(lives) - before) / span, "cores");
    print("heartbeat_200_received", (double)received / (span * NODES * (NODES - 1)), "share");
    double memory = 0;
    for (int i = 0; i < NODES; i++)
        memory += private_memory(lives[i].pid);
    print("heartbeat_200_private_memory", memory / NODES, "KiB/node");
    for (int i = 0; i < NODES; i++)
        life_end(&lives[i]);
    free(lives);
}

int main(void)
{
    bench_launch();
    bench_many();
    return 0;
}
