#include "base/wire.h"

void wire_without(struct bytes message, uint32_t number, struct buf *into)
{
    const uint8_t *at = message.base, *end = wire_end(message);
    while (at < end) {
        struct wire_field f;
        const uint8_t *next = wire_next(at, end, &f);
        if (!next)
            return;
        if (f.number != number)
            buf_append(into, bytes_of(at, (size_t)(next - at)));
        at = next;
    }
}

void wire_put_bytes(struct buf *into, uint32_t number, struct bytes value)
{
    uint8_t head[2 * WIRE_VARINT_MAX];
    uint8_t *at = wire_put_varint(head, (uint64_t)number << 3 | WIRE_BYTES);
    at = wire_put_varint(at, value.len);
    buf_append(into, bytes_of(head, (size_t)(at - head)));
    buf_append(into, value);
}
