#include "session/batch.h"

#include "base/check.h"
#include "timeline/clocks.h"

#include <stdlib.h>

enum {
    FIELD_ENTRIES = 1,
    FIELD_SCHEMAS = 2,
    FIELD_STARTS = 7,
    FIELD_CLOCKS = 12,
    FIELD_TELL_ID = 1,
    FIELD_TELL_ENTRIES = 5,
    LIVES_MAX = 1 << 16,
};

static void put_varint(struct buf *into, uint64_t v)
{
    uint8_t bytes[10];
    size_t n = 0;
    do {
        bytes[n++] = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
        v >>= 7;
    } while (v);
    buf_append(into, bytes_of(bytes, n));
}

static void put_length(struct buf *into, uint32_t field, size_t length)
{
    put_varint(into, field << 3 | 2);
    put_varint(into, length);
}

static void put_entry(struct buf *into, uint32_t field, const Orrery__Entry *entry)
{
    size_t size = orrery__entry__get_packed_size(entry);
    put_length(into, field, size);
    orrery__entry__pack(entry, buf_extend(into, size));
}

static void put_schemas(struct viewer *v, struct batch *batch)
{
    struct bytes set;
    while (timeline_schemas(v->session->timeline, v->n_schemas, &set)) {
        put_length(&batch->fields, FIELD_SCHEMAS, set.len);
        buf_append(&batch->fields, set);
        v->n_schemas++;
    }
}

static bool knows_life(struct viewer *v, uint32_t node, uint32_t boot)
{
    for (size_t i = v->n_lives; i > 0; i--)
        if (v->lives[i - 1].node == node && v->lives[i - 1].boot == boot)
            return true;
    if (v->n_lives == LIVES_MAX) /* Told again is better than kept for ever. */
        v->n_lives = 0;
    v->lives = realloc(v->lives, (v->n_lives + 1) * sizeof *v->lives);
    CHECK(v->lives);
    v->lives[v->n_lives++] = (struct life_known){node, boot};
    return false;
}

/* What a reader needs to understand the events of a life, once. */
static void put_life(struct viewer *v, struct batch *batch, uint32_t node, uint32_t boot)
{
    if (node == 0 || knows_life(v, node, boot))
        return;
    const Orrery__Start *start = timeline_start_of(v->session->timeline, node, boot);
    if (!start)
        return;
    put_schemas(v, batch);
    Orrery__Event event = ORRERY__EVENT__INIT;
    event.body_case = ORRERY__EVENT__BODY_START;
    event.start = (Orrery__Start *)(uintptr_t)start; /* Without its schemas. */
    size_t size = orrery__event__get_packed_size(&event);
    uint8_t *packed = malloc(size);
    CHECK(packed);
    orrery__event__pack(&event, packed);
    Orrery__Entry entry = ORRERY__ENTRY__INIT;
    entry.node = node;
    entry.boot = boot;
    entry.event = (ProtobufCBinaryData){size, packed};
    put_entry(&batch->fields, FIELD_STARTS, &entry);
    free(packed);
}

/* And how clocks stand, as far as it was not told; after they were thinned, all of it again. */
static void put_clocks(struct viewer *v, struct batch *batch)
{
    const struct clocks *c = timeline_clocks(v->session->timeline);
    v->n_clocks = v->n_clocks <= c->n ? v->n_clocks : 0;
    for (; v->n_clocks < c->n; v->n_clocks++) {
        const struct clock_told *one = &c->all[v->n_clocks];
        Orrery__ClockTold told = ORRERY__CLOCK_TOLD__INIT;
        told.ns = one->ns;
        told.node = one->node;
        told.clock = one->clock;
        told.shift_ns = one->shift_ns;
        told.bound_ns = one->bound_ns;
        size_t size = orrery__clock_told__get_packed_size(&told);
        put_length(&batch->fields, FIELD_CLOCKS, size);
        orrery__clock_told__pack(&told, buf_extend(&batch->fields, size));
    }
}

void batch_put(struct viewer *v, struct batch *batch, const struct entry *e)
{
    Orrery__Entry entry = ORRERY__ENTRY__INIT;
    entry.ordinal = e->ordinal;
    entry.node = e->node;
    entry.boot = e->boot;
    entry.cause = e->cause;
    entry.event = (ProtobufCBinaryData){e->event.len, (uint8_t *)(uintptr_t)e->event.base};
    put_entry(&batch->fields, FIELD_ENTRIES, &entry);
    batch->n++;
    put_life(v, batch, e->node, e->boot);
    put_clocks(v, batch);
}

void batch_send(struct viewer *v, uint64_t ask, struct batch *batch, const Orrery__Entries *rest)
{
    size_t more = orrery__entries__get_packed_size(rest);
    orrery__entries__pack(rest, buf_extend(&batch->fields, more));
    struct buf frame = {0};
    put_varint(&frame, FIELD_TELL_ID << 3);
    put_varint(&frame, ask);
    put_length(&frame, FIELD_TELL_ENTRIES, batch->fields.len);
    buf_append(&frame, buf_bytes(&batch->fields));
    buf_free(&batch->fields);
    v->ops->send(v->ctx, &frame);
}
