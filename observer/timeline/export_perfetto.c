/* Packets for Perfetto. Tracks are made when they are first needed. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/must.h"
#include "base/wire.h"
#include "perfetto.pb-c.h"
#include "timeline/export.h"
#include "timeline/export_window.h"
#include "timeline/types.h"

enum {
    SEQUENCE = 1,
    SLICE_NS = 1000, /* A slice's length, where nothing says how long it took. */
    COUNTERS_MAX = 4096,
    FLUSH_BYTES = 1 << 16,
    NAME_MAX_BYTES = 160,
};

/* Track ids: the node, and which track of it. Counters count on above. */
enum track { TRACK_PROCESS = 1, TRACK_LIVES, TRACK_EVENTS, TRACK_DISK };
#define COUNTER_TRACK (UINT64_C(1) << 48)

struct flow {
    uint64_t sent;    /* Ordinal, and of */
    uint64_t receive; /* its receive: the flow's id. */
};

struct lane_state {
    bool made, disk_made;
    bool open;        /* A slice of the events' track is open, */
    uint64_t open_ns; /* since then. */
    bool alive;
    uint64_t latest_ns;
};

struct perfetto {
    struct timeline *t;
    FILE *out;
    struct buf packets;
    struct flow *flows;
    size_t n_flows, cap_flows;
    struct lane_state *lanes;
    uint32_t n_lanes;
    char (*counters)[NAME_MAX_BYTES];
    size_t n_counters;
};

static uint64_t track_id(uint32_t node, enum track track)
{
    return ((uint64_t)node + 1) << 8 | (uint64_t)track;
}

static char *text_of(const char *text)
{
    return (char *)(uintptr_t)text;
}

static void put(struct perfetto *p, Perfetto__TracePacket *packet)
{
    packet->has_trusted_packet_sequence_id = 1;
    packet->trusted_packet_sequence_id = SEQUENCE;
    size_t n = perfetto__trace_packet__get_packed_size(packet);
    uint8_t head[2 * WIRE_VARINT_MAX];
    uint8_t *at = wire_put_varint(head, 1 << 3 | WIRE_BYTES);
    at = wire_put_varint(at, n);
    buf_append(&p->packets, bytes_of(head, (size_t)(at - head)));
    perfetto__trace_packet__pack(packet, buf_extend(&p->packets, n));
    if (p->packets.len >= FLUSH_BYTES) {
        (void)!fwrite(p->packets.base, 1, p->packets.len,
                      p->out); /* ferror() is asked at the end. */
        buf_clear(&p->packets);
    }
}

static void put_event(struct perfetto *p, Perfetto__TrackEvent *event, uint64_t track, int type,
                      uint64_t ns)
{
    Perfetto__TracePacket packet = PERFETTO__TRACE_PACKET__INIT;
    event->has_track_uuid = event->has_type = 1;
    event->track_uuid = track;
    event->type = (Perfetto__TrackEvent__Type)type;
    packet.has_timestamp = 1;
    packet.timestamp = ns;
    packet.track_event = event;
    put(p, &packet);
}

static void put_simple(struct perfetto *p, uint64_t track, int type, uint64_t ns, const char *name)
{
    Perfetto__TrackEvent event = PERFETTO__TRACK_EVENT__INIT;
    event.name = text_of(name);
    put_event(p, &event, track, type, ns);
}

/* --- tracks --- */

static void put_track(struct perfetto *p, uint64_t id, uint64_t parent, const char *name,
                      bool counter)
{
    Perfetto__TracePacket packet = PERFETTO__TRACE_PACKET__INIT;
    Perfetto__TrackDescriptor track = PERFETTO__TRACK_DESCRIPTOR__INIT;
    Perfetto__CounterDescriptor count = PERFETTO__COUNTER_DESCRIPTOR__INIT;
    track.has_uuid = track.has_parent_uuid = 1;
    track.uuid = id;
    track.parent_uuid = parent;
    track.name = text_of(name);
    track.counter = counter ? &count : NULL;
    packet.track_descriptor = &track;
    put(p, &packet);
}

