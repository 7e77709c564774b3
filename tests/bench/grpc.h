/* A client's end of a gRPC connection over HTTP/2, without TLS: unary calls, as many at once as one
 * likes (RFC 9113; gRPC over HTTP/2). Everything that a turn of the caller's loop asks for leaves
 * in one send. */
#ifndef ORRERY_BENCH_GRPC_H
#define ORRERY_BENCH_GRPC_H

#include "base/bytes.h"

#include <nghttp2/nghttp2.h>

struct grpc_call {
    struct buf request; /* A length-prefixed message; the call's own, as is the answer. */
    size_t sent;
    struct buf answer;
    int status; /* gRPC's; 0: it went well. -1: none came. */
    void (*done)(struct grpc_call *call, void *ctx);
    void *ctx;
};

struct grpc {
    int fd; /* -1: closed. */
    nghttp2_session *session;
    struct buf out;
    char authority[32];
};

/* To a port of this machine. False: nobody listens there. */
bool grpc_open(struct grpc *g, uint16_t port);
void grpc_close(struct grpc *g); /* Calls under way are forgotten. */

/* `call` stays until it is done; its done() may begin it anew. The message is copied. */
void grpc_begin(struct grpc *g, struct grpc_call *call, const char *path, struct bytes message);
struct bytes grpc_answer(const struct grpc_call *call); /* Its message; empty where none came. */
void grpc_call_free(struct grpc_call *call);

/* After calls were begun, and when the socket is ready. False: the connection broke. */
bool grpc_flush(struct grpc *g);
bool grpc_read(struct grpc *g);
bool grpc_blocked(const struct grpc *g); /* It waits until it can send more. */

#endif
