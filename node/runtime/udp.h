/* The datagram socket of a node. What is sent during a turn leaves with as few system calls as the
 * kernel allows; what the socket refuses is told and forgotten: it is a datagram. */
#ifndef ORRERY_RUNTIME_UDP_H
#define ORRERY_RUNTIME_UDP_H

#include "core/core.h"
#include "runtime/address.h"
#include "runtime/loop.h"
#include "seal/seal.h"

enum { UDP_BATCH = 64, UDP_FRAME_MAX = 2048, UDP_SLOT = UDP_FRAME_MAX + SEAL_DATAGRAM };

struct udp_io {
    void (*received)(void *ctx, struct bytes frame);
    /* It did not open: a stranger's (from is 0), or one that was here before. */
    void (*refused)(void *ctx, node_id from, size_t size);
    /* `error` is an errno value. Must not send. */
    void (*unsent)(void *ctx, node_id to, uint64_t event, size_t size, int error);
};

struct udp_waiting;

struct udp {
    int fd;
    uv_poll_t poll;
    uint16_t port;
    const struct udp_io *io;
    void *ctx;
    struct datagrams *seal; /* NULL: what is sent is not sealed. Set after udp_open(). */
    uint8_t *frames; /* First those to be sent, one behind the other; then slots to receive into. */
    size_t frames_used;
    struct udp_waiting *waiting;
    uint32_t n_waiting;
};

/* Binds to `port`, or to any where that one is 0 or taken. 0, or -errno. */
int udp_open(struct udp *u, struct loop *loop, const char *address, uint16_t port,
             const struct udp_io *io, void *ctx);
void udp_start(struct udp *u); /* Until then what comes waits in the socket. */
void udp_close(struct udp *u);
void udp_send(struct udp *u, node_id to, const union address *address, struct bytes frame,
              uint64_t event);
void udp_flush(struct udp *u);

#endif
