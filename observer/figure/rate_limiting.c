/* What passes in the worst window, as a share of the limit, for all five limiters under three kinds
 * of traffic, beside what follows from their definitions. The gateways are the real ones, run by
 * the simulator, so that requests come at the very instants that are meant. */
#include "figure/inner.h"

#include "base/check.h"
#include "check/measure.h"
#include "figure/give.h"
#include "figure/plot.h"
#include "limiter.pb-c.h"
#include "session/drive.h"
#include "sim/sim.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    LIMIT = 20, /* In a second, */
    BURST = 15, /* and in a bucket. */
    NODES = 6,
    FIRST = 2, /* Gateways are numbered from here on, in the order of their names. */
    GATEWAYS = 5,
    TRAFFICS = 3,
    BEFORE_MS = 50, /* A burst comes so much before a boundary, */
    BEHIND_MS = 20, /* and another so much behind it. */
    EVENLY = 30,    /* Requests a second. */
    REQUESTS_MAX = 4096,
};
#define MS UINT64_C(1000000)

static const char *const names[GATEWAYS] = {"token bucket", "leaky bucket", "fixed window",
                                            "sliding log", "sliding counter"};
static const char *const traffics[TRAFFICS] = {"evenly, half too much", "bursts around a boundary",
                                               "a burst, then pressed on"};
/* A request more or less, and the time that it is on its way. */
static const double tolerance = 1.5 / LIMIT;

struct cell {
    double measured;
    double expected;
    bool ok;
};

struct result {
    struct cell cells[GATEWAYS][TRAFFICS];
    uint32_t bytes[GATEWAYS];   /* For a key. */
    double otherwise[TRAFFICS]; /* Share of requests that the counter judged unlike the log. */
};

/* In any interval of one window's length, of a bucket that is full and a window that is empty. */
static double expected(int gateway, int traffic)
{
    const double limit = LIMIT;
    double between = floor(limit * (BEFORE_MS + BEHIND_MS) / 1000); /* Tokens between two bursts. */
    double reach = 1 - BEFORE_MS / 1000.0; /* Of the window behind, while the burst counts. */
    switch (gateway) {
    case 0: /* burst + rate * t, if so much is asked for. */
        return traffic == 0 ? EVENLY / limit : (BURST + (traffic == 1 ? between : limit)) / limit;
    case 1: /* One leaves, as many as fit wait, and all drip out at the rate. */
        return fmin(1, traffic == 1 ? (1 + BURST + between) / limit : 1);
    case 2: /* Evenly, the limit passes at the beginning of each window. */
        return traffic == 0 ? 1 : 2;
    case 4: /* A bunch at the end counts as if it were spread: as it fades, others pass. */
        return (limit + (traffic == 2 ? floor(limit * reach) : 0)) / limit;
    default:
        return 1;
    }
}

struct rig {
    struct cluster *cluster;
    struct timeline *timeline;
};

static void rig_event(void *ctx, uint32_t node, uint32_t boot, struct bytes event)
{
    struct rig *r = ctx;
    timeline_ingest(r->timeline, node, boot, event);
}

static uint64_t rig_outside(void *ctx, Orrery__Event *event)
{
    struct rig *r = ctx;
    return timeline_operator(r->timeline, event->mono_ns, event->wall_ns, event);
}

static void rig_act(struct rig *r, uint64_t at_ms, const char *line)
{
    cluster_sim_run(r->cluster, at_ms * MS);
    figure_give(r->cluster, line);
}

