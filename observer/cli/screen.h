/* The diagram on our own terminal, driven by a loop. */
#ifndef ORRERY_CLI_SCREEN_H
#define ORRERY_CLI_SCREEN_H

#include "terminal/terminal.h"

#include <uv.h>

struct screen {
    struct terminal *terminal;
    void (*status)(void *ctx, struct terminal_status *into); /* Ten times a second. */
    void (*done)(void *ctx);                                 /* The user quits. */
    void *ctx;
    uv_poll_t keys;
    int tty; /* Polled for keys. */
    uv_signal_t winch;
    uv_signal_t cont;
    uv_timer_t tick;
    int handles;
    bool told_done;
};

bool screen_possible(void); /* stdin and stdout are a terminal that can place text. */
/* status, done and ctx are set by the caller. False and a sentence. */
bool screen_open(struct screen *s, uv_loop_t *loop, const struct terminal_options *options,
                 char *why, size_t why_size);
void screen_close(struct screen *s); /* The loop must run on until its handles are closed. */

#endif
