/* The client port: connections of Redis clients, each a number that is never used twice. What comes
 * in becomes requests, replies leave in the order of the requests. Whatever a client does costs
 * only its own connection. */
#ifndef ORRERY_RUNTIME_CLIENTS_H
#define ORRERY_RUNTIME_CLIENTS_H

#include "core/core.h"
#include "runtime/loop.h"

enum { CLIENTS_DEFAULT_MAX = 10000 };

struct clients_io {
    void (*request)(void *ctx, client_id client, uint64_t request, struct bytes body);
    void (*credit)(void *ctx, client_id client);
    void (*disconnect)(void *ctx, client_id client);
    uint32_t (*limit)(void *ctx); /* How many may be connected now. */
};

struct client;

enum { CLIENTS_BUCKETS = 256 };

struct clients {
    struct loop *loop;
    const struct clients_io *io;
    void *ctx;
    int fd;
    int spare_fd; /* Given up to turn a client away when there is no descriptor left. */
    uint16_t port;
    uv_poll_t listener;
    client_id newest;
    uint32_t n;
    struct client *buckets[CLIENTS_BUCKETS]; /* By number. */
    struct client *dirty;                    /* Were given replies in this turn. */
    uint8_t *read_buffer;
};

/* loop, io and ctx are set by the caller. 0, or -errno. */
int clients_open(struct clients *c, const char *address, uint16_t port);
void clients_start(struct clients *c); /* Clients may come from now on. */
void clients_close(struct clients *c);

void clients_reply(struct clients *c, client_id client, uint64_t request, struct bytes part,
                   bool more);
void clients_flush(struct clients *c);
/* Sends what can be sent and does nothing else: for a breakpoint, in the middle of a step. */
void clients_push(struct clients *c);

#endif