static void rig_begin(struct rig *r, uint64_t seed)
{
    static const struct cluster_sink sink = {.event = rig_event, .outside = rig_outside};
    static const char *const settings[] = {"limit=20", "window_ms=1000", "burst=15", "shape=silent",
                                           "gap_ms=0"};
    struct cluster_instance instance = {"limiter", settings, 5, NULL, 0};
    struct cluster_group group = {.nodes = NODES, .instances = &instance, .n_instances = 1};
    struct cluster_spec spec = {
        .groups = &group, .n_groups = 1, .seed = seed, .level = ORRERY__LEVEL__LEVEL_FULL};
    struct timeline_options options = {0};
    char why[300];
    orrery__run_info__init(&options.info);
    r->timeline = timeline_new(&options, why, sizeof why);
    CHECK(r->timeline);
    r->cluster = cluster_sim_new(&spec, &sink, r, why, sizeof why);
    CHECK(r->cluster);
}

/* Boundaries are whole seconds, and even traffic begins on one. */
static void make_traffic(struct rig *r, int traffic)
{
    if (traffic == 0) {
        rig_act(r, 3000 - 1000 / EVENLY, "set n1 shape=steady load=30");
    } else {
        rig_act(r, 4000 - BEFORE_MS, "do n1 burst 20");
        if (traffic == 1)
            rig_act(r, 4000 + BEHIND_MS, "do n1 burst 20");
        else
            rig_act(r, 4000, "set n1 shape=steady load=200");
    }
    rig_act(r, 6000, "set n1 shape=silent");
    cluster_sim_run(r->cluster, 8000 * MS);
    timeline_flush(r->timeline);
}

/* Verdicts by request, of the log and of the counter. */
struct verdicts {
    int log[REQUESTS_MAX];
    int counter[REQUESTS_MAX];
};

static void read_verdicts(struct rig *r, struct result *into, struct verdicts *v)
{
    struct entry e;
    memset(v, 0, sizeof *v);
    for (uint64_t at = 1; at <= timeline_newest(r->timeline); at++) {
        if (!timeline_get(r->timeline, at, &e) || e.node < FIRST ||
            e.head.body != ORRERY__EVENT__BODY_TRACE)
            continue;
        double number = 0, outcome = 0, bytes = 0;
        if (!measure_number(r->timeline, &e, "state_bytes", &bytes) || bytes <= 0)
            continue;
        into->bytes[e.node - FIRST] = (uint32_t)bytes;
        (void)measure_number(r->timeline, &e, "number", &number);
        (void)measure_number(r->timeline, &e, "outcome", &outcome);
        if (number < 1 || number >= REQUESTS_MAX ||
            e.node < FIRST + LIMITER__ALGORITHM__SLIDING_LOG)
            continue;
        int *list = e.node == FIRST + LIMITER__ALGORITHM__SLIDING_LOG ? v->log : v->counter;
        list[(int)number] = 1 + (int)outcome;
    }
}

static double unlike(const struct verdicts *v)
{
    uint32_t n = 0, other = 0;
    for (int i = 0; i < REQUESTS_MAX; i++)
        if (v->log[i] && v->counter[i]) {
            n++;
            other += v->log[i] != v->counter[i];
        }
    return n ? (double)other / n : 0;
}

static bool measure(int traffic, struct result *into)
{
    static struct verdicts verdicts;
    struct rig r;
    bool known = true;
    rig_begin(&r, (uint64_t)traffic + 1);
    make_traffic(&r, traffic);
    struct measure_source source = {
        .timeline = r.timeline, .from = 1, .to = timeline_newest(r.timeline)};
    for (int g = 0; g < GATEWAYS; g++) {
        struct cell *c = &into->cells[g][traffic];
        char text[64];
        struct measured m;
        (void)snprintf(text, sizeof text, "worst-window on=n%d", FIRST + g);
        measure_take(text, &source, &m);
        known = known && m.known;
        c->measured = m.value / LIMIT;
        c->expected = expected(g, traffic);
        c->ok = fabs(c->measured - c->expected) <= tolerance;
    }
    read_verdicts(&r, into, &verdicts);
    into->otherwise[traffic] = unlike(&verdicts);
    r.cluster->ops->end(r.cluster, NULL, NULL);
    r.cluster->ops->free(r.cluster);
    timeline_free(r.timeline);
    return known;
}

