/* The events of a node on their way into its ring, which belongs to the agent. The node never waits
 * for the ring: what does not fit is counted, and once there is room again a view closes the gap.
 */
#ifndef ORRERY_RUNTIME_EVENTS_H
#define ORRERY_RUNTIME_EVENTS_H

#include "base/ring.h"

struct events {
    struct ring ring;
    void *memory;
    size_t size;
    bool gap; /* Events were lost since the last view. */
};

/* Maps the ring behind `fd`. False and a sentence in `why` when that is none. */
bool events_open(struct events *e, int fd, char *why, size_t why_size);
void events_close(struct events *e);
void events_write(struct events *e, struct bytes event);
/* Around a look at the clock, whose time events may be stamped with; and once all those are
 * written. */
void events_stamp(struct events *e);
void events_stamped(struct events *e, uint64_t mono_ns);
void events_settled(struct events *e);
/* Once after a gap, when the ring is half empty: the moment for a view. */
bool events_wants_view(struct events *e);

#endif
