/* The five limiters under one face: a rule and a state in, a verdict out. */
#ifndef ORRERY_MODULES_LIMITER_H
#define ORRERY_MODULES_LIMITER_H

#include "modules/fixed_window.h"
#include "modules/leaky_bucket.h"
#include "modules/sliding_counter.h"
#include "modules/sliding_log.h"
#include "modules/token_bucket.h"

#include <stddef.h>

enum limiter_kind {
    LIMITER_TOKEN_BUCKET,
    LIMITER_LEAKY_BUCKET,
    LIMITER_FIXED_WINDOW,
    LIMITER_SLIDING_LOG,
    LIMITER_SLIDING_COUNTER,
    LIMITER_KINDS,
};

struct limiter {
    enum limiter_kind kind;
    uint64_t waiting; /* Token bucket: requests that wait for tokens. */
    union {
        struct token_bucket token;
        struct leaky_bucket leaky;
        struct fixed_window fixed;
        struct sliding_log log;
        struct sliding_counter counter;
    };
};

/* Bytes of memory that a sliding log needs beside it; 0 for the others. */
size_t limiter_storage(enum limiter_kind kind, const struct limit_rule *r);
/* Bytes of state that the algorithm itself keeps for one key. */
size_t limiter_bytes(enum limiter_kind kind, const struct limit_rule *r);
/* `storage` is lent, of limiter_storage() bytes. */
void limiter_init(struct limiter *l, enum limiter_kind kind, const struct limit_rule *r,
                  uint64_t now, uint64_t *storage);

/* Judges n requests that come together. Those that are DELAYED wait, in their order, until
 * limiter_leave() lets them go. With n = 0 nothing is asked for, and the verdict tells the state.
 */
struct limit_verdict limiter_decide(struct limiter *l, const struct limit_rule *r, uint64_t now,
                                    uint64_t n);
/* The first n that wait leave; false: it is too early. */
bool limiter_leave(struct limiter *l, const struct limit_rule *r, uint64_t now, uint64_t n);
/* Until the first n that wait may leave. */
uint64_t limiter_leave_wait(const struct limiter *l, const struct limit_rule *r, uint64_t now,
                            uint64_t n);
uint64_t limiter_waiting(const struct limiter *l);

#endif
