#include "cli/screen.h"

#include "base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FRAME_MS = 100 };

bool screen_possible(void)
{
    const char *term = getenv("TERM");
    bool dumb = !term || !*term || strcmp(term, "dumb") == 0;
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && !dumb;
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

/* A poll handle makes its file non-blocking, and stdin, stdout and the shell that started us share
 * one: so the terminal is opened anew. */
static int open_tty(void)
{
    const char *name = ttyname(STDIN_FILENO);
    return name ? open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : -1;
}

bool screen_open(struct screen *s, uv_loop_t *loop, const struct terminal_options *options,
                 char *why, size_t why_size)
{
    s->tty = open_tty();
    if (s->tty < 0) {
        snprintf(why, why_size, "cannot open this terminal: %s", strerror(errno));
        return false;
    }
    s->terminal = terminal_new(options, why, why_size);
    if (!s->terminal) {
        close(s->tty);
        return false;
    }
    CHECK(uv_poll_init(loop, &s->keys, s->tty) == 0);
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
    if (handle == (uv_handle_t *)&s->keys)
        close(s->tty);
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
