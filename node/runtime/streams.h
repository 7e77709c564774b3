/* The streams between nodes: one TCP connection for each direction of each pair that uses it.
 *
 * A sender connects when it has something to send; its first frame is a Hello. What it could not
 * hand to the socket when the connection fails or breaks is dropped and told; it then tries again
 * with growing pauses until it is connected, so that a protocol that lost something hears that the
 * link is up again. A receiver believes nobody before a right Hello.
 *
 * With a key what is sent is sealed: who accepted says some random bytes, who connected some
 * others, and the key of the stream comes from both, so that nothing recorded opens a second time.
 *
 * Both ends tell the host when their end of a stream comes up or goes down, and why. A stream in
 * both directions is two connections, and so tells twice. */
#ifndef ORRERY_RUNTIME_STREAMS_H
#define ORRERY_RUNTIME_STREAMS_H

#include "core/host.h"
#include "runtime/address.h"
#include "runtime/loop.h"
#include "seal/seal.h"

enum {
    STREAM_QUEUE_MAX = 4 << 20, /* Bytes to one peer that the socket did not take yet. */
    STREAM_FRAME_MAX = 16 << 20,
    STREAM_HELLO_MAX = 256,
    STREAM_STRANGERS_MAX = 64, /* Connections that have not said Hello. */
};

#define STREAM_RETRY_MIN (20 * NSEC_PER_MS)
#define STREAM_RETRY_MAX NSEC_PER_S

struct streams_io {
    nsec (*now)(void *ctx);
    void (*received)(void *ctx, node_id from, struct bytes frame);
    void (*changed)(void *ctx, node_id peer, bool up, enum link_reason reason);
    /* Called by streams_send() too. Must not send. */
    void (*dropped)(void *ctx, node_id from, node_id to, uint64_t event, size_t size,
                    Orrery__DropReason reason);
};

struct outgoing;
struct incoming;

struct streams {
    struct loop *loop;
    node_id self;
    uint32_t boot;
    uint8_t secret[SECRET_SIZE];
    bool sealed; /* By this key: */
    uint8_t key[SEAL_KEY];
    const struct streams_io *io;
    void *ctx;
    uv_tcp_t listener;
    uint16_t port;
    uint8_t *read_buffer;       /* Shared: what is read is used, or copied, at once. */
    struct outgoing **outgoing; /* By node; NULL until something was sent there. */
    uint32_t n_outgoing;
    struct outgoing *dirty;    /* Were given frames in this turn. */
    struct incoming *incoming; /* Newest first. */
    uint32_t n_strangers;
};

/* 0, or -errno. The other fields of `s` are set by the caller: loop, self, boot, secret, key,
 * io, ctx. */
int streams_open(struct streams *s, const char *address, uint16_t port);
void streams_start(struct streams *s); /* Until then who connects waits in the socket. */
void streams_close(struct streams *s);

void streams_send(struct streams *s, node_id to, const union address *address, struct bytes frame,
                  uint64_t event);
void streams_flush(struct streams *s);
/* Sends what can be sent and does nothing else: for a breakpoint, in the middle of a step. */
void streams_push(struct streams *s);

/* The stream to `to` is lost: for a silence it stays open, as nobody can tell the peer. */
void streams_lose(struct streams *s, node_id to, enum link_reason reason);
/* The peer has another address now, or is gone (NULL). */
void streams_moved(struct streams *s, node_id to, const union address *address);

nsec streams_deadline(const struct streams *s);
void streams_due(struct streams *s, nsec now);

#endif
