/* Commits a second against the size of a group: one sync makes all that came meanwhile durable, so
 * commits a second are syncs a second times the group, and the disk gives so many syncs and no
 * more.
 *
 * A real kv node, real clients over loopback, real syncs; before and after each point the disk's
 * own rate is measured beside it, since on a shared machine that rate is not one number. */
#include "figure/inner.h"
#include "figure/load.h"
#include "figure/plot.h"
#include "session/drive.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

enum { POINTS = 7, VALUE = 64, RECORD = 120, ROUNDS = 5, WITHIN_MS = 30000 };
static const uint32_t clients[POINTS] = {1, 2, 4, 8, 16, 32, 64};
static const double measured_s = 0.5;
static const double beside_s = 0.25;
/* The share of the disk's rate that 64 clients must get. */
static const double share_least = 0.9;

struct row {
    uint32_t clients;
    double commits; /* A second. */
    double group;   /* Commits a sync. */
    double syncs;   /* A second, of the node. */
    double disk;    /* A second, of the disk alone. */
    double latency_s;
    double share;
};

struct counter {
    uint64_t syncs; /* Of the log that replies wait for. */
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
        c->syncs++;
    if (d)
        orrery__durable__free_unpacked(d, NULL);
}

static bool over(void *ctx)
{
    return load_over(ctx);
}

static bool measure(struct drive *d, struct counter *counter, uint32_t n, uint16_t port,
                    struct row *r)
{
    struct load load;
    uint32_t bytes = n * RECORD / (n > 1 ? 2 : 1);
    double before = disk_syncs(drive_disks(d), bytes, beside_s);
    drive_until(d, NULL, NULL, 20); /* What came meanwhile is counted before. */
    uint64_t syncs = counter->syncs;
    if (!load_begin(&load, port, n, VALUE, 0, measured_s))
        return false;
    drive_until(d, over, &load, WITHIN_MS);
    struct load_result result = load_end(&load);
    drive_until(d, NULL, NULL, 50);
    syncs = counter->syncs - syncs;
    double after = disk_syncs(drive_disks(d), bytes, beside_s);
    if (result.failed || syncs == 0 || before <= 0 || after <= 0)
        return false;
    *r = (struct row){
        .clients = n,
        .commits = (double)result.commits / result.seconds,
        .group = (double)result.commits / (double)syncs,
        .syncs = (double)syncs / result.seconds,
        .disk = (before + after) / 2,
        .latency_s = result.latency_s,
    };
    r->share = r->syncs / r->disk;
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
        .latency_s = median(rows, offsetof(struct row, latency_s)),
        .share = median(rows, offsetof(struct row, share)),
    };
}

static void print_table(const struct row *rows, bool ok)
{
    (void)printf("commits a second against group size, on this machine's disk\n\n");
    (void)printf("%8s %12s %8s %10s %14s %8s %12s\n", "clients", "commits/s", "group", "syncs/s",
                 "disk syncs/s", "share", "latency ms");
    for (int i = 0; i < POINTS; i++)
        (void)printf("%8u %12.0f %8.1f %10.0f %14.0f %7.0f%% %12.2f\n", rows[i].clients,
                     rows[i].commits, rows[i].group, rows[i].syncs, rows[i].disk,
                     100 * rows[i].share, 1e3 * rows[i].latency_s);
    (void)printf("\n%s: with 64 clients it must be %.0f %% of the disk's rate or more\n",
                 ok ? "within tolerance" : "outside of its tolerance", 100 * share_least);
}

static void print_json(const struct row *rows, bool ok)
{
    (void)printf("{\"figure\":\"wal\",\"within\":%s,\"points\":[", ok ? "true" : "false");
    for (int i = 0; i < POINTS; i++)
        (void)printf("%s{\"clients\":%u,\"commits_per_s\":%.1f,\"group\":%.2f,\"syncs_per_s\":%.1f,"
                     "\"disk_syncs_per_s\":%.1f,\"share\":%.3f,\"latency_s\":%.6f}",
                     i ? "," : "", rows[i].clients, rows[i].commits, rows[i].group, rows[i].syncs,
                     rows[i].disk, rows[i].share, rows[i].latency_s);
    (void)printf("]}\n");
}

static int draw(const struct row *rows, const char *path)
{
    static struct plot p;
    p = (struct plot){
        .title = "Group commit: commits a second over the group (dashed: the disk's syncs x group)",
        .x_name = "commits a sync",
        .y_name = "commits a second",
        .x_log = true,
        .y_log = true,
        .n = 2,
    };
    p.series[0].name = "kv";
    p.series[1].name = "disk";
    p.series[1].reference = true;
    for (int i = 0; i < POINTS; i++) {
        p.series[0].points[p.series[0].n++] = (struct plot_point){rows[i].group, rows[i].commits};
        p.series[1].points[p.series[1].n++] =
            (struct plot_point){rows[i].group, rows[i].disk * rows[i].group};
    }
    return plot_write(&p, path);
}

static bool measure_all(struct drive *d, struct counter *counter, struct row *rows)
{
    struct cluster_node node;
    struct cluster *c = drive_cluster(d);
    if (!c->ops->node(c, 1, &node))
        return false;
    for (int i = 0; i < POINTS; i++) {
        struct row rounds[ROUNDS];
        (void)fprintf(stderr, "\rmeasuring, %u clients ", clients[i]);
        for (int k = 0; k < ROUNDS; k++)
            if (!measure(d, counter, clients[i], node.client_port, &rounds[k]))
                return false;
        rows[i] = medians(rounds);
    }
    (void)fprintf(stderr, "\r%40s\r", "");
    return true;
}

int figure_wal(const struct figure_options *o)
{
    struct cluster_instance instance = {.protocol = "kv"};
    struct cluster_spec spec = {
        .nodes = 1,
        .instances = &instance,
        .n_instances = 1,
        .level = ORRERY__LEVEL__LEVEL_SUMMARY,
    };
    struct counter counter = {0};
    struct row rows[POINTS];
    char why[300];
    if (o->simulated) {
        (void)fputs("orrery: this figure is about a real disk: it cannot be simulated\n", stderr);
        return 2;
    }
    struct drive *d = drive_new(&spec, count_entry, &counter, why, sizeof why);
    if (!d) {
        (void)fprintf(stderr, "orrery: %s\n", why);
        return 2;
    }
    bool measured = measure_all(d, &counter, rows);
    drive_free(d);
    if (!measured) {
        (void)fputs("\norrery: the measurement broke off: the node or its disk did not answer\n",
                    stderr);
        return 2;
    }
    bool ok = rows[POINTS - 1].share >= share_least;
    if (o->json)
        print_json(rows, ok);
    else
        print_table(rows, ok);
    if (o->svg && draw(rows, o->svg) != 0)
        return 2;
    return ok ? 0 : 1;
}
