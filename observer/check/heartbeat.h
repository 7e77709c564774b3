/* Measures of failure detectors, from the opinions that watchers traced. */
#ifndef ORRERY_CHECK_HEARTBEAT_H
#define ORRERY_CHECK_HEARTBEAT_H

#include "check/check.h"

enum { HEARTBEAT_DETECTORS = 4 }; /* As heartbeat.Detector counts them. */

struct heartbeat_measure {
    /* From each crash to the suspicion that lasted, of each watcher that lived on (T_D of Chen,
     * Toueg, Aguilera 2002). */
    uint64_t *detection_ns;
    size_t n;
    size_t cap;
    uint64_t mistakes;    /* Suspicions of a node that lived and was not paused. */
    uint64_t mistaken_ns; /* How long these lasted, all together. */
};

/* By detector; lives with `c`. Suspicions that were there when the node crashed, and stayed, have
 * no detection time and are left out. A crash counts when the node starts again, or at check_end().
 */
const struct heartbeat_measure *check_heartbeat_measures(const struct check *c);

#endif
