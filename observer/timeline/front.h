/* A number for each life, as walks along causality keep it: where the past reaches to, or from
 * where on the future is. */
#ifndef ORRERY_TIMELINE_FRONT_H
#define ORRERY_TIMELINE_FRONT_H

#include "timeline/timeline.h"

struct front {      /* Starts as zeroes. */
    uint64_t *keys; /* node << 32 | boot, + 1; open addressing. */
    uint64_t *marks;
    size_t n, size;
};

void front_free(struct front *f);
/* Of this life; `absent` where it is new. Valid until the next call. */
uint64_t *front_mark(struct front *f, uint32_t node, uint32_t boot, uint64_t absent);

/* The life that an event's cause belongs to. */
void front_cause_life(const struct entry *e, uint32_t *node, uint32_t *boot);

#endif
