/* orrery timeline: the diagram of a run that is on, as a picture or as lines. */
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/screen.h"
#include "cli/viewing.h"

#include "base/check.h"
#include "cluster/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LAST = 300, LAST_DRAWN = 20000 };

static struct {
    bool follow, json, ascii, all;
    const char *run, *pattern;
    uint64_t from, last;
    struct node_list nodes;
} given;

const struct opt timeline_opts[] = {
    {"--follow", OPT_FLAG, &given.follow, NULL, "and what comes; on a terminal, the diagram"},
    {"--last", OPT_WHOLE, &given.last, "N",
     "begins so many events ago (20000 in the diagram, 300 as lines)"},
    {"--from", OPT_WHOLE, &given.from, "N", "begins at event number N; 1 is the first"},
    {"--pattern", OPT_TEXT, &given.pattern, "PATTERN", "only events that match, one a line"},
    {"--nodes", OPT_NODES, &given.nodes, "NODES", "only of these nodes, one a line"},
    {"--all", OPT_FLAG, &given.all, NULL, "every event as a line of its own, not as a diagram"},
    {"--ascii", OPT_FLAG, &given.ascii, NULL, "draws with ASCII only"},
    {"--json", OPT_FLAG, &given.json, NULL, "one JSON object a line"},
    {"--run", OPT_TEXT, &given.run, "NAME", "which run, when several are on"},
    {NULL, 0, NULL, NULL, NULL}};

static Orrery__Tell *status_of(struct client *client)
{
    Orrery__StatusAsk status = ORRERY__STATUS_ASK__INIT;
    Orrery__Ask ask = ORRERY__ASK__INIT;
    ask.kind_case = ORRERY__ASK__KIND_STATUS;
    ask.status = &status;
    Orrery__Tell *tell = client_ask(client, &ask) ? client_hear(client) : NULL;
    if (tell && tell->kind_case != ORRERY__TELL__KIND_STATUS) {
        orrery__tell__free_unpacked(tell, NULL);
        tell = NULL;
    }
    return tell;
}

static void ask_entries(struct client *client, uint64_t from, bool follow)
{
    static char none[] = "";
    Orrery__Ask ask = ORRERY__ASK__INIT;
    Orrery__Follow f = ORRERY__FOLLOW__INIT;
    Orrery__Query q = ORRERY__QUERY__INIT;
    f.from = q.from = from;
    f.pattern = q.pattern = given.pattern ? (char *)(uintptr_t)given.pattern : none;
    f.nodes = q.nodes = given.nodes.nodes;
    f.n_nodes = q.n_nodes = given.nodes.n;
    ask.kind_case = follow ? ORRERY__ASK__KIND_FOLLOW : ORRERY__ASK__KIND_QUERY;
    if (follow)
        ask.follow = &f;
    else
        ask.query = &q;
    client_ask(client, &ask);
}

static bool print_line(void *ctx, const char *text)
{
    (void)ctx;
    return puts(text) >= 0;
}

struct lines {
    struct timeline *timeline;
    struct terminal_printer *printer; /* NULL: one line an entry. */
};

static void take(struct lines *l, const Orrery__Entries *entries)
{
    struct entry e;
    timeline_adopt(l->timeline, entries);
    if (entries->missed)
        fprintf(stderr, "orrery: %llu events were missed here\n",
                (unsigned long long)entries->missed);
    for (size_t i = 0; i < entries->n_entries; i++) {
        if (!viewing_entry(entries, i, &e))
            continue;
        if (!l->printer)
            print_entry(l->timeline, &e, given.json);
        else if (timeline_get(l->timeline, e.ordinal, &e))
            terminal_printer_entry(l->printer, &e);
    }
}

