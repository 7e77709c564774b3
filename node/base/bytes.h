/* Bytes that somebody else owns, and bytes that we own.
 *
 * `struct bytes` never owns: whoever hands one out says how long it lives. `struct buf` always
 * does: it grows, and buf_free() ends it. Out of memory ends the process, so nothing here fails. */
#ifndef ORRERY_BASE_BYTES_H
#define ORRERY_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    const uint8_t *base;
    size_t len;
};

struct buf {
    uint8_t *base;
    size_t len;
    size_t cap;
};

static inline struct bytes bytes_of(const void *base, size_t len)
{
    return (struct bytes){(const uint8_t *)base, len};
}

struct bytes bytes_str(const char *text); /* Without its terminator. */
bool bytes_equal(struct bytes a, struct bytes b);
int bytes_compare(struct bytes a, struct bytes b); /* As memcmp, shorter first on a tie. */

void buf_free(struct buf *b);
void buf_clear(struct buf *b);                /* Keeps the memory. */
void buf_reserve(struct buf *b, size_t more); /* cap - len >= more afterwards. */
uint8_t *buf_extend(struct buf *b, size_t n); /* n new bytes at the end, unset. */
void buf_append(struct buf *b, struct bytes more);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_consume(struct buf *b, size_t n);   /* Drops the first n bytes. */
struct bytes buf_bytes(const struct buf *b); /* Valid until the buffer changes. */

/* Little-endian, unaligned. */
static inline void put_u32(uint8_t *at, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(v >> (8 * i));
}

static inline void put_u64(uint8_t *at, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        at[i] = (uint8_t)(v >> (8 * i));
}

static inline uint32_t get_u32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline uint64_t get_u64(const uint8_t *at)
{
    return (uint64_t)get_u32(at) | (uint64_t)get_u32(at + 4) << 32;
}

#endif
