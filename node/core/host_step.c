#include "base/check.h"
#include "core/host_internal.h"

#include <string.h>

/* In a queue, then its body. */
struct own_message {
    uint32_t instance;
    enum transport transport;
    uint64_t event;
    uint64_t lamport;
    uint64_t vclock[VCLOCK_NODES_MAX];
    size_t len;
};

struct report {
    struct moment at;
    uint32_t instance;
    Orrery__Event__BodyCase kind;
    size_t len;
};

void host_enter(struct host *h, struct moment at)
{
    CHECK(!h->busy);
    CHECK(h->phase != PHASE_DEAD);
    h->busy = true;
    h->at = at;
    h->hit = -1;
    h->input_seq = 0;
}

void host_input(struct host *h, const struct happening *what)
{
    h->input_seq = host_emit(h, what);
    if (h->n_breaks > 0)
        host_match(h, what);
}

void host_tell(struct host *h, const struct happening *what)
{
    host_input(h, what);
    (void)host_go_on(h);
}

struct bytes flatten(struct host *h, const struct body *body)
{
    if (body->n == 1 && body->slices[0].kind == SLICE_MEMORY)
        return body->slices[0].memory;
    buf_clear(&h->flat_room);
    for (uint32_t i = 0; i < body->n; i++) {
        CHECK(body->slices[i].kind == SLICE_MEMORY); /* Only replies are sent from a log. */
        buf_append(&h->flat_room, body->slices[i].memory);
    }
    return buf_bytes(&h->flat_room);
}

static void send_to_self(struct host *h, const struct instance *in, const struct effect *e,
                         uint64_t event)
{
    struct bytes body = flatten(h, &e->body);
    struct own_message *m = queue_push(&h->own[h->own_filled], sizeof *m + body.len);
    m->instance = in->number;
    m->transport = e->send.transport;
    m->event = event;
    m->lamport = h->lamport;
    memcpy(m->vclock, h->vclock, sizeof m->vclock);
    m->len = body.len;
    if (body.len > 0)
        memcpy(m + 1, body.base, body.len);
}

static void leave_send(struct host *h, const struct instance *in, const struct effect *e,
                       uint64_t event)
{
    struct envelope envelope = {
        .from = h->config.self,
        .instance = in->number,
        .boot = h->config.boot,
        .event = event,
        .lamport = h->lamport,
        .n_vclock = h->n_vclock,
        .secret = bytes_of(h->config.secret, SECRET_SIZE),
        .body = flatten(h, &e->body),
    };
    memcpy(envelope.vclock, h->vclock, h->n_vclock * sizeof h->vclock[0]);
    for (uint32_t i = 0; i < e->send.n; i++) {
        envelope.to = e->send.to[i];
        CHECK(member_index(h, envelope.to) >= 0);
        if (envelope.to == h->config.self) {
            send_to_self(h, in, e, event);
            continue;
        }
        struct bytes frame = envelope_pack(&envelope, &h->frame_room);
        h->io.send(h->ctx, envelope.to, e->send.transport, frame, event);
    }
}

void host_leave(struct host *h, struct instance *in, const struct effect *e)
{
    struct happening what = happening_effect(in, e);
    if (e->kind == EFFECT_APPEND)
        h->io.append(h->ctx, in->number, e->append.log, e->append.at, e->append.type,
                     flatten(h, &e->body), &what.place);
    uint64_t event = host_emit(h, &what);
    switch ((int)e->kind) {
    case EFFECT_SEND:
        leave_send(h, in, e, event);
        break;
    case EFFECT_TRUNCATE:
        h->io.truncate(h->ctx, in->number, e->truncate.log, e->truncate.at, e->truncate.suffix);
        break;
    case EFFECT_SNAPSHOT:
        h->io.snapshot(h->ctx, in->number, e->snapshot.log, e->snapshot.at, flatten(h, &e->body));
        break;
    case EFFECT_READ:
        h->io.read(h->ctx, in->number, e->read.log, e->read.at, e->read.count, e->read.tag);
        break;
    case EFFECT_REPLY:
        h->io.reply(h->ctx, in->number, e->reply.client, e->reply.request, &e->body, e->reply.more);
        break;
    default:
        break;
    }
}

static void out_open(struct host *h, struct instance *in)
{
    arena_clear(&h->arena);
    h->out.n = 0;
    memcpy(h->out.last, in->last, sizeof in->last);
    h->out.recovering = h->phase == PHASE_RECOVERING;
    h->out.viewing = false;
    h->out.random = &in->random;
    h->out.lamport = &h->lamport;
    h->out.ops = in->ops;
    h->out.arena = &h->arena;
}

static void leave_or_hold(struct host *h, struct instance *in, const struct effect *e)
{
    if (e->kind == EFFECT_TRUNCATE && e->truncate.suffix)
        hold_forget_above(in, e->truncate.log, e->truncate.at - 1);
    if (hold_must(in, e))
        hold_push(in, e);
    else
        host_leave(h, in, e);
}

void host_step(struct host *h, struct instance *in, const struct input *input)
{
    out_open(h, in);
    in->ops->step(in->core, input, &h->out);
    memcpy(in->last, h->out.last, sizeof in->last);
    if (h->n_breaks > 0)
        for (uint32_t i = 0; i < h->out.n; i++) {
            struct happening what = happening_effect(in, &h->out.effects[i]);
            if (!hold_must(in, &h->out.effects[i]))
                host_match(h, &what);
        }
    if (!host_go_on(h))
        return;
    for (uint32_t i = 0; i < h->out.n; i++)
        leave_or_hold(h, in, &h->out.effects[i]);
}

