/* A run's socket, and those who call it. */
#include "session/viewer.h"

#include "base/check.h"
#include "base/must.h"
#include "cluster/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

struct caller {
    struct server *server;
    struct caller *next;
    struct viewer *viewer; /* NULL: the run is over, or it is a stranger. */
    uv_pipe_t pipe;
    struct buf in;
    size_t waiting; /* Bytes on their way to it. */
    bool closing;
};

struct server {
    struct session *session;
    uv_pipe_t listener;
    char path[PATH_ROOM];
    struct caller *callers;
    size_t n_callers;
    int handles;
    bool closing;
    uv_timer_t patience; /* With callers that do not read, at the end. */
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static void handle_gone(struct server *s)
{
    if (--s->handles > 0 || !s->closing)
        return;
    void (*closed)(void *ctx) = s->closed;
    void *ctx = s->closed_ctx;
    free(s);
    closed(ctx);
}

static void caller_closed(uv_handle_t *handle)
{
    struct caller *c = handle->data;
    struct server *s = c->server;
    for (struct caller **at = &s->callers; *at; at = &(*at)->next)
        if (*at == c) {
            *at = c->next;
            break;
        }
    buf_free(&c->in);
    free(c);
    s->n_callers--;
    handle_gone(s);
}

static void caller_close(struct caller *c)
{
    if (c->closing)
        return;
    c->closing = true;
    if (c->viewer)
        viewer_free(c->viewer);
    c->viewer = NULL;
    uv_close((uv_handle_t *)&c->pipe, caller_closed);
}

struct sent {
    uv_write_t request;
    struct buf message;
    uint8_t header[FRAME_HEADER];
    struct caller *caller;
};

static void wrote(uv_write_t *request, int status)
{
    struct sent *sent = (struct sent *)request;
    struct caller *c = sent->caller;
    c->waiting -= sent->message.len;
    buf_free(&sent->message);
    free(sent);
    if (status < 0)
        caller_close(c);
    else if (c->viewer)
        viewer_pump(c->viewer);
}

/* A write that fails at once says so in wrote(), too: nothing is closed from inside an answer. */
static void send_message(void *ctx, struct buf *message)
{
    struct caller *c = ctx;
    struct sent *sent = must_alloc(1, sizeof *sent);
    CHECK(message->len <= UINT32_MAX);
    sent->message = *message;
    sent->caller = c;
    put_u32(sent->header, (uint32_t)message->len);
    c->waiting += message->len;
    const uv_buf_t out[2] = {uv_buf_init((char *)sent->header, sizeof sent->header),
                             uv_buf_init((char *)message->base, (unsigned)message->len)};
    if (uv_write(&sent->request, (uv_stream_t *)&c->pipe, out, 2, wrote) != 0) {
        c->waiting -= sent->message.len;
        buf_free(&sent->message);
        free(sent);
    }
}

static size_t waiting(void *ctx)
{
    return ((struct caller *)ctx)->waiting;
}

static void shut(uv_shutdown_t *request, int status)
{
    struct caller *c = request->data;
    (void)status;
    free(request);
    caller_close(c);
}

/* Lets it have what is on its way, and then goes. */
static void over(void *ctx)
{
    struct caller *c = ctx;
    c->viewer = NULL;
    uv_shutdown_t *request = must_alloc(1, sizeof *request);
    request->data = c;
    if (uv_shutdown(request, (uv_stream_t *)&c->pipe, shut) != 0) {
        free(request);
        caller_close(c);
    }
}

static const struct viewer_ops ops = {send_message, waiting, over};

static void allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *into)
{
    static char memory[65536];
    (void)handle;
    (void)suggested;
    *into = uv_buf_init(memory, sizeof memory);
}

static void take_frames(struct caller *c)
{
    struct bytes body;
    size_t size, used = 0;
    int got = 0;
    while (c->viewer) {
        struct bytes left = bytes_of(c->in.base + used, c->in.len - used);
        got = frame_next(left, ASK_MAX, &body, &size);
        if (got <= 0)
            break;
        Orrery__Ask *ask = orrery__ask__unpack(NULL, body.len, body.base);
        used += size;
        if (!ask) {
            got = -1;
            break;
        }
        viewer_asks(c->viewer, ask);
        orrery__ask__free_unpacked(ask, NULL);
    }
    buf_consume(&c->in, used);
    if (got < 0) /* It does not speak our language, so there is no way to tell it. */
        caller_close(c);
}

