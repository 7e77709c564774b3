#include "sim/trial.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A key that the user set stays as it is. */
void trial_set(struct trial *t, const char *format, ...)
{
    char text[96];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const char *equals = strchr(text, '=');
    size_t key = equals ? (size_t)(equals - text) + 1 : strlen(text);
    for (size_t i = 0; i < t->n_settings; i++)
        if (strncmp(t->settings[i], text, key) == 0)
            return;
    if (t->n_settings < TRIAL_SETTINGS_MAX)
        memcpy(t->settings[t->n_settings++], text, sizeof text);
}

static uint64_t between(struct random *r, uint64_t least, uint64_t most)
{
    return least + random_below(r, most - least + 1);
}

/* The value that a setting of the trial has by now, in the unit of its name. */
static double number_of(const struct trial *t, const char *key, double otherwise)
{
    size_t n = strlen(key);
    double v = otherwise;
    for (size_t i = 0; i < t->n_settings; i++)
        if (strncmp(t->settings[i], key, n) == 0 && t->settings[i][n] == '=')
            (void)sscanf(t->settings[i] + n + 1, "%lf", &v);
    return v;
}

static bool has_setting(const struct trial *t, const char *text)
{
    for (size_t i = 0; i < t->n_settings; i++)
        if (strcmp(t->settings[i], text) == 0)
            return true;
    return false;
}

static nsec ms(double v)
{
    return v > 0 && v < 1e9 ? (nsec)(v * (double)NSEC_PER_MS) : 0;
}

static void draw_heartbeat(struct trial *t, struct random *r)
{
    static const uint32_t intervals_ms[] = {50, 100, 100, 200, 400};
    static const char *const detectors[] = {"fixed", "phi-accrual", "adaptive"};
    bool tcp = random_chance(r, 0.2);
    uint64_t detector = random_below(r, 3);
    trial_set(t, "interval_ms=%u", intervals_ms[random_below(r, 5)]);
    double interval = number_of(t, "interval_ms", 100);
    trial_set(t, "timeout_ms=%.0f", interval * (double)between(r, 25, 60) / 10);
    trial_set(t, "phi=%.1f", (double)between(r, 40, 120) / 10);
    trial_set(t, "margin_ms=%.0f", interval * (double)between(r, 10, 40) / 10);
    trial_set(t, "min_deviation_ms=%.0f", interval * (double)between(r, 2, 5) / 10);
    trial_set(t, "window=%u", (unsigned)between(r, 5, 25));
    trial_set(t, "dead_after_ms=%.0f", interval * (double)between(r, 8, 25));
    trial_set(t, "transport=%s", tcp ? "tcp" : "udp");
    trial_set(t, "detector=%s", tcp && random_chance(r, 0.3) ? "link" : detectors[detector]);
    if (random_chance(r, 0.25)) {
        trial_set(t, "watch=ring");
        trial_set(t, "neighbours=%u", (unsigned)between(r, 1, 3));
    }
    if (random_chance(r, 0.3))
        t->world.wake_late = between(r, 10, 1000) * 1000;
    t->calm = between(r, 12, 25) * NSEC_PER_S;
    /* What the past weighs, and a silence that must be noticed. */
    nsec settle = ms(number_of(t, "timeout_ms", 1000) + number_of(t, "margin_ms", 350));
    settle += ms((number_of(t, "window", 100) + 20) * interval);
    t->end = t->calm + 2 * settle + 6 * NSEC_PER_S;
}

static void draw_kv(struct trial *t, struct random *r)
{
    static const char *const syncs[] = {"group", "group", "each"};
    static const uint32_t pages[] = {1, 4, 16, 64};
    static const uint32_t checkpoints[] = {0, 500, 1500, 6000, 40000};
    static const uint32_t segments[] = {4096, 16384, 65536};
    static const uint32_t pipelines[] = {1, 4, 16};
    static const uint32_t values[] = {4, 60, 400, 3000};
    t->nodes = 1;
    trial_set(t, "sync=%s", syncs[random_below(r, 3)]);
    trial_set(t, "pages=%u", pages[random_below(r, 4)]);
    trial_set(t, "checkpoint_bytes=%u", checkpoints[random_below(r, 5)]);
    trial_set(t, "segment_bytes=%u", segments[random_below(r, 3)]);
    t->world.clients = (uint32_t)between(r, 1, 4);
    t->world.pipeline = pipelines[random_below(r, 3)];
    t->world.keys = (uint32_t)between(r, 1, 24);
    t->world.value_max = values[random_below(r, 4)];
    t->world.think_ns = between(r, 5, 60) * NSEC_PER_MS;
    t->world.sync_ns = between(r, 100, 8000) * 1000;
    t->world.sync_spread = t->world.sync_ns / 2;
    t->world.write_ns = between(r, 5, 300) * 1000;
    t->calm = between(r, 2, 6) * NSEC_PER_S;
    t->audit = t->calm + NSEC_PER_S;
    t->end = t->calm + 12 * NSEC_PER_S;
}

