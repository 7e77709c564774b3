/* The one timeline of a run: events of all nodes, in an order that never contradicts causality.
 *
 * Each node's stream comes in its own order. Streams are merged by cluster time, but a receive
 * never before the send that it names; where the send is unknown (lost, or not recorded at that
 * level) the receive goes on and says so. Entries are numbered e1, e2, ... as they leave the merge,
 * and then go to the window in memory, the pyramid, the recording and those who follow. A hole in a
 * stream becomes a Hole event on lane 0.
 *
 * Everything runs on one thread; recording's compression and writing has its own (record.h). */
#ifndef ORRERY_TIMELINE_TIMELINE_H
#define ORRERY_TIMELINE_TIMELINE_H

#include "event.pb-c.h"
#include "recording.pb-c.h"
#include "timeline/schema.h"

struct timeline;
struct Orrery__Entries; /* session.pb-c.h */
struct recorder;        /* timeline/record.h */
struct pyramid;         /* timeline/pyramid.h */
struct pyramid_cells;

/* The few fields of an event that everything needs, read without unpacking the rest. */
struct event_head {
    uint64_t seq;
    uint64_t mono_ns;
    int64_t wall_ns;
    uint64_t lamport;
    uint32_t instance;
    uint32_t body;        /* Orrery__Event__BodyCase */
    struct bytes payload; /* The body message, packed. */
    uint32_t kind;        /* Send, receive: case of the message; trace: its type + 1; 0 unknown. */
    uint32_t peer;        /* Receive, drop: the sender's node, boot, seq; 0 unknown. */
    uint32_t peer_boot;   /* Spawn, exit: lane 0, and the seq of the command there. */
    uint64_t peer_seq;
};
int event_head_read(struct bytes event, struct event_head *head); /* ERROR_MALFORMED. */
struct bytes trace_body(struct bytes payload); /* Of a Trace: what its type packs; or empty. */

struct entry {
    uint64_t ordinal;
    uint32_t node;
    uint32_t boot;
    uint64_t cause;    /* Ordinal; 0 none. */
    uint64_t previous; /* Ordinal of the event before it on the same node and boot; 0 none. */
    struct event_head head;
    struct bytes event; /* Valid as long as the entry is in the window. */
};

struct timeline_options {
    size_t window_bytes;      /* 0: 256 MiB. Older entries are read back from the recording. */
    const char *recording;    /* A path, or NULL: nothing is recorded. */
    uint64_t recording_bytes; /* Cap; 0: 4 GiB. At the cap recording stops and says so. */
    Orrery__RunInfo info;
};

/* NULL and a sentence when the recording cannot be made. */
struct timeline *timeline_new(const struct timeline_options *options, char *why, size_t why_size);
void timeline_free(struct timeline *t); /* Ends the recording with its index. */

/* The next event of a stream, in the stream's order. Malformed ones are counted and dropped. */
void timeline_ingest(struct timeline *t, uint32_t node, uint32_t boot, struct bytes event);
/* An event of lane 0: seq and lamport are filled in. Returns its seq there. */
uint64_t timeline_operator(struct timeline *t, uint64_t mono_ns, int64_t wall_ns,
                           Orrery__Event *event);
/* Every stream has been read up to this cluster time: what is older may leave the merge. */
void timeline_watermark(struct timeline *t, uint64_t mono_ns);
/* The process ended and its ring is drained: nobody waits for its sends any more. */
void timeline_stream_end(struct timeline *t, uint32_t node, uint32_t boot);
void timeline_flush(struct timeline *t); /* Lets everything leave, in the best order known. */

/* Called for each entry as it leaves the merge. Returns a handle for unfollow. */
int timeline_follow(struct timeline *t, void (*entry)(void *ctx, const struct entry *e), void *ctx);
void timeline_unfollow(struct timeline *t, int handle);

uint64_t
timeline_oldest(const struct timeline *t); /* Oldest ordinal that can be read; 1 or more. */
uint64_t timeline_newest(const struct timeline *t); /* 0 when there is none. */
/* Valid until the next call that adds or reads entries. Reads the recording where it must. */
bool timeline_get(struct timeline *t, uint64_t ordinal, struct entry *e);
/* The event before this one on the same node and boot; 0. */
uint64_t timeline_previous(struct timeline *t, uint64_t ordinal);
/* Ordinals in the causal past of `ordinal`, newest first, at most n; returns how many. */
size_t timeline_past(struct timeline *t, uint64_t ordinal, uint64_t *into, size_t n);
size_t timeline_future(struct timeline *t, uint64_t ordinal, uint64_t *into, size_t n);

