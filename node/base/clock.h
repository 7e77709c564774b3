/* The two clocks that a node is given, computed from the machine's.
 *
 * Cluster time scales the machine's monotonic clock by the pace; every node has the same list of
 * changes, so the same instant has the same name everywhere. The wall clock runs at the machine's
 * rate, with the node's own skew and drift. In base, since nodes and observer must agree on it. */
#ifndef ORRERY_BASE_CLOCK_H
#define ORRERY_BASE_CLOCK_H

#include <stdint.h>

typedef uint64_t nsec; /* Nanoseconds of cluster time: monotonic, the same on every node. */

enum { CLOCK_PACES_MAX = 64 };

struct pace_change {
    uint64_t mono_ns; /* Instant of the machine's clock, and */
    nsec at;          /* what cluster time it was then. */
    double factor;    /* 1 is native, 0.1 ten times slower, 0 stands still. */
};

struct clock {
    struct pace_change paces[CLOCK_PACES_MAX]; /* Ascending; older ones are forgotten. */
    uint32_t n;
    int64_t skew_ns;
    double drift_ppm;
    uint64_t drift_from_ns; /* Machine time since when it drifts. */
};

void clock_init(struct clock *c, uint64_t epoch_ns); /* Cluster time 0 is there. */
void clock_pace(struct clock *c, uint64_t mono_ns, double factor);
nsec clock_now(const struct clock *c, uint64_t mono_ns);
/* When the machine's clock will show cluster time `at`; UINT64_MAX while time stands still. */
uint64_t clock_until(const struct clock *c, nsec at, uint64_t mono_ns);
double clock_factor(const struct clock *c, uint64_t mono_ns);
void clock_fault(struct clock *c, uint64_t mono_ns, const int64_t *skew_ns,
                 const double *drift_ppm);
int64_t clock_wall(const struct clock *c, uint64_t mono_ns, int64_t machine_wall_ns);

#endif
