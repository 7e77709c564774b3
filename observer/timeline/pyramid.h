/* How much happened when: counts of events by lane and kind, in bins of 256 us * 2^level, so that a
 * view of any span of time costs as much as it has pixels.
 *
 * An event goes into level 0; a bin that is over is added to the one above it. Memory is bounded:
 * the oldest tiles of the finest levels are given up first, and can be counted again from the
 * events themselves (timeline_tile() does). */
#ifndef ORRERY_TIMELINE_PYRAMID_H
#define ORRERY_TIMELINE_PYRAMID_H

#include "timeline/timeline.h"

enum { PYRAMID_LEVELS = 25, PYRAMID_TILE_BINS = 1024, PYRAMID_BIN_NS = 256000 };
#define PYRAMID_NO_LATENCY UINT64_MAX

struct pyramid_cell {
    uint32_t lane;
    uint32_t instance;
    uint32_t body; /* Orrery__Event__BodyCase, and */
    uint32_t kind; /* its kind: see event_head. */
    uint32_t bin;  /* In the tile. */
    uint64_t count;
    uint64_t drops; /* Sends: messages of which the loss was seen in this bin. */
    uint64_t timed; /* Receives whose send is known: how long they were on their way. */
    double latency_min_ns;
    double latency_max_ns;
    double latency_sum_ns;
};

struct pyramid_cells { /* Starts as zeroes. */
    struct pyramid_cell *all;
    size_t n, cap;
};

struct pyramid *pyramid_new(size_t bytes_max); /* 0: 64 MiB. */
void pyramid_free(struct pyramid *p);

/* `latency_ns` of a receive, from its send; PYRAMID_NO_LATENCY when there is none. */
void pyramid_add(struct pyramid *p, uint32_t lane, const struct event_head *head,
                 uint64_t latency_ns);
/* A message that `lane` sent was lost, as was seen at mono_ns. */
void pyramid_drop(struct pyramid *p, uint32_t lane, const struct event_head *sent,
                  uint64_t mono_ns);

/* The cells of tile `tile` of a level: of the time [tile, tile + 1) * 1024 bins, sorted by lane,
 * instance, body, kind and bin, each once. Appended. False: given up, count again. */
bool pyramid_tile(const struct pyramid *p, uint32_t level, uint64_t tile,
                  struct pyramid_cells *cells);
uint64_t pyramid_level_ns(uint32_t level); /* How long a bin of this level is. */

void pyramid_cells_free(struct pyramid_cells *cells);

/* For recordings. Numbers of the tiles of a level in which something happened, ascending; the
 * caller frees them. */
size_t pyramid_tiles(const struct pyramid *p, uint32_t level, uint64_t **numbers);
/* A packed PyramidTile; false when it is too large to be worth it. */
bool pyramid_pack(const struct pyramid *p, uint32_t level, uint64_t tile, struct buf *into);
/* Takes over a packed tile, bytes from outside: 0, or ERROR_MALFORMED. From then on the pyramid
 * only answers for the tiles that it was given. */
int pyramid_unpack(struct pyramid *p, struct bytes packed);

#endif
