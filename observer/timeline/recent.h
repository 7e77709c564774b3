/* The newest entries of the timeline, in a bounded piece of memory: a ring of bytes for the events
 * and a ring of slots for where they are. What is pushed out is gone from here; the recording may
 * still have it. */
#ifndef ORRERY_TIMELINE_RECENT_H
#define ORRERY_TIMELINE_RECENT_H

#include "timeline/timeline.h"

struct recent_slot {
    uint64_t at; /* Position in `bytes`. */
    uint64_t mono_ns;
    uint64_t cause;
    uint64_t previous;
    uint32_t len;
    uint32_t node;
    uint32_t boot;
};

struct recent {
    uint8_t *bytes;
    size_t size;
    size_t used;  /* Counting the bytes skipped at the end. */
    size_t write; /* Where the next event goes. */
    size_t limit; /* Of `used` and the slots in use together. */
    struct recent_slot *slots;
    size_t n_slots;  /* A power of two. */
    uint64_t oldest; /* Ordinals oldest .. newest are here; oldest > newest: none. */
    uint64_t newest;
};

void recent_init(struct recent *w, size_t limit, uint64_t first_ordinal);
void recent_free(struct recent *w);

/* Adds the entry with the next ordinal. Returns where its bytes are, until it is pushed out. */
struct bytes recent_add(struct recent *w, const struct entry *e);
const struct recent_slot *recent_slot(const struct recent *w, uint64_t ordinal); /* Or NULL. */
struct bytes recent_event(const struct recent *w, const struct recent_slot *slot);

#endif
