#include "cluster/frame.h"

#include "base/check.h"

void frame_put(struct buf *into, const ProtobufCMessage *m)
{
    size_t size = protobuf_c_message_get_packed_size(m);
    CHECK(size <= UINT32_MAX);
    uint8_t *at = buf_extend(into, FRAME_HEADER + size);
    put_u32(at, (uint32_t)size);
    protobuf_c_message_pack(m, at + FRAME_HEADER);
}

int frame_next(struct bytes in, size_t max, struct bytes *body, size_t *size)
{
    if (in.len < FRAME_HEADER)
        return 0;
    size_t length = get_u32(in.base);
    if (length > max)
        return ERROR_TOO_LARGE;
    if (in.len - FRAME_HEADER < length)
        return 0;
    *body = bytes_of(in.base + FRAME_HEADER, length);
    *size = FRAME_HEADER + length;
    return 1;
}