static void put_process(struct perfetto *p, uint32_t node)
{
    Perfetto__TracePacket packet = PERFETTO__TRACE_PACKET__INIT;
    Perfetto__TrackDescriptor track = PERFETTO__TRACK_DESCRIPTOR__INIT;
    Perfetto__ProcessDescriptor process = PERFETTO__PROCESS_DESCRIPTOR__INIT;
    process.has_pid = 1;
    process.pid = (int32_t)node + 1; /* 0 is the idle process. */
    process.process_name = text_of(timeline_lane(p->t, node));
    track.has_uuid = 1;
    track.uuid = track_id(node, TRACK_PROCESS);
    track.name = process.process_name;
    track.process = &process;
    packet.track_descriptor = &track;
    put(p, &packet);
}

static struct lane_state *lane(struct perfetto *p, uint32_t node)
{
    if (node >= p->n_lanes) {
        uint32_t n = node + 1 < 2 * p->n_lanes ? 2 * p->n_lanes : node + 1;
        p->lanes = realloc(p->lanes, n * sizeof *p->lanes);
        CHECK(p->lanes);
        memset(p->lanes + p->n_lanes, 0, (n - p->n_lanes) * sizeof *p->lanes);
        p->n_lanes = n;
    }
    struct lane_state *l = &p->lanes[node];
    if (!l->made) {
        l->made = true;
        uint64_t process = track_id(node, TRACK_PROCESS);
        put_process(p, node);
        if (node > 0)
            put_track(p, track_id(node, TRACK_LIVES), process, "lives", false);
        put_track(p, track_id(node, TRACK_EVENTS), process, "events", false);
    }
    return l;
}

static uint64_t counter_track(struct perfetto *p, uint32_t node, const char *name)
{
    char full[NAME_MAX_BYTES];
    (void)snprintf(full, sizeof full, "%s %.120s", timeline_lane(p->t, node), name);
    for (size_t i = 0; i < p->n_counters; i++)
        if (strcmp(p->counters[i], full) == 0)
            return COUNTER_TRACK + i;
    if (p->n_counters == COUNTERS_MAX)
        return 0;
    memcpy(p->counters[p->n_counters], full, sizeof full);
    uint64_t id = COUNTER_TRACK + p->n_counters++;
    put_track(p, id, track_id(node, TRACK_PROCESS), name, true);
    return id;
}

/* --- events --- */

static int by_sent(const void *a, const void *b)
{
    const struct flow *x = a, *y = b;
    if (x->sent != y->sent)
        return x->sent < y->sent ? -1 : 1;
    return (x->receive > y->receive) - (x->receive < y->receive);
}

static void note_flow(void *ctx, const struct entry *e, bool wanted)
{
    struct perfetto *p = ctx;
    if (!wanted || e->head.body != ORRERY__EVENT__BODY_RECEIVE || !e->cause)
        return;
    if (p->n_flows == p->cap_flows) {
        p->cap_flows = p->cap_flows ? p->cap_flows * 2 : 256;
        p->flows = realloc(p->flows, p->cap_flows * sizeof *p->flows);
        CHECK(p->flows);
    }
    p->flows[p->n_flows++] = (struct flow){e->cause, e->ordinal};
}

/* The flows that begin at a send: one for each of its receives. */
static size_t flows_of(const struct perfetto *p, uint64_t sent, size_t *first)
{
    size_t low = 0, high = p->n_flows, n = 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (p->flows[middle].sent < sent)
            low = middle + 1;
        else
            high = middle;
    }
    *first = low;
    while (low + n < p->n_flows && p->flows[low + n].sent == sent)
        n++;
    return n;
}

static void name_of(struct perfetto *p, const struct entry *e, char name[NAME_MAX_BYTES])
{
    const char *kind = timeline_kind(e->head.body), *what = NULL;
    struct wire_field body;
    uint32_t field = e->head.body == ORRERY__EVENT__BODY_SEND      ? 4
                     : e->head.body == ORRERY__EVENT__BODY_RECEIVE ? 6
                                                                   : 0;
    const struct schema_type *type = field ? timeline_message_type(p->t, e) : NULL;
    if (type && wire_find(e->head.payload, field, &body) && body.type == WIRE_BYTES)
        what = schema_case(type, body.bytes);
    if (e->head.body == ORRERY__EVENT__BODY_TRACE && (type = timeline_trace_type(p->t, e)))
        what = schema_name(type);
    (void)snprintf(name, NAME_MAX_BYTES, "%s%s%s", kind, what ? " " : "", what ? what : "");
}

