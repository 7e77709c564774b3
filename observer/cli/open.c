/* `orrery`, with no command: the observer, and its page in a browser. */
#include "cli/cli.h"

#include "base/check.h"
#include "lab/serve.h"
#include "session/house.h"
#include "web/web.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NO_PORT UINT64_MAX

static struct {
    uint64_t port;
    const char *host;
    bool no_open, terminal, json;
} given = {.port = NO_PORT};

const struct opt open_opts[] = {
    {"--port", OPT_WHOLE, &given.port, "NUMBER", "where the page is served (from 7400 on)"},
    {"--host", OPT_TEXT, &given.host, "ADDRESS", "listens there instead of on this machine alone"},
    {"--no-open", OPT_FLAG, &given.no_open, NULL, "opens no browser"},
    {"--terminal", OPT_FLAG, &given.terminal, NULL,
     "a heartbeat cluster, with its timeline on this terminal"},
    {"--json", OPT_FLAG, &given.json, NULL, "says the address as JSON"},
    {NULL, 0, NULL, NULL, NULL},
};

struct observer {
    uv_loop_t loop;
    struct house *house;
    struct web *web;
    uv_signal_t signals[3];
};

static void house_ended(void *ctx)
{
    struct observer *o = ctx;
    if (o->web)
        web_close(o->web);
    for (size_t i = 0; i < 3; i++)
        uv_close((uv_handle_t *)&o->signals[i], NULL);
}

static void interrupted(uv_signal_t *signal, int number)
{
    struct observer *o = signal->data;
    (void)number;
    house_end(o->house, house_ended, o);
}

static void listen_to_signals(struct observer *o)
{
    static const int numbers[3] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < 3; i++) {
        CHECK(uv_signal_init(&o->loop, &o->signals[i]) == 0);
        o->signals[i].data = o;
        CHECK(uv_signal_start(&o->signals[i], interrupted, numbers[i]) == 0);
    }
}

static bool has_desktop(void)
{
    const char *x = getenv("DISPLAY"), *wayland = getenv("WAYLAND_DISPLAY");
    return (x && *x) || (wayland && *wayland);
}

/* Ours no longer once it runs: the browser may outlive us. */
static void open_browser(const char *url)
{
    pid_t pid = fork();
    if (pid > 0)
        waitpid(pid, NULL, 0);
    if (pid != 0)
        return;
    setsid();
    if (fork() != 0)
        _exit(0);
    int nothing = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3 && nothing >= 0; fd++)
        dup2(nothing, fd);
    execlp("xdg-open", "xdg-open", url, (char *)NULL);
    _exit(127);
}

static void say_where(const struct observer *o)
{
    if (given.json)
        printf("{\"url\":\"%s\",\"port\":%u,\"token\":\"%s\"}\n", web_url(o->web), web_port(o->web),
               web_token(o->web));
    else
        printf("Orrery is at %s\nOpen that address in a browser. Ctrl-C ends it.\n",
               web_url(o->web));
    fflush(stdout);
    if (!given.no_open && !given.json && has_desktop())
        open_browser(web_url(o->web));
}

static int serve(struct observer *o)
{
    char why[600];
    const struct web_options options = {
        .house = o->house,
        .host = given.host,
        .port = given.port == NO_PORT ? 0 : (uint16_t)given.port,
        .port_given = given.port != NO_PORT,
        .assets = assets,
        .n_assets = assets_n,
    };
    int code = EXIT_DONE;
    o->web = web_new(&o->loop, &options, why, sizeof why);
    if (o->web)
        say_where(o);
    else
        code = cli_fail(EXIT_BAD_USAGE, "%s", why);
    if (!o->web)
        house_end(o->house, house_ended, o);
    uv_run(&o->loop, UV_RUN_DEFAULT);
    if (o->web)
        web_free(o->web);
    return code;
}

static bool sensible(char *why, size_t why_size)
{
    if (given.port != NO_PORT && given.port > UINT16_MAX) {
        snprintf(why, why_size, "--port goes from 0 to 65535");
        return false;
    }
    return true;
}

static int in_terminal(void)
{
    static char sandbox[] = "sandbox", heartbeat[] = "heartbeat";
    static char *words[] = {sandbox, heartbeat, NULL};
    return sandbox_main(cli_find(sandbox), 2, words);
}

int open_main(int argc, char **argv)
{
    static struct observer observer;
    struct opt_words words;
    char why[400];
    if (!options_parse(open_opts, argc, argv, 0, &words, why, sizeof why) ||
        !sensible(why, sizeof why))
        return cli_fail(EXIT_BAD_USAGE, "%s", why);
    /* Without a page in it there is more to see on the terminal. */
    if (given.terminal || (argc < 2 && assets_n < 2))
        return in_terminal();
    CHECK(uv_loop_init(&observer.loop) == 0);
    listen_to_signals(&observer);
    observer.house = house_new(&observer.loop);
    lab_serve(observer.house);
    int code = serve(&observer);
    house_free(observer.house);
    CHECK(uv_loop_close(&observer.loop) == 0);
    return code;
}
