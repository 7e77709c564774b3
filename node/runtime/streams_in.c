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
    struct buf plain;          /* Of sealed ones: the frame that was opened. */
    uint8_t ours[SEAL_RANDOM]; /* Of the key. */
    bool keyed;                /* The other end has said its part of it. */
    struct sealer seal;
    node_id from; /* NODE_NONE before its Hello. */
    uint32_t boot;
    struct incoming *next;
    struct incoming **back;
};

static void on_closed(uv_handle_t *handle)
{
    struct incoming *c = handle->data;
    buf_free(&c->in);
    buf_free(&c->plain);
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

/* The next whole frame at `at`: 1, and what it takes; 0: not whole yet; or a negative error. */
static int next_frame(struct incoming *c, size_t at, struct bytes *frame, size_t *size)
{
    struct bytes rest = bytes_of(c->in.base + at, c->in.len - at);
    size_t most = c->from == NODE_NONE ? STREAM_HELLO_MAX : STREAM_FRAME_MAX;
    if (c->head.s->sealed) {
        int got = sealer_next(&c->seal, rest, most, &c->plain, size);
        *frame = buf_bytes(&c->plain);
        return got;
    }
    if (rest.len < LENGTH_SIZE)
        return 0;
    size_t len = get_u32(rest.base);
    if (len > most)
        return ERROR_TOO_LARGE;
    if (rest.len - LENGTH_SIZE < len)
        return 0;
    *frame = bytes_of(rest.base + LENGTH_SIZE, len);
    *size = LENGTH_SIZE + len;
    return 1;
}

/* Takes whole frames out of what was read. */
static void take_frames(struct incoming *c)
{
    struct streams *s = c->head.s;
    struct bytes frame;
    size_t at = 0, size;
    int got;
    while ((got = next_frame(c, at, &frame, &size)) > 0) {
        at += size;
        if (c->from != NODE_NONE)
            s->io->received(s->ctx, c->from, frame);
        else if (!on_hello(c, frame))
            return;
    }
    if (got < 0) {
        refuse(c, c->from, c->in.len - at,
               got == ERROR_REFUSED ? ORRERY__DROP_REASON__DROP_STRANGER
                                    : ORRERY__DROP_REASON__DROP_MALFORMED);
        return;
    }
    if (at == c->in.len && c->in.cap > STREAM_READ_SIZE)
        buf_free(&c->in); /* A large frame leaves no large buffer behind. */
    else
        buf_consume(&c->in, at);
}

/* False: it has not been said yet. */
static bool take_key(struct incoming *c)
{
    const struct streams *s = c->head.s;
    if (!s->sealed || c->keyed)
        return true;
    if (c->in.len < SEAL_RANDOM)
        return false;
    seal_stream(&c->seal, s->key, c->ours, c->in.base);
    buf_consume(&c->in, SEAL_RANDOM);
    c->keyed = true;
    return true;
}

/* A socket that is new takes so little at once. */
static bool say_our_part(struct incoming *c)
{
    if (!c->head.s->sealed)
        return true;
    seal_random(c->ours, SEAL_RANDOM);
    uv_buf_t all = uv_buf_init((char *)c->ours, SEAL_RANDOM);
    return uv_try_write((uv_stream_t *)&c->tcp, &all, 1) == SEAL_RANDOM;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    struct incoming *c = stream->data;
    if (n < 0) {
        end_incoming(c, stream_reason((int)n));
    } else if (n > 0) {
        buf_append(&c->in, bytes_of(buffer->base, (size_t)n));
        if (take_key(c))
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
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) < 0 || !say_our_part(c) ||
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
