#include "runtime/streams_parts.h"

#include "base/check.h"
#include "base/must.h"
#include "core/envelope.h"

#include <stdlib.h>
#include <string.h>

enum { FRAME_LENGTH = 4 };

/* One connection; it outlives its stream until libuv has closed it. */
struct connection {
    struct stream_head head;
    struct outgoing *owner; /* NULL: nobody's any more. */
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_write_t write;
    struct buf writing; /* Given to libuv. */
    bool busy;
    uint8_t theirs[SEAL_RANDOM]; /* What the other end said. */
    size_t heard;
    struct sealer seal;
};

enum outgoing_state {
    OUT_IDLE,
    OUT_CONNECTING,
    OUT_UP,
    OUT_PAUSING, /* Failed; connects again at retry_at. */
    OUT_SILENT,  /* Given up during a cut; begins anew with the next frame. */
};

struct sent {
    uint64_t event;
    size_t size;
};

struct outgoing {
    struct streams *s;
    node_id to;
    union address address;
    enum outgoing_state state;
    struct connection *connection;
    struct buf queue;  /* Frames that no socket has taken; sealed once the stream is up. */
    struct sent *sent; /* What they are, in order. */
    uint32_t n_sent;
    uint32_t sent_cap;
    nsec retry_at;
    nsec pause;
    bool down; /* Was said to be, for this reason: */
    enum link_reason reason;
    bool is_dirty;
    struct outgoing *next_dirty;
};

static struct outgoing *outgoing_to(struct streams *s, node_id to)
{
    return to < s->n_outgoing ? s->outgoing[to] : NULL;
}

static struct outgoing *outgoing_new(struct streams *s, node_id to)
{
    if (to >= s->n_outgoing) {
        uint32_t n = (to | 7) + 1;
        s->outgoing = realloc(s->outgoing, n * sizeof(struct outgoing *));
        CHECK(s->outgoing);
        memset(s->outgoing + s->n_outgoing, 0, (n - s->n_outgoing) * sizeof(struct outgoing *));
        s->n_outgoing = n;
    }
    struct outgoing *o = must_alloc(1, sizeof *o);
    o->s = s;
    o->to = to;
    o->pause = STREAM_RETRY_MIN;
    s->outgoing[to] = o;
    return o;
}

static void on_closed(uv_handle_t *handle)
{
    struct connection *c = handle->data;
    buf_free(&c->writing);
    free(c);
}

static void let_connection_go(struct outgoing *o, bool reset)
{
    struct connection *c = o->connection;
    if (!c)
        return;
    loop_noticed(o->s->loop);
    o->connection = NULL;
    c->owner = NULL;
    if (!reset || uv_tcp_close_reset(&c->tcp, on_closed) < 0)
        uv_close((uv_handle_t *)&c->tcp, on_closed);
}

static void drop_queue(struct outgoing *o, Orrery__DropReason reason)
{
    struct streams *s = o->s;
    for (uint32_t i = 0; i < o->n_sent; i++)
        s->io->dropped(s->ctx, s->self, o->to, o->sent[i].event, o->sent[i].size, reason);
    o->n_sent = 0;
    buf_free(&o->queue);
}

static void tell_down(struct outgoing *o, enum link_reason reason)
{
    if (o->down && o->reason == reason)
        return;
    o->down = true;
    o->reason = reason;
    o->s->io->changed(o->s->ctx, o->to, false, reason);
}

static void broke(struct outgoing *o, enum link_reason reason)
{
    struct streams *s = o->s;
    let_connection_go(o, false);
    if (o->state == OUT_SILENT)
        return; /* Behind the cut nobody sees it. */
    bool lost = o->n_sent > 0 || o->state == OUT_CONNECTING;
    drop_queue(o, ORRERY__DROP_REASON__DROP_NO_LINK);
    o->state = OUT_IDLE;
    if (lost) {
        o->state = OUT_PAUSING;
        o->retry_at = s->io->now(s->ctx) + o->pause;
        o->pause = o->pause * 2 < STREAM_RETRY_MAX ? o->pause * 2 : STREAM_RETRY_MAX;
    }
    tell_down(o, reason);
}

static void write_out(struct outgoing *o);

static void on_write(uv_write_t *request, int status)
{
    struct connection *c = request->data;
    loop_noticed(c->head.s->loop);
    c->busy = false;
    buf_clear(&c->writing);
    if (!c->owner)
        return;
    if (status < 0)
        broke(c->owner, stream_reason(status));
    else
        write_out(c->owner);
}

