#include "core/envelope.h"

#include "base/check.h"
#include "base/crc32c.h"
#include "base/errors.h"
#include "core/back.h"

enum { /* Fields of envelope.proto. */
       ENVELOPE_FROM = 1,
       ENVELOPE_TO,
       ENVELOPE_INSTANCE,
       ENVELOPE_BOOT,
       ENVELOPE_EVENT,
       ENVELOPE_LAMPORT,
       ENVELOPE_VCLOCK,
       ENVELOPE_SECRET,
       ENVELOPE_BODY,
};

enum { EVENT_WIDTH = ENVELOPE_EVENT_MAX_BITS / 7, HEAD_MAX = 9 * 12 + VCLOCK_NODES_MAX * 10 };

/* A varint that always takes EVENT_WIDTH bytes. */
static void back_event(struct back *w, uint64_t event)
{
    CHECK(event >> ENVELOPE_EVENT_MAX_BITS == 0);
    w->at -= EVENT_WIDTH;
    for (int i = 0; i < EVENT_WIDTH; i++)
        w->at[i] = (uint8_t)((event >> (7 * i) & 0x7f) | (i < EVENT_WIDTH - 1 ? 0x80 : 0));
    back_tag(w, ENVELOPE_EVENT, WIRE_VARINT);
}

static void back_vclock(struct back *w, const struct envelope *e)
{
    if (e->n_vclock == 0)
        return;
    const uint8_t *end = w->at;
    for (uint32_t i = e->n_vclock; i-- > 0;)
        back_varint(w, e->vclock[i]);
    back_around(w, ENVELOPE_VCLOCK, end);
}

static struct bytes seal(const struct buf *room, struct back *w)
{
    const uint8_t *end = room->base + room->cap;
    uint32_t crc = crc32c(0, w->at, (size_t)(end - w->at));
    w->at -= FRAME_CRC;
    put_u32(w->at, crc);
    return bytes_of(w->at, (size_t)(end - w->at));
}

static struct back open_frame(struct buf *room, size_t n)
{
    buf_clear(room);
    buf_reserve(room, n);
    return (struct back){room->base + room->cap};
}

struct bytes envelope_pack(const struct envelope *e, struct buf *room)
{
    CHECK(e->n_vclock <= VCLOCK_NODES_MAX);
    CHECK(e->secret.len <= SECRET_SIZE);
    struct back w = open_frame(room, FRAME_CRC + HEAD_MAX + e->secret.len + e->body.len);
    back_bytes(&w, ENVELOPE_BODY, e->body);
    back_bytes(&w, ENVELOPE_SECRET, e->secret);
    back_vclock(&w, e);
    back_uint(&w, ENVELOPE_LAMPORT, e->lamport);
    back_event(&w, e->event);
    back_uint(&w, ENVELOPE_BOOT, e->boot);
    back_uint(&w, ENVELOPE_INSTANCE, e->instance);
    back_uint(&w, ENVELOPE_TO, e->to);
    back_uint(&w, ENVELOPE_FROM, e->from);
    return seal(room, &w);
}

/* A number of a node, an instance or a boot. */
static bool take_u32(const struct wire_field *f, uint32_t *v)
{
    if (f->type != WIRE_VARINT || f->value > UINT32_MAX)
        return false;
    *v = (uint32_t)f->value;
    return true;
}

static bool take_u64(const struct wire_field *f, uint64_t *v)
{
    *v = f->value;
    return f->type == WIRE_VARINT;
}

static bool take_bytes(const struct wire_field *f, struct bytes *b)
{
    *b = f->bytes;
    return f->type == WIRE_BYTES;
}

static bool take_vclock(const struct wire_field *f, struct envelope *e)
{
    if (f->type != WIRE_BYTES)
        return false;
    struct wire w = wire_of(f->bytes);
    for (e->n_vclock = 0; w.at != w.end; e->n_vclock++)
        if (e->n_vclock == VCLOCK_NODES_MAX || !wire_take(&w, &e->vclock[e->n_vclock]))
            return false;
    return true;
}

static bool take_field(const struct wire_field *f, struct envelope *e)
{
    switch (f->number) {
    case ENVELOPE_FROM:
        return take_u32(f, &e->from);
    case ENVELOPE_TO:
        return take_u32(f, &e->to);
    case ENVELOPE_INSTANCE:
        return take_u32(f, &e->instance);
    case ENVELOPE_BOOT:
        return take_u32(f, &e->boot);
    case ENVELOPE_EVENT:
        return take_u64(f, &e->event);
    case ENVELOPE_LAMPORT:
        return take_u64(f, &e->lamport);
    case ENVELOPE_VCLOCK:
        return take_vclock(f, e);
    case ENVELOPE_SECRET:
        return take_bytes(f, &e->secret);
    case ENVELOPE_BODY:
        return take_bytes(f, &e->body);
    default:
        return true; /* Of a later version. */
    }
}

static int check_frame(struct bytes frame, struct wire *w)
{
    if (frame.len < FRAME_CRC)
        return ERROR_MALFORMED;
    struct bytes rest = bytes_of(frame.base + FRAME_CRC, frame.len - FRAME_CRC);
    if (crc32c(0, rest.base, rest.len) != get_u32(frame.base))
        return ERROR_DAMAGED;
    *w = wire_of(rest);
    return 0;
}

int envelope_unpack(struct bytes frame, struct envelope *e)
{
    struct wire w;
    int error = check_frame(frame, &w);
    if (error)
        return error;
    memset(e, 0, sizeof *e);
    struct wire_field f;
    int one;
    while ((one = wire_step(&w, &f)) == 1)
        if (!take_field(&f, e))
            return ERROR_MALFORMED;
    return one == 0 ? 0 : ERROR_MALFORMED;
}

struct bytes hello_pack(node_id from, node_id to, uint32_t boot, const uint8_t secret[SECRET_SIZE],
                        struct buf *room)
{
    struct back w = open_frame(room, FRAME_CRC + HEAD_MAX + SECRET_SIZE);
    back_bytes(&w, 4, bytes_of(secret, SECRET_SIZE));
    back_uint(&w, 3, boot);
    back_uint(&w, 2, to);
    back_uint(&w, 1, from);
    return seal(room, &w);
}

int hello_unpack(struct bytes frame, node_id self, const uint8_t secret[SECRET_SIZE], node_id *from,
                 uint32_t *boot)
{
    struct wire w;
    int error = check_frame(frame, &w);
    if (error)
        return error;
    node_id to = NODE_NONE;
    struct bytes told = {NULL, 0};
    *from = NODE_NONE;
    *boot = 0;
    struct wire_field f;
    int one;
    while ((one = wire_step(&w, &f)) == 1) {
        bool ok = f.number == 1   ? take_u32(&f, from)
                  : f.number == 2 ? take_u32(&f, &to)
                  : f.number == 3 ? take_u32(&f, boot)
                  : f.number == 4 ? take_bytes(&f, &told)
                                  : true;
        if (!ok)
            return ERROR_MALFORMED;
    }
    if (one < 0 || *from == NODE_NONE || *boot == 0)
        return ERROR_MALFORMED;
    if (to != self || !secret_equal(told, secret))
        return ERROR_REFUSED;
    return 0;
}

bool secret_equal(struct bytes told, const uint8_t secret[SECRET_SIZE])
{
    if (told.len != SECRET_SIZE)
        return false;
    uint8_t different = 0; /* All bytes are looked at, so that time tells nothing. */
    for (int i = 0; i < SECRET_SIZE; i++)
        different |= told.base[i] ^ secret[i];
    return different == 0;
}
