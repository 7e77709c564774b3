/* What of a timeline is found without walking over it: what is rare (commands, starts, exits,
 * moves), each lane's states and holes, how clocks stand, and where a stage's fold may begin. A
 * timeline notes them as its entries leave the merge, and a recording has them at its end, so that
 * one of ten million events opens at once. Memory is bounded: of what is often there, some at even
 * distances stay. */
#ifndef ORRERY_TIMELINE_LANDMARKS_H
#define ORRERY_TIMELINE_LANDMARKS_H

#include "timeline/clocks.h"
#include "timeline/holes.h"
#include "timeline/timeline.h"
#include "timeline/view.h"

enum { MOMENTS_MAX = 1 << 17, BASES_MAX = 1 << 17, VIEW_LANES_MAX = 1 << 16 };

struct moment { /* Something that is marked on a lane also where messages are only counted. */
    uint64_t ordinal;
    uint64_t ns;
    uint32_t lane;
    uint32_t body;
};

struct state_change {
    uint64_t ns; /* Ascending. */
    enum view_state state;
    uint64_t term; /* Of one in charge, if it told one in the same step; else 0. */
};

struct lane_states {
    struct state_change *all;
    size_t n, cap;
};

struct landmarks { /* Starts as zeroes. */
    uint64_t newest_ns;
    struct moment *moments;
    size_t n_moments, cap_moments;
    struct view_base *bases;
    size_t n_bases, cap_bases;
    struct lane_states *lanes;
    uint32_t n_lanes;
    struct holes holes;
    struct clocks clocks;
};

void landmarks_free(struct landmarks *m);
/* How the lane was at that moment; NULL: not there yet. */
const struct state_change *landmarks_state_at(const struct landmarks *m, uint32_t lane,
                                              uint64_t ns);
void landmarks_note(struct landmarks *m, struct timeline *t, const struct entry *e);
void landmarks_note_all(struct landmarks *m, struct timeline *t); /* By walking over it. */

/* For recordings: a packed Landmarks. Taking one over, bytes from outside: 0, ERROR_MALFORMED. */
void landmarks_pack(const struct landmarks *m, struct buf *into);
int landmarks_unpack(struct landmarks *m, struct bytes packed);

bool landmarks_is_rare(uint32_t body);   /* Marked at every level, */
bool landmarks_is_marked(uint32_t body); /* or where there is room. */
/* The lane that an event is about: an exit is told on lane 0, of another. */
uint32_t landmarks_lane(const struct entry *e);

#endif