/* Gives the socket what it takes at once, and libuv the rest. */
static void write_out(struct outgoing *o)
{
    struct connection *c = o->connection;
    if (c->busy || o->queue.len == 0)
        return;
    uv_buf_t all = uv_buf_init((char *)o->queue.base, (unsigned)o->queue.len);
    int taken = uv_try_write((uv_stream_t *)&c->tcp, &all, 1);
    if (taken < 0 && taken != UV_EAGAIN) {
        broke(o, stream_reason(taken));
        return;
    }
    buf_consume(&o->queue, taken > 0 ? (size_t)taken : 0);
    o->n_sent = 0;
    if (o->queue.len == 0)
        return;
    struct buf rest = o->queue;
    o->queue = c->writing;
    c->writing = rest;
    c->busy = true;
    c->write.data = c;
    loop_noticed(o->s->loop);
    uv_buf_t buffer = uv_buf_init((char *)rest.base, (unsigned)rest.len);
    int error = uv_write(&c->write, (uv_stream_t *)&c->tcp, &buffer, 1, on_write);
    if (error < 0) {
        c->busy = false;
        broke(o, stream_reason(error));
    }
}

static void put_frame(struct outgoing *o, struct bytes frame)
{
    if (o->s->sealed && o->state == OUT_UP) {
        sealer_put(&o->connection->seal, frame, &o->queue);
        return;
    }
    put_u32(buf_extend(&o->queue, FRAME_LENGTH), (uint32_t)frame.len);
    buf_append(&o->queue, frame);
}

/* A Hello comes before what waits, and is preceded by what makes the key. */
static void open_stream(struct outgoing *o)
{
    struct streams *s = o->s;
    struct connection *c = o->connection;
    struct buf room = {0}, waiting = o->queue;
    o->queue = (struct buf){0};
    if (s->sealed) {
        uint8_t *ours = buf_extend(&o->queue, SEAL_RANDOM);
        seal_random(ours, SEAL_RANDOM);
        seal_stream(&c->seal, s->key, c->theirs, ours);
    }
    put_frame(o, hello_pack(s->self, o->to, s->boot, s->secret, &room));
    buf_free(&room);
    if (!s->sealed)
        buf_append(&o->queue, buf_bytes(&waiting));
    for (size_t at = 0; s->sealed && at < waiting.len;) {
        size_t len = get_u32(waiting.base + at);
        put_frame(o, bytes_of(waiting.base + at + FRAME_LENGTH, len));
        at += FRAME_LENGTH + len;
    }
    buf_free(&waiting);
}

static void is_up(struct outgoing *o)
{
    struct streams *s = o->s;
    if (o->state == OUT_SILENT)
        return;
    o->state = OUT_UP;
    o->pause = STREAM_RETRY_MIN;
    o->down = false;
    open_stream(o);
    write_out(o);
    if (o->state == OUT_UP)
        s->io->changed(s->ctx, o->to, true, LINK_OK);
}

/* But for its part of the key the peer says nothing on our stream: anything else that can be read
 * is its end. */
static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    struct connection *c = stream->data;
    loop_noticed(c->head.s->loop);
    if (n == 0 || !c->owner)
        return;
    size_t missing = c->head.s->sealed ? SEAL_RANDOM - c->heard : 0;
    if (n < 0 || (size_t)n > missing) {
        broke(c->owner, n < 0 ? stream_reason((int)n) : LINK_RESET);
        return;
    }
    memcpy(c->theirs + c->heard, buffer->base, (size_t)n);
    c->heard += (size_t)n;
    if (c->heard == SEAL_RANDOM)
        is_up(c->owner);
}

static void on_connect(uv_connect_t *request, int status)
{
    struct connection *c = request->data;
    struct outgoing *o = c->owner;
    struct streams *s = c->head.s;
    loop_noticed(s->loop);
    if (!o)
        return;
    if (status < 0) {
        broke(o, stream_reason(status));
        return;
    }
    stream_tune(&c->tcp);
    uv_read_start((uv_stream_t *)&c->tcp, stream_alloc, on_read);
    if (!s->sealed)
        is_up(o);
}

