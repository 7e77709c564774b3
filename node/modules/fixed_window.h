/* Fixed window: time is cut into windows of equal length, and each admits so many. It keeps one
 * count, and forgets it at the boundary: just before and just after one, twice the limit passes. */
#ifndef ORRERY_MODULES_FIXED_WINDOW_H
#define ORRERY_MODULES_FIXED_WINDOW_H

#include "modules/limit_rule.h"

struct fixed_window {
    uint64_t number; /* Of the window: windows since time 0. */
    uint64_t count;  /* Admitted in it. */
};

void fixed_window_init(struct fixed_window *w, const struct limit_rule *r, uint64_t now);
bool fixed_window_take(struct fixed_window *w, const struct limit_rule *r, uint64_t now,
                       uint64_t n);
uint64_t fixed_window_count(const struct fixed_window *w, const struct limit_rule *r, uint64_t now);
/* Until n would be admitted. LIMIT_NEVER: n is above the limit. */
uint64_t fixed_window_wait(const struct fixed_window *w, const struct limit_rule *r, uint64_t now,
                           uint64_t n);

#endif
