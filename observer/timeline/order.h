/* Merges streams into one order that never contradicts causality.
 *
 * What is oldest by cluster time leaves first, up to the watermark. An event that names another one
 * as its cause (a receive its send, a drop its send, an exit its command) waits for that one,
 * unless it is known never to come: its stream is beyond it, or has ended, or the watermark is
 * ORDER_PATIENCE_NS further. Claims that wait for each other in a circle are lies: the one that
 * closes the circle goes on without its cause. */
#ifndef ORRERY_TIMELINE_ORDER_H
#define ORRERY_TIMELINE_ORDER_H

#include "timeline/streams.h"

#define ORDER_PATIENCE_NS UINT64_C(1000000000)

struct order_slot {
    uint64_t key;
    struct stream *stream;
};

struct order {
    struct streams streams;
    struct order_slot *heap; /* Streams with something queued that are not parked. */
    size_t n, cap;
    struct stream **parked;
    size_t n_parked, cap_parked;
    uint64_t watermark;
    size_t queued_bytes;
    size_t queued_max; /* Beyond it the oldest leave, watermark or not. */
    bool draining;

    /* An event leaves. `cause` is a stream that it names, whose event `head->peer_seq` has left
     * before it; NULL when it names none, or one that is unknown. */
    void (*leave)(void *ctx, struct stream *stream, const struct event_head *head,
                  struct bytes event, struct stream *cause);
    void *ctx;
};

void order_init(struct order *o, size_t queued_max);
void order_free(struct order *o);
/* `hole`: seq on lane "you" of an event that must leave first; 0 none. */
void order_push(struct order *o, struct stream *s, const struct event_head *head,
                struct bytes event, uint64_t hole);
void order_advance(struct order *o, uint64_t watermark);
void order_stream_new(struct order *o); /* Somebody may have waited for it. */
void order_stream_end(struct order *o, struct stream *s);
void order_flush(struct order *o);

#endif
