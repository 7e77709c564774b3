/* Timelines for other people's viewers.
 *
 * ShiViz (bestchai.github.io/shiviz): a log with vector clocks, computed here over the window that
 * is exported. Its rules: the first two lines are the regular expressions that read the rest; each
 * host's own clock begins at 1 and rises by one an event; every host that a clock names has events.
 * A life after the first is a host of its own, n1#2. It takes a time that is quadratic in the
 * events, so a window is at most 5,000 events unless more are asked for.
 *
 * Perfetto (ui.perfetto.dev): its TrackEvent protobuf. A process a node, with a track for its
 * lives, one for its events and one for its disk; a flow from each send to each of its receives;
 * and a counter for each fractional number in a trace. */
#ifndef ORRERY_TIMELINE_EXPORT_H
#define ORRERY_TIMELINE_EXPORT_H

#include "timeline/timeline.h"

#include <stdio.h>

enum { EXPORT_SHIVIZ_EVENTS = 5000 };

struct export_options {
    uint64_t from;  /* Ordinals; 0: the oldest, */
    uint64_t to;    /* 0: the newest. */
    uint64_t limit; /* Of events; 0: EXPORT_SHIVIZ_EVENTS for ShiViz, none for Perfetto. */
    /* Which events are shown; NULL: all. What is left out still carries causality. */
    bool (*wanted)(void *ctx, const struct entry *e);
    void *ctx;
};

struct export_done {
    uint64_t events;
    uint64_t left_out; /* Newer ones, beyond the limit. */
};

/* 0, or negative and a sentence: nothing to export, or the file could not be written. */
int export_shiviz(struct timeline *t, const struct export_options *options, FILE *out,
                  struct export_done *done, char *why, size_t why_size);
int export_perfetto(struct timeline *t, const struct export_options *options, FILE *out,
                    struct export_done *done, char *why, size_t why_size);

#endif
