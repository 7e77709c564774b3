/* One stream is what one life of a node tells, (node, boot), in its own order; (0, 0) is lane
 * "you". A stream keeps the events that have not left the merge yet, and remembers which ordinal
 * its recent ones got, so that receives find their sends. */
#ifndef ORRERY_TIMELINE_STREAMS_H
#define ORRERY_TIMELINE_STREAMS_H

#include "timeline/timeline.h"

enum {
    STREAMS_MAX = 1 << 18,
    STREAM_KEEP = 1 << 12, /* Ordinals remembered even of events that left the window. */
};

struct queued {
    struct event_head head; /* payload.base is not valid: the queue moves. */
    uint64_t hole;          /* Seq on lane 0 of the hole just before this event; 0 none. */
    uint64_t at;            /* Position of the event in all bytes ever queued. */
    uint32_t len;
    uint32_t payload_at; /* In the event. */
    bool forgone;        /* Its send is not waited for any more. */
};

struct stream {
    uint32_t node;
    uint32_t boot;
    uint32_t index; /* In order of appearance; 0 is lane "you". */
    bool ended;
    uint64_t spawned;  /* Seq on lane "you" of its process's start: nothing of it came before. */
    uint64_t ingested; /* Newest seq that came in, */
    uint64_t last_ns;  /* and the latest time. */
    uint64_t left;     /* Newest seq that left the merge. */
    uint64_t newest;   /* Its ordinal. */
    uint64_t key;      /* Time of the first in the queue, never less than those before it. */

    struct queued *items;
    size_t first, n, cap; /* items[first .. n) are queued. */
    struct buf bytes;
    uint64_t gone; /* Bytes taken off the front of `bytes`, ever. */

    uint64_t *ordinals;  /* By seq & (slots - 1); 0: there was no such event. */
    size_t slots;        /* A power of two, or 0. */
    uint64_t known_from; /* Seqs known_from .. left are remembered. */

    struct stream *waits_for; /* While parked: on whom (NULL: a stream not seen yet), */
    uint64_t wants;           /* and for which of its seqs. */
    bool parked;
    size_t parked_at;       /* In the list of the parked. */
    struct stream *waiters; /* Those parked on this one, linked by next_waiter. */
    struct stream *next_waiter;
};

struct streams {
    struct stream **all; /* By index. */
    uint32_t n;
    uint32_t cap;
    uint32_t *table; /* Open addressing: index + 1. */
    size_t table_size;
    struct stream *last; /* Found last. */
};

void streams_init(struct streams *s); /* With lane "you". */
void streams_free(struct streams *s);
struct stream *streams_find(struct streams *s, uint32_t node, uint32_t boot); /* Or NULL. */
/* NULL when there are STREAMS_MAX already. *fresh: it was made now. */
struct stream *streams_get(struct streams *s, uint32_t node, uint32_t boot, bool *fresh);

void stream_queue(struct stream *s, const struct event_head *head, struct bytes event,
                  uint64_t hole);
struct queued *stream_front(struct stream *s); /* NULL when nothing is queued. */
struct bytes stream_front_event(const struct stream *s);
void stream_drop_front(struct stream *s);

/* Notes the ordinal of an event that leaves; ordinals below `oldest` may be forgotten. */
void stream_note(struct stream *s, uint64_t seq, uint64_t ordinal, uint64_t oldest);
uint64_t stream_ordinal(const struct stream *s, uint64_t seq); /* 0: unknown. */

#endif
