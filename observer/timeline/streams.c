#include "timeline/streams.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/must.h"

enum {
    TABLE_FIRST = 64,
    COMPACT_BYTES = 1 << 16,
    COMPACT_ITEMS = 1 << 10,
    ORDINALS_FIRST = 64,
    SLOTS_MAX = 1 << 22,
    GAP_MAX = 1 << 16, /* Behind a larger hole, what was before it is forgotten. */
};

static void *grown(void *base, size_t n, size_t size)
{
    void *p = realloc(base, n * size);
    CHECK(p);
    return p;
}

static size_t slot_of(const struct streams *s, uint32_t node, uint32_t boot)
{
    uint64_t h = ((uint64_t)node << 32 | boot) * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(h >> 32) & (s->table_size - 1);
}

static void table_put(struct streams *s, const struct stream *stream)
{
    size_t i = slot_of(s, stream->node, stream->boot);
    while (s->table[i])
        i = (i + 1) & (s->table_size - 1);
    s->table[i] = stream->index + 1;
}

static void table_grow(struct streams *s)
{
    s->table_size = s->table_size ? s->table_size * 2 : TABLE_FIRST;
    free(s->table);
    s->table = must_alloc(s->table_size, sizeof *s->table);
    for (uint32_t i = 0; i < s->n; i++)
        table_put(s, s->all[i]);
}

void streams_init(struct streams *s)
{
    *s = (struct streams){0};
    bool fresh;
    streams_get(s, 0, 0, &fresh);
}

static void stream_free(struct stream *s)
{
    free(s->items);
    free(s->ordinals);
    buf_free(&s->bytes);
    free(s);
}

void streams_free(struct streams *s)
{
    for (uint32_t i = 0; i < s->n; i++)
        stream_free(s->all[i]);
    free(s->all);
    free(s->table);
    *s = (struct streams){0};
}

struct stream *streams_find(struct streams *s, uint32_t node, uint32_t boot)
{
    if (s->last && s->last->node == node && s->last->boot == boot)
        return s->last;
    if (!s->table_size)
        return NULL;
    for (size_t i = slot_of(s, node, boot); s->table[i]; i = (i + 1) & (s->table_size - 1)) {
        struct stream *stream = s->all[s->table[i] - 1];
        if (stream->node == node && stream->boot == boot)
            return s->last = stream;
    }
    return NULL;
}

struct stream *streams_get(struct streams *s, uint32_t node, uint32_t boot, bool *fresh)
{
    struct stream *stream = streams_find(s, node, boot);
    *fresh = !stream;
    if (stream)
        return stream;
    if (s->n == STREAMS_MAX)
        return NULL;
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : TABLE_FIRST;
        s->all = grown(s->all, s->cap, sizeof(struct stream *));
    }
    stream = must_alloc(1, sizeof *stream);
    stream->node = node;
    stream->boot = boot;
    stream->index = s->n;
    stream->known_from = 1;
    s->all[s->n++] = stream;
    if (s->n * 2 > s->table_size)
        table_grow(s);
    else
        table_put(s, stream);
    return stream;
}

/* Moves what is queued to the front, once most of the memory is behind it. */
static void compact(struct stream *s)
{
    if (s->first == s->n) {
        s->first = s->n = 0;
        s->gone += s->bytes.len;
        buf_clear(&s->bytes);
        return;
    }
    if (s->first >= COMPACT_ITEMS && s->first > s->n / 2) {
        memmove(s->items, s->items + s->first, (s->n - s->first) * sizeof *s->items);
        s->n -= s->first;
        s->first = 0;
    }
    size_t used = (size_t)(s->items[s->first].at - s->gone);
    if (used >= COMPACT_BYTES && used > s->bytes.len / 2) {
        buf_consume(&s->bytes, used);
        s->gone += used;
    }
}

void stream_queue(struct stream *s, const struct event_head *head, struct bytes event,
                  uint64_t hole)
{
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 16;
        s->items = grown(s->items, s->cap, sizeof *s->items);
    }
    s->items[s->n++] = (struct queued){
        .head = *head,
        .hole = hole,
        .at = s->gone + s->bytes.len,
        .len = (uint32_t)event.len,
        .payload_at = (uint32_t)(head->payload.base - event.base),
    };
    buf_append(&s->bytes, event);
    s->ingested = head->seq;
}

struct queued *stream_front(struct stream *s)
{
    return s->first < s->n ? &s->items[s->first] : NULL;
}

struct bytes stream_front_event(const struct stream *s)
{
    CHECK(s->first < s->n);
    const struct queued *q = &s->items[s->first];
    return bytes_of(s->bytes.base + (q->at - s->gone), q->len);
}

void stream_drop_front(struct stream *s)
{
    CHECK(s->first < s->n);
    s->first++;
    compact(s);
}

static void forget(struct stream *s, uint64_t upto)
{
    if (upto > s->known_from)
        s->known_from = upto;
}

static void ordinals_grow(struct stream *s)
{
    size_t slots = s->slots ? s->slots * 2 : ORDINALS_FIRST;
    uint64_t *ordinals = must_alloc(slots, sizeof *ordinals);
    for (uint64_t seq = s->known_from; seq <= s->left && s->slots; seq++)
        ordinals[seq & (slots - 1)] = s->ordinals[seq & (s->slots - 1)];
    free(s->ordinals);
    s->ordinals = ordinals;
    s->slots = slots;
}

/* Room for `seq`: by forgetting what nobody can see any more, else by growing. */
static void make_room(struct stream *s, uint64_t seq, uint64_t oldest)
{
    if (s->left == 0 || seq - s->left > GAP_MAX)
        forget(s, seq);
    while (seq - s->known_from >= s->slots) {
        bool full = s->slots == SLOTS_MAX;
        if (full || (s->slots >= STREAM_KEEP && stream_ordinal(s, s->known_from) < oldest))
            forget(s, s->known_from + s->slots / 4);
        else
            ordinals_grow(s);
    }
}

void stream_note(struct stream *s, uint64_t seq, uint64_t ordinal, uint64_t oldest)
{
    CHECK(seq > s->left);
    make_room(s, seq, oldest);
    uint64_t hole = s->left + 1 > s->known_from ? s->left + 1 : s->known_from;
    for (; hole < seq; hole++)
        s->ordinals[hole & (s->slots - 1)] = 0;
    s->ordinals[seq & (s->slots - 1)] = ordinal;
    s->left = seq;
    s->newest = ordinal;
}

uint64_t stream_ordinal(const struct stream *s, uint64_t seq)
{
    if (seq < s->known_from || seq > s->left || !s->slots)
        return 0;
    return s->ordinals[seq & (s->slots - 1)];
}
