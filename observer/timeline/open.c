/* A recording as a timeline: the same queries, nothing to ingest. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/errors.h"
#include "base/wire.h"
#include "timeline/clean.h"
#include "timeline/inside.h"
#include "timeline/text.h"

enum {
    OPENED_WINDOW = 1, /* Nothing goes into the window: the least there is. */
    COARSE_FROM = 13,  /* Bins of two seconds: few, also of a long run. */
};

static void take_start(struct timeline *t, struct bytes data)
{
    struct entry e;
    struct bytes set;
    uint64_t len;
    const uint8_t *end = wire_end(data), *at = wire_varint(data.base, end, &len);
    if (!at || len != (uint64_t)(end - at) || entry_read(bytes_of(at, (size_t)len), &e) < 0 ||
        e.head.body != ORRERY__EVENT__BODY_START || e.node == 0)
        return;
    (void)lives_start(&t->lives, t->schema, e.node, e.boot, e.head.payload, &set);
}

static void take_chunk(struct timeline *t, const struct orr_chunk *chunk, struct bytes data)
{
    struct bytes kept;
    switch (chunk->type) {
    case ORR_RUN:
        if (!t->info)
            t->info = orrery__run_info__unpack(NULL, data.len, data.base);
        if (t->info)
            clean_message(&t->info->base);
        break;
    case ORR_SCHEMAS:
        (void)lives_set(&t->lives, t->schema, data, &kept);
        break;
    case ORR_START:
        take_start(t, data);
        break;
    case ORR_PYRAMID:
        (void)pyramid_unpack(t->pyramid, data);
        break;
    case ORR_LANDMARKS:
        t->landmarks_known |= landmarks_unpack(&t->landmarks, data) == 0;
        break;
    default:
        break;
    }
}

static void take_chunks(struct timeline *t)
{
    struct buf data = {0};
    bool whole = reading_whole(t->reading); /* Else all is counted from the events. */
    struct orr_chunk chunk;
    for (size_t i = 0; reading_chunk(t->reading, i, &chunk); i++)
        if (chunk.type != ORR_BLOB && chunk.type != ORR_INDEX && chunk.size > 0 &&
            (chunk.type != ORR_PYRAMID || (whole && chunk.first >= COARSE_FROM)) &&
            reading_load(t->reading, &chunk, &data) == 0)
            take_chunk(t, &chunk, buf_bytes(&data));
    t->pyramid_from = whole ? COARSE_FROM : 0;
    buf_free(&data);
}

bool timeline_read_level(struct timeline *t, uint32_t level)
{
    struct buf data = {0};
    struct orr_chunk chunk;
    bool any = false;
    if (level >= t->pyramid_from || (t->pyramid_read >> level & 1))
        return false;
    t->pyramid_read |= UINT32_C(1) << level;
    for (size_t i = 0; reading_chunk(t->reading, i, &chunk); i++)
        if (chunk.type == ORR_PYRAMID && chunk.first == level && chunk.size > 0 &&
            reading_load(t->reading, &chunk, &data) == 0)
            any |= pyramid_unpack(t->pyramid, buf_bytes(&data)) == 0;
    buf_free(&data);
    return any;
}

/* Without an index: what the writer would have summed up at the end. */
static void count_all(struct timeline *t)
{
    struct entry e, sent;
    uint64_t newest = reading_newest(t->reading);
    for (uint64_t at = reading_oldest(t->reading); at <= newest; at++) {
        if (!reading_entry(t->reading, at, &e))
            continue;
        uint64_t latency = PYRAMID_NO_LATENCY;
        struct event_head head = e.head;
        uint32_t node = e.node;
        if (head.body == ORRERY__EVENT__BODY_HOLE && node == 0) {
            Orrery__Hole *hole = orrery__hole__unpack(NULL, head.payload.len, head.payload.base);
            t->holes += hole && hole->to >= hole->from ? hole->to - hole->from + 1 : 0;
            if (hole)
                orrery__hole__free_unpacked(hole, NULL);
        }
        bool named =
            head.body == ORRERY__EVENT__BODY_RECEIVE || head.body == ORRERY__EVENT__BODY_DROP;
        bool known = named && e.cause && reading_entry(t->reading, e.cause, &sent);
        if (known && head.body == ORRERY__EVENT__BODY_DROP)
            pyramid_drop(t->pyramid, sent.node, &sent.head, head.mono_ns);
        else if (known && sent.head.mono_ns <= head.mono_ns)
            latency = head.mono_ns - sent.head.mono_ns;
        pyramid_add(t->pyramid, node, &head, latency);
    }
}

struct timeline *timeline_open(const char *path, char *why, size_t why_size)
{
    char torn[TIMELINE_WHY_MAX];
    struct reading *reading = reading_open(path, torn, why, why_size);
    if (!reading)
        return NULL;
    struct timeline *t = timeline_bare(OPENED_WINDOW);
    t->opened = true;
    t->reading = reading;
    take_chunks(t);
    if (!t->info) {
        (void)snprintf(why, why_size, "%s: its first chunk, which describes the run, is damaged",
                       path);
        timeline_free(t);
        return NULL;
    }
    t->holes = reading_holes(reading);
    const char *trouble = reading_trouble(reading);
    if (!reading_whole(reading)) {
        count_all(t);
        trouble = torn;
    }
    if (trouble) { /* From a file: made fit for a terminal. */
        struct buf safe = {0};
        text_put(bytes_str(trouble), &safe);
        (void)snprintf(t->trouble, sizeof t->trouble, "%.*s", (int)safe.len, (char *)safe.base);
        buf_free(&safe);
    }
    return t;
}

int timeline_blob(struct timeline *t, uint64_t id, struct buf *type, struct buf *body)
{
    if (t->recorder)
        recorder_settle(t->recorder);
    return t->reading ? reading_blob(t->reading, id, type, body) : ERROR_NOT_FOUND;
}

bool timeline_put_blob(struct timeline *t, uint64_t id, const char *type, struct bytes body)
{
    if (!t->recorder)
        return false;
    recorder_blob(t->recorder, id, type, body);
    return true;
}
