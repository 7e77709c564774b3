#include "session/viewer.h"

#include "base/check.h"
#include "cluster/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static void handle_gone(struct server *s)
{
    if (--s->handles > 0 || !s->closing)
        return;
    void (*closed)(void *ctx) = s->closed;
    void *ctx = s->closed_ctx;
    free(s);
    closed(ctx);
}

static void viewer_closed(uv_handle_t *handle)
{
    struct viewer *v = handle->data;
    struct server *s = v->server;
    for (struct viewer **at = &s->viewers; *at; at = &(*at)->next)
        if (*at == v) {
            *at = v->next;
            break;
        }
    while (v->n_jobs > 0)
        job_end(v, 0);
    buf_free(&v->in);
    free(v->log.seen);
    free(v->lives);
    free(v);
    s->n_viewers--;
    handle_gone(s);
}

static void viewer_close(struct viewer *v)
{
    if (v->closing)
        return;
    v->closing = true;
    uv_close((uv_handle_t *)&v->pipe, viewer_closed);
}

struct sent {
    uv_write_t request;
    struct buf frame;
    struct viewer *viewer;
};

static void wrote(uv_write_t *request, int status)
{
    struct sent *sent = (struct sent *)request;
    struct viewer *v = sent->viewer;
    v->queued -= sent->frame.len;
    buf_free(&sent->frame);
    free(sent);
    if (status < 0)
        viewer_close(v);
    else
        viewer_pump(v);
}

void viewer_send(struct viewer *v, struct buf *frame)
{
    if (v->closing) {
        buf_free(frame);
        return;
    }
    struct sent *sent = calloc(1, sizeof *sent);
    CHECK(sent);
    sent->frame = *frame;
    sent->viewer = v;
    v->queued += frame->len;
    uv_buf_t out = uv_buf_init((char *)frame->base, (unsigned)frame->len);
    if (uv_write(&sent->request, (uv_stream_t *)&v->pipe, &out, 1, wrote) != 0) {
        v->queued -= frame->len;
        buf_free(&sent->frame);
        free(sent);
        viewer_close(v);
    }
}

void viewer_tell(struct viewer *v, const Orrery__Tell *tell)
{
    struct buf frame = {0};
    frame_put(&frame, &tell->base);
    viewer_send(v, &frame);
}

void viewer_refuse(struct viewer *v, uint64_t ask, const char *sentence)
{
    Orrery__Refused refused = ORRERY__REFUSED__INIT;
    Orrery__Tell tell = ORRERY__TELL__INIT;
    refused.sentence = (char *)(uintptr_t)sentence;
    tell.id = ask;
    tell.kind_case = ORRERY__TELL__KIND_REFUSED;
    tell.refused = &refused;
    viewer_tell(v, &tell);
}

static void allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *into)
{
    static char memory[65536];
    (void)handle;
    (void)suggested;
    *into = uv_buf_init(memory, sizeof memory);
}

static void take_frames(struct viewer *v)
{
    struct bytes body;
    size_t size, used = 0;
    int got = 0;
    while (!v->closing) {
        struct bytes left = bytes_of(v->in.base + used, v->in.len - used);
        got = frame_next(left, ASK_MAX, &body, &size);
        if (got <= 0)
            break;
        Orrery__Ask *ask = orrery__ask__unpack(NULL, body.len, body.base);
        used += size;
        if (!ask) {
            got = -1;
            break;
        }
        viewer_asks(v, ask);
        orrery__ask__free_unpacked(ask, NULL);
    }
    buf_consume(&v->in, used);
    if (got < 0) /* It does not speak our language, so there is no way to tell it. */
        viewer_close(v);
}

static void read_some(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct viewer *v = stream->data;
    if (n < 0) {
        viewer_close(v);
        return;
    }
    /* One that asks and never reads is not answered for ever. */
    if (v->queued > 4 * (size_t)QUEUE_MAX) {
        viewer_close(v);
        return;
    }
    buf_append(&v->in, bytes_of(buf->base, (size_t)n));
    take_frames(v);
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
    struct viewer *v = calloc(1, sizeof *v);
    CHECK(v);
    v->server = s;
    CHECK(uv_pipe_init(s->session->loop, &v->pipe, 0) == 0);
    v->pipe.data = v;
    v->next = s->viewers;
    s->viewers = v;
    s->n_viewers++;
    s->handles++;
    if (uv_accept(listener, (uv_stream_t *)&v->pipe) != 0 || s->n_viewers > VIEWERS_MAX ||
        !is_friend(&v->pipe) || uv_read_start((uv_stream_t *)&v->pipe, allocate, read_some) != 0)
        viewer_close(v);
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
    struct server *s = calloc(1, sizeof *s);
    CHECK(s);
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

void server_tick(struct server *s)
{
    for (struct viewer *v = s->viewers; v; v = v->next)
        viewer_pump(v);
}

void server_changed(struct server *s, uint32_t node)
{
    for (struct viewer *v = s->viewers; v; v = v->next)
        if (v->log.on && v->log.node == node)
            viewer_log(v);
}

bool server_knows(const struct server *s, const void *viewer)
{
    for (const struct viewer *v = s->viewers; v; v = v->next)
        if (v == viewer)
            return true;
    return false;
}

void server_done(void *viewer, uint64_t ask, const char *sentence, uint64_t ordinal)
{
    Orrery__Done done = ORRERY__DONE__INIT;
    Orrery__Tell tell = ORRERY__TELL__INIT;
    done.sentence = (char *)(uintptr_t)sentence;
    done.ordinal = ordinal;
    tell.id = ask;
    tell.kind_case = ORRERY__TELL__KIND_DONE;
    tell.done = &done;
    viewer_tell(viewer, &tell);
}

static void shut(uv_shutdown_t *request, int status)
{
    struct viewer *v = request->data;
    (void)status;
    free(request);
    viewer_close(v);
}

/* Lets it have what is on its way, and then goes. */
static void viewer_finish(struct viewer *v)
{
    if (v->closing)
        return;
    uv_shutdown_t *request = calloc(1, sizeof *request);
    CHECK(request);
    request->data = v;
    if (uv_shutdown(request, (uv_stream_t *)&v->pipe, shut) != 0) {
        free(request);
        viewer_close(v);
    }
}

static void patience_over(uv_timer_t *timer)
{
    struct server *s = timer->data;
    for (struct viewer *v = s->viewers; v; v = v->next)
        viewer_close(v);
    uv_close((uv_handle_t *)timer, listener_closed);
}

void server_close(struct server *s, void (*closed)(void *ctx), void *ctx)
{
    s->closing = true;
    s->closed = closed;
    s->closed_ctx = ctx;
    unlink(s->path);
    for (struct viewer *v = s->viewers; v; v = v->next) {
        viewer_pump(v);
        viewer_finish(v);
    }
    uv_close((uv_handle_t *)&s->listener, listener_closed);
    if (!s->viewers)
        return;
    CHECK(uv_timer_init(s->session->loop, &s->patience) == 0);
    s->patience.data = s;
    s->handles++;
    CHECK(uv_timer_start(&s->patience, patience_over, PATIENCE_MS, 0) == 0);
}
