#include "runtime/control.h"

#include "base/check.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LENGTH_SIZE = 4, READ_SIZE = 16 << 10 };

/* True while the connection is worth keeping. */
static bool take_frames(struct control *c)
{
    size_t at = 0;
    bool fine = true;
    while (fine && c->in.len - at >= LENGTH_SIZE) {
        size_t len = get_u32(c->in.base + at);
        fine = len <= CONTROL_FRAME_MAX;
        if (!fine || c->in.len - at - LENGTH_SIZE < len)
            break;
        Orrery__ToNode *message = orrery__to_node__unpack(NULL, len, c->in.base + at + LENGTH_SIZE);
        at += LENGTH_SIZE + len;
        fine = message;
        if (message)
            c->got(c->ctx, message);
        orrery__to_node__free_unpacked(message, NULL);
    }
    if (at == c->in.len)
        buf_free(&c->in); /* Messages are rare. */
    else
        buf_consume(&c->in, at);
    return fine;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)events;
    struct control *c = poll->data;
    loop_noticed(c->loop);
    buf_reserve(&c->in, READ_SIZE);
    ssize_t n = status < 0 ? 0 : recv(c->fd, c->in.base + c->in.len, READ_SIZE, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        c->in.len += (size_t)n;
    const char *why = n <= 0 ? "its agent is gone" : "its agent sent what is no message";
    if (n <= 0 || !take_frames(c)) {
        uv_poll_stop(&c->poll);
        c->gone(c->ctx, why);
    }
}

int control_open(struct control *c)
{
    c->poll.data = c;
    int error = uv_poll_init(&c->loop->uv, &c->poll, c->fd);
    if (!error)
        error = uv_poll_start(&c->poll, UV_READABLE, on_readable);
    return error;
}

void control_close(struct control *c)
{
    uv_close((uv_handle_t *)&c->poll, NULL);
    close(c->fd);
    buf_free(&c->in);
}

void control_send(struct control *c, const Orrery__FromNode *message)
{
    struct buf frame = {0};
    size_t size = orrery__from_node__get_packed_size(message);
    put_u32(buf_extend(&frame, LENGTH_SIZE), (uint32_t)size);
    orrery__from_node__pack(message, buf_extend(&frame, size));
    size_t at = 0;
    while (at < frame.len) {
        ssize_t n = send(c->fd, frame.base + at, frame.len - at, MSG_NOSIGNAL);
        if (n > 0) {
            at += (size_t)n;
            continue;
        }
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            break; /* The agent is gone, as reading will show. */
        struct pollfd p = {.fd = c->fd, .events = POLLOUT};
        poll(&p, 1, -1);
    }
    buf_free(&frame);
}
