/* The inside of a timeline, shared by the files that make it up. */
#ifndef ORRERY_TIMELINE_INSIDE_H
#define ORRERY_TIMELINE_INSIDE_H

#include "timeline/landmarks.h"
#include "timeline/lives.h"
#include "timeline/order.h"
#include "timeline/pyramid.h"
#include "timeline/reading.h"
#include "timeline/recent.h"
#include "timeline/record.h"

enum { TIMELINE_WHY_MAX = 512 };

struct follower {
    int handle; /* 0: was taken off while others were being told. */
    void (*entry)(void *ctx, const struct entry *e);
    void *ctx;
};

struct timeline {
    struct order order;
    struct recent recent;
    struct lives lives;
    struct schema *schema;
    struct pyramid *pyramid;
    uint32_t pyramid_from; /* Of an opened recording: finer levels are read when asked for: */
    uint32_t pyramid_read; /* a bit for each that was. */
    struct landmarks landmarks;
    bool landmarks_known;      /* Of an opened recording: they were in it, or it was walked over. */
    struct recorder *recorder; /* NULL: nothing is recorded. */
    struct reading *reading;   /* Of the recording being written, or of the one that was opened. */
    Orrery__RunInfo *info;

    uint64_t you_seq;
    uint64_t malformed;
    uint64_t holes;
    struct buf packed; /* Of an event of lane "you". */

    struct follower *followers;
    size_t n_followers;
    int next_handle;
    bool telling;

    bool opened; /* From a file: nothing is ever added. */
    char trouble[TIMELINE_WHY_MAX];
};

void timeline_tell(struct timeline *t, const struct entry *e); /* Those who follow. */
/* Reads a level of the pyramid from an opened recording. True: it was not read before. */
bool timeline_read_level(struct timeline *t, uint32_t level);
const struct landmarks *timeline_landmarks(struct timeline *t);
/* With nothing in it and no recording. */
struct timeline *timeline_bare(size_t window_bytes);

#endif