void host_receive(struct host *h, const struct envelope *e, enum transport t)
{
    struct instance *in = host_instance(h, e->instance);
    if (e->lamport > h->lamport)
        h->lamport = e->lamport;
    for (uint32_t i = 0; i < e->n_vclock && i < h->n_vclock; i++)
        if (e->vclock[i] > h->vclock[i])
            h->vclock[i] = e->vclock[i];
    struct happening what = {
        .kind = ORRERY__EVENT__BODY_RECEIVE,
        .instance = e->instance,
        .bulk = e->body.len + (size_t)e->n_vclock * 10,
        .receive = e,
        .transport = t,
    };
    host_input(h, &what);
    struct input input = {.kind = INPUT_MESSAGE, .now = h->at.now, .wall_ns = h->at.wall_ns};
    input.message.from = e->from;
    input.message.boot = e->boot;
    input.message.transport = t;
    input.message.body = e->body;
    host_step(h, in, &input);
}

static void deliver_one(struct host *h, const struct own_message *m)
{
    struct envelope e = {
        .from = h->config.self,
        .to = h->config.self,
        .instance = m->instance,
        .boot = h->config.boot,
        .event = m->event,
        .lamport = m->lamport,
        .n_vclock = h->n_vclock,
        .body = bytes_of(m + 1, m->len),
    };
    memcpy(e.vclock, m->vclock, sizeof e.vclock);
    host_receive(h, &e, m->transport);
}

/* Two queues in turn: what a step sends to itself must not move what it is reading. */
static void deliver_own(struct host *h)
{
    uint32_t delivered = 0;
    while (!queue_empty(&h->own[h->own_filled])) {
        struct queue *q = &h->own[h->own_filled];
        h->own_filled ^= 1;
        for (; !queue_empty(q); queue_pop(q)) {
            CHECK(++delivered < OWN_MESSAGES_MAX);
            if (h->phase != PHASE_DEAD)
                deliver_one(h, queue_first(q));
        }
    }
}

/* A large view comes less often: views are there to begin from, and must not outweigh what is told.
 */
static void emit_views(struct host *h)
{
    uint64_t size = 0;
    for (uint32_t i = 0; i < h->config.n_instances; i++) {
        struct instance *in = &h->instances[i];
        if (!in->ops->view)
            continue;
        out_open(h, in);
        h->out.viewing = true;
        in->ops->view(in->core, &h->out);
        h->out.viewing = false;
        for (uint32_t j = 0; j < h->out.n; j++) {
            struct happening what = happening_effect(in, &h->out.effects[j]);
            (void)host_emit(h, &what);
            size += body_size(&h->out.effects[j].body);
        }
    }
    h->since_view = 0;
    h->view_due =
        size / VIEW_SHARE > h->config.view_every ? size / VIEW_SHARE : h->config.view_every;
}

/* In a life that is executed again a view was due where there was one. */
static bool view_was_due(struct host *h)
{
    struct bytes next = h->life->event(h->life->ctx, h->seq + 1);
    Orrery__Event *event = next.base ? orrery__event__unpack(NULL, next.len, next.base) : NULL;
    if (!event)
        return false;
    bool due = event->body_case == ORRERY__EVENT__BODY_VIEW && event->mono_ns == h->at.now &&
               event->wall_ns == h->at.wall_ns;
    orrery__event__free_unpacked(event, NULL);
    return due;
}

static void views_if_due(struct host *h)
{
    if (h->phase != PHASE_STARTED)
        return;
    if (h->life ? view_was_due(h) : h->since_view >= h->view_due)
        emit_views(h);
}

static void tell_report(struct host *h, const struct report *r)
{
    h->at = r->at;
    h->hit = -1;
    struct happening what = {
        .kind = r->kind,
        .instance = r->instance,
        .bulk = r->len,
        .packed = bytes_of(r + 1, r->len),
        .is_packed = true,
    };
    host_tell(h, &what);
    views_if_due(h);
}

void host_finish(struct host *h)
{
    deliver_own(h);
    views_if_due(h);
    for (; !queue_empty(&h->reports); queue_pop(&h->reports))
        if (h->phase != PHASE_DEAD)
            tell_report(h, queue_first(&h->reports));
    h->busy = false;
}

void host_report(struct host *h, struct moment at, const Orrery__Event *event)
{
    CHECK(h->phase != PHASE_NEW);
    CHECK(event->body_case != ORRERY__EVENT__BODY__NOT_SET);
    if (h->phase == PHASE_DEAD)
        return;
    /* Any member of the oneof: each is a pointer to a message. */
    const ProtobufCMessage *body = (const ProtobufCMessage *)(const void *)event->start;
    size_t len = protobuf_c_message_get_packed_size(body);
    struct report *r = queue_push(&h->reports, sizeof *r + len);
    r->at = at;
    r->instance = event->instance;
    r->kind = event->body_case;
    r->len = len;
    (void)protobuf_c_message_pack(body, (uint8_t *)(r + 1));
    if (h->busy)
        return;
    h->busy = true;
    host_finish(h);
}

void host_view(struct host *h, struct moment at)
{
    CHECK(h->phase == PHASE_STARTED);
    host_enter(h, at);
    emit_views(h);
    h->busy = false;
}
