/* Leaky bucket: whatever pours in, it drips out at an even rate.
 *
 * As a queue it shapes: requests wait inside, at most `burst` of them, and leave one after the
 * other, each as long after the one before as the rate says; what does not fit spills. As a meter
 * it polices: requests pass at once, each adding its water, and are refused when it would spill
 * over. A meter is the token bucket seen from the other side. */
#ifndef ORRERY_MODULES_LEAKY_BUCKET_H
#define ORRERY_MODULES_LEAKY_BUCKET_H

#include "modules/limit_rule.h"

struct leaky_bucket {
    uint64_t level; /* At `at`, in parts of a request. A queue: of the last one that left. */
    uint64_t at;
    uint64_t waiting; /* A queue: requests inside. */
};

void leaky_bucket_init(struct leaky_bucket *b, uint64_t now); /* Empty. */
uint64_t leaky_bucket_level(const struct leaky_bucket *b, const struct limit_rule *r, uint64_t now);

/* Meter. False: it would spill over, and nothing is added. */
bool leaky_bucket_pour(struct leaky_bucket *b, const struct limit_rule *r, uint64_t now,
                       uint64_t n);
/* Until n more would fit. LIMIT_NEVER: they never do. */
uint64_t leaky_bucket_room(const struct leaky_bucket *b, const struct limit_rule *r, uint64_t now,
                           uint64_t n);

/* Queue. False: it is full. */
bool leaky_bucket_enter(struct leaky_bucket *b, const struct limit_rule *r, uint64_t n);
/* The first n that wait leave together; false: it is too early. */
bool leaky_bucket_leave(struct leaky_bucket *b, const struct limit_rule *r, uint64_t now,
                        uint64_t n);
uint64_t leaky_bucket_drip(const struct leaky_bucket *b, const struct limit_rule *r,
                           uint64_t now); /* Until the next may leave. */

#endif
