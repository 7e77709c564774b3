#include "base/check.h"
#include "core/back.h"
#include "core/host_internal.h"

enum { HEADER_ROOM = 64, FIELDS_ROOM = 160 };

uint64_t body_size(const struct body *body)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < body->n; i++) {
        const struct slice *s = &body->slices[i];
        n += s->kind == SLICE_MEMORY ? s->memory.len : s->len;
    }
    return n;
}

static size_t memory_size(const struct body *body)
{
    size_t n = 0;
    for (uint32_t i = 0; i < body->n; i++)
        if (body->slices[i].kind == SLICE_MEMORY)
            n += body->slices[i].memory.len;
    return n;
}

struct happening happening_effect(const struct instance *in, const struct effect *e)
{
    static const Orrery__Event__BodyCase kinds[] = {
        [EFFECT_SEND] = ORRERY__EVENT__BODY_SEND,
        [EFFECT_APPEND] = ORRERY__EVENT__BODY_APPEND,
        [EFFECT_TRUNCATE] = ORRERY__EVENT__BODY_TRUNCATE,
        [EFFECT_SNAPSHOT] = ORRERY__EVENT__BODY_SNAPSHOT,
        [EFFECT_READ] = ORRERY__EVENT__BODY_READ,
        [EFFECT_REPLY] = ORRERY__EVENT__BODY_REPLY,
        [EFFECT_TRACE] = ORRERY__EVENT__BODY_TRACE,
        [EFFECT_MOVE] = ORRERY__EVENT__BODY_MOVE,
        [EFFECT_VIEW] = ORRERY__EVENT__BODY_VIEW,
        [EFFECT_VIOLATION] = ORRERY__EVENT__BODY_VIOLATION,
    };
    size_t bulk = memory_size(&e->body);
    if (e->kind == EFFECT_SEND)
        bulk += (size_t)e->send.n * 5;
    if (e->kind == EFFECT_VIOLATION)
        bulk += strlen(e->violation.why);
    return (struct happening){.kind = kinds[e->kind],
                              .instance = in->number,
                              .detail = e->kind == EFFECT_TRACE && e->trace.detail,
                              .trace_base = in->trace_base,
                              .bulk = bulk,
                              .effect = e};
}

struct happening happening_input(const struct instance *in, Orrery__Event__BodyCase kind,
                                 const struct input *input)
{
    size_t bulk = 0;
    if (input->kind == INPUT_REQUEST)
        bulk = input->request.body.len;
    if (input->kind == INPUT_DATA)
        bulk = input->data.body.len;
    return (struct happening){.kind = kind, .instance = in->number, .bulk = bulk, .input = input};
}

struct happening happening_message(uint32_t instance, Orrery__Event__BodyCase kind,
                                   const ProtobufCMessage *m)
{
    return (struct happening){.kind = kind,
                              .instance = instance,
                              .bulk = protobuf_c_message_get_packed_size(m),
                              .message = m};
}

static bool always_shown(Orrery__Event__BodyCase kind)
{
    switch ((int)kind) {
    case ORRERY__EVENT__BODY_START:
    case ORRERY__EVENT__BODY_STOP:
    case ORRERY__EVENT__BODY_LINK:
    case ORRERY__EVENT__BODY_MOVE:
    case ORRERY__EVENT__BODY_TRACE:
    case ORRERY__EVENT__BODY_VIEW:
    case ORRERY__EVENT__BODY_DROP:
    case ORRERY__EVENT__BODY_HELD:
    case ORRERY__EVENT__BODY_VIOLATION:
    case ORRERY__EVENT__BODY_HALT:
        return true;
    default:
        return false;
    }
}

static bool only_full(const struct happening *what)
{
    switch ((int)what->kind) {
    case ORRERY__EVENT__BODY_WAKE:
    case ORRERY__EVENT__BODY_WRITTEN:
    case ORRERY__EVENT__BODY_READ:
    case ORRERY__EVENT__BODY_DATA:
    case ORRERY__EVENT__BODY_CREDIT:
        return true;
    default:
        return what->detail;
    }
}

static bool shown(Orrery__Level level, const struct happening *what)
{
    if (level == ORRERY__LEVEL__LEVEL_FULL)
        return true;
    if (only_full(what))
        return false;
    return level == ORRERY__LEVEL__LEVEL_SUMMARY || always_shown(what->kind);
}

/* What only tells of the node, and does not happen in it, takes no time. */
static bool ticks(Orrery__Event__BodyCase kind)
{
    return kind != ORRERY__EVENT__BODY_VIEW && kind != ORRERY__EVENT__BODY_HALT;
}