/* Slices on a track must not overlap: one ends when the next begins, if not before. */
static void end_slice(struct perfetto *p, struct lane_state *l, uint32_t node, uint64_t by_ns)
{
    if (!l->open)
        return;
    uint64_t end = l->open_ns + SLICE_NS < by_ns ? l->open_ns + SLICE_NS : by_ns;
    Perfetto__TrackEvent event = PERFETTO__TRACK_EVENT__INIT;
    put_event(p, &event, track_id(node, TRACK_EVENTS), PERFETTO__TRACK_EVENT__TYPE__SLICE_END,
              end > l->open_ns ? end : l->open_ns);
    l->open = false;
}

static void put_slice(struct perfetto *p, const struct entry *e)
{
    char name[NAME_MAX_BYTES], category[] = "orrery";
    char *categories[] = {category};
    struct buf text = {0};
    Perfetto__DebugAnnotation notes[2], *list[] = {&notes[0], &notes[1]};
    Perfetto__TrackEvent event = PERFETTO__TRACK_EVENT__INIT;
    uint64_t ended = e->ordinal, *begun = NULL;
    size_t first, n = flows_of(p, e->ordinal, &first);
    name_of(p, e, name);
    timeline_describe(p->t, e, &text);
    buf_append(&text, bytes_of("", 1));
    perfetto__debug_annotation__init(&notes[0]);
    perfetto__debug_annotation__init(&notes[1]);
    notes[0].name = text_of("ordinal");
    notes[0].has_uint_value = 1;
    notes[0].uint_value = e->ordinal;
    notes[1].name = text_of("text");
    notes[1].string_value = (char *)text.base;
    event.n_debug_annotations = 2;
    event.debug_annotations = list;
    event.n_categories = 1;
    event.categories = categories;
    event.name = name;
    if (n > 0) {
        begun = malloc(n * sizeof *begun);
        CHECK(begun);
        for (size_t i = 0; i < n; i++)
            begun[i] = p->flows[first + i].receive;
        event.n_flow_ids = n;
        event.flow_ids = begun;
    }
    if (e->head.body == ORRERY__EVENT__BODY_RECEIVE && e->cause) {
        event.n_terminating_flow_ids = 1;
        event.terminating_flow_ids = &ended;
    }
    put_event(p, &event, track_id(e->node, TRACK_EVENTS), PERFETTO__TRACK_EVENT__TYPE__SLICE_BEGIN,
              e->head.mono_ns);
    free(begun);
    buf_free(&text);
}

/* From start to exit, so that a crash shows as a gap. */
static void put_life(struct perfetto *p, const struct entry *e)
{
    uint32_t node, boot;
    if (export_exited(e, &node, &boot) && node < p->n_lanes && p->lanes[node].alive) {
        p->lanes[node].alive = false;
        put_simple(p, track_id(node, TRACK_LIVES), PERFETTO__TRACK_EVENT__TYPE__SLICE_END,
                   e->head.mono_ns, NULL);
    }
    if (e->node == 0 || p->lanes[e->node].alive)
        return;
    char name[32];
    (void)snprintf(name, sizeof name, "life %" PRIu32, e->boot);
    p->lanes[e->node].alive = true;
    put_simple(p, track_id(e->node, TRACK_LIVES), PERFETTO__TRACK_EVENT__TYPE__SLICE_BEGIN,
               e->head.mono_ns, name);
}

