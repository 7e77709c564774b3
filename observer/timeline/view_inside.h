/* What the parts of a view share. Only for view*.c. */
#ifndef ORRERY_TIMELINE_VIEW_INSIDE_H
#define ORRERY_TIMELINE_VIEW_INSIDE_H

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
};

struct lane_states {
    struct state_change *all;
    size_t n, cap;
};

struct timeline_view {
    struct timeline *timeline;
    int follow;
    uint64_t newest_ns;
    struct moment *moments;
    size_t n_moments, cap_moments;
    struct view_base *bases;
    size_t n_bases, cap_bases;
    struct lane_states *lanes;
    uint32_t n_lanes;
};

bool timeline_view_is_rare(uint32_t body);   /* Marked at every level, */
bool timeline_view_is_marked(uint32_t body); /* or where there is room. */
/* The lane that an event is about: an exit is told on lane 0, of another. */
uint32_t timeline_view_lane(const struct entry *e);

#endif