static void back_body(struct back *w, uint32_t field, const struct body *body, bool full)
{
    size_t n = full ? memory_size(body) : 0;
    if (n == 0)
        return;
    const uint8_t *end = w->at;
    for (uint32_t i = body->n; i-- > 0;)
        if (body->slices[i].kind == SLICE_MEMORY)
            back_raw(w, body->slices[i].memory);
    back_around(w, field, end);
}

static void pack_send(struct back *w, const struct effect *e, bool full)
{
    back_body(w, 4, &e->body, full);
    back_uint(w, 3, body_size(&e->body));
    back_uint(w, 2, e->send.transport);
    const uint8_t *end = w->at;
    for (uint32_t i = e->send.n; i-- > 0;)
        back_varint(w, e->send.to[i]);
    back_around(w, 1, end);
}

static void pack_append(struct back *w, const struct happening *what, bool full)
{
    const struct effect *e = what->effect;
    back_body(w, 7, &e->body, full);
    back_uint(w, 6, what->place.offset);
    back_uint(w, 5, what->place.segment);
    back_uint(w, 4, what->place.size);
    back_uint(w, 3, e->append.type);
    back_uint(w, 2, e->append.at);
    back_uint(w, 1, e->append.log);
}

static void pack_reply(struct back *w, const struct effect *e, bool full)
{
    back_uint(w, 5, e->reply.more);
    back_body(w, 4, &e->body, full);
    back_uint(w, 3, body_size(&e->body));
    back_uint(w, 2, e->reply.request);
    back_uint(w, 1, e->reply.client);
}

static void pack_violation(struct back *w, const struct effect *e)
{
    struct bytes bad = e->body.n > 0 ? e->body.slices[0].memory : bytes_of(NULL, 0);
    if (bad.len > VIOLATION_BODY_MAX)
        bad.len = VIOLATION_BODY_MAX;
    back_bytes(w, 3, bad);
    back_bytes(w, 2, bytes_str(e->violation.why));
    back_uint(w, 1, e->violation.from);
}

static void pack_trace(struct back *w, const struct happening *what)
{
    back_body(w, 2, &what->effect->body, true);
    back_uint(w, 1, what->trace_base + what->effect->trace.type);
}

static void pack_effect(struct back *w, const struct happening *what, bool full)
{
    const struct effect *e = what->effect;
    switch (e->kind) {
    case EFFECT_SEND:
        pack_send(w, e, full);
        break;
    case EFFECT_APPEND:
        pack_append(w, what, full);
        break;
    case EFFECT_TRUNCATE:
        back_uint(w, 3, e->truncate.suffix);
        back_uint(w, 2, e->truncate.at);
        back_uint(w, 1, e->truncate.log);
        break;
    case EFFECT_SNAPSHOT:
        back_uint(w, 3, body_size(&e->body));
        back_uint(w, 2, e->snapshot.at);
        back_uint(w, 1, e->snapshot.log);
        break;
    case EFFECT_READ:
        back_uint(w, 4, e->read.tag);
        back_uint(w, 3, e->read.count);
        back_uint(w, 2, e->read.at);
        back_uint(w, 1, e->read.log);
        break;
    case EFFECT_REPLY:
        pack_reply(w, e, full);
        break;
    case EFFECT_TRACE:
        pack_trace(w, what);
        break;
    case EFFECT_MOVE:
        back_uint(w, 4, e->move.to);
        back_uint(w, 3, e->move.from);
        back_uint(w, 2, e->move.of);
        back_uint(w, 1, e->move.machine);
        break;
    case EFFECT_VIEW:
        back_body(w, 1, &e->body, true);
        break;
    case EFFECT_VIOLATION:
        pack_violation(w, e);
        break;
    }
}

static void pack_receive(struct back *w, const struct happening *what, bool full)
{
    const struct envelope *e = what->receive;
    if (full && e->n_vclock > 0) {
        const uint8_t *end = w->at;
        for (uint32_t i = e->n_vclock; i-- > 0;)
            back_varint(w, e->vclock[i]);
        back_around(w, 8, end);
    }
    back_uint(w, 7, e->lamport);
    if (full)
        back_bytes(w, 6, e->body);
    back_uint(w, 5, e->body.len);
    back_uint(w, 4, what->transport);
    back_uint(w, 3, e->event);
    back_uint(w, 2, e->boot);
    back_uint(w, 1, e->from);
}

