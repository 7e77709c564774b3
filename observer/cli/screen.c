#include "cli/screen.h"

#include "base/check.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { FRAME_MS = 100 };

bool screen_possible(void)
{
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

static void look_whether_done(struct screen *s)
{
    if (s->told_done || !terminal_done(s->terminal))
        return;
    s->told_done = true;
    s->done(s->ctx);
}

static void key(uv_poll_t *poll, int status, int events)
{
    struct screen *s = poll->data;
    (void)events;
    if (status < 0) {
        uv_poll_stop(poll);
        return;
    }
    terminal_input(s->terminal);
    terminal_draw(s->terminal);
    look_whether_done(s);
}

static void resized(uv_signal_t *signal, int number)
{
    struct screen *s = signal->data;
    (void)number;
    terminal_resize(s->terminal);
    terminal_draw(s->terminal);
}

static void tick(uv_timer_t *timer)
{
    struct screen *s = timer->data;
    struct terminal_status status = {0};
    s->status(s->ctx, &status);
    terminal_status(s->terminal, &status);
    terminal_draw(s->terminal);
    look_whether_done(s);
}

bool screen_open(struct screen *s, uv_loop_t *loop, const struct terminal_options *options,
                 char *why, size_t why_size)
{
    s->terminal = terminal_new(options, why, why_size);
    if (!s->terminal)
        return false;
    CHECK(uv_poll_init(loop, &s->keys, STDIN_FILENO) == 0);
    CHECK(uv_signal_init(loop, &s->winch) == 0);
    CHECK(uv_signal_init(loop, &s->cont) == 0);
    CHECK(uv_timer_init(loop, &s->tick) == 0);
    s->keys.data = s->winch.data = s->cont.data = s->tick.data = s;
    s->handles = 4;
    CHECK(uv_poll_start(&s->keys, UV_READABLE, key) == 0);
    CHECK(uv_signal_start(&s->winch, resized, SIGWINCH) == 0);
    CHECK(uv_signal_start(&s->cont, resized, SIGCONT) == 0);
    CHECK(uv_timer_start(&s->tick, tick, 1, FRAME_MS) == 0);
    return true;
}

static void closed(uv_handle_t *handle)
{
    struct screen *s = handle->data;
    s->handles--;
}

void screen_close(struct screen *s)
{
    if (!s->terminal)
        return;
    terminal_free(s->terminal);
    s->terminal = NULL;
    uv_handle_t *all[] = {(uv_handle_t *)&s->keys, (uv_handle_t *)&s->winch,
                          (uv_handle_t *)&s->cont, (uv_handle_t *)&s->tick};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        uv_close(all[i], closed);
}
