/* A timeline as it is looked at: a span of time as arrays that can be drawn, and where a stage's
 * fold over events may begin.
 *
 * It looks at the timeline's landmarks and pyramid first, so that what it answers costs as much as
 * what is to be shown, not as much as happened. */
#ifndef ORRERY_TIMELINE_VIEW_H
#define ORRERY_TIMELINE_VIEW_H

#include "session.pb-c.h"
#include "timeline/timeline.h"

struct timeline_view;

enum { VIEW_MESSAGES_USUAL = 2000, VIEW_MESSAGES_MAX = 50000, VIEW_MARKS_MAX = 2000 };

enum view_state {
    VIEW_RUNNING = 1,
    VIEW_PAUSED,
    VIEW_DEAD,
    VIEW_ABSENT,
    VIEW_STARTING,
    VIEW_TRYING,    /* Runs, and its protocol says: it wants to be in charge, */
    VIEW_IN_CHARGE, /* or is. */
};

enum {
    VIEW_UNDER_WAY,
    VIEW_RECEIVED,
    VIEW_DROPPED, /* And more: the reason. */
    VIEW_PEER_DEAD = 100,
    VIEW_UNANSWERED, /* A request of which nobody knows whether it happened, */
    VIEW_WAITS,      /* or of which that is still to come. */
};

/* Clients are no nodes: they have a lane behind all that nodes can have. */
enum { VIEW_LANE_CLIENTS = 1 << 16 };

struct timeline_view *timeline_view_new(struct timeline *t);
void timeline_view_free(struct timeline_view *v); /* Before its timeline. */

/* What a span looks like: every message when there are at most as many as was asked for, else bins
 * about two columns wide. The question may be any nonsense: it is bounded to what there is. Free
 * with orrery__window__free_unpacked(). */
Orrery__Window *timeline_view_window(struct timeline_view *v, const Orrery__WindowAsk *ask);

/* Every message and mark up to a moment, however many: of a run that is known to be short. */
Orrery__Window *timeline_view_whole(struct timeline_view *v, uint64_t to_ns);

/* Of each protocol instance of each node, its newest view or start at or before a moment: what came
 * before it need not be known. Ascending by ordinal; to be freed. */
struct view_base {
    uint64_t ordinal;
    uint64_t ns;
    uint32_t node;
    uint32_t instance; /* 0: the start of the node. */
};
size_t timeline_view_bases(const struct timeline_view *v, uint64_t at_ns, struct view_base **bases);

/* What befell nodes (commands, spawns, exits) and with what they began, before an ordinal: the
 * newest of it, at most n ordinals, ascending; to be freed. No view tells of it. */
size_t timeline_view_outside(const struct timeline_view *v, uint64_t before, size_t n,
                             uint64_t **ordinals);

enum view_state timeline_view_state_at(const struct timeline_view *v, uint32_t lane, uint64_t ns);
uint64_t timeline_view_newest_ns(const struct timeline_view *v);
struct timeline *timeline_view_timeline(const struct timeline_view *v);

#endif
