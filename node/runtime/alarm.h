/* The one timer of a node: an instant of the machine's monotonic clock, to the nanosecond. */
#ifndef ORRERY_RUNTIME_ALARM_H
#define ORRERY_RUNTIME_ALARM_H

#include "runtime/loop.h"

#include <stdint.h>

struct alarm {
    int fd;
    uint64_t armed_ns; /* UINT64_MAX: not at all. */
    uv_poll_t poll;
    void (*rang)(void *ctx);
    void *ctx;
};

int alarm_open(struct alarm *a, struct loop *loop, void (*rang)(void *ctx), void *ctx);
/* It may ring early, when an earlier instant was set before: that is cheaper than to take it back.
 */
void alarm_set(struct alarm *a, uint64_t mono_ns);
void alarm_close(struct alarm *a);

uint64_t mono_now(void); /* The machine's monotonic clock. */

#endif
