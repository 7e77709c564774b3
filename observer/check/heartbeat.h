/* Measures of failure detectors, from the opinions that watchers traced. */
#ifndef ORRERY_CHECK_HEARTBEAT_H
#define ORRERY_CHECK_HEARTBEAT_H

#include "check/check.h"

enum { HEARTBEAT_DETECTORS = 4 }; /* As heartbeat.Detector counts them. */

struct heartbeat_measure {
    uint64_t *detection_ns; /* From each crash to each watcher's first suspicion of it. */
    size_t n;
    size_t cap;
    uint64_t mistakes;    /* Suspicions of a node that lived and was not paused. */
    uint64_t mistaken_ns; /* How long these lasted, all together. */
};

/* By detector; lives with `c`. Opinions that were suspicions already when the node crashed have no
 * detection time, and are left out. */
const struct heartbeat_measure *check_heartbeat_measures(const struct check *c);

#endif