static void read_some(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct caller *c = stream->data;
    if (n < 0) {
        caller_close(c);
        return;
    }
    /* One that asks and never reads is not answered for ever. */
    if (c->waiting > 4 * (size_t)QUEUE_MAX) {
        caller_close(c);
        return;
    }
    if (!c->viewer)
        return;
    buf_append(&c->in, bytes_of(buf->base, (size_t)n));
    take_frames(c);
}

static bool is_friend(uv_pipe_t *pipe)
{
    uv_os_fd_t fd;
    struct ucred peer;
    socklen_t size = sizeof peer;
    return uv_fileno((uv_handle_t *)pipe, &fd) == 0 &&
           getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           (peer.uid == geteuid() || peer.uid == 0);
}

static void somebody(uv_stream_t *listener, int status)
{
    struct server *s = listener->data;
    if (status < 0)
        return;
    struct caller *c = must_alloc(1, sizeof *c);
    c->server = s;
    CHECK(uv_pipe_init(s->session->loop, &c->pipe, 0) == 0);
    c->pipe.data = c;
    c->next = s->callers;
    s->callers = c;
    s->n_callers++;
    s->handles++;
    if (uv_accept(listener, (uv_stream_t *)&c->pipe) != 0 || s->n_callers > CALLERS_MAX ||
        !is_friend(&c->pipe) || uv_read_start((uv_stream_t *)&c->pipe, allocate, read_some) != 0) {
        caller_close(c);
        return;
    }
    c->viewer = viewer_new(s->session, &ops, c);
}

static void listener_closed(uv_handle_t *handle)
{
    handle_gone(handle->data);
}

static void nobody_waits(void *ctx)
{
    (void)ctx;
}

/* Bound under a passing name first: a socket that does not listen yet looks like a dead run's. */
bool server_open(struct session *session, const char *name, char *why, size_t why_size, bool *taken)
{
    char passing[PATH_ROOM], hidden[RUN_NAME_MAX + 24];
    struct server *s = must_alloc(1, sizeof *s);
    s->session = session;
    *taken = false;
    snprintf(hidden, sizeof hidden, ".%.16s-%d", name, (int)getpid());
    if (!paths_socket(&session->paths, name, s->path, sizeof s->path) ||
        !paths_socket(&session->paths, hidden, passing, sizeof passing)) {
        snprintf(why, why_size,
                 "the path %s is too long for a socket: set XDG_RUNTIME_DIR to a "
                 "shorter one",
                 session->paths.sockets);
        free(s);
        return false;
    }
    CHECK(uv_pipe_init(session->loop, &s->listener, 0) == 0);
    s->listener.data = s;
    s->handles++;
    session->server = s;
    unlink(passing);
    mode_t before = umask(077);
    int error = uv_pipe_bind(&s->listener, passing);
    umask(before);
    if (error == 0)
        error = uv_listen((uv_stream_t *)&s->listener, 32, somebody);
    if (error == 0 && link(passing, s->path) == 0) {
        unlink(passing);
        return true;
    }
    *taken = error == 0;
    session->server = NULL;
    s->closing = true;
    s->closed = nobody_waits;
    uv_close((uv_handle_t *)&s->listener, listener_closed);
    snprintf(why, why_size, "cannot listen at %s: %s", s->path,
             error ? uv_strerror(error) : "the name is taken");
    unlink(passing);
    return false;
}

static void patience_over(uv_timer_t *timer)
{
    struct server *s = timer->data;
    for (struct caller *c = s->callers; c; c = c->next)
        caller_close(c);
    uv_close((uv_handle_t *)timer, listener_closed);
}

void server_close(struct server *s, void (*closed)(void *ctx), void *ctx)
{
    s->closing = true;
    s->closed = closed;
    s->closed_ctx = ctx;
    unlink(s->path);
    uv_close((uv_handle_t *)&s->listener, listener_closed);
    if (!s->callers)
        return;
    CHECK(uv_timer_init(s->session->loop, &s->patience) == 0);
    s->patience.data = s;
    s->handles++;
    CHECK(uv_timer_start(&s->patience, patience_over, PATIENCE_MS, 0) == 0);
}
