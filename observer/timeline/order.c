#include "timeline/order.h"

#include <stdlib.h>

#include "base/check.h"

enum { QUEUED_COST = sizeof(struct queued) };

void order_init(struct order *o, size_t queued_max)
{
    *o = (struct order){.queued_max = queued_max};
    streams_init(&o->streams);
}

void order_free(struct order *o)
{
    streams_free(&o->streams);
    free(o->heap);
    free(o->parked);
    *o = (struct order){0};
}

/* --- the heap of streams that can go on --- */

static bool before(const struct order_slot *a, const struct order_slot *b)
{
    return a->key < b->key || (a->key == b->key && a->stream->index < b->stream->index);
}

static void sift_up(struct order *o, size_t i)
{
    struct order_slot slot = o->heap[i];
    while (i > 0 && before(&slot, &o->heap[(i - 1) / 2])) {
        o->heap[i] = o->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    o->heap[i] = slot;
}

static void sift_down(struct order *o, size_t i)
{
    struct order_slot slot = o->heap[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= o->n)
            break;
        if (child + 1 < o->n && before(&o->heap[child + 1], &o->heap[child]))
            child++;
        if (!before(&o->heap[child], &slot))
            break;
        o->heap[i] = o->heap[child];
        i = child;
    }
    o->heap[i] = slot;
}

static void heap_add(struct order *o, struct stream *s)
{
    if (o->n == o->cap) {
        o->cap = o->cap ? o->cap * 2 : 64;
        o->heap = realloc(o->heap, o->cap * sizeof *o->heap);
        CHECK(o->heap);
    }
    o->heap[o->n] = (struct order_slot){s->key, s};
    sift_up(o, o->n++);
}

static void heap_take_top(struct order *o)
{
    CHECK(o->n > 0);
    o->heap[0] = o->heap[--o->n];
    if (o->n > 0)
        sift_down(o, 0);
}

/* --- waiting --- */

static void park(struct order *o, struct stream *s, struct stream *on, uint64_t wants)
{
    CHECK(!s->parked);
    if (o->n_parked == o->cap_parked) {
        o->cap_parked = o->cap_parked ? o->cap_parked * 2 : 64;
        o->parked = realloc(o->parked, o->cap_parked * sizeof(struct stream *));
        CHECK(o->parked);
    }
    s->parked = true;
    s->parked_at = o->n_parked;
    o->parked[o->n_parked++] = s;
    s->waits_for = on;
    s->wants = wants;
    if (on) {
        s->next_waiter = on->waiters;
        on->waiters = s;
    }
}

static void unpark(struct order *o, struct stream *s)
{
    CHECK(s->parked);
    if (s->waits_for) {
        struct stream **link = &s->waits_for->waiters;
        while (*link != s)
            link = &(*link)->next_waiter;
        *link = s->next_waiter;
    }
    struct stream *moved = o->parked[--o->n_parked];
    o->parked[s->parked_at] = moved;
    moved->parked_at = s->parked_at;
    s->parked = false;
    s->waits_for = NULL;
    s->next_waiter = NULL;
    heap_add(o, s);
}

/* Has `seq` of this stream left the merge, or will it never come? */
static bool settled(struct stream *on, uint64_t seq)
{
    if (on->left >= seq)
        return true;
    const struct queued *front = stream_front(on);
    return front ? front->head.seq > seq : on->ended;
}

static void wake_waiters(struct order *o, struct stream *on)
{
    struct stream *next;
    for (struct stream *s = on->waiters; s; s = next) {
        next = s->next_waiter;
        if (settled(on, s->wants))
            unpark(o, s);
    }
}

/* Would parking `s` on `on` close a circle? */
static bool circle(const struct stream *s, const struct stream *on)
{
    while (on != s && on->parked && on->waits_for)
        on = on->waits_for;
    return on == s;
}

static bool is_named(const struct event_head *head)
{
    switch (head->body) {
    case ORRERY__EVENT__BODY_RECEIVE:
    case ORRERY__EVENT__BODY_DROP:
    case ORRERY__EVENT__BODY_SPAWN:
    case ORRERY__EVENT__BODY_EXIT:
        return head->peer_seq != 0;
    default:
        return false;
    }
}

static bool tired(const struct order *o, const struct stream *s)
{
    return o->watermark > s->key && o->watermark - s->key >= ORDER_PATIENCE_NS;
}

