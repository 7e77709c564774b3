/* Commits a second against the size of a group: one sync makes all that came meanwhile durable, so
 * a commit costs its share of a sync, and what handling it takes. When the disk does S syncs a
 * second, with G commits a sync, and the same node without syncs N commits a second, that allows
 *
 *     1 / (1 / (S G) + 1 / N)
 *
 * commits a second. A slow disk makes this S G; on a fast one the processor is the limit. Handling
 * that overlaps with syncing does better.
 *
 * A real kv node, real clients over loopback, real syncs. S is what the disk took for the node's
 * own syncs, at the very same time: the rate of a disk below a virtual machine changes twentyfold
 * within seconds. The rate of a probe that syncs and does nothing else, right before and after, is
 * shown beside it; N is measured right behind. Of several such rounds the medians count. */
#include "figure/inner.h"
#include "figure/load.h"
#include "figure/plot.h"
#include "session/drive.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

enum { POINTS = 7, VALUE = 64, RECORD = 120, ROUNDS = 7, WITHIN_MS = 30000 };
static const uint32_t clients[POINTS] = {1, 2, 4, 8, 16, 32, 64};
static const double measured_s = 0.3;
static const double beside_s = 0.1;
/* The share of that rate that 64 clients must get. */
static const double share_least = 0.9;

struct row {
    uint32_t clients;
    double commits; /* A second. */
    double group;   /* Commits a sync. */
    double syncs;   /* A second, of the node. */
    double disk;    /* A second, as the disk took for these. */
    double probe;   /* A second, of a probe beside it. */
    double bare;    /* Commits a second without syncs. */
    double limit;   /* Commits a second that these allow. */
    double latency_s;
    double share; /* Of the limit. */
};

struct rig {
    struct drive *drive;
    uint16_t port;
};

struct counter {
    uint64_t syncs; /* Of the log that replies wait for, */
    uint64_t ns;    /* and how long they took. */
};

/* Field 1 of Durable is the log, field 2 the record: the wal's are those that grow with each
 * commit. Its name is in the start event. */
static void count_entry(void *ctx, const struct entry *e)
{
    struct counter *c = ctx;
    if (e->head.body != ORRERY__EVENT__BODY_DURABLE)
        return;
    Orrery__Durable *d = orrery__durable__unpack(NULL, e->head.payload.len, e->head.payload.base);
    if (d && d->log == 1) /* kv: its logs are pages, wal. */
        c->syncs++, c->ns += d->sync_ns;
    if (d)
        orrery__durable__free_unpacked(d, NULL);
}

static bool over(void *ctx)
{
    return load_over(ctx);
}

static struct load_result put_under_load(struct rig *rig, uint32_t n)
{
    struct load load;
    struct load_result result = {.failed = true};
    if (!load_begin(&load, rig->port, n, VALUE, 0, measured_s))
        return result;
    drive_until(rig->drive, over, &load, WITHIN_MS);
    return load_end(&load);
}

static bool measure(struct rig *synced, struct rig *bare, struct counter *counter,
                    struct probe *probe, uint32_t n, struct row *r)
{
    uint32_t bytes = n * RECORD / (n > 1 ? 2 : 1);
    double before = probe_syncs(probe, bytes, beside_s);
    drive_until(synced->drive, NULL, NULL, 10); /* What came before counts before. */
    struct counter then = *counter;
    struct load_result result = put_under_load(synced, n);
    drive_until(synced->drive, NULL, NULL, 30);
    uint64_t syncs = counter->syncs - then.syncs;
    uint64_t ns = counter->ns - then.ns;
    double after = probe_syncs(probe, bytes, beside_s);
    struct load_result without = put_under_load(bare, n);
    if (result.failed || without.failed || syncs == 0 || ns == 0 || before <= 0 || after <= 0)
        return false;
    *r = (struct row){
        .clients = n,
        .commits = (double)result.commits / result.seconds,
        .group = (double)result.commits / (double)syncs,
        .syncs = (double)syncs / result.seconds,
        .disk = (double)syncs / ((double)ns / 1e9),
        .probe = (before + after) / 2,
        .bare = (double)without.commits / without.seconds,
        .latency_s = result.latency_s,
    };
    r->limit = 1 / (1 / (r->disk * r->group) + 1 / r->bare);
    r->share = r->commits / r->limit;
    return true;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const struct row rows[ROUNDS], size_t field)
{
    double values[ROUNDS];
    for (int i = 0; i < ROUNDS; i++)
        values[i] = *(const double *)(const void *)((const char *)&rows[i] + field);
    qsort(values, ROUNDS, sizeof values[0], ascending);
    return values[ROUNDS / 2];
}

static struct row medians(const struct row rows[ROUNDS])
{
    return (struct row){
        .clients = rows[0].clients,
        .commits = median(rows, offsetof(struct row, commits)),
        .group = median(rows, offsetof(struct row, group)),
        .syncs = median(rows, offsetof(struct row, syncs)),
        .disk = median(rows, offsetof(struct row, disk)),
        .probe = median(rows, offsetof(struct row, probe)),
        .bare = median(rows, offsetof(struct row, bare)),
        .limit = median(rows, offsetof(struct row, limit)),
        .latency_s = median(rows, offsetof(struct row, latency_s)),
        .share = median(rows, offsetof(struct row, share)),
    };
}

