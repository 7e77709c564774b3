/* The measurements behind `orrery figure heartbeat`: crashes, and how often detectors were wrong.
 */
#ifndef ORRERY_FIGURE_DETECTORS_H
#define ORRERY_FIGURE_DETECTORS_H

#include "check/heartbeat.h"

enum { DETECTORS = 3, INTERVAL_MS = 100, DELAY_MS = 60, JITTER_MS = 20, WINDOW = 50 };
#define LOSS         0.1
#define DEVIATION_MS 20 /* Floor of phi-accrual's deviation. */

/* One threshold each. */
struct thresholds {
    double timeout_ms;
    double phi;
    double margin_ms;
};

struct detection {
    uint64_t crashes; /* Nodes that crashed, and */
    uint64_t n;       /* suspicions of them, */
    double mean_s;    /* how long after, */
    double deviation_s;
    uint64_t mistakes; /* Of a living node, */
    double watched_s;  /* in so many seconds of one node watching another. */
};

/* Simulated: at least so many crashes, and as many seconds without any. */
void detectors_simulate(const struct thresholds *t, uint64_t crashes, double calm_s, uint64_t seed,
                        struct detection into[DETECTORS]);
/* Real processes on this machine. 0, or negative and a sentence. */
int detectors_real(const struct thresholds *t, uint64_t crashes, struct detection into[DETECTORS],
                   char *why, size_t why_size);

#endif
