/* A hash for tables and for telling runs apart: FNV's idea, eight bytes at a time, and mixed. The
 * same on every machine; not for what somebody wants to collide. */
#ifndef ORRERY_BASE_HASH_H
#define ORRERY_BASE_HASH_H

#include "base/bytes.h"

static inline uint64_t hash_word(uint64_t h, uint64_t word)
{
    h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ (h >> 29);
}

/* Of two small numbers, for tables of their pairs. */
static inline uint32_t hash_pair(uint32_t a, uint32_t b)
{
    uint32_t h = (a * UINT32_C(0x9e3779b1)) ^ (b * UINT32_C(0x85ebca77));
    return h ^ (h >> 15);
}

static inline uint64_t hash_bytes(uint64_t h, struct bytes b)
{
    size_t i = 0;
    for (; i + 8 <= b.len; i += 8)
        h = hash_word(h, get_u64(b.base + i));
    uint64_t rest = b.len;
    for (; i < b.len; i++)
        rest = rest << 8 | b.base[i];
    return hash_word(h, rest);
}

#endif
