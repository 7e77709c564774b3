/* Sliding-window counter: two counts stand in for the log. Of the window before, the share that
 * still lies within one period of now is believed to hold the same share of its requests: exact
 * when those came evenly, and off when they came in a bunch.
 *
 * Several gateways that share a limit keep a counter each, of what they admitted themselves; they
 * judge by the sum. */
#ifndef ORRERY_MODULES_SLIDING_COUNTER_H
#define ORRERY_MODULES_SLIDING_COUNTER_H

#include "modules/limit_rule.h"

struct sliding_counter {
    uint64_t number;   /* Of the window: windows since time 0. */
    uint32_t previous; /* Admitted in the one before, and */
    uint32_t current;  /* in it. */
};

void sliding_counter_init(struct sliding_counter *c, const struct limit_rule *r, uint64_t now);
/* Moves on to the window of `now`. */
void sliding_counter_roll(struct sliding_counter *c, const struct limit_rule *r, uint64_t now);
bool sliding_counter_take(struct sliding_counter *c, const struct limit_rule *r, uint64_t now,
                          uint64_t n);
/* What counts now, in parts: period_ns of them are one request. */
uint64_t sliding_counter_parts(const struct sliding_counter *c, const struct limit_rule *r,
                               uint64_t now);
/* Adds what another counter of the same rule counted, in so far as it still counts in *c's window.
 */
void sliding_counter_add(struct sliding_counter *c, const struct sliding_counter *other,
                         const struct limit_rule *r);
/* Until n would be admitted. LIMIT_NEVER: n is above the limit. */
uint64_t sliding_counter_wait(const struct sliding_counter *c, const struct limit_rule *r,
                              uint64_t now, uint64_t n);
uint64_t sliding_counter_reset(const struct sliding_counter *c, const struct limit_rule *r,
                               uint64_t now);

#endif
