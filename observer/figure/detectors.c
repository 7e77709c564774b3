#include "figure/detectors.h"

#include "base/check.h"
#include "base/random.h"
#include "figure/give.h"
#include "session/drive.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SIM_NODES = 12, REAL_NODES = 10, SETTINGS = 6, FILL_MS = (WINDOW + 15) * INTERVAL_MS };
#define MS UINT64_C(1000000)

struct texts {
    char text[SETTINGS][48];
    const char *list[SETTINGS];
};

static struct cluster_instance instance_of(const struct thresholds *t, struct texts *texts)
{
    double values[SETTINGS] = {INTERVAL_MS,  t->timeout_ms, t->phi,
                               t->margin_ms, WINDOW,        DEVIATION_MS};
    static const char *const keys[SETTINGS] = {"interval_ms", "timeout_ms", "phi",
                                               "margin_ms",   "window",     "min_deviation_ms"};
    for (int i = 0; i < SETTINGS; i++) {
        (void)snprintf(texts->text[i], sizeof texts->text[i], "%s=%g", keys[i], values[i]);
        texts->list[i] = texts->text[i];
    }
    return (struct cluster_instance){"heartbeat", texts->list, SETTINGS, NULL, 0};
}

static void link_line(char *into, size_t size)
{
    (void)snprintf(into, size, "link all all --delay %dms --jitter %dms --loss %g", DELAY_MS,
                   JITTER_MS, LOSS);
}

static void collect(const struct check *c, struct detection into[DETECTORS])
{
    const struct heartbeat_measure *all = check_heartbeat_measures(c);
    for (int d = 0; d < DETECTORS; d++) {
        const struct heartbeat_measure *m = &all[d];
        double sum = 0;
        double squares = 0;
        for (size_t i = 0; i < m->n; i++) {
            double s = (double)m->detection_ns[i] / 1e9;
            sum += s;
            squares += s * s;
        }
        into[d].n = m->n;
        into[d].mean_s = m->n ? sum / (double)m->n : 0;
        into[d].deviation_s =
            m->n ? sqrt(fmax(0, squares / (double)m->n - into[d].mean_s * into[d].mean_s)) : 0;
    }
}

/* The simulator, whose events go straight to the checker. */
struct rig {
    struct cluster *cluster;
    struct check *check;
    uint64_t ordinal;
    uint64_t outsides;
    uint64_t now;
};

static void feed(struct rig *r, uint32_t node, uint32_t boot, struct bytes event)
{
    struct entry e = {.ordinal = ++r->ordinal, .node = node, .boot = boot, .event = event};
    if (event_head_read(event, &e.head) == 0)
        check_entry(r->check, &e);
}

static void rig_event(void *ctx, uint32_t node, uint32_t boot, struct bytes event)
{
    feed(ctx, node, boot, event);
}

static uint64_t rig_outside(void *ctx, Orrery__Event *event)
{
    struct rig *r = ctx;
    struct buf packed = {0};
    event->seq = ++r->outsides;
    orrery__event__pack(event, buf_extend(&packed, orrery__event__get_packed_size(event)));
    feed(r, 0, 0, buf_bytes(&packed));
    buf_free(&packed);
    return r->outsides;
}

static void rig_begin(struct rig *r, const struct thresholds *t, uint64_t seed)
{
    static const struct cluster_sink sink = {.event = rig_event, .outside = rig_outside};
    struct texts texts;
    char why[300];
    struct cluster_instance instance = instance_of(t, &texts);
    struct cluster_group group = {.nodes = SIM_NODES, .instances = &instance, .n_instances = 1};
    struct cluster_spec spec = {
        .groups = &group,
        .n_groups = 1,
        .seed = seed,
        .level = ORRERY__LEVEL__LEVEL_OFF,
    };
    *r = (struct rig){.check = check_new()};
    r->cluster = cluster_sim_new(&spec, &sink, r, why, sizeof why);
    CHECK(r->cluster);
}

static void rig_end(struct rig *r)
{
    r->cluster->ops->end(r->cluster, NULL, NULL);
    r->cluster->ops->free(r->cluster);
    check_end(r->check, 0);
    check_free(r->check);
}

static void rig_run(struct rig *r, uint64_t ns)
{
    r->now += ns;
    cluster_sim_run(r->cluster, r->now);
}

