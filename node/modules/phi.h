/* The phi accrual failure detector: Hayashibara, Défago, Yared, Katayama, "The phi accrual failure
 * detector" (SRDS 2004).
 *
 * The gaps between beats are taken to be normal, with the mean and deviation of a sliding window.
 * At a silence of t, P_later(t) is the chance that the next beat comes even later than t, and phi =
 * -log10 P_later(t) (section 4): phi 8 means that a suspicion now is wrong once in 10^8.
 *
 * Beyond the paper: a floor of the deviation, since a handful of even gaps would make any silence
 * look impossible; and until two gaps were seen, an expected one stands for them.
 *
 * A value; `now` comes with each call, in nanoseconds of whichever clock the caller keeps to. */
#ifndef ORRERY_MODULES_PHI_H
#define ORRERY_MODULES_PHI_H

#include "modules/window.h"

#include <stdbool.h>

enum { PHI_GAPS_MIN = 2 };

struct phi {
    struct window gaps; /* Microseconds between beats. */
    uint64_t expected_ns;
    uint64_t min_deviation_ns;
    uint64_t last_at; /* Only while `heard`. */
    bool heard;
};

/* Storage for `cap` gaps is borrowed. */
void phi_init(struct phi *p, uint32_t *storage, uint32_t cap, uint64_t expected_ns,
              uint64_t min_deviation_ns);
void phi_beat(struct phi *p, uint64_t now); /* Of a beat newer than all before it. */

double phi_mean_ns(const struct phi *p);
double phi_deviation_ns(const struct phi *p);        /* At least the floor. */
double phi_level(const struct phi *p, uint64_t now); /* 0 before the first beat. */

/* The inverse: when phi reaches a level, given that level's quantile. UINT64_MAX before the first
 * beat. The quantile is worth keeping: it depends on nothing else. */
uint64_t phi_deadline(const struct phi *p, double quantile);

/* The tail of the standard normal distribution, -log10 P(X > z), accurate for any z: the
 * probability itself is 0 as a double from phi 324 on. */
double phi_tail(double z);
/* z such that phi_tail(z) = level; level > 0. */
double phi_quantile(double level);

#endif
