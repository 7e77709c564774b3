/* Looking things up, whether they are in the window or on disk, and walking along causality. */
#include <stdlib.h>

#include "base/check.h"
#include "base/heap.h"
#include "timeline/front.h"
#include "timeline/inside.h"

uint64_t timeline_oldest(const struct timeline *t)
{
    if (t->reading && reading_newest(t->reading) > 0)
        return reading_oldest(t->reading);
    return t->opened ? 1 : t->recent.oldest;
}

uint64_t timeline_newest(const struct timeline *t)
{
    return t->opened ? reading_newest(t->reading) : t->recent.newest;
}

static bool from_window(const struct timeline *t, uint64_t ordinal, struct entry *e)
{
    const struct recent_slot *slot = recent_slot(&t->recent, ordinal);
    if (!slot)
        return false;
    *e = (struct entry){
        .ordinal = ordinal,
        .node = slot->node,
        .boot = slot->boot,
        .cause = slot->cause,
        .previous = slot->previous,
        .event = recent_event(&t->recent, slot),
    };
    return event_head_read(e->event, &e->head) == 0;
}

bool timeline_get(struct timeline *t, uint64_t ordinal, struct entry *e)
{
    if (from_window(t, ordinal, e))
        return true;
    if (!t->reading || ordinal == 0 || ordinal > timeline_newest(t))
        return false;
    if (t->recorder && ordinal > reading_newest(t->reading))
        recorder_settle(t->recorder);
    return reading_entry(t->reading, ordinal, e);
}

uint64_t timeline_previous(struct timeline *t, uint64_t ordinal)
{
    struct entry e;
    return timeline_get(t, ordinal, &e) ? e.previous : 0;
}

uint64_t timeline_at(struct timeline *t, uint64_t mono_ns)
{
    uint64_t low = timeline_oldest(t), high = timeline_newest(t) + 1;
    const struct recent_slot *first = recent_slot(&t->recent, t->recent.oldest);
    if (first && first->mono_ns < mono_ns) {
        low = t->recent.oldest;
    } else if (t->reading && reading_newest(t->reading) > 0) {
        low = reading_at(t->reading, mono_ns);
        struct entry e; /* Within one chunk it is a walk. */
        while (low < high && timeline_get(t, low, &e) && e.head.mono_ns < mono_ns)
            low++;
        return low;
    }
    while (low < high) { /* Nearly sorted by time: causality may have moved some. */
        uint64_t middle = low + (high - low) / 2;
        const struct recent_slot *slot = recent_slot(&t->recent, middle);
        if (slot && slot->mono_ns < mono_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* --- causality --- */

enum { WALK_MAX = 1 << 21 }; /* Entries that one question looks at. */

size_t timeline_past(struct timeline *t, uint64_t ordinal, uint64_t *into, size_t n)
{
    struct heap heap = {0}; /* Newest first: keys are negated ordinals. */
    struct heap_item item;
    struct entry e;
    size_t found = 0, steps = 0;
    uint64_t last = 0;
    heap_push(&heap, ~ordinal, NULL);
    while (found < n && steps++ < WALK_MAX && heap_pop(&heap, &item)) {
        uint64_t at = ~item.key;
        if (at == last || !timeline_get(t, at, &e))
            continue; /* Reached on two ways, the second comes right after the first. */
        last = at;
        if (at != ordinal)
            into[found++] = at;
        if (e.previous)
            heap_push(&heap, ~e.previous, NULL);
        if (e.cause)
            heap_push(&heap, ~e.cause, NULL);
    }
    heap_free(&heap);
    return found;
}

size_t timeline_future(struct timeline *t, uint64_t ordinal, uint64_t *into, size_t n)
{
    struct front front = {0}; /* Of each life, the ordinal from which on it is in the future. */
    struct entry e;
    size_t found = 0;
    if (!timeline_get(t, ordinal, &e))
        return 0;
    *front_mark(&front, e.node, e.boot, 0) = ordinal;
    uint64_t newest = timeline_newest(t);
    if (newest - ordinal > WALK_MAX)
        newest = ordinal + WALK_MAX;
    for (uint64_t at = ordinal + 1; at <= newest && found < n; at++) {
        if (!timeline_get(t, at, &e))
            continue;
        uint32_t node, boot;
        front_cause_life(&e, &node, &boot);
        uint64_t from = e.cause ? *front_mark(&front, node, boot, 0) : 0;
        uint64_t *own = front_mark(&front, e.node, e.boot, 0);
        if (!*own && from && e.cause >= from)
            *own = at;
        if (*own)
            into[found++] = at;
    }
    front_free(&front);
    return found;
}

/* --- the pyramid's tiles, where it has given them up --- */

static uint64_t latency_of(struct timeline *t, const struct entry *e)
{
    struct entry sent;
    if (e->head.body != ORRERY__EVENT__BODY_RECEIVE || !e->cause ||
        !timeline_get(t, e->cause, &sent) || sent.head.mono_ns > e->head.mono_ns)
        return PYRAMID_NO_LATENCY;
    return e->head.mono_ns - sent.head.mono_ns;
}

static void count_again(struct timeline *t, struct pyramid *p, uint64_t from_ns, uint64_t to_ns)
{
    struct entry e, sent;
    uint64_t from = timeline_at(t, from_ns > ORDER_PATIENCE_NS ? from_ns - ORDER_PATIENCE_NS : 0);
    uint64_t newest = timeline_newest(t);
    for (uint64_t at = from; at <= newest && at - from < WALK_MAX; at++) {
        if (!timeline_get(t, at, &e))
            continue;
        uint64_t mono_ns = e.head.mono_ns;
        if (mono_ns > to_ns && mono_ns - to_ns > ORDER_PATIENCE_NS)
            break;
        if (mono_ns < from_ns || mono_ns >= to_ns)
            continue;
        struct event_head head = e.head;
        uint32_t node = e.node;
        pyramid_add(p, node, &head, latency_of(t, &e));
        if (head.body == ORRERY__EVENT__BODY_DROP && e.cause && timeline_get(t, e.cause, &sent))
            pyramid_drop(p, sent.node, &sent.head, mono_ns);
    }
}

bool timeline_tile(struct timeline *t, uint32_t level, uint64_t tile, struct pyramid_cells *cells)
{
    if (pyramid_tile(t->pyramid, level, tile, cells))
        return true;
    if (level >= PYRAMID_LEVELS)
        return false;
    if (timeline_read_level(t, level) && pyramid_tile(t->pyramid, level, tile, cells))
        return true;
    uint64_t span = pyramid_level_ns(level) * PYRAMID_TILE_BINS;
    if (tile > UINT64_MAX / span - 1)
        return true; /* Nothing can be there. */
    struct pyramid *again = pyramid_new(SIZE_MAX);
    count_again(t, again, tile * span, (tile + 1) * span);
    bool there = pyramid_tile(again, level, tile, cells);
    pyramid_free(again);
    return there;
}
