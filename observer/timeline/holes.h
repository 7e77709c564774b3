/* What is missing of the lanes: spans between the last event before a hole and the first one behind
 * it, with how many events that are. */
#ifndef ORRERY_TIMELINE_HOLES_H
#define ORRERY_TIMELINE_HOLES_H

#include "timeline/timeline.h"

enum { HOLES_MAX = 1 << 15 }; /* Beyond them neighbours of a lane become one. */

struct hole {
    uint64_t ordinal; /* Of the Hole that told of it, or of the newest one of several. */
    uint64_t from_ns, to_ns;
    uint64_t events;
    uint32_t lane;
};

struct holes { /* Starts as zeroes. By the time at which they end, about. */
    struct hole *all;
    size_t n, cap;
};

void holes_free(struct holes *h);
void holes_note(struct holes *h, const struct entry *e); /* A Hole; of others, nothing. */
void holes_add(struct holes *h, const struct hole *hole);

/* Those that reach into a span, each lane's in one where they are less than `near_ns` apart.
 * Appended to `into`. */
void holes_in(const struct holes *h, uint64_t from_ns, uint64_t to_ns, uint64_t near_ns,
              struct holes *into);

#endif