static void print_table(const struct result *r)
{
    (void)printf("passed in the worst second, as a share of the limit of %d (expected, +- %.3f);"
                 " buckets hold %d\n\n%-16s",
                 LIMIT, tolerance, BURST, "");
    for (int t = 0; t < TRAFFICS; t++)
        (void)printf(" %26s", traffics[t]);
    (void)printf(" %12s\n", "bytes a key");
    for (int g = 0; g < GATEWAYS; g++) {
        (void)printf("%-16s", names[g]);
        for (int t = 0; t < TRAFFICS; t++) {
            const struct cell *c = &r->cells[g][t];
            (void)printf(" %14.2f (%5.2f)%s", c->measured, c->expected, c->ok ? "    " : " off");
        }
        (void)printf(" %12u\n", r->bytes[g]);
    }
    (void)printf("\nrequests that the counter judges unlike the log:");
    for (int t = 0; t < TRAFFICS; t++)
        (void)printf(" %.1f %%%s", 100 * r->otherwise[t], t + 1 < TRAFFICS ? "," : "\n");
}

static void print_json(const struct result *r, bool ok)
{
    (void)printf("{\"figure\":\"rate-limiting\",\"within\":%s,\"limit\":%d,\"burst\":%d,"
                 "\"tolerance\":%g,\"points\":[",
                 ok ? "true" : "false", LIMIT, BURST, tolerance);
    for (int g = 0; g < GATEWAYS; g++)
        for (int t = 0; t < TRAFFICS; t++)
            (void)printf("%s{\"algorithm\":\"%s\",\"traffic\":\"%s\",\"worst\":%.4f,"
                         "\"expected\":%.4f,\"bytes\":%u,\"within\":%s}",
                         g + t ? "," : "", names[g], traffics[t], r->cells[g][t].measured,
                         r->cells[g][t].expected, r->bytes[g],
                         r->cells[g][t].ok ? "true" : "false");
    (void)printf("],\"counter_unlike_log\":[%.4f,%.4f,%.4f]}\n", r->otherwise[0], r->otherwise[1],
                 r->otherwise[2]);
}

static int draw(const struct result *r, const char *path)
{
    static const char *const brief[TRAFFICS] = {"evenly", "boundary", "pressed"};
    static struct plot p;
    p = (struct plot){
        .title = "What passed in the worst window (dashed: derived)",
        .x_name =
            "1 token bucket, 2 leaky bucket, 3 fixed window, 4 sliding log, 5 sliding counter",
        .y_name = "passed, as a share of the limit",
        .n = 2 * (size_t)TRAFFICS,
    };
    for (size_t i = 0; i < p.n; i++) {
        struct plot_series *s = &p.series[i];
        s->name = brief[i / 2];
        s->reference = i % 2 == 1;
        for (int g = 0; g < GATEWAYS; g++) {
            const struct cell *c = &r->cells[g][i / 2];
            s->points[s->n++] =
                (struct plot_point){g + 1, s->reference ? c->expected : c->measured};
        }
    }
    return plot_write(&p, path);
}

int figure_rate_limiting(const struct figure_options *o)
{
    struct result r = {0};
    bool ok = true;
    for (int t = 0; t < TRAFFICS; t++)
        if (!measure(t, &r)) {
            (void)fprintf(stderr, "orrery: a gateway let nothing pass\n");
            return 2;
        }
    for (int g = 0; g < GATEWAYS; g++)
        for (int t = 0; t < TRAFFICS; t++)
            ok = ok && r.cells[g][t].ok;
    if (o->json) {
        print_json(&r, ok);
    } else {
        print_table(&r);
        (void)printf("\n%s\n", ok ? "within tolerance" : "outside of its tolerance");
    }
    if (o->svg && draw(&r, o->svg) != 0)
        return 2;
    return ok ? 0 : 1;
}
