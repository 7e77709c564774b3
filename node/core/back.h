/* Writing protobuf backwards, from the last field to the first, so that the length of what is
 * nested is known when its turn comes. Fields of proto3 whose value is the default are left out.
 * The writer's room is the caller's care: it never checks. */
#ifndef ORRERY_CORE_BACK_H
#define ORRERY_CORE_BACK_H

#include "base/wire.h"

#include <string.h>

/* `at` is the first byte written so far. */
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
