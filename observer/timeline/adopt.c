/* The timeline of another process, as its observer has ordered it. */
#include "base/check.h"
#include "base/ring.h"
#include "session.pb-c.h"
#include "timeline/inside.h"

static void learn(struct timeline *t, uint32_t node, uint32_t boot, struct bytes payload)
{
    struct bytes set;
    if (!lives_start(&t->lives, t->schema, node, boot, payload, &set))
        t->malformed++;
}

static struct bytes bytes_in(const ProtobufCBinaryData *data)
{
    return bytes_of(data->data, data->len);
}

static void adopt_start(struct timeline *t, const Orrery__Entry *in)
{
    struct event_head head;
    struct bytes event = bytes_in(&in->event);
    if (event.len == 0 || event_head_read(event, &head) < 0 ||
        head.body != ORRERY__EVENT__BODY_START || lives_find(&t->lives, in->node, in->boot))
        return;
    learn(t, in->node, in->boot, head.payload);
}

/* The window holds ordinals without a gap: what lies before one is forgotten. */
static void make_room(struct timeline *t, uint64_t ordinal)
{
    if (ordinal == t->recent.newest + 1)
        return;
    size_t limit = t->recent.limit;
    recent_free(&t->recent);
    recent_init(&t->recent, limit, ordinal);
}

static bool adopt_entry(struct timeline *t, const Orrery__Entry *in)
{
    struct entry e = {
        .ordinal = in->ordinal,
        .node = in->node,
        .boot = in->boot,
        .cause = in->cause,
        .event = bytes_in(&in->event),
    };
    bool fresh;
    if (e.ordinal <= t->recent.newest || e.ordinal == UINT64_MAX || e.node >= LIVES_NODES_MAX ||
        e.cause >= e.ordinal || e.event.len == 0 || e.event.len > RING_RECORD_MAX ||
        event_head_read(e.event, &e.head) < 0)
        return false;
    struct stream *stream = streams_get(&t->order.streams, e.node, e.boot, &fresh);
    if (!stream)
        return false;
    e.previous = stream->newest;
    stream->newest = e.ordinal;
    if (e.head.body == ORRERY__EVENT__BODY_START)
        learn(t, e.node, e.boot, e.head.payload);
    else if (e.head.body == ORRERY__EVENT__BODY_SPAWN && e.node == 0)
        lives_spawn(&t->lives, e.head.payload, e.ordinal);
    make_room(t, e.ordinal);
    size_t payload_at = (size_t)(e.head.payload.base - e.event.base);
    e.event = recent_add(&t->recent, &e);
    e.head.payload.base = e.event.base + payload_at;
    landmarks_note(&t->landmarks, t, &e);
    timeline_tell(t, &e);
    return true;
}

void timeline_adopt(struct timeline *t, const struct Orrery__Entries *batch)
{
    CHECK(!t->opened && !t->recorder);
    struct bytes kept;
    for (size_t i = 0; i < batch->n_schemas; i++)
        if (!lives_set(&t->lives, t->schema, bytes_in(&batch->schemas[i]), &kept))
            t->malformed++;
    for (size_t i = 0; i < batch->n_starts; i++)
        adopt_start(t, batch->starts[i]);
    for (size_t i = 0; i < batch->n_clocks; i++) {
        const Orrery__ClockTold *c = batch->clocks[i];
        clocks_add(&t->landmarks.clocks,
                   &(struct clock_told){c->ns, c->clock, c->shift_ns, c->bound_ns, c->node});
    }
    for (size_t i = 0; i < batch->n_entries; i++)
        if (!adopt_entry(t, batch->entries[i]))
            t->malformed++;
}