/* Parks the stream when its first event has to wait. Else *cause is what it names. */
static bool must_wait(struct order *o, struct stream *s, struct queued *q, struct stream **cause)
{
    *cause = NULL;
    struct stream *you = o->streams.all[0];
    if (q->hole && !q->forgone && !settled(you, q->hole) && !circle(s, you)) {
        park(o, s, you, q->hole);
        return true;
    }
    if (!is_named(&q->head))
        return false;
    struct stream *on = streams_find(&o->streams, q->head.peer, q->head.peer_boot);
    if (on && settled(on, q->head.peer_seq)) {
        *cause = on;
        return false;
    }
    bool here = on && on->ingested >= q->head.peer_seq;
    if (q->forgone || (!here && tired(o, s)) || (on && circle(s, on)))
        return false;
    park(o, s, on, q->head.peer_seq);
    return true;
}

/* --- leaving --- */

static size_t heap_index(const struct order *o, const struct stream *s)
{
    size_t i = 0; /* Elsewhere only if a follower has just added something older. */
    while (o->heap[i].stream != s)
        i++;
    return i;
}

static void requeue(struct order *o, struct stream *s)
{
    size_t i = heap_index(o, s);
    const struct queued *next = stream_front(s);
    if (next) {
        if (next->head.mono_ns > s->key)
            s->key = next->head.mono_ns;
        o->heap[i].key = s->key;
        sift_down(o, i);
        return;
    }
    o->heap[i] = o->heap[--o->n];
    if (i < o->n) {
        sift_down(o, i);
        sift_up(o, i);
    }
}

static void step(struct order *o)
{
    struct stream *s = o->heap[0].stream;
    struct queued *q = stream_front(s);
    struct stream *cause;
    if (must_wait(o, s, q, &cause)) {
        heap_take_top(o);
        return;
    }
    struct event_head head = q->head;
    struct bytes event = stream_front_event(s);
    head.payload.base = event.base + q->payload_at;
    o->queued_bytes -= q->len + QUEUED_COST;
    o->leave(o->ctx, s, &head, event, cause);
    CHECK(s->left == head.seq);
    stream_drop_front(s);
    requeue(o, s);
    if (s->waiters)
        wake_waiters(o, s);
}

/* The one that has waited longest goes on without its cause. */
static void forgo_oldest(struct order *o)
{
    struct stream *oldest = o->parked[0];
    for (size_t i = 1; i < o->n_parked; i++)
        if (o->parked[i]->key < oldest->key ||
            (o->parked[i]->key == oldest->key && o->parked[i]->index < oldest->index))
            oldest = o->parked[i];
    stream_front(oldest)->forgone = true;
    unpark(o, oldest);
}

/* Followers may add events while others leave: those wait for the loop to see them. */
static void drain(struct order *o)
{
    if (o->draining)
        return;
    o->draining = true;
    while (o->n > 0 && o->heap[0].key <= o->watermark)
        step(o);
    while (o->queued_bytes > o->queued_max) {
        if (o->n == 0)
            forgo_oldest(o);
        step(o);
    }
    o->draining = false;
}

void order_push(struct order *o, struct stream *s, const struct event_head *head,
                struct bytes event, uint64_t hole)
{
    bool empty = !stream_front(s);
    CHECK(head->seq > s->ingested);
    stream_queue(s, head, event, hole);
    o->queued_bytes += event.len + QUEUED_COST;
    if (empty) {
        if (head->mono_ns > s->key)
            s->key = head->mono_ns;
        heap_add(o, s);
        if (s->waiters)
            wake_waiters(o, s);
    }
    if (o->queued_bytes > o->queued_max)
        drain(o);
}

void order_stream_new(struct order *o)
{
    for (size_t i = o->n_parked; i-- > 0;)
        if (!o->parked[i]->waits_for)
            unpark(o, o->parked[i]);
}

static void wake_tired(struct order *o)
{
    for (size_t i = o->n_parked; i-- > 0;) {
        struct stream *s = o->parked[i];
        bool here = s->waits_for && s->waits_for->ingested >= s->wants;
        if (!here && tired(o, s))
            unpark(o, s);
    }
}

void order_advance(struct order *o, uint64_t watermark)
{
    if (watermark > o->watermark)
        o->watermark = watermark;
    wake_tired(o);
    drain(o);
}

void order_stream_end(struct order *o, struct stream *s)
{
    s->ended = true;
    wake_waiters(o, s);
    drain(o);
}

void order_flush(struct order *o)
{
    uint64_t watermark = o->watermark;
    o->watermark = UINT64_MAX;
    wake_tired(o);
    drain(o);
    while (o->n_parked > 0 && !o->draining) {
        forgo_oldest(o);
        drain(o);
    }
    o->watermark = watermark;
}