static int print_all(struct client *client, struct lines *l)
{
    Orrery__Tell *tell;
    int code = EXIT_DONE;
    bool last = false;
    while (!last && (tell = client_hear(client))) {
        if (tell->kind_case == ORRERY__TELL__KIND_REFUSED) {
            code = cli_fail(EXIT_RUN_FAILED, "%s", tell->refused->sentence);
            last = true;
        } else if (tell->kind_case == ORRERY__TELL__KIND_ENTRIES) {
            take(l, tell->entries);
            last = tell->entries->last;
        }
        orrery__tell__free_unpacked(tell, NULL);
        if (!cli_flush())
            return code;
    }
    if (l->printer)
        terminal_printer_end(l->printer);
    return code;
}

static int print_lines(struct client *client, const Orrery__Status *status, uint64_t from)
{
    bool plain = given.json || given.all || given.pattern || given.nodes.n;
    struct lines l = {viewing_new(status->run), NULL};
    struct terminal_print_options options = {.ascii = given.ascii || !terminal_utf8(),
                                             .level = TERMINAL_ROUNDS};
    if (!plain)
        l.printer =
            terminal_printer_new(terminal_source_timeline(l.timeline), &options, print_line, NULL);
    ask_entries(client, from, given.follow);
    int code = print_all(client, &l);
    if (l.printer)
        terminal_printer_free(l.printer);
    timeline_free(l.timeline);
    return code;
}

/* The diagram on our terminal, of a run in another process. */
struct watch {
    uv_loop_t loop;
    uv_poll_t socket;
    uv_timer_t ask;
    struct client *client;
    struct timeline *timeline;
    struct screen screen;
    Orrery__Status *status;
    uint64_t entries_id;
    bool gone;
};

static void closed(uv_handle_t *handle)
{
    (void)handle;
}

static void watch_end(void *ctx)
{
    struct watch *w = ctx;
    screen_close(&w->screen);
    uv_close((uv_handle_t *)&w->socket, closed);
    uv_close((uv_handle_t *)&w->ask, closed);
}

static void watch_status(void *ctx, struct terminal_status *into)
{
    struct watch *w = ctx;
    const Orrery__Status *s = w->status;
    into->run = s->run->name;
    into->protocol = s->run->protocol;
    into->nodes = (uint32_t)s->n_nodes;
    for (size_t i = 0; i < s->n_nodes; i++)
        into->alive +=
            strcmp(s->nodes[i]->state, "running") == 0 || strcmp(s->nodes[i]->state, "paused") == 0;
    into->pace = s->pace;
    into->now_ns = s->now_ns;
    into->recording = *s->recording ? s->recording : NULL;
    into->recorded_bytes = s->recorded_bytes;
    into->trouble = *s->trouble ? s->trouble : NULL;
    into->simulated = s->run->simulated;
    into->gone = w->gone;
}

static void watch_act(void *ctx, const char *line)
{
    struct watch *w = ctx;
    Orrery__Act act = ORRERY__ACT__INIT;
    Orrery__Ask ask = ORRERY__ASK__INIT;
    act.line = (char *)(uintptr_t)line;
    ask.kind_case = ORRERY__ASK__KIND_ACT;
    ask.act = &act;
    if (w->gone || !client_ask(w->client, &ask))
        terminal_say(w->screen.terminal, "the run is over", true);
}

static void heard_entries(struct watch *w, const Orrery__Entries *entries)
{
    struct entry e;
    char sentence[80];
    timeline_adopt(w->timeline, entries);
    for (size_t i = 0; i < entries->n_entries; i++)
        if (viewing_entry(entries, i, &e) && timeline_get(w->timeline, e.ordinal, &e))
            terminal_entry(w->screen.terminal, &e);
    if (entries->missed) {
        snprintf(sentence, sizeof sentence, "%llu events came too fast and are not shown",
                 (unsigned long long)entries->missed);
        terminal_say(w->screen.terminal, sentence, true);
    }
}

static void heard(struct watch *w, Orrery__Tell *tell)
{
    if (tell->kind_case == ORRERY__TELL__KIND_ENTRIES) {
        heard_entries(w, tell->entries);
    } else if (tell->kind_case == ORRERY__TELL__KIND_STATUS) {
        orrery__status__free_unpacked(w->status, NULL);
        w->status = tell->status;
        tell->status = NULL;
        tell->kind_case = ORRERY__TELL__KIND__NOT_SET;
    } else if (tell->kind_case == ORRERY__TELL__KIND_DONE) {
        terminal_say(w->screen.terminal, tell->done->sentence, false);
    } else if (tell->kind_case == ORRERY__TELL__KIND_REFUSED) {
        terminal_say(w->screen.terminal, tell->refused->sentence, true);
    }
    orrery__tell__free_unpacked(tell, NULL);
}

