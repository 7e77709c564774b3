/* The socket to the agent: frames of [length, 4 bytes little-endian][message]. */
#ifndef ORRERY_RUNTIME_CONTROL_H
#define ORRERY_RUNTIME_CONTROL_H

#include "base/bytes.h"
#include "node.pb-c.h"
#include "runtime/loop.h"

enum { CONTROL_FRAME_MAX = 16 << 20 };

struct control {
    struct loop *loop;
    int fd;
    uv_poll_t poll;
    struct buf in;
    void (*got)(void *ctx, const Orrery__ToNode *message); /* Valid for the call. */
    void (*gone)(void *ctx, const char *why);              /* The agent ended, or talks nonsense. */
    void *ctx;
};

/* loop, fd, got, gone and ctx are set by the caller. 0, or an error of libuv. */
int control_open(struct control *c);
void control_close(struct control *c);
void control_send(struct control *c, const Orrery__FromNode *message); /* Waits until it is out. */

#endif
