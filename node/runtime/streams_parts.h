/* What the two halves of streams.h share. */
#ifndef ORRERY_RUNTIME_STREAMS_PARTS_H
#define ORRERY_RUNTIME_STREAMS_PARTS_H

#include "runtime/streams.h"

enum { STREAM_READ_SIZE = 64 << 10 };

/* What a failed connect, read or write of libuv says about the link. */
enum link_reason stream_reason(int uv_error);
/* A peer that does not answer for so long is silent, by the kernel's own retransmissions. */
void stream_tune(uv_tcp_t *tcp);
void stream_alloc(uv_handle_t *handle, size_t suggested,
                  uv_buf_t *buffer); /* data: a stream_head. */

/* The head of both kinds of connection, so that they can share stream_alloc(). */
struct stream_head {
    struct streams *s;
};

int incoming_listen(struct streams *s, const char *address, uint16_t port);
void incoming_close(struct streams *s);
void outgoing_close(struct streams *s);

#endif