static void print_table(const struct row *rows, bool ok)
{
    (void)printf("commits a second against group size, on this machine's disk\n\n");
    (void)printf("%7s %10s %6s %8s %12s %8s %11s %9s %6s %8s\n", "clients", "commits/s", "group",
                 "syncs/s", "disk syncs/s", "(probe)", "unsynced/s", "expected", "share", "ms");
    for (int i = 0; i < POINTS; i++)
        (void)printf("%7u %10.0f %6.1f %8.0f %12.0f %8.0f %11.0f %9.0f %5.0f%% %8.2f\n",
                     rows[i].clients, rows[i].commits, rows[i].group, rows[i].syncs, rows[i].disk,
                     rows[i].probe, rows[i].bare, rows[i].limit, 100 * rows[i].share,
                     1e3 * rows[i].latency_s);
    (void)printf("\n%s: with 64 clients at least %.0f %% of what disk and handling allow\n",
                 ok ? "within tolerance" : "outside of its tolerance", 100 * share_least);
}

static void print_json(const struct row *rows, bool ok)
{
    (void)printf("{\"figure\":\"wal\",\"within\":%s,\"points\":[", ok ? "true" : "false");
    for (int i = 0; i < POINTS; i++)
        (void)printf("%s{\"clients\":%u,\"commits_per_s\":%.1f,\"group\":%.2f,\"syncs_per_s\":%.1f,"
                     "\"disk_syncs_per_s\":%.1f,\"probe_syncs_per_s\":%.1f,"
                     "\"unsynced_commits_per_s\":%.1f,"
                     "\"expected_commits_per_s\":%.1f,\"share\":%.3f,\"latency_s\":%.6f}",
                     i ? "," : "", rows[i].clients, rows[i].commits, rows[i].group, rows[i].syncs,
                     rows[i].disk, rows[i].probe, rows[i].bare, rows[i].limit, rows[i].share,
                     rows[i].latency_s);
    (void)printf("]}\n");
}

static int draw(const struct row *rows, const char *path)
{
    static struct plot p;
    p = (struct plot){
        .title =
            "Group commit: commits a second over the group (dashed: what disk and handling allow)",
        .x_name = "commits a sync",
        .y_name = "commits a second",
        .x_log = true,
        .y_log = true,
        .n = 2,
    };
    p.series[0].name = "kv";
    p.series[1].name = "expected";
    p.series[1].reference = true;
    for (int i = 0; i < POINTS; i++) {
        p.series[0].points[p.series[0].n++] = (struct plot_point){rows[i].group, rows[i].commits};
        p.series[1].points[p.series[1].n++] = (struct plot_point){rows[i].group, rows[i].limit};
    }
    return plot_write(&p, path);
}

static bool rig_begin(struct rig *rig, const char *sync, struct counter *counter)
{
    struct cluster_instance instance = {"kv", &sync, 1, NULL, 0};
    struct cluster_group group = {.nodes = 1, .instances = &instance, .n_instances = 1};
    struct cluster_spec spec = {
        .groups = &group,
        .n_groups = 1,
        .level = ORRERY__LEVEL__LEVEL_SUMMARY,
    };
    struct cluster_node node;
    char why[300] = "the node is not there";
    rig->drive = drive_new(&spec, count_entry, counter, why, sizeof why);
    struct cluster *c = rig->drive ? drive_cluster(rig->drive) : NULL;
    if (c && c->ops->node(c, 1, &node)) {
        rig->port = node.client_port;
        return true;
    }
    (void)fprintf(stderr, "orrery: %s\n", why);
    return false;
}

static bool measure_all(struct rig *synced, struct rig *bare, struct counter *counter,
                        struct probe *probe, struct row *rows)
{
    for (int i = 0; i < POINTS; i++) {
        struct row rounds[ROUNDS];
        (void)fprintf(stderr, "\rmeasuring, %u clients ", clients[i]);
        for (int k = 0; k < ROUNDS; k++)
            if (!measure(synced, bare, counter, probe, clients[i], &rounds[k])) {
                (void)fputs("\norrery: the measurement broke off: a node or its disk did not "
                            "answer\n",
                            stderr);
                return false;
            }
        rows[i] = medians(rounds);
    }
    (void)fprintf(stderr, "\r%40s\r", "");
    return true;
}

int figure_wal(const struct figure_options *o)
{
    struct counter counter = {0};
    struct counter unused = {0};
    struct rig synced = {0};
    struct rig bare = {0};
    struct row rows[POINTS];
    if (o->simulated) {
        (void)fputs("orrery: this figure is about a real disk: it cannot be simulated\n", stderr);
        return 2;
    }
    struct probe probe;
    bool measured =
        rig_begin(&synced, "sync=group", &counter) && rig_begin(&bare, "sync=never", &unused);
    if (measured && probe_open(&probe, drive_disks(synced.drive))) {
        measured = measure_all(&synced, &bare, &counter, &probe, rows);
        probe_close(&probe);
    } else if (measured) {
        (void)fprintf(stderr, "orrery: cannot write to %s\n", drive_disks(synced.drive));
        measured = false;
    }
    if (bare.drive)
        drive_free(bare.drive);
    if (synced.drive)
        drive_free(synced.drive);
    if (!measured)
        return 2;
    bool ok = rows[POINTS - 1].share >= share_least;
    if (o->json)
        print_json(rows, ok);
    else
        print_table(rows, ok);
    if (o->svg && draw(rows, o->svg) != 0)
        return 2;
    return ok ? 0 : 1;
}
