/* How far another machine's monotonic clock is from ours, from round trips: a question that left at
 * `sent` and was back at `back` was answered in between, so `theirs` is off the middle by no more
 * than half the way. The shortest way tells most. Clocks drift apart, so an old answer counts for
 * less with time. */
#ifndef ORRERY_AGENT_OFFSET_H
#define ORRERY_AGENT_OFFSET_H

#include <stdbool.h>
#include <stdint.h>

struct offset {
    bool known;
    int64_t ns;        /* Theirs minus ours, */
    uint64_t bound_ns; /* and no further from that, when it was measured, */
    uint64_t at_ns;    /* by our clock. */
    uint32_t samples;
};

/* Crystals differ by less. */
enum { OFFSET_DRIFT_PPM = 100 };

/* An answer that came before its question is none, and is not looked at. */
void offset_sample(struct offset *o, uint64_t sent, uint64_t theirs, uint64_t back);
uint64_t offset_bound(const struct offset *o, uint64_t now); /* With what it may have drifted. */

#endif
