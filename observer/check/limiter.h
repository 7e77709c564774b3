/* One key under one rule, as its limiter should treat it: what passed, and whether more may. */
#ifndef ORRERY_CHECK_LIMITER_H
#define ORRERY_CHECK_LIMITER_H

#include "limiter.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

enum { LIMITER_KEY_MAX = 256, LIMITER_INVARIANTS = 7 };

struct limiter_invariant {
    const char *name;
    const char *holds; /* A sentence for when it was proven. */
};
extern const struct limiter_invariant limiter_invariants[LIMITER_INVARIANTS];

struct limiter_lane_rule {
    uint64_t count;
    uint64_t period_ns;
    uint64_t burst;
    uint64_t queue;
    bool meter;
};

struct limiter_pass {
    uint64_t at_ns;
    uint64_t n;
    uint64_t ordinal; /* Of the event that tells it. */
};

struct limiter_lane {
    struct limiter_lane *next;
    uint32_t node; /* Whose state decides, in */
    uint32_t boot; /* this life. */
    bool exact;    /* Several gateways share it. */
    Limiter__Algorithm algorithm;
    struct limiter_lane_rule rule;
    uint32_t key_len;
    uint8_t key[LIMITER_KEY_MAX];

    uint64_t newest; /* Ordinal of the newest pass. */
    uint64_t waiting;
    /* Buckets: by how much what passed since `since` is above the rate alone, in parts (period_ns
     * of them are one request): the largest over all intervals that end now. */
    uint64_t excess;
    uint64_t at_ns;
    uint64_t since;
    uint64_t since_ns;
    uint64_t passed; /* From there on. */
    /* Windows. */
    uint64_t window;
    uint64_t current;
    uint64_t previous;
    /* The log: passes that still count, from `first` on. */
    struct limiter_pass *log;
    uint32_t first;
    uint32_t n;
    uint32_t cap;
    uint64_t logged; /* Sum of them. */
};

struct limiter_excess {
    uint64_t passed; /* So many, */
    uint64_t within_ns;
    uint64_t since; /* from this event on. */
};

static inline bool limiter_lane_is_queue(const struct limiter_lane *lane)
{
    return lane->algorithm == LIMITER__ALGORITHM__LEAKY_BUCKET && !lane->rule.meter;
}

/* Takes a pass in; false: it should not have been. */
bool limiter_lane_pass(struct limiter_lane *lane, const struct limiter_pass *p,
                       struct limiter_excess *e);
/* Whether a request may pass now, or where there is a queue, wait. */
bool limiter_lane_allows(struct limiter_lane *lane, const struct limiter_pass *p);
void limiter_lane_free(struct limiter_lane *lane);

#endif
