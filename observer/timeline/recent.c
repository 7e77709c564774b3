#include "timeline/recent.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/ring.h"

enum { SLOTS_FIRST = 1024, SIZE_MIN = 4 * RING_RECORD_MAX };

void recent_init(struct recent *w, size_t limit, uint64_t first_ordinal)
{
    *w = (struct recent){.limit = limit < SIZE_MIN ? SIZE_MIN : limit};
    w->size = w->limit;
    w->bytes = malloc(w->size); /* The machine lends pages as they are touched. */
    w->n_slots = SLOTS_FIRST;
    w->slots = malloc(w->n_slots * sizeof *w->slots);
    CHECK(w->bytes && w->slots);
    w->oldest = first_ordinal;
    w->newest = first_ordinal - 1;
}

void recent_free(struct recent *w)
{
    free(w->bytes);
    free(w->slots);
    *w = (struct recent){0};
}

static struct recent_slot *slot_at(const struct recent *w, uint64_t ordinal)
{
    return &w->slots[ordinal & (w->n_slots - 1)];
}

static size_t entries(const struct recent *w)
{
    return (size_t)(w->newest + 1 - w->oldest);
}

static void push_out(struct recent *w)
{
    CHECK(entries(w) > 0);
    const struct recent_slot *gone = slot_at(w, w->oldest);
    w->oldest++;
    if (entries(w) == 0) {
        w->used = 0;
        return;
    }
    const struct recent_slot *next = slot_at(w, w->oldest);
    size_t span = next->at >= gone->at ? next->at - gone->at : w->size - gone->at + next->at;
    w->used -= span;
}

static void grow_slots(struct recent *w)
{
    size_t n = w->n_slots * 2;
    struct recent_slot *slots = malloc(n * sizeof *slots);
    CHECK(slots);
    for (uint64_t o = w->oldest; o <= w->newest; o++)
        slots[o & (n - 1)] = *slot_at(w, o);
    free(w->slots);
    w->slots = slots;
    w->n_slots = n;
}

/* Position of `len` contiguous bytes; pushes out what is in the way. */
static size_t place(struct recent *w, size_t len)
{
    bool wraps = w->size - w->write < len;
    size_t skipped = wraps ? w->size - w->write : 0;
    size_t cost = len + skipped + sizeof(struct recent_slot);
    while (entries(w) > 0 && w->used + entries(w) * sizeof(struct recent_slot) + cost > w->limit)
        push_out(w);
    if (entries(w) > 0)
        w->used += skipped;
    size_t at = wraps ? 0 : w->write;
    w->write = at + len;
    w->used += len;
    return at;
}

struct bytes recent_add(struct recent *w, const struct entry *e)
{
    CHECK(e->ordinal == w->newest + 1);
    CHECK(e->event.len <= RING_RECORD_MAX);
    size_t at = place(w, e->event.len);
    if (entries(w) == w->n_slots)
        grow_slots(w);
    w->newest++;
    *slot_at(w, w->newest) = (struct recent_slot){
        .at = at,
        .mono_ns = e->head.mono_ns,
        .cause = e->cause,
        .previous = e->previous,
        .len = (uint32_t)e->event.len,
        .node = e->node,
        .boot = e->boot,
    };
    memcpy(w->bytes + at, e->event.base, e->event.len);
    return bytes_of(w->bytes + at, e->event.len);
}

const struct recent_slot *recent_slot(const struct recent *w, uint64_t ordinal)
{
    return ordinal >= w->oldest && ordinal <= w->newest ? slot_at(w, ordinal) : NULL;
}

struct bytes recent_event(const struct recent *w, const struct recent_slot *slot)
{
    return bytes_of(w->bytes + slot->at, slot->len);
}
