#include "agent/link.h"

#include "base/check.h"
#include "base/errors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 1000, READ_BYTES = 64 << 10 };

static void handle_closed(uv_handle_t *handle)
{
    struct link *l = handle->data;
    if (--l->open > 0)
        return;
    handshake_wipe(&l->handshake);
    buf_free(&l->read);
    buf_free(&l->plain);
    if (l->why[0])
        l->io->broke(l->ctx, l->why);
    l->io->closed(l->ctx);
}

void link_close(struct link *l)
{
    if (l->over)
        return;
    l->over = true;
    l->up = false;
    uv_close((uv_handle_t *)&l->timer, handle_closed);
    uv_close((uv_handle_t *)&l->tcp, handle_closed);
}

/* Told once the handles are closed: never from within a call of the owner's. */
static void broke(struct link *l, const char *why)
{
    if (l->over)
        return;
    snprintf(l->why, sizeof l->why, "%s", why);
    link_close(l);
}

/* --- saying --- */

struct saying {
    uv_write_t request;
    struct link *link;
    struct buf bytes;
};

static void said(uv_write_t *request, int status)
{
    struct saying *s = (struct saying *)request;
    s->link->waiting -= s->bytes.len;
    struct link *l = s->link;
    buf_free(&s->bytes);
    free(s);
    if (status < 0)
        broke(l, uv_strerror(status));
}

static struct saying *saying_new(struct link *l)
{
    struct saying *s = calloc(1, sizeof *s);
    CHECK(s);
    s->link = l;
    return s;
}

static void say(struct saying *s)
{
    struct link *l = s->link;
    uv_buf_t out = uv_buf_init((char *)s->bytes.base, (unsigned)s->bytes.len);
    l->waiting += s->bytes.len;
    int error = uv_write(&s->request, (uv_stream_t *)&l->tcp, &out, 1, said);
    if (error < 0)
        said(&s->request, error);
    else if (l->waiting > LINK_WAITING_MAX)
        broke(l, "takes nothing any more");
}

static void say_plainly(struct link *l, struct bytes bytes)
{
    struct saying *s = saying_new(l);
    buf_append(&s->bytes, bytes);
    say(s);
}

void link_say(struct link *l, const ProtobufCMessage *message)
{
    if (!l->up)
        return;
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *packed = malloc(size ? size : 1);
    CHECK(packed);
    protobuf_c_message_pack(message, packed);
    struct saying *s = saying_new(l);
    sealer_put(&l->out, bytes_of(packed, size), &s->bytes);
    seal_wipe(packed, size); /* It may hold a key. */
    free(packed);
    say(s);
}

/* --- hearing --- */

/* False: nothing else is to be read. */
static bool hear_hello(struct link *l)
{
    if (l->read.len < SEAL_HELLO)
        return false;
    if (!handshake_hear(&l->handshake, l->read.base, &l->out, &l->in)) {
        broke(l, "was refused: the other end has another cluster key");
        return false;
    }
    buf_consume(&l->read, SEAL_HELLO);
    if (!l->handshake.caller)
        say_plainly(l, handshake_answer(&l->handshake));
    handshake_wipe(&l->handshake);
    if (l->over)
        return false;
    l->up = true;
    l->io->up(l->ctx);
    return l->up;
}

static void hear_records(struct link *l)
{
    size_t size;
    int got;
    while (l->up && (got = sealer_next(&l->in, buf_bytes(&l->read), LINK_RECORD_MAX, &l->plain,
                                       &size)) != 0) {
        if (got < 0) {
            broke(l, "carried what is no message of ours");
            return;
        }
        buf_consume(&l->read, size);
        l->heard_ms = uv_now(l->tcp.loop);
        l->io->heard(l->ctx, buf_bytes(&l->plain));
    }
}

static void allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *into)
{
    static char memory[READ_BYTES];
    (void)handle;
    (void)suggested;
    *into = uv_buf_init(memory, sizeof memory);
}

static void read_some(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct link *l = stream->data;
    if (l->over || n == 0)
        return;
    if (n < 0) {
        broke(l, n != UV_EOF ? uv_strerror((int)n)
                 : l->up     ? "was closed"
                         : "was closed before it was up: it knows another cluster key, or none");
        return;
    }
    buf_append(&l->read, bytes_of(buf->base, (size_t)n));
    if (l->up || hear_hello(l))
        hear_records(l);
}

/* --- beginning --- */

static void look(uv_timer_t *timer)
{
    struct link *l = timer->data;
    uint64_t silent = uv_now(timer->loop) - l->heard_ms;
    if (silent > (l->up ? LINK_SILENT_MS : LINK_HELLO_MS))
        broke(l, l->up ? "fell silent" : "did not come up in time");
}

static void begin(struct link *l, uv_loop_t *loop, const uint8_t key[SEAL_KEY], bool caller)
{
    CHECK(uv_tcp_init(loop, &l->tcp) == 0);
    CHECK(uv_timer_init(loop, &l->timer) == 0);
    l->tcp.data = l->timer.data = l;
    l->open = 2;
    l->heard_ms = uv_now(loop);
    handshake_begin(&l->handshake, key, caller);
    CHECK(uv_timer_start(&l->timer, look, LOOK_MS, LOOK_MS) == 0);
}

static void listen_to(struct link *l)
{
    uv_tcp_nodelay(&l->tcp, 1);
    CHECK(uv_read_start((uv_stream_t *)&l->tcp, allocate, read_some) == 0);
}

static void connected(uv_connect_t *request, int status)
{
    struct link *l = request->data;
    if (l->over)
        return;
    if (status < 0) {
        broke(l, uv_strerror(status));
        return;
    }
    listen_to(l);
    say_plainly(l, handshake_call(&l->handshake));
}

void link_call(struct link *l, uv_loop_t *loop, const uint8_t key[SEAL_KEY],
               const struct sockaddr *to)
{
    begin(l, loop, key, true);
    l->connect.data = l;
    int error = uv_tcp_connect(&l->connect, &l->tcp, to, connected);
    if (error < 0)
        broke(l, uv_strerror(error));
}

bool link_accept(struct link *l, uv_stream_t *listener, const uint8_t key[SEAL_KEY])
{
    begin(l, listener->loop, key, false);
    if (uv_accept(listener, (uv_stream_t *)&l->tcp) < 0) {
        link_close(l);
        return false;
    }
    listen_to(l);
    return true;
}

bool link_address(const struct link *l, bool ours, char *into, size_t size)
{
    struct sockaddr_storage at;
    int length = sizeof at;
    return (ours ? uv_tcp_getsockname : uv_tcp_getpeername)(&l->tcp, (struct sockaddr *)&at,
                                                            &length) == 0 &&
           uv_ip_name((struct sockaddr *)&at, into, size) == 0;
}
