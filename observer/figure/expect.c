#include "figure/expect.h"

#include "base/check.h"
#include "base/random.h"

#include <math.h>
#include <stdlib.h>

enum { LOST_MAX = 40, STEPS = 120, DRAWS = 1500000 };

static double tail(double z) /* P(X > z), X standard normal. */
{
    return 0.5 * erfc(z / sqrt(2));
}

/* The i-th of STEPS equally likely values of a standard normal variable. */
static double quantile(int i)
{
    double p = (i + 0.5) / STEPS;
    double low = -8;
    double high = 8;
    for (int k = 0; k < 60; k++) {
        double middle = (low + high) / 2;
        if (1 - tail(middle) < p)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

/* A crash at a random phase u after a beat left. The newest beat that arrives is the k-th before
 * it: all newer ones were lost, or (where they do not survive) still under way. silence(k, u, d):
 * from the crash to the limit. */
static double mean_detection(const struct arrivals *a, double limit, bool by_number)
{
    double normal[STEPS];
    double sum = 0;
    double weight = 0;
    for (int i = 0; i < STEPS; i++)
        normal[i] = quantile(i);
    for (int s = 0; s < STEPS; s++) {
        double u = (s + 0.5) / STEPS * a->interval;
        double none_newer = 1;
        for (int k = 0; k < LOST_MAX; k++) {
            double sent = -u - k * a->interval;
            double arrives = a->survive ? 1 : 1 - tail((-sent - a->delay) / a->deviation);
            for (int i = 0; i < STEPS; i++) {
                double delay = fmax(0, a->delay + a->deviation * normal[i]);
                if (!a->survive && sent + delay > 0)
                    continue;
                double from = by_number ? sent + a->delay + a->interval : sent + delay;
                double detection = from + limit;
                if (detection <= 0)
                    continue;
                double w = none_newer * (1 - a->loss) / STEPS;
                sum += w * detection;
                weight += w;
            }
            none_newer *= 1 - (1 - a->loss) * arrives;
        }
    }
    return weight > 0 ? sum / weight : 0;
}

/* After each received beat the next one is j later with (1 - p) p^(j-1). */
static double mean_mistakes(const struct arrivals *a, double first, double deviation)
{
    double chance = 0;
    double lost = 1;
    for (int j = 0; j < LOST_MAX; j++) {
        chance += (1 - a->loss) * lost * tail((first - j * a->interval) / deviation);
        lost *= a->loss;
    }
    return chance * (1 - a->loss) / a->interval;
}

struct expected expect_fixed(const struct arrivals *a, double timeout)
{
    return (struct expected){
        .detection = mean_detection(a, timeout, false),
        .mistakes = mean_mistakes(a, timeout - a->interval, a->deviation * sqrt(2)),
    };
}

struct expected expect_adaptive(const struct arrivals *a, double margin)
{
    return (struct expected){
        .detection = mean_detection(a, margin, true),
        .mistakes = mean_mistakes(a, margin, a->deviation * sqrt(1 + 1.0 / a->window)),
    };
}

static double phi_z(double phi) /* -log10 P(X > z) = phi */
{
    double low = -8;
    double high = 40;
    for (int k = 0; k < 200; k++) {
        double middle = (low + high) / 2;
        /* Beyond the reach of erfc: its asymptote. */
        double p = middle < 30 ? tail(middle) : 0;
        double level =
            p > 0 ? -log10(p) : middle * middle / 2 / log(10) + log10(middle * sqrt(2 * M_PI));
        if (level < phi)
            low = middle;
        else
            high = middle;
    }
    return low;
}

struct expected expect_phi(const struct arrivals *a, double phi, double min_deviation)
{
    struct random r;
    double *gaps = calloc(a->window, sizeof *gaps);
    double z = phi_z(phi);
    double limit_sum = 0;
    double last = 0;
    uint64_t received = 0;
    uint64_t mistakes = 0;
    CHECK(gaps);
    random_seed(&r, 2004);
    double sum = 0;
    double squares = 0;
    double limit = 0;
    uint32_t n = 0;
    for (uint64_t i = 0; i < DRAWS; i++) {
        double delay = fmax(0, random_normal(&r, a->delay, a->deviation));
        if (random_chance(&r, a->loss))
            continue;
        double at = (double)i * a->interval + delay;
        double gap = at - last;
        if (gap < 0)
            continue; /* Overtaken by a newer one. */
        bool full = n >= a->window;
        mistakes += full && gap > limit;
        received += full;
        double out = full ? gaps[n % a->window] : 0;
        gaps[n++ % a->window] = gap;
        last = at;
        sum += gap - out;
        squares += gap * gap - out * out;
        uint32_t held = n < a->window ? n : a->window;
        double mean = sum / held;
        double deviation = sqrt(fmax(0, squares / held - mean * mean));
        limit = mean + z * fmax(deviation, min_deviation);
        limit_sum += full ? limit : 0;
    }
    free(gaps);
    double mean_limit = limit_sum / (double)received;
    return (struct expected){
        .detection = mean_detection(a, mean_limit, false),
        .mistakes = (double)mistakes / (double)received * (1 - a->loss) / a->interval,
    };
}
