#include "grpc.h"

#include "base/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PREFIX = 5, WINDOW = 1 << 24, READ = 1 << 16 };

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *ctx)
{
    static const char key[] = "grpc-status";
    struct grpc_call *call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    (void)flags, (void)ctx;
    if (call && value_len > 0 && name_len == sizeof key - 1 && memcmp(name, key, name_len) == 0)
        call->status = value_len == 1 ? value[0] - '0' : 99;
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data,
                   size_t len, void *ctx)
{
    struct grpc_call *call = nghttp2_session_get_stream_user_data(session, stream);
    (void)flags, (void)ctx;
    if (call)
        buf_append(&call->answer, bytes_of(data, len));
    return 0;
}

static int on_close(nghttp2_session *session, int32_t stream, uint32_t error, void *ctx)
{
    struct grpc_call *call = nghttp2_session_get_stream_user_data(session, stream);
    (void)error, (void)ctx;
    if (call)
        call->done(call, call->ctx);
    return 0;
}

static ssize_t more_of_request(nghttp2_session *session, int32_t stream, uint8_t *into, size_t size,
                               uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
    struct grpc_call *call = source->ptr;
    (void)session, (void)stream, (void)ctx;
    size_t rest = call->request.len - call->sent;
    size_t n = rest < size ? rest : size;
    memcpy(into, call->request.base + call->sent, n);
    call->sent += n;
    if (call->sent == call->request.len)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

static void session_open(struct grpc *g)
{
    nghttp2_session_callbacks *callbacks;
    CHECK(nghttp2_session_callbacks_new(&callbacks) == 0);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    CHECK(nghttp2_session_client_new(&g->session, callbacks, g) == 0);
    nghttp2_session_callbacks_del(callbacks);
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW},
    };
    CHECK(nghttp2_submit_settings(g->session, NGHTTP2_FLAG_NONE, settings, 2) == 0);
    CHECK(nghttp2_session_set_local_window_size(g->session, NGHTTP2_FLAG_NONE, 0, WINDOW) == 0);
}

bool grpc_open(struct grpc *g, uint16_t port)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    *g = (struct grpc){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (g->fd < 0 || connect(g->fd, (struct sockaddr *)&to, sizeof to) != 0 ||
        setsockopt(g->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        fcntl(g->fd, F_SETFL, O_NONBLOCK) != 0) {
        grpc_close(g);
        return false;
    }
    (void)snprintf(g->authority, sizeof g->authority, "127.0.0.1:%u", port);
    session_open(g);
    return true;
}

void grpc_close(struct grpc *g)
{
    if (g->fd >= 0)
        close(g->fd);
    nghttp2_session_del(g->session);
    buf_free(&g->out);
    *g = (struct grpc){.fd = -1};
}

static nghttp2_nv header(const char *name, const char *value)
{
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
                        strlen(value), NGHTTP2_NV_FLAG_NONE};
}

void grpc_begin(struct grpc *g, struct grpc_call *call, const char *path, struct bytes message)
{
    const nghttp2_nv headers[] = {
        header(":method", "POST"), header(":scheme", "http"),
        header(":path", path),     header(":authority", g->authority),
        header("te", "trailers"),  header("content-type", "application/grpc"),
    };
    const nghttp2_data_provider body = {.source.ptr = call, .read_callback = more_of_request};
    uint8_t prefix[PREFIX] = {0, (uint8_t)(message.len >> 24), (uint8_t)(message.len >> 16),
                              (uint8_t)(message.len >> 8), (uint8_t)message.len};
    call->request.len = call->answer.len = call->sent = 0;
    call->status = -1;
    buf_append(&call->request, bytes_of(prefix, sizeof prefix));
    buf_append(&call->request, message);
    CHECK(nghttp2_submit_request(g->session, NULL, headers, sizeof headers / sizeof headers[0],
                                 &body, call) > 0);
}

struct bytes grpc_answer(const struct grpc_call *call)
{
    if (call->answer.len < PREFIX)
        return bytes_of(NULL, 0);
    return bytes_of(call->answer.base + PREFIX, call->answer.len - PREFIX);
}

void grpc_call_free(struct grpc_call *call)
{
    buf_free(&call->request);
    buf_free(&call->answer);
}

bool grpc_blocked(const struct grpc *g)
{
    return g->out.len > 0;
}

bool grpc_flush(struct grpc *g)
{
    const uint8_t *frames;
    ssize_t n;
    while ((n = nghttp2_session_mem_send(g->session, &frames)) > 0)
        buf_append(&g->out, bytes_of(frames, (size_t)n));
    while (n == 0 && g->out.len > 0) {
        ssize_t sent = send(g->fd, g->out.base, g->out.len, MSG_NOSIGNAL);
        if (sent < 0)
            return errno == EAGAIN;
        buf_consume(&g->out, (size_t)sent);
    }
    return n == 0;
}

bool grpc_read(struct grpc *g)
{
    uint8_t bytes[READ];
    ssize_t n = recv(g->fd, bytes, sizeof bytes, 0);
    if (n < 0)
        return errno == EAGAIN;
    return n > 0 && nghttp2_session_mem_recv(g->session, bytes, (size_t)n) == n;
}
