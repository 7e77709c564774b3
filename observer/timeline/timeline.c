#include "timeline/timeline.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/must.h"
#include "base/ring.h"
#include "timeline/inside.h"

static const size_t window_bytes_usual = (size_t)256 << 20;
static const size_t queued_bytes_max = (size_t)512 << 20;
static const uint64_t recording_bytes_usual = UINT64_C(4) << 30;

static void leave(void *ctx, struct stream *stream, const struct event_head *head,
                  struct bytes event, struct stream *cause);

struct timeline *timeline_bare(size_t window_bytes)
{
    struct timeline *t = must_alloc(1, sizeof *t);
    order_init(&t->order, queued_bytes_max);
    t->order.leave = leave;
    t->order.ctx = t;
    recent_init(&t->recent, window_bytes ? window_bytes : window_bytes_usual, 1);
    lives_init(&t->lives);
    t->schema = schema_new();
    t->pyramid = pyramid_new(0);
    return t;
}

static Orrery__RunInfo *info_copy(const Orrery__RunInfo *info)
{
    size_t n = orrery__run_info__get_packed_size(info);
    uint8_t *packed = malloc(n + 1);
    CHECK(packed);
    orrery__run_info__pack(info, packed);
    Orrery__RunInfo *copy = orrery__run_info__unpack(NULL, n, packed);
    CHECK(copy);
    free(packed);
    return copy;
}

struct timeline *timeline_new(const struct timeline_options *options, char *why, size_t why_size)
{
    struct timeline *t = timeline_bare(options->window_bytes);
    Orrery__RunInfo info = options->info;
    info.base = (ProtobufCMessage){.descriptor = &orrery__run_info__descriptor};
    t->info = info_copy(&info);
    if (options->recording) {
        struct recorder_options recording = {
            .path = options->recording,
            .bytes_max =
                options->recording_bytes ? options->recording_bytes : recording_bytes_usual,
            .may_wait = info.simulated,
            .info = t->info,
        };
        t->recorder = recorder_new(&recording, why, why_size);
        if (!t->recorder) {
            timeline_free(t);
            return NULL;
        }
        t->reading = recorder_reading(t->recorder);
    }
    return t;
}

void timeline_free(struct timeline *t)
{
    if (!t)
        return;
    if (t->recorder)
        recorder_end(t->recorder, t->pyramid, &t->landmarks, t->holes);
    else if (t->reading)
        reading_free(t->reading);
    order_free(&t->order);
    recent_free(&t->recent);
    lives_free(&t->lives);
    schema_free(t->schema);
    pyramid_free(t->pyramid);
    landmarks_free(&t->landmarks);
    if (t->info)
        orrery__run_info__free_unpacked(t->info, NULL);
    buf_free(&t->packed);
    free(t->followers);
    free(t);
}

/* --- in --- */

/* Tells of missing events; returns the seq of the telling on lane "you". */
static uint64_t tell_hole(struct timeline *t, const struct stream *s, const struct event_head *head)
{
    Orrery__Hole hole = ORRERY__HOLE__INIT;
    hole.node = s->node;
    hole.boot = s->boot;
    hole.from = s->ingested + 1;
    hole.to = head->seq - 1;
    hole.since_ns = s->last_ns;
    Orrery__Event event = ORRERY__EVENT__INIT;
    event.body_case = ORRERY__EVENT__BODY_HOLE;
    event.hole = &hole;
    t->holes += hole.to - s->ingested;
    return timeline_operator(t, head->mono_ns, head->wall_ns, &event);
}

void timeline_ingest(struct timeline *t, uint32_t node, uint32_t boot, struct bytes event)
{
    CHECK(!t->opened);
    struct event_head head;
    if (node == 0 || node >= LIVES_NODES_MAX || event.len == 0 || event.len > RING_RECORD_MAX ||
        event_head_read(event, &head) < 0) {
        t->malformed++;
        return;
    }
    bool fresh;
    struct stream *s = streams_get(&t->order.streams, node, boot, &fresh);
    if (!s || head.seq <= s->ingested) {
        t->malformed++;
        return;
    }
    if (fresh)
        order_stream_new(&t->order);
    uint64_t hole = head.seq == s->ingested + 1 ? s->spawned : tell_hole(t, s, &head);
    s->spawned = 0; /* Only the first has to wait for it. */
    s->last_ns = head.mono_ns > s->last_ns ? head.mono_ns : s->last_ns;
    order_push(&t->order, s, &head, event, hole);
}

