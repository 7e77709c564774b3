/* Protobuf's wire format by hand, for what every message passes: envelopes, events, patterns.
 *
 * Writing goes backwards, from the last field to the first, so that the length of what is nested is
 * known when its turn comes. Fields of proto3 whose value is the default are left out. The writer's
 * room is the caller's care: it never checks. */
#ifndef ORRERY_CORE_WIRE_H
#define ORRERY_CORE_WIRE_H

#include "base/bytes.h"

#include <string.h>

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

enum { WIRE_VARINT_MAX = 10 };

/* Reading: `at` moves from field to field. */
struct wire {
    const uint8_t *at;
    const uint8_t *end;
};

struct wire_field {
    uint32_t number;
    enum wire_type type;
    uint64_t value;     /* VARINT, FIXED64, FIXED32 */
    struct bytes bytes; /* BYTES; points into what is read. */
};

static inline struct wire wire_of(struct bytes b)
{
    return (struct wire){b.base, b.len > 0 ? b.base + b.len : b.base};
}

bool wire_varint(struct wire *w, uint64_t *value); /* False: malformed. */
/* 1: a field, 0: the end, -1: malformed. Groups are malformed: nobody writes them. */
int wire_next(struct wire *w, struct wire_field *f);

/* Writing: `at` is the first byte written so far. */
struct back {
    uint8_t *at;
};

static inline void back_varint(struct back *w, uint64_t v)
{
    if (v < 0x80) {
        *--w->at = (uint8_t)v;
        return;
    }
    size_t n = (size_t)(63 - __builtin_clzll(v)) / 7 + 1;
    uint8_t *at = w->at -= n;
    for (; v >= 0x80; v >>= 7)
        *at++ = (uint8_t)(v | 0x80);
    *at = (uint8_t)v;
}

static inline void back_tag(struct back *w, uint32_t field, enum wire_type type)
{
    back_varint(w, (uint64_t)field << 3 | type);
}

static inline void back_uint(struct back *w, uint32_t field, uint64_t v)
{
    if (v == 0)
        return;
    back_varint(w, v);
    back_tag(w, field, WIRE_VARINT);
}

static inline void back_sint(struct back *w, uint32_t field, int64_t v)
{
    back_uint(w, field, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

static inline void back_raw(struct back *w, struct bytes b)
{
    w->at -= b.len;
    if (b.len > 0)
        memcpy(w->at, b.base, b.len);
}

/* The length and tag around what was written since `end`. */
static inline void back_around(struct back *w, uint32_t field, const uint8_t *end)
{
    back_varint(w, (uint64_t)(end - w->at));
    back_tag(w, field, WIRE_BYTES);
}

static inline void back_bytes(struct back *w, uint32_t field, struct bytes b)
{
    if (b.len == 0)
        return;
    const uint8_t *end = w->at;
    back_raw(w, b);
    back_around(w, field, end);
}

#endif
