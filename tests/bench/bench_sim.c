/* Simulated events a second: real protocols, hosts, codecs, every event packed, on one core. */
#include "sim/trial.h"
#include "sim/world.h"

#include "base/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static double cpu_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void count(void *ctx, uint32_t node, uint32_t boot, struct bytes event)
{
    uint64_t *bytes = ctx;
    (void)node;
    (void)boot;
    *bytes += event.len;
}

static void say(const char *name, double value, const char *unit)
{
    (void)printf("{\"name\":\"%s\",\"value\":%.0f,\"unit\":\"%s\"}\n", name, value, unit);
    (void)fflush(stdout);
}

static void measure_world(const char *name, const char *protocol, uint32_t nodes,
                          const char *const *settings, size_t n_settings, Orrery__Level level)
{
    struct cluster_instance instance = {protocol, settings, n_settings, NULL, 0};
    struct cluster_group group = {.nodes = nodes, .instances = &instance, .n_instances = 1};
    struct cluster_sink sink = {.event = count};
    struct world_options options;
    char why[256];
    uint64_t bytes = 0;
    world_defaults(&options);
    options.groups = &group;
    options.n_groups = 1;
    options.level = level;
    options.clients = 8;
    options.think_ns = NSEC_PER_MS;
    struct world *w = world_new(&options, &sink, &bytes, why, sizeof why);
    CHECK(w);
    world_run(w, NSEC_PER_S); /* Warm. */
    uint64_t before = world_events(w);
    double began = cpu_s();
    double took = 0;
    while ((took = cpu_s() - began) < 2)
        world_run(w, world_now(w) + NSEC_PER_S);
    say(name, (double)(world_events(w) - before) / took, "events/s");
    world_free(w);
}

/* With faults, checkers and the hash: what a campaign gets through. */
static void measure_campaign(const char *name, const char *protocol)
{
    struct trial_wish wish = {.protocol = protocol};
    char why[256];
    double began = cpu_s();
    double took = 0;
    uint64_t events = 0;
    uint64_t seeds = 0;
    while ((took = cpu_s() - began) < 3) {
        struct trial t;
        struct outcome o;
        CHECK(trial_draw(&t, 1000 + seeds++, &wish, why, sizeof why));
        CHECK(trial_run(&t, NULL, &o, why, sizeof why) == 0);
        events += o.events;
        trial_free(&t);
    }
    char full[96];
    (void)snprintf(full, sizeof full, "%s events", name);
    say(full, (double)events / took, "events/s");
    (void)snprintf(full, sizeof full, "%s seeds", name);
    say(full, (double)seeds / took * 60, "seeds/min");
}

int main(void)
{
    measure_world("sim heartbeat 10 nodes full", "heartbeat", 10, NULL, 0,
                  ORRERY__LEVEL__LEVEL_FULL);
    measure_world("sim heartbeat 50 nodes full", "heartbeat", 50, NULL, 0,
                  ORRERY__LEVEL__LEVEL_FULL);
    measure_world("sim heartbeat 50 nodes summary", "heartbeat", 50, NULL, 0,
                  ORRERY__LEVEL__LEVEL_SUMMARY);
    measure_world("sim kv 1 node 8 clients full", "kv", 1, NULL, 0, ORRERY__LEVEL__LEVEL_FULL);
    measure_campaign("sim campaign heartbeat", "heartbeat");
    measure_campaign("sim campaign kv", "kv");
    return 0;
}
