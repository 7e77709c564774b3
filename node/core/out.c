#include "base/check.h"
#include "core/core.h"
#include "history.pb-c.h"

#include <string.h>

static bool only_tells(enum effect_kind kind)
{
    return kind == EFFECT_TRACE || kind == EFFECT_MOVE || kind == EFFECT_VIOLATION;
}

static struct effect *add(struct out *o, enum effect_kind kind)
{
    CHECK(o->n < EFFECTS_MAX);
    CHECK(!o->recovering || only_tells(kind));
    CHECK(o->viewing == (kind == EFFECT_VIEW));
    struct effect *e = &o->effects[o->n++];
    e->kind = kind;
    e->held = false;
    e->body = (struct body){NULL, 0};
    return e;
}

static bool has_logs(const struct out *o)
{
    return o->ops->logs && o->ops->logs[0];
}

static uint32_t count_logs(const struct out *o)
{
    uint32_t n = 0;
    while (o->ops->logs && o->ops->logs[n])
        n++;
    return n;
}

static void hold(const struct out *o, struct effect *e, uint32_t log)
{
    CHECK(log < LOGS_MAX);
    e->held = o->last[log] != LSN_NONE;
    e->after_log = log;
    e->after = o->last[log];
}

void *out_alloc(struct out *o, size_t n)
{
    return arena_alloc(o->arena, n);
}

static struct body body_of(struct out *o, struct bytes b)
{
    struct slice *slice = out_alloc(o, sizeof *slice);
    if (!slice)
        return (struct body){NULL, 0};
    memset(slice, 0, sizeof *slice);
    slice->kind = SLICE_MEMORY;
    slice->memory = b;
    return (struct body){slice, 1};
}

struct body out_bytes(struct out *o, struct bytes copied)
{
    struct bytes b = arena_copy(o->arena, copied);
    return b.base ? body_of(o, b) : (struct body){NULL, 0};
}

struct body out_pack(struct out *o, const ProtobufCMessage *m)
{
    size_t n = protobuf_c_message_get_packed_size(m);
    uint8_t *at = out_alloc(o, n);
    if (!at)
        return (struct body){NULL, 0};
    size_t packed = protobuf_c_message_pack(m, at);
    CHECK(packed == n);
    return body_of(o, bytes_of(at, n));
}

/* Slices may stand on the caller's stack; effects live until the next step. */
static struct body keep(struct out *o, struct body body)
{
    if (body.n == 0)
        return body;
    struct slice *slices = out_alloc(o, body.n * sizeof *slices);
    CHECK(slices != NULL);
    memcpy(slices, body.slices, body.n * sizeof *slices);
    return (struct body){slices, body.n};
}

static struct body pack_own(struct out *o, const ProtobufCMessage *m)
{
    struct body body = out_pack(o, m);
    CHECK(body.n == 1); /* Our own message must fit our own arena. */
    return body;
}

static struct effect *send(struct out *o, const node_id *to, uint32_t n, enum transport t,
                           const ProtobufCMessage *m)
{
    CHECK(m->descriptor == o->ops->message);
    struct effect *e = add(o, EFFECT_SEND);
    e->body = pack_own(o, m);
    CHECK(t == TRANSPORT_STREAM || e->body.slices[0].memory.len <= DATAGRAM_MAX);
    e->send.to =
        (const node_id *)(const void *)arena_copy(o->arena, bytes_of(to, n * sizeof *to)).base;
    CHECK(e->send.to != NULL);
    e->send.n = n;
    e->send.transport = t;
    return e;
}

void out_send_many_now(struct out *o, const node_id *to, uint32_t n, enum transport t,
                       const ProtobufCMessage *m)
{
    if (n > 0)
        (void)send(o, to, n, t, m);
}

void out_send_many(struct out *o, const node_id *to, uint32_t n, enum transport t,
                   const ProtobufCMessage *m)
{
    if (n == 0)
        return;
    struct effect *e = send(o, to, n, t, m);
    if (has_logs(o))
        hold(o, e, o->ops->waits_for);
}

void out_send(struct out *o, node_id to, enum transport t, const ProtobufCMessage *m)
{
    out_send_many(o, &to, 1, t, m);
}

void out_send_now(struct out *o, node_id to, enum transport t, const ProtobufCMessage *m)
{
    out_send_many_now(o, &to, 1, t, m);
}

static struct effect *reply(struct out *o, client_id client, uint64_t request, struct body body,
                            bool more)
{
    struct effect *e = add(o, EFFECT_REPLY);
    e->body = keep(o, body);
    e->reply.client = client;
    e->reply.request = request;
    e->reply.more = more;
    return e;
}

void out_reply_now(struct out *o, client_id client, uint64_t request, struct body body)
{
    (void)reply(o, client, request, body, false);
}

void out_reply(struct out *o, client_id client, uint64_t request, struct body body)
{
    struct effect *e = reply(o, client, request, body, false);
    if (has_logs(o))
        hold(o, e, o->ops->waits_for);
}

void out_reply_part(struct out *o, client_id client, uint64_t request, struct body body)
{
    struct effect *e = reply(o, client, request, body, true);
    if (has_logs(o))
        hold(o, e, o->ops->waits_for);
}

