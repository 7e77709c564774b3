/* Detection time against mistaken suspicions, over thresholds: the trade that every failure
 * detector makes, and where each of three makes it (Chen, Toueg, Aguilera 2002, figures 12 and 13,
 * plot it so).
 *
 * Beats every 100 ms take 60 +- 20 ms (20 % jitter), one in ten is lost. The same beats feed all
 * three detectors at once. References are derived in expect.h. */
#include "figure/detectors.h"
#include "figure/expect.h"
#include "figure/inner.h"
#include "figure/plot.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { POINTS = 8, CRASHES = 1000, REAL_CRASHES = 20, REAL_POINT = 5 };
static const double calm_s = 600;

static const struct thresholds thresholds[POINTS] = {
    {150, 1, 50},  {200, 2, 100}, {250, 3, 150},  {300, 4, 200},
    {400, 6, 300}, {500, 8, 400}, {600, 10, 500}, {800, 12, 700},
};
static const char *const names[DETECTORS] = {"fixed", "phi-accrual", "adaptive"};
static const char *const units[DETECTORS] = {"ms", "", "ms"};

struct row {
    int detector;
    double threshold;
    bool real;
    struct detection measured;
    struct expected expected;
    bool detection_ok;
    bool mistakes_ok;
};

static double threshold_of(const struct thresholds *t, int detector)
{
    return detector == 0 ? t->timeout_ms : detector == 1 ? t->phi : t->margin_ms;
}

static struct expected expect(const struct thresholds *t, int detector, bool real)
{
    const struct arrivals a = {
        .interval = INTERVAL_MS / 1e3,
        .delay = DELAY_MS / 1e3,
        .deviation = JITTER_MS / 1e3,
        .loss = LOSS,
        /* Real delays are made by the sender's process, and die with it. */
        .survive = !real,
        .window = WINDOW,
    };
    if (detector == 0)
        return expect_fixed(&a, t->timeout_ms / 1e3);
    if (detector == 1)
        return expect_phi(&a, t->phi, DEVIATION_MS / 1e3);
    return expect_adaptive(&a, t->margin_ms / 1e3);
}

/* Detection: 3 %, or 5 ms; of a few real processes on a busy machine 10 %, or 30 ms. Mistakes: 15
 * %, or what four standard deviations of a Poisson count explain. */
static void judge(struct row *r)
{
    double off = fabs(r->measured.mean_s - r->expected.detection);
    double expected = r->expected.mistakes * r->measured.watched_s;
    double found = (double)r->measured.mistakes;
    r->detection_ok =
        r->measured.n > 0 && off <= (r->real ? fmax(0.1 * r->expected.detection, 0.03)
                                             : fmax(0.03 * r->expected.detection, 0.005));
    r->mistakes_ok =
        r->real || fabs(found - expected) <= fmax(0.15 * expected, 4 * sqrt(expected) + 2);
}

static size_t fill(struct row *rows, const struct thresholds *t, const struct detection *measured,
                   bool real)
{
    for (int d = 0; d < DETECTORS; d++) {
        rows[d] = (struct row){
            .detector = d,
            .threshold = threshold_of(t, d),
            .real = real,
            .measured = measured[d],
            .expected = expect(t, d, real),
        };
        judge(&rows[d]);
    }
    return DETECTORS;
}

static double hourly(double per_second)
{
    return per_second * 3600;
}

static double rate(const struct row *r)
{
    return r->measured.watched_s > 0 ? (double)r->measured.mistakes / r->measured.watched_s : 0;
}

static void print_table(const struct row *rows, size_t n)
{
    (void)printf(
        "detection time and mistaken suspicions: beats every %d ms, %d ms +- %d ms on the way,"
        " %.0f %% lost\n\n",
        INTERVAL_MS, DELAY_MS, JITTER_MS, 100 * LOSS);
    (void)printf("%-12s %9s %8s %7s %20s %27s\n", "detector", "threshold", "crashes", "seen",
                 "detection s (expect)", "mistakes an hour (expect)");
    for (int d = 0; d < DETECTORS; d++)
        for (size_t i = 0; i < n; i++) {
            const struct row *r = &rows[i];
            if (r->detector != d)
                continue;
            (void)printf("%-12s %6g %-2s %8" PRIu64 " %7" PRIu64 " %9.3f (%8.3f)", names[d],
                         r->threshold, units[d], r->measured.crashes, r->measured.n,
                         r->measured.mean_s, r->expected.detection);
            if (r->real)
                (void)printf(" %27s", "real processes");
            else
                (void)printf(" %13.3f (%11.3f)", hourly(rate(r)), hourly(r->expected.mistakes));
            (void)printf("%s%s\n", r->detection_ok ? "" : "  detection is off",
                         r->mistakes_ok ? "" : "  mistakes are off");
        }
}

