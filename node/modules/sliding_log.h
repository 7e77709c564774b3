/* Sliding-window log: the time of every admitted request is kept for as long as it counts. Exact,
 * in every window of the length there is, and paid for with memory: eight bytes a request. */
#ifndef ORRERY_MODULES_SLIDING_LOG_H
#define ORRERY_MODULES_SLIDING_LOG_H

#include "modules/limit_rule.h"

struct sliding_log {
    uint64_t *times; /* Borrowed: as many as the rule counts. */
    uint32_t first;  /* The oldest. */
    uint32_t n;
};

void sliding_log_init(struct sliding_log *l, uint64_t *times);
/* A request that was admitted at t counts in (t, t + period], its own instant not. */
bool sliding_log_take(struct sliding_log *l, const struct limit_rule *r, uint64_t now, uint64_t n);
uint64_t sliding_log_count(const struct sliding_log *l, const struct limit_rule *r, uint64_t now);
/* Until n would be admitted. LIMIT_NEVER: n is above the limit. */
uint64_t sliding_log_wait(const struct sliding_log *l, const struct limit_rule *r, uint64_t now,
                          uint64_t n);
uint64_t sliding_log_reset(const struct sliding_log *l, const struct limit_rule *r, uint64_t now);

#endif
