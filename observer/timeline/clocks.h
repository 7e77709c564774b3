/* How far the clocks of two nodes may be off each other, from what the observer told of each
 * (Offset in proto/event.proto). Nodes of one machine are on one clock; so are all that nothing was
 * told of, which read the observer's own. */
#ifndef ORRERY_TIMELINE_CLOCKS_H
#define ORRERY_TIMELINE_CLOCKS_H

#include "timeline/timeline.h"

enum { CLOCKS_MAX = 1 << 12 }; /* Tellings; beyond them the older half is thinned. */

struct clock_told {
    uint64_t ns; /* Cluster time: from then on, until the node's next one. */
    uint64_t clock;
    int64_t shift_ns;
    uint64_t bound_ns;
    uint32_t node;
};

struct clocks { /* Starts as zeroes. */
    struct clock_told *all;
    size_t n, cap;
};

void clocks_free(struct clocks *c);
void clocks_note(struct clocks *c, const struct entry *e); /* An Offset; of others, nothing. */
void clocks_add(struct clocks *c, const struct clock_told *told);

/* At that cluster time, in nanoseconds; 0: they are one. A node's first telling stands for what was
 * before it. */
uint64_t clocks_bound(const struct clocks *c, uint32_t a, uint32_t b, uint64_t ns);
uint64_t clocks_widest(const struct clocks *c, uint64_t ns); /* Of any two. */
/* Is it more than 5 % of the latency that was measured across them? */
bool clocks_matter(uint64_t bound_ns, uint64_t latency_ns);

#endif