static void pack_input(struct back *w, const struct happening *what, bool full)
{
    const struct input *in = what->input;
    switch ((int)in->kind) {
    case INPUT_WRITTEN:
    case INPUT_DURABLE:
        back_uint(w, 3, what->sync_ns);
        back_uint(w, 2, in->durable.at);
        back_uint(w, 1, in->durable.log);
        break;
    case INPUT_DATA:
        back_bytes(w, 3, in->data.body);
        back_uint(w, 2, in->data.tag);
        back_uint(w, 1, in->data.log);
        break;
    case INPUT_REQUEST:
        if (full)
            back_bytes(w, 4, in->request.body);
        back_uint(w, 3, in->request.body.len);
        back_uint(w, 2, in->request.id);
        back_uint(w, 1, in->request.client);
        break;
    case INPUT_CREDIT:
    case INPUT_DISCONNECT:
        back_uint(w, 1, in->client.client);
        break;
    default:
        check_failed(__FILE__, __LINE__, "an input that is packed here");
    }
}

static void pack_message(struct back *w, const ProtobufCMessage *m)
{
    size_t n = protobuf_c_message_get_packed_size(m);
    w->at -= n;
    size_t packed = protobuf_c_message_pack(m, w->at);
    CHECK(packed == n);
}

static void pack_body(struct back *w, const struct happening *what, bool full)
{
    if (what->is_packed) {
        back_raw(w, what->packed);
        return;
    }
    switch ((int)what->kind) {
    case ORRERY__EVENT__BODY_RECEIVE:
        pack_receive(w, what, full);
        break;
    case ORRERY__EVENT__BODY_WAKE:
        back_uint(w, 1, what->deadline);
        break;
    case ORRERY__EVENT__BODY_WRITTEN:
    case ORRERY__EVENT__BODY_DURABLE:
    case ORRERY__EVENT__BODY_DATA:
    case ORRERY__EVENT__BODY_REQUEST:
    case ORRERY__EVENT__BODY_CREDIT:
    case ORRERY__EVENT__BODY_DISCONNECT:
        pack_input(w, what, full);
        break;
    case ORRERY__EVENT__BODY_RECOVERED:
        if (!full) {
            Orrery__Recovered bare = *(const Orrery__Recovered *)(const void *)what->message;
            bare.body.len = 0;
            pack_message(w, &bare.base);
            break;
        }
        pack_message(w, what->message);
        break;
    case ORRERY__EVENT__BODY_LINK:
    case ORRERY__EVENT__BODY_SETTING:
    case ORRERY__EVENT__BODY_ORDER:
    case ORRERY__EVENT__BODY_DROP:
    case ORRERY__EVENT__BODY_HALT:
        pack_message(w, what->message);
        break;
    default:
        pack_effect(w, what, full);
        break;
    }
}

static struct bytes packed_time(struct host *h)
{
    struct packed_time *t = &h->time;
    if (t->len == 0 || t->at.now != h->at.now || t->at.wall_ns != h->at.wall_ns) {
        const uint8_t *end = t->bytes + sizeof t->bytes;
        struct back w = {t->bytes + sizeof t->bytes};
        back_sint(&w, 3, h->at.wall_ns);
        back_uint(&w, 2, h->at.now);
        t->at = h->at;
        t->len = (size_t)(end - w.at);
    }
    return bytes_of(t->bytes + sizeof t->bytes - t->len, t->len);
}

static struct bytes pack_event(struct host *h, const struct happening *what, bool full,
                               uint64_t seq, uint64_t lamport)
{
    buf_clear(&h->event_room);
    buf_reserve(&h->event_room, HEADER_ROOM + FIELDS_ROOM + what->bulk);
    const uint8_t *end = h->event_room.base + h->event_room.cap;
    struct back w = {h->event_room.base + h->event_room.cap};
    pack_body(&w, what, full);
    back_around(&w, what->kind, end);
    back_uint(&w, 5, what->instance);
    back_uint(&w, 4, lamport);
    back_raw(&w, packed_time(h));
    back_uint(&w, 1, seq);
    CHECK(w.at >= h->event_room.base);
    return bytes_of(w.at, (size_t)(end - w.at));
}

struct bytes host_pack(struct host *h, const struct happening *what)
{
    return pack_event(h, what, true, 0, 0);
}

uint64_t host_emit(struct host *h, const struct happening *what)
{
    if (ticks(what->kind)) {
        h->lamport++;
        if (h->n_vclock > 0)
            h->vclock[h->config.self - 1]++;
    }
    if (!shown(h->config.level, what))
        return 0;
    h->seq++;
    h->since_view++;
    bool full = h->config.level == ORRERY__LEVEL__LEVEL_FULL;
    h->io.event(h->ctx, pack_event(h, what, full, h->seq, h->lamport));
    return h->seq;
}