/* All five gateways, some that share a limit, and traffic that is often above it. */
static void draw_limiter(struct trial *t, struct random *r)
{
    static const char *const shapes[] = {"uneven", "uneven", "bursts", "boundary", "tenants"};
    static const char *const shares[] = {"exact", "exact", "local", "alone"};
    t->nodes = (uint32_t)between(r, 7, 9);
    t->world.clients = 0;
    trial_set(t, "limit=%u", (unsigned)between(r, 1, 20));
    trial_set(t, "window_ms=%u", (unsigned)between(r, 50, 2000));
    trial_set(t, "burst=%u", (unsigned)between(r, 1, 12));
    trial_set(t, "queue=%u", (unsigned)(random_chance(r, 0.5) ? 0 : between(r, 1, 8)));
    trial_set(t, "meter=%s", random_chance(r, 0.5) ? "true" : "false");
    trial_set(t, "sharers=%u", (unsigned)between(r, 1, 3));
    trial_set(t, "share=%s", shares[random_below(r, 4)]);
    trial_set(t, "exchange_ms=%u", (unsigned)between(r, 10, 500));
    trial_set(t, "ask_timeout_ms=%u", (unsigned)between(r, 20, 1000));
    trial_set(t, "fail_open=%s", random_chance(r, 0.3) ? "true" : "false");
    trial_set(t, "shape=%s", shapes[random_below(r, 5)]);
    double rate = number_of(t, "limit", 8) / number_of(t, "window_ms", 1000) * 1000;
    trial_set(t, "load=%.1f", rate * (double)between(r, 5, 30) / 10 + 0.1);
    trial_set(t, "volley=%u", (unsigned)between(r, 2, 40));
    trial_set(t, "every_ms=%u", (unsigned)between(r, 100, 3000));
    trial_set(t, "gap_ms=%u", (unsigned)between(r, 0, 10));
    t->calm = between(r, 3, 6) * NSEC_PER_S;
    t->end = t->calm + 2 * NSEC_PER_S;
}

/* Elections that come often, snapshots and chunks that are small, and clients of every node. */
static void draw_raft(struct trial *t, struct random *r)
{
    static const uint32_t heartbeats_ms[] = {10, 20, 40, 60};
    static const uint32_t inflights[] = {1, 2, 8, 64};
    static const uint32_t batches[] = {1, 300, 4000, 262144};
    static const uint32_t snapshots[] = {0, 600, 3000, 12000};
    static const uint32_t chunks[] = {100, 1000, 262144};
    static const uint32_t segments[] = {4096, 16384, 65536};
    static const uint32_t pages[] = {1, 4, 16};
    static const uint32_t nodes[] = {3, 4, 5, 5, 5, 5, 6, 7};
    t->nodes = nodes[random_below(r, 8)];
    trial_set(t, "heartbeat_ms=%u", heartbeats_ms[random_below(r, 4)]);
    double heartbeat = number_of(t, "heartbeat_ms", 60);
    trial_set(t, "election_ms_min=%.0f", heartbeat * (double)between(r, 20, 60) / 10);
    double least = number_of(t, "election_ms_min", 250);
    trial_set(t, "election_ms_max=%.0f", least * (double)between(r, 12, 25) / 10);
    trial_set(t, "pre_vote=%s", random_chance(r, 0.7) ? "true" : "false");
    if (random_chance(r, 0.3) && has_setting(t, "pre_vote=true"))
        trial_set(t, "trust_resets=true");
    bool protects = random_chance(r, 0.7);
    trial_set(t, "check_quorum=%s", protects ? "true" : "false");
    trial_set(t, "reads=%s", protects && random_chance(r, 0.3) ? "lease" : "read-index");
    /* One entry after the other, each slowly: what a leader has of older terms is then on a
     * majority's disks long before what it has of its own. */
    bool slowly = random_chance(r, 0.3);
    trial_set(t, "inflight=%u", slowly ? 1 : inflights[random_below(r, 4)]);
    trial_set(t, "batch_bytes=%u", slowly ? 1 : batches[random_below(r, 4)]);
    trial_set(t, "snapshot_bytes=%u", snapshots[random_below(r, 4)]);
    trial_set(t, "keep_bytes=%u", random_chance(r, 0.5) ? 0 : 1000);
    trial_set(t, "chunk_bytes=%u", chunks[random_below(r, 3)]);
    trial_set(t, "segment_bytes=%u", segments[random_below(r, 3)]);
    trial_set(t, "pages=%u", pages[random_below(r, 3)]);
    trial_set(t, "patience_ms=%u", (unsigned)between(r, 300, 3000));
    t->world.clients = 1;
    t->world.pipeline = random_chance(r, 0.7) ? 1 : 3;
    t->world.keys = (uint32_t)between(r, 2, 12);
    t->world.value_max = random_chance(r, 0.8) ? 20 : 300;
    t->world.think_ns = between(r, 20, 120) * NSEC_PER_MS;
    t->world.sync_ns = between(r, 100, slowly ? 15000 : 5000) * 1000;
    t->world.sync_spread = t->world.sync_ns / 2;
    t->world.write_ns = between(r, 5, 200) * 1000;
    if (random_chance(r, 0.3))
        t->world.wake_late = between(r, 10, 1000) * 1000;
    t->world.conditional = random_chance(r, 0.5) ? 0.3 : 0;
    t->calm = between(r, 2, 5) * NSEC_PER_S;
    t->audit = t->calm + NSEC_PER_S;
    t->end = t->calm + 9 * NSEC_PER_S;
}

/* A protocol that nobody knows here: its own defaults, and time enough. */
static void draw_any(struct trial *t, struct random *r)
{
    t->calm = between(r, 10, 20) * NSEC_PER_S;
    t->audit = t->calm + 5 * NSEC_PER_S;
    t->end = t->calm + 20 * NSEC_PER_S;
}

const struct profile *profile_find(const char *protocol)
{
    static const struct profile profiles[] = {
        {"heartbeat", draw_heartbeat}, {"kv", draw_kv},  {"limiter", draw_limiter},
        {"raft", draw_raft},           {NULL, draw_any},
    };
    const struct profile *p = profiles;
    while (p->protocol && strcmp(p->protocol, protocol) != 0)
        p++;
    return p;
}
