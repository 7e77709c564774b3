#include "core/wire.h"

bool wire_varint(struct wire *w, uint64_t *value)
{
    uint64_t v = 0;
    for (int shift = 0; shift < 7 * WIRE_VARINT_MAX; shift += 7) {
        if (w->at == w->end)
            return false;
        uint8_t byte = *w->at++;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *value = v;
            return true;
        }
    }
    return false;
}

static bool fixed(struct wire *w, size_t n, uint64_t *value)
{
    if ((size_t)(w->end - w->at) < n)
        return false;
    *value = n == 4 ? get_u32(w->at) : get_u64(w->at);
    w->at += n;
    return true;
}

static bool delimited(struct wire *w, struct bytes *b)
{
    uint64_t n;
    if (!wire_varint(w, &n) || n > (uint64_t)(w->end - w->at))
        return false;
    *b = bytes_of(w->at, (size_t)n);
    w->at += n;
    return true;
}

int wire_next(struct wire *w, struct wire_field *f)
{
    if (w->at == w->end)
        return 0;
    uint64_t tag;
    if (!wire_varint(w, &tag) || tag >> 3 == 0 || tag >> 3 >= UINT32_C(1) << 29)
        return -1;
    *f = (struct wire_field){(uint32_t)(tag >> 3), (enum wire_type)(tag & 7), 0, {NULL, 0}};
    bool ok = false;
    switch (tag & 7) {
    case WIRE_VARINT:
        ok = wire_varint(w, &f->value);
        break;
    case WIRE_FIXED64:
        ok = fixed(w, 8, &f->value);
        break;
    case WIRE_FIXED32:
        ok = fixed(w, 4, &f->value);
        break;
    case WIRE_BYTES:
        ok = delimited(w, &f->bytes);
        break;
    default:
        break;
    }
    return ok ? 1 : -1;
}