static struct effect *append(struct out *o, uint32_t log, uint8_t type, struct body body)
{
    CHECK(log < count_logs(o));
    struct effect *e = add(o, EFFECT_APPEND);
    e->body = keep(o, body);
    e->append.log = log;
    e->append.at = ++o->last[log];
    e->append.type = type;
    return e;
}

lsn out_append(struct out *o, uint32_t log, uint8_t type, struct body body)
{
    return append(o, log, type, body)->append.at;
}

lsn out_append_after(struct out *o, uint32_t log, uint32_t first, uint8_t type, struct body body)
{
    CHECK(first != log && first < count_logs(o));
    struct effect *e = append(o, log, type, body);
    hold(o, e, first);
    return e->append.at;
}

static void truncate(struct out *o, uint32_t log, lsn at, bool suffix)
{
    CHECK(log < count_logs(o));
    CHECK(at > LSN_NONE && at <= o->last[log] + 1);
    struct effect *e = add(o, EFFECT_TRUNCATE);
    e->truncate.log = log;
    e->truncate.at = at;
    e->truncate.suffix = suffix;
}

void out_truncate_before(struct out *o, uint32_t log, lsn at)
{
    truncate(o, log, at, false);
}

void out_truncate_from(struct out *o, uint32_t log, lsn at)
{
    truncate(o, log, at, true);
    o->last[log] = at - 1;
}

void out_snapshot(struct out *o, uint32_t log, lsn at, struct body body)
{
    CHECK(log < count_logs(o));
    struct effect *e = add(o, EFFECT_SNAPSHOT);
    e->body = keep(o, body);
    e->snapshot.log = log;
    e->snapshot.at = at;
    /* One that came from a peer may stand for more than we ever wrote. */
    if (at > o->last[log])
        o->last[log] = at;
}

void out_read(struct out *o, uint32_t log, lsn at, uint32_t count, uint64_t tag)
{
    CHECK(log < count_logs(o));
    struct effect *e = add(o, EFFECT_READ);
    e->read.log = log;
    e->read.at = at;
    e->read.count = count;
    e->read.tag = tag;
}

static uint32_t trace_type(const struct core_ops *ops, const ProtobufCMessageDescriptor *type)
{
    uint32_t n = 0;
    for (; ops->traces && ops->traces[n]; n++)
        if (ops->traces[n] == type)
            return n;
    CHECK(ops->clients);
    CHECK(type == &history__invoke__descriptor || type == &history__complete__descriptor);
    return type == &history__invoke__descriptor ? n : n + 1;
}

static struct effect *trace(struct out *o, const ProtobufCMessageDescriptor *type, struct body body)
{
    struct effect *e = add(o, EFFECT_TRACE);
    e->body = body;
    e->trace.type = trace_type(o->ops, type);
    e->trace.detail = false;
    return e;
}

static void hold_trace(struct out *o, struct effect *e)
{
    if (has_logs(o))
        hold(o, e, o->ops->waits_for);
}

void out_trace(struct out *o, const ProtobufCMessage *m)
{
    (void)trace(o, m->descriptor, pack_own(o, m));
}

void out_trace_held(struct out *o, const ProtobufCMessage *m)
{
    hold_trace(o, trace(o, m->descriptor, pack_own(o, m)));
}

void out_trace_packed(struct out *o, const ProtobufCMessageDescriptor *type, struct bytes packed,
                      bool held)
{
    struct effect *e = trace(o, type, body_of(o, packed));
    if (held)
        hold_trace(o, e);
}

void out_detail(struct out *o, const ProtobufCMessage *m)
{
    trace(o, m->descriptor, pack_own(o, m))->trace.detail = true;
}

void out_violation(struct out *o, node_id from, const char *why, struct bytes bad)
{
    struct effect *e = add(o, EFFECT_VIOLATION);
    e->body = body_of(o, bad);
    e->violation.from = from;
    e->violation.why = why;
}

void out_view(struct out *o, const ProtobufCMessage *m)
{
    CHECK(m->descriptor == o->ops->view_type);
    CHECK(o->n == 0);
    struct effect *e = add(o, EFFECT_VIEW);
    e->body = pack_own(o, m);
}

uint64_t out_lamport(struct out *o)
{
    CHECK(!o->viewing);
    return ++*o->lamport;
}

uint64_t out_random(struct out *o, uint64_t max)
{
    CHECK(!o->viewing);
    return random_below(o->random, max);
}

ProtobufCMessage *out_unpack(struct out *o, const ProtobufCMessageDescriptor *d, struct bytes b)
{
    ProtobufCAllocator lender = {arena_lend, arena_keep, o->arena};
    return protobuf_c_message_unpack(d, &lender, b.len, b.base);
}

void out_move(struct out *o, uint32_t machine, uint32_t of, uint8_t from, uint8_t to)
{
    struct effect *e = add(o, EFFECT_MOVE);
    e->move.machine = machine;
    e->move.of = of;
    e->move.from = from;
    e->move.to = to;
}
