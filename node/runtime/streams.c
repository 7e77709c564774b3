#include "runtime/streams_parts.h"

#include "base/check.h"

#include <netinet/tcp.h>
#include <stdlib.h>

enum { SILENT_MS = 5000, KEEPALIVE_S = 5 };

enum link_reason stream_reason(int uv_error)
{
    switch (uv_error) {
    case UV_ECONNREFUSED:
        return LINK_REFUSED;
    case UV_EOF:
        return LINK_CLOSED;
    case UV_ETIMEDOUT:
    case UV_EHOSTUNREACH:
    case UV_ENETUNREACH:
        return LINK_SILENT;
    default:
        return LINK_RESET;
    }
}

void stream_tune(uv_tcp_t *tcp)
{
    uv_tcp_nodelay(tcp, 1);
    uv_tcp_keepalive(tcp, 1, KEEPALIVE_S);
    uv_os_fd_t fd;
    if (uv_fileno((uv_handle_t *)tcp, &fd) == 0) {
        unsigned ms = SILENT_MS;
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
    }
}

void stream_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)suggested;
    struct streams *s = ((struct stream_head *)handle->data)->s;
    if (!s->read_buffer)
        s->read_buffer = malloc(STREAM_READ_SIZE);
    CHECK(s->read_buffer);
    *buffer = uv_buf_init((char *)s->read_buffer, STREAM_READ_SIZE);
}

int streams_open(struct streams *s, const char *address, uint16_t port)
{
    return incoming_listen(s, address, port);
}

void streams_close(struct streams *s)
{
    outgoing_close(s);
    incoming_close(s);
    free(s->read_buffer);
    s->read_buffer = NULL;
}
