/* What failure detectors should measure, derived from the arrivals alone: beats leave every
 * `interval`, each is lost with probability `loss`, and takes a normal time. Seconds throughout. */
#ifndef ORRERY_FIGURE_EXPECT_H
#define ORRERY_FIGURE_EXPECT_H

#include <stdbool.h>
#include <stdint.h>

struct arrivals {
    double interval;
    double delay;     /* Mean, and */
    double deviation; /* standard deviation of the time that a beat takes. */
    double loss;
    bool survive;    /* What is under way when its sender crashes still arrives. */
    uint32_t window; /* Of the detectors that learn. */
};

struct expected {
    double detection; /* Mean time from a crash to the suspicion, of those not suspected before. */
    double mistakes;  /* Per second and watched node. */
};

/* Silence of `timeout` since the last arrival. With a gap G between arrivals the mean residual is
 * E[G^2] / 2 E[G], less what is still under way. */
struct expected expect_fixed(const struct arrivals *a, double timeout);
/* NFD-E: the beat after the last one is awaited for `margin` beyond its mean arrival. */
struct expected expect_adaptive(const struct arrivals *a, double margin);
/* Phi-accrual: the limit depends on the mean and deviation of the last gaps, whose distribution has
 * no closed form: the definition itself, applied to drawn arrivals (of a fixed seed). */
struct expected expect_phi(const struct arrivals *a, double phi, double min_deviation);

#endif