/* How far the past and the future of an entry reach into one life; ordinals, 0 where there is none.
 */
struct timeline_reach {
    uint32_t node, boot;
    uint64_t past_first, past_last, past_ns;       /* When its last one was. */
    uint64_t future_first, future_last, future_ns; /* When its first one was. */
};
struct timeline_cone {
    struct timeline_reach *all; /* To be freed. */
    size_t n;
    uint64_t past, future; /* How many, without the entry itself. */
    bool bounded;          /* Not all was looked at: there may be more. */
};
bool timeline_cone(struct timeline *t, uint64_t ordinal, struct timeline_cone *cone);

/* The first entry at or after this cluster time, about: causality may have moved some by a little.
 * One behind the newest when there is none. */
uint64_t timeline_at(struct timeline *t, uint64_t mono_ns);

/* For a viewer of another process's run: takes a batch of its entries, ordered there, with the
 * schemas and starts that came along, and tells those who follow. Where ordinals do not go on from
 * the newest, what was before is forgotten; ordinals already known, and what is malformed, are
 * counted and dropped. `t` is made by timeline_new() without a recording, and ingests nothing else.
 */
void timeline_adopt(struct timeline *t, const struct Orrery__Entries *batch);

const struct clocks *timeline_clocks(const struct timeline *t); /* timeline/clocks.h */
/* How far what two nodes are stamped by may be off each other at that cluster time, in ns, where
 * that is more than 5 % of what was measured across them; 0: it is less, or their clocks are one.
 */
uint64_t timeline_uncertain(const struct timeline *t, uint32_t a, uint32_t b, uint64_t ns,
                            uint64_t latency_ns);

struct schema *timeline_schema(struct timeline *t);
/* The i-th distinct FileDescriptorSet that nodes have sent; false when there are fewer. */
bool timeline_schemas(const struct timeline *t, size_t i, struct bytes *set);
/* The newest start event of a node; NULL before there is one. Lives until a newer one. */
const Orrery__Start *timeline_start(struct timeline *t, uint32_t node);
const Orrery__Start *timeline_start_of(struct timeline *t, uint32_t node, uint32_t boot);
uint32_t timeline_lanes(const struct timeline *t); /* Nodes known are below this; 0 is "you". */
const struct pyramid *timeline_pyramid(const struct timeline *t);
/* As pyramid_tile(), and counts again from the events what the pyramid has given up. */
bool timeline_tile(struct timeline *t, uint32_t level, uint64_t tile, struct pyramid_cells *cells);
uint64_t timeline_holes(const struct timeline *t);      /* Events known to be missing. */
uint64_t timeline_malformed(const struct timeline *t);  /* Events that were no events: dropped. */
uint64_t timeline_recorded(const struct timeline *t);   /* Bytes on disk. */
const char *timeline_trouble(const struct timeline *t); /* Recording stopped, and why; or NULL. */

/* Opens a recording without a cluster: the same queries, nothing to ingest. A file cut short by a
 * crash opens up to its last whole chunk; a newer version is refused with a sentence. */
struct timeline *timeline_open(const char *path, char *why, size_t why_size);
const Orrery__RunInfo *timeline_info(const struct timeline *t);

/* Large values beside the events: pages, tensors. In the recording only: false without one. The
 * body is at most 63 MiB; `id` is the caller's. Reading: 0, ERROR_NOT_FOUND, ERROR_DAMAGED. */
bool timeline_put_blob(struct timeline *t, uint64_t id, const char *type, struct bytes body);
int timeline_blob(struct timeline *t, uint64_t id, struct buf *type, struct buf *body);

/* One line for people: "n2 suspects n3 (phi 8.1)" is up to the schema: "heartbeat.Opinion peer=3
 * ..."; the kinds that all protocols share are put in words. */
void timeline_describe(struct timeline *t, const struct entry *e, struct buf *into);
/* An object: ordinal, lane, times, kind, text, and the body with what is packed in it read out. */
void timeline_json(struct timeline *t, const struct entry *e, struct buf *into);
/* "receive": the kind's name in proto/event.proto; "unknown". */
const char *timeline_kind(uint32_t body);
/* What a body's bytes are, by its node's start event; NULL when that was not seen. */
const Orrery__Instance *timeline_instance(struct timeline *t, const struct entry *e);
const struct schema_type *timeline_message_type(struct timeline *t, const struct entry *e);
const struct schema_type *timeline_trace_type(struct timeline *t, const struct entry *e);
const struct schema_type *timeline_view_type(struct timeline *t, const struct entry *e);
/* "n3", "you"; never NULL. */
const char *timeline_lane(struct timeline *t, uint32_t node);

#endif
