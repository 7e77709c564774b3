/* The adaptive failure detector NFD-E: Chen, Toueg, Aguilera, "On the quality of service of failure
 * detectors" (IEEE Transactions on Computers 51(5), 2002): the one that works with estimates.
 *
 * Beats are numbered, number i being sent eta * i after some instant nobody else knows. From the
 * last n beats, arrived at A with numbers s, the next one is expected at EA(l+1) = 1/n * sum(A -
 * eta * s) + (l + 1) * eta where l is the greatest number received. Silence is suspicious from
 * EA(l+1) + alpha on. Lost beats do not disturb the estimate, as the numbers say where they were
 * missing; beats that come out of order or twice are not newer than l, and ignored.
 *
 * A value; `now` comes with each call, in nanoseconds of whichever clock the caller keeps to. */
#ifndef ORRERY_MODULES_ADAPTIVE_H
#define ORRERY_MODULES_ADAPTIVE_H

#include "modules/window.h"

#include <stdbool.h>

struct adaptive {
    struct window offsets; /* A - eta * s, in microseconds from `origin`, raised by 2^31. */
    uint64_t eta_ns;
    uint64_t alpha_ns;
    uint64_t first_number; /* The beat that `origin` is the arrival of. */
    uint64_t origin;
    uint64_t newest; /* l; 0 before the first beat. */
};

/* Storage for `cap` arrivals is borrowed. eta > 0. */
void adaptive_init(struct adaptive *a, uint32_t *storage, uint32_t cap, uint64_t eta_ns,
                   uint64_t alpha_ns);
/* `number` >= 1. False when it is not newer than all before it; then nothing changes. */
bool adaptive_beat(struct adaptive *a, uint64_t number, uint64_t now);

/* EA(l+1), when the next beat is expected; UINT64_MAX before the first. */
uint64_t adaptive_expected(const struct adaptive *a);
uint64_t adaptive_deadline(const struct adaptive *a);   /* And alpha later. */
double adaptive_deviation_ns(const struct adaptive *a); /* Of the arrivals around their schedule. */

#endif