static void arrived(uv_poll_t *poll, int status, int events)
{
    struct watch *w = poll->data;
    Orrery__Tell *tell;
    int got = 0;
    (void)events;
    while (status >= 0 && w->screen.terminal && (got = client_poll(w->client, &tell)) > 0)
        heard(w, tell);
    if (status < 0 || got < 0) {
        w->gone = true;
        uv_poll_stop(poll);
    }
}

static void ask_status(uv_timer_t *timer)
{
    struct watch *w = timer->data;
    Orrery__StatusAsk status = ORRERY__STATUS_ASK__INIT;
    Orrery__Ask ask = ORRERY__ASK__INIT;
    ask.kind_case = ORRERY__ASK__KIND_STATUS;
    ask.status = &status;
    if (!w->gone)
        client_ask(w->client, &ask);
}

static int watch(struct client *client, Orrery__Status *status, uint64_t from)
{
    static struct watch w;
    char why[400];
    w.client = client;
    w.status = status;
    w.timeline = viewing_new(status->run);
    struct terminal_options options = {.source = terminal_source_timeline(w.timeline),
                                       .ascii = given.ascii,
                                       .level = TERMINAL_ROUNDS,
                                       .act = watch_act,
                                       .ctx = &w};
    CHECK(uv_loop_init(&w.loop) == 0);
    w.screen.status = watch_status;
    w.screen.done = watch_end;
    w.screen.ctx = &w;
    if (!screen_open(&w.screen, &w.loop, &options, why, sizeof why)) {
        orrery__status__free_unpacked(w.status, NULL);
        return cli_fail(EXIT_BAD_USAGE, "%s", why);
    }
    CHECK(uv_poll_init(&w.loop, &w.socket, client->fd) == 0);
    CHECK(uv_timer_init(&w.loop, &w.ask) == 0);
    w.socket.data = w.ask.data = &w;
    ask_entries(client, from, true);
    CHECK(uv_poll_start(&w.socket, UV_READABLE, arrived) == 0);
    CHECK(uv_timer_start(&w.ask, ask_status, 300, 300) == 0);
    uv_run(&w.loop, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&w.loop) == 0);
    orrery__status__free_unpacked(w.status, NULL);
    timeline_free(w.timeline);
    return EXIT_DONE;
}

int timeline_main(const struct cli_command *c, int argc, char **argv)
{
    struct client client;
    struct opt_words words;
    char why[600];
    if (!options_parse(timeline_opts, argc, argv, 0, &words, why, sizeof why))
        return cli_bad_usage(c, why);
    if (!client_open(&client, given.run, why, sizeof why))
        return cli_fail(EXIT_BAD_USAGE, "%s", why);
    Orrery__Tell *tell = status_of(&client);
    if (!tell) {
        client_close(&client);
        return cli_fail(EXIT_RUN_FAILED, "%s ended before it answered", client.run);
    }
    bool lines = given.json || given.all || given.pattern || given.nodes.n;
    uint64_t newest = tell->status->newest;
    uint64_t last = given.last ? given.last : lines ? LAST : LAST_DRAWN;
    uint64_t from = given.from ? given.from : newest > last ? newest - last + 1 : 1;
    int code;
    if (given.follow && !lines && screen_possible()) {
        code = watch(&client, tell->status, from);
        tell->status = NULL; /* Freed there. */
        tell->kind_case = ORRERY__TELL__KIND__NOT_SET;
    } else {
        code = print_lines(&client, tell->status, from);
    }
    orrery__tell__free_unpacked(tell, NULL);
    client_close(&client);
    node_list_free(&given.nodes);
    return code;
}
