/* How a run's lab went, kept in its recording: the lab as it was played, and a state for every
 * change. A recording of a run without a lab has none. */
#ifndef ORRERY_SESSION_STORY_H
#define ORRERY_SESSION_STORY_H

#include "lab.pb-c.h"
#include "timeline/timeline.h"

enum { STORY_MOMENTS_MAX = 4096 }; /* Later ones are not kept. */

struct story {
    Orrery__Lab *lab; /* NULL: there is no story. */
    Orrery__LabMoment **moments;
    size_t n;
};

/* Where nothing is recorded, nothing is kept. */
void story_keep_lab(struct timeline *t, const Orrery__Lab *lab);
/* The i-th change, from 0. */
void story_keep(struct timeline *t, size_t i, const Orrery__LabState *state, uint64_t at_ns);

/* Bytes of a recording: what is no story is left out. */
void story_read(struct story *s, struct timeline *t);
void story_free(struct story *s);

#endif
