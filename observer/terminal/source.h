/* Where the terminal reads entries from: a timeline in this process, a recording, or one that
 * another process feeds. The calls are those of timeline/timeline.h, with its meanings and
 * lifetimes. */
#ifndef ORRERY_TERMINAL_SOURCE_H
#define ORRERY_TERMINAL_SOURCE_H

#include "timeline/timeline.h"

struct terminal_source_ops {
    uint64_t (*oldest)(void *ctx);
    uint64_t (*newest)(void *ctx); /* 0 when there is none. */
    /* *e is valid until the next call to the source. */
    bool (*get)(void *ctx, uint64_t ordinal, struct entry *e);
    uint64_t (*previous)(void *ctx, uint64_t ordinal);
    size_t (*past)(void *ctx, uint64_t ordinal, uint64_t *into, size_t n);
    size_t (*future)(void *ctx, uint64_t ordinal, uint64_t *into, size_t n);
    void (*describe)(void *ctx, const struct entry *e, struct buf *into);
    const struct schema *(*schema)(void *ctx);
    const Orrery__Start *(*start_of)(void *ctx, uint32_t node, uint32_t boot); /* May be NULL. */
    /* As timeline_uncertain(). May be NULL. */
    uint64_t (*uncertain)(void *ctx, uint32_t a, uint32_t b, uint64_t ns, uint64_t latency_ns);
};

struct terminal_source {
    const struct terminal_source_ops *ops;
    void *ctx;
};

/* A timeline of this process, also one opened from a recording. The timeline must outlive it. */
struct terminal_source terminal_source_timeline(struct timeline *t);

#endif