/* A process begins before its first event and ends after its last one, whatever clocks of two
 * machines say. */
static void surround_life(struct timeline *t, Orrery__Event *event)
{
    bool fresh = false;
    struct stream *s = NULL;
    if (event->body_case == ORRERY__EVENT__BODY_SPAWN)
        s = streams_get(&t->order.streams, event->spawn->node, event->spawn->boot, &fresh);
    else if (event->body_case == ORRERY__EVENT__BODY_EXIT)
        s = streams_find(&t->order.streams, event->exit->node, event->exit->boot);
    if (fresh)
        order_stream_new(&t->order);
    if (s && event->body_case == ORRERY__EVENT__BODY_SPAWN)
        s->spawned = event->seq;
    else if (s && event->mono_ns <= s->last_ns)
        event->mono_ns = s->last_ns + 1;
}

uint64_t timeline_operator(struct timeline *t, uint64_t mono_ns, int64_t wall_ns,
                           Orrery__Event *event)
{
    CHECK(!t->opened);
    event->seq = ++t->you_seq;
    event->lamport = t->you_seq;
    event->mono_ns = mono_ns;
    event->wall_ns = wall_ns;
    surround_life(t, event);
    size_t n = orrery__event__get_packed_size(event);
    CHECK(n <= RING_RECORD_MAX);
    buf_clear(&t->packed);
    orrery__event__pack(event, buf_extend(&t->packed, n));
    struct event_head head;
    CHECK(event_head_read(buf_bytes(&t->packed), &head) == 0);
    order_push(&t->order, t->order.streams.all[0], &head, buf_bytes(&t->packed), 0);
    return head.seq;
}

void timeline_watermark(struct timeline *t, uint64_t mono_ns)
{
    order_advance(&t->order, mono_ns);
    if (t->recorder)
        recorder_tick(t->recorder);
}

void timeline_stream_end(struct timeline *t, uint32_t node, uint32_t boot)
{
    bool fresh;
    struct stream *s = streams_get(&t->order.streams, node, boot, &fresh);
    if (!s)
        return;
    order_stream_end(&t->order, s);
    if (fresh)
        order_stream_new(&t->order);
}

void timeline_flush(struct timeline *t)
{
    order_flush(&t->order);
    if (t->recorder)
        recorder_flush(t->recorder);
}

/* --- out of the merge --- */

static void note_start(struct timeline *t, struct entry *e)
{
    const struct life *life = lives_find(&t->lives, e->node, e->boot);
    if (life)
        e->cause = life->spawned;
    struct bytes set;
    if (!lives_start(&t->lives, t->schema, e->node, e->boot, e->head.payload, &set))
        t->malformed++;
    if (t->recorder && set.len > 0)
        recorder_schemas(t->recorder, set);
}

static void count(struct timeline *t, const struct entry *e)
{
    const struct recent_slot *cause = e->cause ? recent_slot(&t->recent, e->cause) : NULL;
    uint64_t latency = PYRAMID_NO_LATENCY;
    if (cause && e->head.body == ORRERY__EVENT__BODY_RECEIVE && e->head.mono_ns >= cause->mono_ns)
        latency = e->head.mono_ns - cause->mono_ns;
    pyramid_add(t->pyramid, e->node, &e->head, latency);
    struct event_head sent;
    if (cause && e->head.body == ORRERY__EVENT__BODY_DROP &&
        event_head_read(recent_event(&t->recent, cause), &sent) == 0)
        pyramid_drop(t->pyramid, cause->node, &sent, e->head.mono_ns);
}

void timeline_tell(struct timeline *t, const struct entry *e)
{
    t->telling = true;
    for (size_t i = 0; i < t->n_followers; i++)
        if (t->followers[i].handle)
            t->followers[i].entry(t->followers[i].ctx, e);
    t->telling = false;
    size_t n = 0;
    for (size_t i = 0; i < t->n_followers; i++)
        if (t->followers[i].handle)
            t->followers[n++] = t->followers[i];
    t->n_followers = n;
}

