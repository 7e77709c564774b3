#include "runtime/alarm.h"

#include "base/check.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

uint64_t mono_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void on_ring(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct alarm *a = poll->data;
    uint64_t times;
    if (read(a->fd, &times, sizeof times) != (ssize_t)sizeof times)
        return;
    a->armed_ns = UINT64_MAX;
    a->rang(a->ctx);
}

int alarm_open(struct alarm *a, struct loop *loop, void (*rang)(void *ctx), void *ctx)
{
    *a = (struct alarm){.armed_ns = UINT64_MAX, .rang = rang, .ctx = ctx};
    a->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (a->fd < 0)
        return -errno;
    a->poll.data = a;
    int error = uv_poll_init(&loop->uv, &a->poll, a->fd);
    if (!error)
        error = uv_poll_start(&a->poll, UV_READABLE, on_ring);
    return error;
}

void alarm_set(struct alarm *a, uint64_t mono_ns)
{
    if (mono_ns >= a->armed_ns)
        return;
    if (mono_ns == 0)
        mono_ns = 1; /* Zero would disarm it. */
    struct itimerspec at = {.it_value = {.tv_sec = (time_t)(mono_ns / 1000000000),
                                         .tv_nsec = (long)(mono_ns % 1000000000)}};
    CHECK(timerfd_settime(a->fd, TFD_TIMER_ABSTIME, &at, NULL) == 0);
    a->armed_ns = mono_ns;
}

void alarm_close(struct alarm *a)
{
    uv_close((uv_handle_t *)&a->poll, NULL);
    close(a->fd);
}