/* Half of the nodes, each at an instant of its own; the other half watches. */
static void crash_half(struct rig *r, struct random *random, uint64_t longest_ns)
{
    char line[64];
    uint32_t first = (uint32_t)random_below(random, SIM_NODES);
    for (uint32_t i = 0; i < SIM_NODES / 2; i++) {
        rig_run(r, random_below(random, 2 * INTERVAL_MS * MS));
        (void)snprintf(line, sizeof line, "kill n%u", (first + i) % SIM_NODES + 1);
        figure_give(r->cluster, line);
    }
    rig_run(r, longest_ns);
    for (uint32_t i = 0; i < SIM_NODES / 2; i++) {
        (void)snprintf(line, sizeof line, "restart n%u", (first + i) % SIM_NODES + 1);
        figure_give(r->cluster, line);
    }
    rig_run(r, FILL_MS * MS);
}

static uint64_t longest_ns(const struct thresholds *t)
{
    double longest = fmax(t->timeout_ms, t->margin_ms + 4 * INTERVAL_MS);
    return (uint64_t)(fmax(longest, 1000) + 10 * INTERVAL_MS) * MS;
}

void detectors_simulate(const struct thresholds *t, uint64_t crashes, double calm_s, uint64_t seed,
                        struct detection into[DETECTORS])
{
    struct rig r;
    char line[128];
    struct random random = random_split(seed, 1);
    memset(into, 0, DETECTORS * sizeof *into);
    link_line(line, sizeof line);
    rig_begin(&r, t, seed);
    figure_give(r.cluster, line);
    rig_run(&r, FILL_MS * MS);
    uint64_t done = 0;
    for (; done < crashes; done += SIM_NODES / 2)
        crash_half(&r, &random, longest_ns(t));
    collect(r.check, into);
    rig_end(&r);

    uint64_t before[DETECTORS];
    rig_begin(&r, t, seed + 1);
    figure_give(r.cluster, line);
    rig_run(&r, FILL_MS * MS);
    for (int d = 0; d < DETECTORS; d++)
        before[d] = check_heartbeat_measures(r.check)[d].mistakes;
    rig_run(&r, (uint64_t)(calm_s * 1e9));
    for (int d = 0; d < DETECTORS; d++) {
        into[d].crashes = done;
        into[d].mistakes = check_heartbeat_measures(r.check)[d].mistakes - before[d];
        into[d].watched_s = calm_s * SIM_NODES * (SIM_NODES - 1);
    }
    rig_end(&r);
}

static void take_entry(void *ctx, const struct entry *e)
{
    check_entry(ctx, e);
}

static int real_rounds(struct drive *d, uint64_t crashes, uint64_t *done, char *why,
                       size_t why_size)
{
    struct random random = random_split(crashes, 3);
    char line[128];
    link_line(line, sizeof line);
    int error = drive_act(d, line, why, why_size);
    drive_until(d, NULL, NULL, FILL_MS);
    for (*done = 0; !error && *done < crashes; *done += REAL_NODES / 2) {
        uint32_t first = (uint32_t)random_below(&random, REAL_NODES);
        for (uint32_t i = 0; i < REAL_NODES / 2 && !error; i++) {
            drive_until(d, NULL, NULL, random_below(&random, 2 * INTERVAL_MS));
            (void)snprintf(line, sizeof line, "kill n%u", (first + i) % REAL_NODES + 1);
            error = drive_act(d, line, why, why_size);
        }
        drive_until(d, NULL, NULL, 2500);
        for (uint32_t i = 0; i < REAL_NODES / 2 && !error; i++) {
            (void)snprintf(line, sizeof line, "restart n%u", (first + i) % REAL_NODES + 1);
            error = drive_act(d, line, why, why_size);
        }
        if (*done + REAL_NODES / 2 < crashes)
            drive_until(d, NULL, NULL, FILL_MS);
    }
    return error;
}

int detectors_real(const struct thresholds *t, uint64_t crashes, struct detection into[DETECTORS],
                   char *why, size_t why_size)
{
    struct texts texts;
    struct cluster_instance instance = instance_of(t, &texts);
    struct cluster_group group = {.nodes = REAL_NODES, .instances = &instance, .n_instances = 1};
    struct cluster_spec spec = {
        .groups = &group,
        .n_groups = 1,
        .level = ORRERY__LEVEL__LEVEL_OFF,
    };
    memset(into, 0, DETECTORS * sizeof *into);
    struct check *check = check_new();
    struct drive *d = drive_new(&spec, take_entry, check, why, why_size);
    if (!d) {
        check_free(check);
        return ERROR_REFUSED;
    }
    uint64_t done;
    int error = real_rounds(d, crashes, &done, why, why_size);
    drive_free(d);
    collect(check, into);
    for (int k = 0; k < DETECTORS; k++)
        into[k].crashes = done;
    check_end(check, 0);
    check_free(check);
    return error;
}