static void leave(void *ctx, struct stream *stream, const struct event_head *head,
                  struct bytes event, struct stream *cause)
{
    struct timeline *t = ctx;
    struct entry e = {
        .ordinal = t->recent.newest + 1,
        .node = stream->node,
        .boot = stream->boot,
        .cause = cause ? stream_ordinal(cause, head->peer_seq) : 0,
        .previous = stream->newest,
        .head = *head,
        .event = event,
    };
    if (head->body == ORRERY__EVENT__BODY_HELD)
        e.cause = stream_ordinal(stream, head->peer_seq);
    if (head->body == ORRERY__EVENT__BODY_START)
        note_start(t, &e);
    else if (head->body == ORRERY__EVENT__BODY_SPAWN && e.node == 0)
        lives_spawn(&t->lives, head->payload, e.ordinal);
    size_t payload_at = (size_t)(head->payload.base - event.base);
    e.event = recent_add(&t->recent, &e);
    e.head.payload.base = e.event.base + payload_at;
    stream_note(stream, head->seq, e.ordinal, t->recent.oldest);
    count(t, &e);
    landmarks_note(&t->landmarks, t, &e);
    if (t->recorder)
        recorder_entry(t->recorder, &e);
    if (t->n_followers > 0)
        timeline_tell(t, &e);
}

int timeline_follow(struct timeline *t, void (*entry)(void *ctx, const struct entry *e), void *ctx)
{
    t->followers = realloc(t->followers, (t->n_followers + 1) * sizeof *t->followers);
    CHECK(t->followers);
    t->followers[t->n_followers++] = (struct follower){++t->next_handle, entry, ctx};
    return t->next_handle;
}

void timeline_unfollow(struct timeline *t, int handle)
{
    for (size_t i = 0; i < t->n_followers; i++) {
        if (t->followers[i].handle != handle)
            continue;
        t->followers[i].handle = 0;
        if (!t->telling)
            t->followers[i] = t->followers[--t->n_followers];
        return;
    }
}

/* --- state --- */

const struct clocks *timeline_clocks(const struct timeline *t)
{
    return &t->landmarks.clocks;
}

uint64_t timeline_uncertain(const struct timeline *t, uint32_t a, uint32_t b, uint64_t ns,
                            uint64_t latency_ns)
{
    uint64_t bound = clocks_bound(&t->landmarks.clocks, a, b, ns);
    return clocks_matter(bound, latency_ns) ? bound : 0;
}

struct schema *timeline_schema(struct timeline *t)
{
    return t->schema;
}

bool timeline_schemas(const struct timeline *t, size_t i, struct bytes *set)
{
    if (i >= t->lives.n_sets)
        return false;
    *set = buf_bytes(&t->lives.sets[i]);
    return true;
}

const Orrery__Start *timeline_start(struct timeline *t, uint32_t node)
{
    const struct life *life = node < t->lives.n ? t->lives.lanes[node]->newest : NULL;
    while (life && !life->start)
        life = life->older;
    return life ? life->start : NULL;
}

const Orrery__Start *timeline_start_of(struct timeline *t, uint32_t node, uint32_t boot)
{
    const struct life *life = lives_find(&t->lives, node, boot);
    return life ? life->start : NULL;
}

const char *timeline_lane(struct timeline *t, uint32_t node)
{
    return lives_name(&t->lives, node);
}

uint32_t timeline_lanes(const struct timeline *t)
{
    return t->lives.n;
}

/* A recording that has none of its own is walked over once. */
const struct landmarks *timeline_landmarks(struct timeline *t)
{
    if (t->opened && !t->landmarks_known) {
        landmarks_note_all(&t->landmarks, t);
        t->landmarks_known = true;
    }
    return &t->landmarks;
}

const struct pyramid *timeline_pyramid(const struct timeline *t)
{
    return t->pyramid;
}

uint64_t timeline_holes(const struct timeline *t)
{
    return t->holes;
}

uint64_t timeline_malformed(const struct timeline *t)
{
    return t->malformed;
}

uint64_t timeline_recorded(const struct timeline *t)
{
    return t->reading ? reading_bytes(t->reading) : 0;
}

const char *timeline_trouble(const struct timeline *t)
{
    if (t->recorder)
        return recorder_trouble(t->recorder);
    return t->trouble[0] ? t->trouble : NULL;
}

const Orrery__RunInfo *timeline_info(const struct timeline *t)
{
    return t->info;
}