static void print_json(const struct row *rows, size_t n, bool ok)
{
    (void)printf("{\"figure\":\"heartbeat\",\"within\":%s,\"interval_ms\":%d,\"delay_ms\":%d,"
                 "\"jitter_ms\":%d,\"loss\":%g,\"points\":[",
                 ok ? "true" : "false", INTERVAL_MS, DELAY_MS, JITTER_MS, LOSS);
    for (size_t i = 0; i < n; i++) {
        const struct row *r = &rows[i];
        (void)printf("%s{\"detector\":\"%s\",\"threshold\":%g,\"real\":%s,\"crashes\":%" PRIu64
                     ",\"detections\":%" PRIu64 ",\"detection_s\":%.6f,\"deviation_s\":%.6f,"
                     "\"expected_detection_s\":%.6f,\"mistakes\":%" PRIu64
                     ",\"watched_s\":%.0f,\"mistakes_per_s\":%.9f,\"expected_mistakes_per_s\":%.9f,"
                     "\"within\":%s}",
                     i ? "," : "", names[r->detector], r->threshold, r->real ? "true" : "false",
                     r->measured.crashes, r->measured.n, r->measured.mean_s,
                     r->measured.deviation_s, r->expected.detection, r->measured.mistakes,
                     r->measured.watched_s, rate(r), r->expected.mistakes,
                     r->detection_ok && r->mistakes_ok ? "true" : "false");
    }
    (void)printf("]}\n");
}

static int draw(const struct row *rows, size_t n, const char *path)
{
    static struct plot p;
    p = (struct plot){
        .title = "Failure detectors: how late, against how often wrong (dashed: derived)",
        .x_name = "detection time, s",
        .y_name = "mistaken suspicions an hour and watched node",
        .y_log = true,
        .n = 2 * (size_t)DETECTORS,
    };
    for (size_t s = 0; s < p.n; s++) {
        int d = (int)s / 2;
        p.series[s].name = names[d];
        p.series[s].reference = s % 2 == 1;
        for (size_t i = 0; i < n; i++) {
            const struct row *r = &rows[i];
            /* What was expected less than once in all the time watched says nothing. */
            if (r->detector != d || r->real || r->expected.mistakes * r->measured.watched_s < 1)
                continue;
            p.series[s].points[p.series[s].n++] =
                p.series[s].reference
                    ? (struct plot_point){r->expected.detection, hourly(r->expected.mistakes)}
                    : (struct plot_point){r->measured.mean_s, hourly(rate(r))};
        }
    }
    return plot_write(&p, path);
}

int figure_heartbeat(const struct figure_options *o)
{
    struct row rows[(POINTS + 1) * DETECTORS];
    struct detection measured[DETECTORS];
    char why[300];
    size_t n = 0;
    for (int i = 0; i < POINTS; i++) {
        (void)fprintf(stderr, "\rsimulating, point %d of %d ", i + 1, POINTS);
        detectors_simulate(&thresholds[i], CRASHES, calm_s, (uint64_t)i * 2 + 1, measured);
        n += fill(rows + n, &thresholds[i], measured, false);
    }
    if (!o->simulated) {
        (void)fprintf(stderr, "\r%d real crashes, half a minute ", REAL_CRASHES);
        if (detectors_real(&thresholds[REAL_POINT], REAL_CRASHES, measured, why, sizeof why) != 0) {
            (void)fprintf(stderr, "\rorrery: %s\n", why);
            return 2;
        }
        n += fill(rows + n, &thresholds[REAL_POINT], measured, true);
    }
    (void)fprintf(stderr, "\r%40s\r", "");
    bool ok = true;
    for (size_t i = 0; i < n; i++)
        ok = ok && rows[i].detection_ok && rows[i].mistakes_ok;
    if (o->json)
        print_json(rows, n, ok);
    else
        print_table(rows, n);
    if (!o->json)
        (void)printf("\n%s\n", ok ? "within tolerance" : "outside of its tolerance");
    if (o->svg && draw(rows, n, o->svg) != 0)
        return 2;
    return ok ? 0 : 1;
}
