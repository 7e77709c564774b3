#include "runtime/streams_parts.h"

#include "base/check.h"
#include "base/errors.h"
#include "base/must.h"
#include "core/envelope.h"
#include "runtime/address.h"

#include <stdlib.h>

enum { BACKLOG = 512, LENGTH_SIZE = 4 };

/* A connection that a peer opened, or somebody who claims to be one. */
struct incoming {
    struct stream_head head;
    uv_tcp_t tcp;
    struct buf in;
    node_id from; /* NODE_NONE before its Hello. */
    uint32_t boot;
    struct incoming *next;
    struct incoming **back;
};

static void on_closed(uv_handle_t *handle)
{
    struct incoming *c = handle->data;
    buf_free(&c->in);
    free(c);
}

static void close_incoming(struct incoming *c)
{
    struct streams *s = c->head.s;
    loop_noticed(s->loop);
    *c->back = c->next;
    if (c->next)
        c->next->back = c->back;
    if (c->from == NODE_NONE)
        s->n_strangers--;
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

/* Goes down and says so. */
static void end_incoming(struct incoming *c, enum link_reason reason)
{
    struct streams *s = c->head.s;
    node_id from = c->from;
    close_incoming(c);
    if (from != NODE_NONE)
        s->io->changed(s->ctx, from, false, reason);
}

static void refuse(struct incoming *c, node_id from, size_t size, Orrery__DropReason reason)
{
    struct streams *s = c->head.s;
    s->io->dropped(s->ctx, from, s->self, 0, size, reason);
    end_incoming(c, LINK_RESET);
}

static struct incoming *incoming_from(struct streams *s, node_id from)
{
    for (struct incoming *c = s->incoming; c; c = c->next)
        if (c->from == from)
            return c;
    return NULL;
}

/* False: the connection was refused and is gone. */
static bool on_hello(struct incoming *c, struct bytes frame)
{
    struct streams *s = c->head.s;
    node_id from;
    uint32_t boot;
    int error = hello_unpack(frame, s->self, s->secret, &from, &boot);
    if (error) {
        refuse(c, NODE_NONE, frame.len,
               error == ERROR_REFUSED   ? ORRERY__DROP_REASON__DROP_STRANGER
               : error == ERROR_DAMAGED ? ORRERY__DROP_REASON__DROP_CRC
                                        : ORRERY__DROP_REASON__DROP_MALFORMED);
        return false;
    }
    struct incoming *older = incoming_from(s, from);
    if (older && older->boot > boot) {
        refuse(c, from, frame.len, ORRERY__DROP_REASON__DROP_STALE);
        return false;
    }
    if (older)
        end_incoming(older, LINK_RESET);
    c->from = from;
    c->boot = boot;
    s->n_strangers--;
    s->io->changed(s->ctx, from, true, LINK_OK);
    return true;
}

/* Takes whole frames out of what was read. */
static void take_frames(struct incoming *c)
{
    struct streams *s = c->head.s;
    size_t at = 0;
    while (c->in.len - at >= LENGTH_SIZE) {
        size_t len = get_u32(c->in.base + at);
        if (len > (c->from == NODE_NONE ? STREAM_HELLO_MAX : STREAM_FRAME_MAX)) {
            refuse(c, c->from, len, ORRERY__DROP_REASON__DROP_MALFORMED);
            return;
        }
        if (c->in.len - at - LENGTH_SIZE < len)
            break;
        struct bytes frame = bytes_of(c->in.base + at + LENGTH_SIZE, len);
        at += LENGTH_SIZE + len;
        if (c->from != NODE_NONE)
            s->io->received(s->ctx, c->from, frame);
        else if (!on_hello(c, frame))
            return;
    }
    if (at == c->in.len && c->in.cap > STREAM_READ_SIZE)
        buf_free(&c->in); /* A large frame leaves no large buffer behind. */
    else
        buf_consume(&c->in, at);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    struct incoming *c = stream->data;
    if (n < 0) {
        end_incoming(c, stream_reason((int)n));
    } else if (n > 0) {
        buf_append(&c->in, bytes_of(buffer->base, (size_t)n));
        take_frames(c);
    }
}

/* Whoever says nothing makes room for the next. */
static void close_oldest_stranger(struct streams *s)
{
    struct incoming *oldest = NULL;
    for (struct incoming *c = s->incoming; c; c = c->next)
        if (c->from == NODE_NONE)
            oldest = c;
    if (oldest)
        close_incoming(oldest);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct streams *s = ((struct stream_head *)listener->data)->s;
    loop_noticed(s->loop);
    if (status < 0)
        return;
    if (s->n_strangers >= STREAM_STRANGERS_MAX)
        close_oldest_stranger(s);
    struct incoming *c = must_alloc(1, sizeof *c);
    c->head.s = s;
    c->tcp.data = c;
    c->next = s->incoming;
    c->back = &s->incoming;
    if (c->next)
        c->next->back = &c->next;
    s->incoming = c;
    s->n_strangers++;
    CHECK(uv_tcp_init(&s->loop->uv, &c->tcp) == 0);
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) < 0 ||
        uv_read_start((uv_stream_t *)&c->tcp, stream_alloc, on_read) < 0) {
        close_incoming(c);
        return;
    }
    stream_tune(&c->tcp);
}

int incoming_listen(struct streams *s, const char *address, uint16_t port)
{
    int fd = address_listen(address, port, &s->port);
    if (fd < 0)
        return fd;
    CHECK(uv_tcp_init(&s->loop->uv, &s->listener) == 0);
    struct stream_head *head = malloc(sizeof *head);
    CHECK(head);
    head->s = s;
    s->listener.data = head;
    return uv_tcp_open(&s->listener, fd);
}

void streams_start(struct streams *s)
{
    CHECK(uv_listen((uv_stream_t *)&s->listener, BACKLOG, on_connection) == 0);
}

static void on_listener_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void incoming_close(struct streams *s)
{
    while (s->incoming)
        close_incoming(s->incoming);
    if (s->listener.data)
        uv_close((uv_handle_t *)&s->listener, on_listener_closed);
}
