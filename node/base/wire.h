/* The wire format of protobuf by hand, for what every message passes: envelopes, events, patterns.
 * Read field by field without unpacking and without a heap. Bytes from outside: nothing here reads
 * past `end`, groups are malformed. */
#ifndef ORRERY_BASE_WIRE_H
#define ORRERY_BASE_WIRE_H

#include "base/bytes.h"

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

enum { WIRE_VARINT_MAX = 10 };

struct wire_field {
    uint32_t number;
    enum wire_type type;
    uint64_t value;     /* VARINT, FIXED32, FIXED64; the bits, not interpreted. */
    struct bytes bytes; /* BYTES; points into the message. */
};

/* The position behind the varint, NULL where there is none. */
static inline const uint8_t *wire_varint(const uint8_t *at, const uint8_t *end, uint64_t *value)
{
    if (at < end && *at < 0x80) {
        *value = *at;
        return at + 1;
    }
    uint64_t v = 0;
    for (int shift = 0; shift < 64 && at < end; shift += 7) {
        uint8_t byte = *at++;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *value = v;
            return at;
        }
    }
    return NULL;
}

/* The position behind the next field, NULL when the bytes are malformed. Call while at < end. */
static inline const uint8_t *wire_next(const uint8_t *at, const uint8_t *end,
                                       struct wire_field *field)
{
    uint64_t tag;
    at = wire_varint(at, end, &tag);
    if (!at || tag >> 3 == 0 || tag >> 3 > UINT64_C(0x1fffffff))
        return NULL;
    field->number = (uint32_t)(tag >> 3);
    field->type = (enum wire_type)(tag & 7);
    field->value = 0;
    field->bytes = bytes_of(at, 0);
    switch (tag & 7) {
    case WIRE_VARINT:
        return wire_varint(at, end, &field->value);
    case WIRE_BYTES: {
        uint64_t len;
        at = wire_varint(at, end, &len);
        if (!at || len > (uint64_t)(end - at))
            return NULL;
        field->bytes = bytes_of(at, (size_t)len);
        return at + len;
    }
    case WIRE_FIXED64:
        if (end - at < 8)
            return NULL;
        field->value = get_u64(at);
        return at + 8;
    case WIRE_FIXED32:
        if (end - at < 4)
            return NULL;
        field->value = get_u32(at);
        return at + 4;
    default:
        return NULL;
    }
}

/* Where a message ends; also of one that is nowhere. */
static inline const uint8_t *wire_end(struct bytes message)
{
    return message.len > 0 ? message.base + message.len : message.base;
}

/* The same as a cursor that moves from field to field. */
struct wire {
    const uint8_t *at;
    const uint8_t *end;
};

static inline struct wire wire_of(struct bytes message)
{
    return (struct wire){message.base, wire_end(message)};
}

/* 1: a field, 0: the end, -1: malformed. */
static inline int wire_step(struct wire *w, struct wire_field *field)
{
    if (w->at == w->end)
        return 0;
    w->at = wire_next(w->at, w->end, field);
    return w->at ? 1 : -1;
}

/* The next of packed varints; false when malformed, and the cursor may only be dropped. */
static inline bool wire_take(struct wire *w, uint64_t *value)
{
    w->at = wire_varint(w->at, w->end, value);
    return w->at != NULL;
}

static inline int64_t wire_zigzag(uint64_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

/* Writing: into at least WIRE_VARINT_MAX bytes; the position behind. */
static inline uint8_t *wire_put_varint(uint8_t *at, uint64_t v)
{
    while (v >= 0x80) {
        *at++ = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    *at++ = (uint8_t)v;
    return at;
}

static inline uint8_t *wire_put_number(uint8_t *at, uint32_t field, uint64_t v)
{
    return wire_put_varint(wire_put_varint(at, (uint64_t)field << 3 | WIRE_VARINT), v);
}

/* Reads the payload of the first field with this number; false when there is none. */
static inline bool wire_find(struct bytes message, uint32_t number, struct wire_field *field)
{
    const uint8_t *at = message.base, *end = wire_end(message);
    while (at && at < end) {
        at = wire_next(at, end, field);
        if (at && field->number == number)
            return true;
    }
    return false;
}

/* The number, or the bytes, that a field holds; 0, or none, where it is not there. */
static inline uint64_t wire_number(struct bytes message, uint32_t number)
{
    struct wire_field f;
    bool found = wire_find(message, number, &f);
    return found && f.type != WIRE_BYTES ? f.value : 0;
}

static inline struct bytes wire_bytes(struct bytes message, uint32_t number)
{
    struct wire_field f;
    bool found = wire_find(message, number, &f);
    return found && f.type == WIRE_BYTES ? f.bytes : bytes_of(NULL, 0);
}

/* Appends `message` without a field, up to where it is malformed. */
void wire_without(struct bytes message, uint32_t number, struct buf *into);
void wire_put_bytes(struct buf *into, uint32_t number, struct bytes value); /* A whole field. */

#endif
