/* A sealed connection between an observer and an agent: both prove that they know the cluster's
 * key, then each message is a sealed record. Whoever cannot prove it within a few seconds, says
 * what does not open, claims too much or falls silent has cost no more than its connection. */
#ifndef ORRERY_AGENT_LINK_H
#define ORRERY_AGENT_LINK_H

#include "seal/seal.h"

#include <protobuf-c/protobuf-c.h>
#include <uv.h>

enum {
    LINK_HELLO_MS = 5000,   /* To prove it. */
    LINK_SILENT_MS = 20000, /* Without a record, once it is up: both say something each second. */
    LINK_RECORD_MAX = 8 << 20,
    LINK_WAITING_MAX = 64 << 20, /* Bytes that the other end does not take. */
};

struct link_io {
    void (*up)(void *ctx);
    void (*heard)(void *ctx, struct bytes message); /* May close the link. */
    void (*broke)(void *ctx, const char *why);      /* By itself; closed() follows. */
    void (*closed)(void *ctx);                      /* Its memory is the owner's again. */
};

struct link {
    const struct link_io *io;
    void *ctx;
    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_connect_t connect;
    struct handshake handshake;
    struct sealer out;
    struct sealer in;
    struct buf read;  /* Not yet whole. */
    struct buf plain; /* The record that is being heard. */
    size_t waiting;
    uint64_t heard_ms;
    int open; /* Handles. */
    bool up;
    bool over;
    char why[96]; /* It broke; "" while it did not. */
};

/* `l` is zeroed but for io and ctx. */
void link_call(struct link *l, uv_loop_t *loop, const uint8_t key[SEAL_KEY],
               const struct sockaddr *to);
/* False, and the connection is gone, when there was none to accept; closed() follows. */
bool link_accept(struct link *l, uv_stream_t *listener, const uint8_t key[SEAL_KEY]);
void link_say(struct link *l, const ProtobufCMessage *message);
void link_close(struct link *l); /* What was said leaves first, if the other end takes it. */
/* The address of an end, without its port. */
bool link_address(const struct link *l, bool ours, char *into, size_t size);

#endif
