/* Loss against steps, beside an independent library's. Both begin with the same weights and take
 * the same examples; what is left is rounding. */
#include "figure/inner.h"

#include "backpropagation.pb-c.h"
#include "base/check.h"
#include "cluster/cluster.h"
#include "figure/backpropagation_reference.h"
#include "figure/plot.h"
#include "timeline/timeline.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { RUNS = sizeof references / sizeof references[0] };
/* Of the loss. Sums are taken in another order there, and each step builds on the last. */
static const double tolerance = 1e-12;
static const uint64_t longest_ns = UINT64_C(10000000000); /* Of cluster time: a step is 1 ms. */

struct training {
    double losses[REFERENCE_POINTS];
    uint32_t n;
    int32_t batch_type; /* Index in Start.types; -1 before the start. */
};

static void take_start(struct training *t, const Orrery__Start *start)
{
    for (size_t i = 0; i < start->n_types; i++)
        if (strcmp(start->types[i], backpropagation__batch__descriptor.name) == 0)
            t->batch_type = (int32_t)i;
}

static void take_batch(struct training *t, ProtobufCBinaryData body)
{
    Backpropagation__Batch *b = backpropagation__batch__unpack(NULL, body.len, body.data);
    CHECK(b);
    if ((b->step - 1) % REFERENCE_EVERY == 0 && t->n < REFERENCE_POINTS)
        t->losses[t->n++] = b->set_loss;
    backpropagation__batch__free_unpacked(b, NULL);
}

static void on_event(void *ctx, uint32_t node, uint32_t boot, struct bytes packed)
{
    struct training *t = ctx;
    (void)node, (void)boot;
    Orrery__Event *e = orrery__event__unpack(NULL, packed.len, packed.base);
    CHECK(e);
    if (e->body_case == ORRERY__EVENT__BODY_START)
        take_start(t, e->start);
    else if (e->body_case == ORRERY__EVENT__BODY_TRACE && (int32_t)e->trace->type == t->batch_type)
        take_batch(t, e->trace->body);
    orrery__event__free_unpacked(e, NULL);
}

static uint64_t on_outside(void *ctx, Orrery__Event *event)
{
    (void)ctx, (void)event;
    return 1;
}

static bool train(const struct reference *r, struct training *t)
{
    static const struct cluster_sink sink = {.event = on_event, .outside = on_outside};
    struct cluster_instance instance = {.protocol = "backpropagation", .settings = r->settings};
    while (r->settings[instance.n_settings])
        instance.n_settings++;
    struct cluster_group group = {.nodes = 1, .instances = &instance, .n_instances = 1};
    struct cluster_spec spec = {.groups = &group, .n_groups = 1, .seed = 1};
    char why[300];
    *t = (struct training){.batch_type = -1};
    struct cluster *c = cluster_sim_new(&spec, &sink, t, why, sizeof why);
    if (!c) {
        (void)fprintf(stderr, "orrery: %s\n", why);
        return false;
    }
    for (uint64_t now = 0; t->n < REFERENCE_POINTS && now < longest_ns; now += 1000000)
        cluster_sim_run(c, now);
    c->ops->end(c, NULL, NULL);
    c->ops->free(c);
    return t->n == REFERENCE_POINTS;
}

/* The largest part of itself by which a loss differs. */
static double farthest(const struct reference *r, const struct training *t)
{
    double most = 0;
    for (uint32_t i = 0; i < REFERENCE_POINTS; i++)
        most = fmax(most, fabs(t->losses[i] - r->losses[i]) / r->losses[i]);
    return most;
}

static void print_table(const struct training *t, bool ok)
{
    for (int r = 0; r < RUNS; r++) {
        (void)printf("%s%s\n %6s %20s %20s\n", r ? "\n" : "", references[r].name, "step", "orrery",
                     "PyTorch");
        for (uint32_t i = 0; i < REFERENCE_POINTS; i += i + 7 < REFERENCE_POINTS ? 7 : 1)
            (void)printf(" %6u %20.15f %20.15f\n", 1 + i * REFERENCE_EVERY, t[r].losses[i],
                         references[r].losses[i]);
        (void)printf(" the farthest of %d is %.1e of its loss away\n", REFERENCE_POINTS,
                     farthest(&references[r], &t[r]));
    }
    (void)printf("\n%s: %.0e of the loss\n", ok ? "within tolerance" : "outside of its tolerance",
                 tolerance);
}

static void print_json(const struct training *t, bool ok)
{
    (void)printf("{\"figure\":\"backpropagation\",\"within\":%s,\"runs\":[", ok ? "true" : "false");
    for (int r = 0; r < RUNS; r++) {
        (void)printf("%s{\"name\":\"%s\",\"farthest\":%.3e,\"points\":[", r ? "," : "",
                     references[r].name, farthest(&references[r], &t[r]));
        for (uint32_t i = 0; i < REFERENCE_POINTS; i++)
            (void)printf("%s{\"step\":%u,\"loss\":%.17g,\"reference\":%.17g}", i ? "," : "",
                         1 + i * REFERENCE_EVERY, t[r].losses[i], references[r].losses[i]);
        (void)printf("]}");
    }
    (void)printf("]}\n");
}

static int draw(const struct training *t, const char *path)
{
    static struct plot p;
    p = (struct plot){
        .title = "Loss of the whole set while it is learnt (dashed: by PyTorch)",
        .x_name = "steps",
        .y_name = "loss",
        .n = 2 * (size_t)RUNS,
    };
    for (int r = 0; r < RUNS; r++) {
        struct plot_series *ours = &p.series[2 * r], *theirs = ours + 1;
        ours->name = references[r].name;
        theirs->name = "";
        theirs->reference = true;
        for (uint32_t i = 0; i < REFERENCE_POINTS; i++) {
            double step = 1 + i * REFERENCE_EVERY;
            ours->points[ours->n++] = (struct plot_point){step, t[r].losses[i]};
            theirs->points[theirs->n++] = (struct plot_point){step, references[r].losses[i]};
        }
    }
    return plot_write(&p, path);
}

int figure_backpropagation(const struct figure_options *o)
{
    struct training t[RUNS];
    bool ok = true;
    for (int r = 0; r < RUNS; r++) {
        if (!train(&references[r], &t[r]))
            return 2;
        ok = ok && farthest(&references[r], &t[r]) <= tolerance;
    }
    if (o->json)
        print_json(t, ok);
    else
        print_table(t, ok);
    if (o->svg && draw(t, o->svg) != 0)
        return 2;
    return ok ? 0 : 1;
}