static void put_sync(struct perfetto *p, const struct entry *e)
{
    double sync_ns;
    const struct schema_type *type = schema_find(timeline_schema(p->t), "orrery.Durable");
    if (!type || !schema_number(type, e->head.payload, "sync_ns", &sync_ns) || sync_ns <= 0 ||
        sync_ns > (double)e->head.mono_ns)
        return;
    uint64_t track = track_id(e->node, TRACK_DISK);
    if (!p->lanes[e->node].disk_made)
        put_track(p, track, track_id(e->node, TRACK_PROCESS), "disk", false);
    p->lanes[e->node].disk_made = true;
    put_simple(p, track, PERFETTO__TRACK_EVENT__TYPE__SLICE_BEGIN,
               e->head.mono_ns - (uint64_t)sync_ns, "sync");
    put_simple(p, track, PERFETTO__TRACK_EVENT__TYPE__SLICE_END, e->head.mono_ns, NULL);
}

/* Fractional numbers of a trace are levels of something: "heartbeat.Opinion.level peer=3". */
static void put_counters(struct perfetto *p, const struct entry *e)
{
    const struct schema_type *type = timeline_trace_type(p->t, e);
    struct schema_field f, g;
    struct bytes body = trace_body(e->head.payload);
    for (uint32_t i = 0; type && schema_field(type, i, &f); i++) {
        double value, of;
        if ((f.type != FIELD_TYPE(DOUBLE) && f.type != FIELD_TYPE(FLOAT)) || f.repeated ||
            !schema_number(type, body, f.name, &value))
            continue;
        char name[NAME_MAX_BYTES];
        int n = snprintf(name, sizeof name, "%.60s.%.30s", schema_name(type), f.name);
        /* Whole numbers before it say of what: the peer, the detector. */
        for (uint32_t k = 0; k < i && n > 0 && n < NAME_MAX_BYTES - 40; k++)
            if (schema_field(type, k, &g) && !g.repeated &&
                (g.type == FIELD_TYPE(UINT32) || g.type == FIELD_TYPE(ENUM)) &&
                schema_number(type, body, g.name, &of))
                n += snprintf(name + n, NAME_MAX_BYTES - (size_t)n, " %.20s=%.0f", g.name, of);
        uint64_t track = counter_track(p, e->node, name);
        if (!track)
            return;
        Perfetto__TrackEvent event = PERFETTO__TRACK_EVENT__INIT;
        event.has_double_counter_value = 1;
        event.double_counter_value = value;
        put_event(p, &event, track, PERFETTO__TRACK_EVENT__TYPE__COUNTER, e->head.mono_ns);
    }
}

static void each(void *ctx, const struct entry *entry, bool wanted)
{
    struct perfetto *p = ctx;
    struct entry e = *entry; /* Describing reads other entries. */
    if (!wanted)
        return;
    struct lane_state *l = lane(p, e.node);
    l->latest_ns = e.head.mono_ns;
    put_life(p, &e);
    end_slice(p, l, e.node, e.head.mono_ns);
    if (e.head.body == ORRERY__EVENT__BODY_DURABLE)
        put_sync(p, &e);
    else if (e.head.body == ORRERY__EVENT__BODY_TRACE)
        put_counters(p, &e);
    put_slice(p, &e);
    l->open = true;
    l->open_ns = e.head.mono_ns;
}

static void end_all(struct perfetto *p)
{
    for (uint32_t node = 0; node < p->n_lanes; node++) {
        struct lane_state *l = &p->lanes[node];
        end_slice(p, l, node, UINT64_MAX);
        if (l->alive)
            put_simple(p, track_id(node, TRACK_LIVES), PERFETTO__TRACK_EVENT__TYPE__SLICE_END,
                       l->latest_ns + SLICE_NS, NULL);
    }
    (void)!fwrite(p->packets.base, 1, p->packets.len, p->out);
}

int export_perfetto(struct timeline *t, const struct export_options *options, FILE *out,
                    struct export_done *done, char *why, size_t why_size)
{
    struct perfetto p = {.t = t, .out = out};
    p.counters = must_alloc(COUNTERS_MAX, sizeof *p.counters);
    export_walk(t, options, note_flow, &p, done);
    int status = export_some(done, why, why_size);
    if (status == 0) {
        if (p.n_flows > 0)
            qsort(p.flows, p.n_flows, sizeof *p.flows, by_sent);
        export_walk(t, options, each, &p, done);
        end_all(&p);
        status = export_written(out, why, why_size);
    }
    buf_free(&p.packets);
    free(p.flows);
    free(p.lanes);
    free(p.counters);
    return status;
}
