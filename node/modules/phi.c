#include "modules/phi.h"

#include "base/check.h"

#include <math.h>

static const double ln_10 = 2.302585092994045684;
static const double ln_sqrt_2pi = 0.918938533204672742;
static const double sqrt_half = 0.707106781186547524;

void phi_init(struct phi *p, uint32_t *storage, uint32_t cap, uint64_t expected_ns,
              uint64_t min_deviation_ns)
{
    *p = (struct phi){.expected_ns = expected_ns, .min_deviation_ns = min_deviation_ns};
    window_init(&p->gaps, storage, cap);
}

void phi_beat(struct phi *p, uint64_t now)
{
    /* A clock that was set back gives no gap to learn from. */
    if (p->heard && now >= p->last_at)
        window_push(&p->gaps, window_sample(now - p->last_at));
    p->last_at = now;
    p->heard = true;
}

double phi_mean_ns(const struct phi *p)
{
    if (p->gaps.n < PHI_GAPS_MIN)
        return (double)p->expected_ns;
    return window_mean(&p->gaps) * 1e3;
}

double phi_deviation_ns(const struct phi *p)
{
    double deviation =
        p->gaps.n < PHI_GAPS_MIN ? (double)p->expected_ns / 4 : window_deviation(&p->gaps) * 1e3;
    return fmax(deviation, (double)p->min_deviation_ns);
}

double phi_level(const struct phi *p, uint64_t now)
{
    if (!p->heard)
        return 0;
    double silence = now > p->last_at ? (double)(now - p->last_at) : 0;
    double deviation = phi_deviation_ns(p);
    double beyond = silence - phi_mean_ns(p);
    if (deviation > 0)
        return phi_tail(beyond / deviation);
    return beyond < 0 ? 0 : INFINITY;
}

uint64_t phi_deadline(const struct phi *p, double quantile)
{
    if (!p->heard)
        return UINT64_MAX;
    double silence = ceil(phi_mean_ns(p) + quantile * phi_deviation_ns(p));
    if (silence < 1)
        silence = 1;
    if (silence >= (double)(UINT64_MAX - p->last_at))
        return UINT64_MAX;
    return p->last_at + (uint64_t)silence;
}

/* ln P(X > z) for large z, by the asymptotic series of Mills' ratio (Abramowitz, Stegun 26.2.12):
 * P = e^(-z^2/2) / (z sqrt(2 pi)) * (1 - 1/z^2 + 1*3/z^4 - 1*3*5/z^6 ...). */
static double ln_tail_far(double z)
{
    double term = 1;
    double sum = 1;
    for (int k = 1; k <= 8; k++) {
        term *= -(2 * k - 1) / (z * z);
        sum += term;
    }
    return -z * z / 2 - ln_sqrt_2pi - log(z) + log(sum);
}

double phi_tail(double z)
{
    if (z < 0)
        return -log1p(-erfc(-z * sqrt_half) / 2) / ln_10; /* P is near 1. */
    if (z < 20)
        return -log10(erfc(z * sqrt_half) / 2);
    return -ln_tail_far(z) / ln_10;
}

double phi_quantile(double level)
{
    CHECK(level > 0);
    /* P(X > z) <= e^(-z^2/2) / 2, so this is no smaller than the answer; phi_tail is convex, so
     * Newton's steps come down to it and never pass it. */
    double z = sqrt(2 * ln_10 * level);
    for (int i = 0; i < 100; i++) {
        double tail = phi_tail(z);
        double ln_slope = -z * z / 2 - ln_sqrt_2pi + tail * ln_10; /* Of ln P: density over P. */
        double step = (tail - level) * ln_10 / exp(ln_slope);
        z -= step;
        if (fabs(step) <= 1e-12 * (1 + fabs(z)))
            break;
    }
    return z;
}