static void connect_out(struct outgoing *o)
{
    struct streams *s = o->s;
    let_connection_go(o, true); /* What a cut left behind. */
    struct connection *c = must_alloc(1, sizeof *c);
    *c = (struct connection){.head = {s}, .owner = o};
    CHECK(uv_tcp_init(&s->loop->uv, &c->tcp) == 0);
    c->tcp.data = c;
    c->connect.data = c;
    o->connection = c;
    o->state = OUT_CONNECTING;
    loop_noticed(s->loop);
    int error = uv_tcp_connect(&c->connect, &c->tcp, &o->address.any, on_connect);
    if (error < 0)
        broke(o, stream_reason(error));
}

void streams_send(struct streams *s, node_id to, const union address *address, struct bytes frame,
                  uint64_t event)
{
    struct outgoing *o = outgoing_to(s, to);
    if (!o)
        o = outgoing_new(s, to);
    o->address = *address;
    size_t waiting = o->queue.len + (o->connection ? o->connection->writing.len : 0);
    if (waiting + frame.len > STREAM_QUEUE_MAX) {
        s->io->dropped(s->ctx, s->self, to, event, frame.len, ORRERY__DROP_REASON__DROP_QUEUE);
        return;
    }
    put_frame(o, frame);
    if (o->n_sent == o->sent_cap) {
        o->sent_cap = o->sent_cap ? o->sent_cap * 2 : 16;
        o->sent = realloc(o->sent, o->sent_cap * sizeof *o->sent);
        CHECK(o->sent);
    }
    o->sent[o->n_sent++] = (struct sent){event, frame.len};
    if (!o->is_dirty) {
        o->is_dirty = true;
        o->next_dirty = s->dirty;
        s->dirty = o;
    }
}

void streams_flush(struct streams *s)
{
    while (s->dirty) {
        struct outgoing *o = s->dirty;
        s->dirty = o->next_dirty;
        o->is_dirty = false;
        if (o->queue.len == 0)
            continue;
        if (o->state == OUT_IDLE || o->state == OUT_SILENT)
            connect_out(o);
        else if (o->state == OUT_UP)
            write_out(o);
    }
}

void streams_push(struct streams *s)
{
    for (struct outgoing *o = s->dirty; o; o = o->next_dirty) {
        if (o->state != OUT_UP || o->connection->busy || o->queue.len == 0)
            continue;
        uv_buf_t all = uv_buf_init((char *)o->queue.base, (unsigned)o->queue.len);
        int taken = uv_try_write((uv_stream_t *)&o->connection->tcp, &all, 1);
        if (taken > 0) {
            buf_consume(&o->queue, (size_t)taken);
            o->n_sent = 0;
        }
    }
}

void streams_lose(struct streams *s, node_id to, enum link_reason reason)
{
    struct outgoing *o = outgoing_to(s, to);
    if (!o)
        o = outgoing_new(s, to);
    drop_queue(o, ORRERY__DROP_REASON__DROP_NO_LINK);
    if (reason == LINK_SILENT) {
        o->state = OUT_SILENT;
    } else {
        let_connection_go(o, true);
        o->state = OUT_IDLE;
    }
    tell_down(o, reason);
}

void streams_moved(struct streams *s, node_id to, const union address *address)
{
    struct outgoing *o = outgoing_to(s, to);
    if (!o || (address && address_equal(&o->address, address)))
        return;
    if (!address) {
        let_connection_go(o, false);
        drop_queue(o, ORRERY__DROP_REASON__DROP_NO_LINK);
        o->state = OUT_IDLE;
        return;
    }
    o->address = *address;
    if (o->state == OUT_PAUSING)
        connect_out(o);
}

nsec streams_deadline(const struct streams *s)
{
    nsec least = NSEC_NEVER;
    for (uint32_t i = 0; i < s->n_outgoing; i++) {
        const struct outgoing *o = s->outgoing[i];
        if (o && o->state == OUT_PAUSING && o->retry_at < least)
            least = o->retry_at;
    }
    return least;
}

void streams_due(struct streams *s, nsec now)
{
    for (uint32_t i = 0; i < s->n_outgoing; i++) {
        struct outgoing *o = s->outgoing[i];
        if (o && o->state == OUT_PAUSING && o->retry_at <= now)
            connect_out(o);
    }
}

void outgoing_close(struct streams *s)
{
    for (uint32_t i = 0; i < s->n_outgoing; i++) {
        struct outgoing *o = s->outgoing[i];
        if (!o)
            continue;
        let_connection_go(o, false);
        buf_free(&o->queue);
        free(o->sent);
        free(o);
    }
    free(s->outgoing);
    s->outgoing = NULL;
    s->n_outgoing = 0;
}
