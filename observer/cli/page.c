#include "cli/page.h"

#include "cli/cli.h"

#include "base/check.h"
#include "lab/serve.h"
#include "web/web.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct observer {
    uv_loop_t loop;
    struct house *house;
    struct web *web;
    struct pool *pool; /* NULL: nodes are here. */
    uv_signal_t signals[3];
};

static void house_ended(void *ctx)
{
    struct observer *o = ctx;
    if (o->web)
        web_close(o->web);
    if (o->pool)
        pool_close(o->pool, NULL, NULL);
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

static void say_where(const struct observer *o, const struct page_wish *wish, const char *run)
{
    char url[400];
    snprintf(url, sizeof url, "%s%s%s", web_url(o->web), *run ? "&run=" : "", run);
    if (wish->json)
        printf("{\"url\":\"%s\",\"port\":%u,\"token\":\"%s\",\"run\":\"%s\"}\n", url,
               web_port(o->web), web_token(o->web), run);
    else
        printf("%s is at %s\nOpen that address in a browser. Ctrl-C ends it.\n",
               *run ? run : "Orrery", url);
    fflush(stdout);
    if (!wish->no_open && !wish->json && has_desktop())
        open_browser(url);
}

/* As it was called then; one that is no plain word stands in the catalogue all the same. */
static const char *recorded_name(struct house_run *run)
{
    const char *name = timeline_info(session_timeline(house_session(run)))->name;
    size_t plain = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return plain > 0 && plain < 64 && !name[plain] ? name : "";
}

/* The port first: where it is taken, no node is started. */
static bool begin(struct observer *o, const struct page_wish *wish, char *why, size_t why_size)
{
    const struct web_options options = {
        .house = o->house,
        .host = wish->host,
        .port = wish->port == PAGE_NO_PORT ? 0 : (uint16_t)wish->port,
        .port_given = wish->port != PAGE_NO_PORT,
        .assets = assets,
        .n_assets = assets_n,
    };
    const char *name = "";
    if (wish->agents && agents_open(&o->loop, wish->agents, &o->pool, why, why_size) < 0)
        return false;
    house_use_agents(o->house, o->pool);
    o->web = web_new(&o->loop, &options, why, why_size);
    if (!o->web)
        return false;
    if (wish->open) {
        struct house_run *run = house_open(o->house, wish->open, &wish->own, why, why_size);
        if (!run)
            return false;
        name = wish->own.replay ? recorded_name(run) : session_name(house_session(run));
    }
    say_where(o, wish, name);
    return true;
}

int page_serve(const struct page_wish *wish)
{
    static struct observer observer;
    struct observer *o = &observer;
    char why[600];
    int code = EXIT_DONE;
    CHECK(uv_loop_init(&o->loop) == 0);
    listen_to_signals(o);
    o->house = house_new(&o->loop);
    lab_serve(o->house);
    if (!begin(o, wish, why, sizeof why)) {
        code = cli_fail(EXIT_BAD_USAGE, "%s", why);
        house_end(o->house, house_ended, o);
    }
    uv_run(&o->loop, UV_RUN_DEFAULT);
    if (o->web)
        web_free(o->web);
    if (o->pool)
        pool_free(o->pool);
    house_free(o->house);
    CHECK(uv_loop_close(&o->loop) == 0);
    return code;
}

bool page_port_ok(uint64_t port, char *why, size_t why_size)
{
    if (port == PAGE_NO_PORT || port <= UINT16_MAX)
        return true;
    snprintf(why, why_size, "--port goes from 0 to 65535");
    return false;
}
