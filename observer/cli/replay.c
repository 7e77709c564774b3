/* orrery replay FILE: a recording, as the diagram on this terminal, as lines, or in the page. */
#include "cli/cli.h"
#include "cli/page.h"
#include "cli/screen.h"
#include "cli/viewing.h"

#include "base/check.h"
#include "cluster/units.h"
#include "sim/sim.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct {
    bool json, ascii, all, page;
    uint64_t port;
    bool no_open;
    const char *rerun, *to;
    uint64_t boot;
} given = {.port = PAGE_NO_PORT};

const struct opt replay_opts[] = {
    {"--rerun", OPT_TEXT, &given.rerun, "NODE", "executes that node again from its events alone"},
    {"--to", OPT_TEXT, &given.to, "EVENT", "and stops there: e1323"},
    {"--boot", OPT_WHOLE, &given.boot, "N", "which of its lives (the newest)"},
    {"--page", OPT_FLAG, &given.page, NULL, "in a browser, with its stage and timeline"},
    {"--port", OPT_WHOLE, &given.port, "NUMBER", "where the page is served (from 7400 on)"},
    {"--no-open", OPT_FLAG, &given.no_open, NULL, "opens no browser"},
    {"--all", OPT_FLAG, &given.all, NULL, "every event as a line of its own, not as a diagram"},
    {"--ascii", OPT_FLAG, &given.ascii, NULL, "draws with ASCII only"},
    {"--json", OPT_FLAG, &given.json, NULL, "one JSON object a line"},
    {NULL, 0, NULL, NULL, NULL}};

static int rerun(const struct cli_command *c, const char *path)
{
    uint32_t node;
    uint64_t to = 0;
    if (!node_parse(given.rerun, &node) || node == 0)
        return cli_bad_usage(c, "--rerun takes a node: n2");
    if (given.to && (!whole_parse(given.to + (*given.to == 'e' ? 1 : 0), &to) || to == 0))
        return cli_bad_usage(c, "--to takes an event: e1323");
    return rerun_command(path, node, (uint32_t)given.boot, to, given.json);
}

static bool print_line(void *ctx, const char *text)
{
    (void)ctx;
    return puts(text) >= 0;
}

static int print_lines(struct timeline *t)
{
    struct entry e;
    struct terminal_print_options options = {.ascii = given.ascii || !terminal_utf8(),
                                             .level = TERMINAL_ROUNDS};
    if (!given.json && !given.all) {
        terminal_print(terminal_source_timeline(t), &options, 1, 0, print_line, NULL);
        cli_flush();
        return EXIT_DONE;
    }
    for (uint64_t at = timeline_oldest(t); at <= timeline_newest(t); at++) {
        if (timeline_get(t, at, &e))
            print_entry(t, &e, given.json);
        if (at % 64 == 0 && !cli_flush())
            break;
    }
    cli_flush();
    return EXIT_DONE;
}

struct replay {
    uv_loop_t loop;
    struct screen screen;
    struct timeline *timeline;
    const char *name;
};

static void fill_status(void *ctx, struct terminal_status *into)
{
    struct replay *r = ctx;
    struct entry e;
    const Orrery__RunInfo *info = timeline_info(r->timeline);
    into->run = r->name;
    into->protocol = info->protocol;
    into->nodes = info->nodes;
    into->pace = 1;
    into->recording = r->name;
    into->trouble = timeline_trouble(r->timeline);
    into->simulated = info->simulated;
    if (timeline_get(r->timeline, timeline_newest(r->timeline), &e))
        into->now_ns = e.head.mono_ns;
}

static void done(void *ctx)
{
    struct replay *r = ctx;
    screen_close(&r->screen);
}

static int draw(struct timeline *t, const char *path)
{
    static struct replay r;
    char why[400];
    const char *slash = strrchr(path, '/');
    r.timeline = t;
    r.name = slash ? slash + 1 : path;
    struct terminal_options options = {.source = terminal_source_timeline(t),
                                       .recording = true,
                                       .ascii = given.ascii,
                                       .level = TERMINAL_ROUNDS};
    CHECK(uv_loop_init(&r.loop) == 0);
    r.screen.status = fill_status;
    r.screen.done = done;
    r.screen.ctx = &r;
    if (!screen_open(&r.screen, &r.loop, &options, why, sizeof why))
        return cli_fail(EXIT_BAD_USAGE, "%s", why);
    uv_run(&r.loop, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&r.loop) == 0);
    return EXIT_DONE;
}

static int in_page(const char *path)
{
    char why[200];
    const Orrery__Open open = ORRERY__OPEN__INIT;
    if (!page_port_ok(given.port, why, sizeof why))
        return cli_fail(EXIT_BAD_USAGE, "%s", why);
    const struct page_wish wish = {.port = given.port,
                                   .no_open = given.no_open,
                                   .json = given.json,
                                   .open = &open,
                                   .own = {.replay = path}};
    return page_serve(&wish);
}

int replay_main(const struct cli_command *c, int argc, char **argv)
{
    struct opt_words words;
    char why[600];
    if (!options_parse(replay_opts, argc, argv, 1, &words, why, sizeof why))
        return cli_bad_usage(c, why);
    if (words.n == 0)
        return cli_bad_usage(c, "replay needs a recording: 'orrery replay FILE.orr'");
    const char *path = cli_recording(words.words[0]);
    if (given.rerun)
        return rerun(c, path);
    if (given.page)
        return in_page(path);
    struct timeline *t = timeline_open(path, why, sizeof why);
    if (!t)
        return cli_fail(EXIT_BAD_USAGE, "%s", why);
    bool lines = given.json || given.all || !screen_possible();
    int code = lines ? print_lines(t) : draw(t, path);
    timeline_free(t);
    return code;
}
