/* orrery sandbox PROTOCOL: a cluster with no script, and the timeline on this terminal. */
#include "cli/agents.h"
#include "cli/cli.h"
#include "cli/protocols.h"
#include "cli/screen.h"

#include "base/check.h"
#include "cluster/units.h"
#include "session/session.h"
#include "sim/catalogue.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
    uint64_t nodes, seed;
    bool sim, headless, no_timeline, no_record, json, ascii;
    struct opt_list settings, flaws;
    const char *level, *record, *disk;
    double pace, length_ns;
    struct agents_given agents;
} given = {.pace = 1};

const struct opt sandbox_opts[] = {
    {"--nodes", OPT_WHOLE, &given.nodes, "N", "how many nodes (as is usual for PROTOCOL)"},
    {"--sim", OPT_FLAG, &given.sim, NULL, "in the simulator instead of as processes"},
    {"--seed", OPT_WHOLE, &given.seed, "NUMBER", "of all that is drawn, and of the run's name"},
    {"--set", OPT_LIST, &given.settings, "KEY=VALUE", "a setting; may be given several times"},
    {"--flaw", OPT_LIST, &given.flaws, "FLAW", "breaks the protocol on purpose"},
    {"--level", OPT_TEXT, &given.level, "full|summary|off", "how much nodes tell (full)"},
    {"--pace", OPT_DECIMAL, &given.pace, "FACTOR", "1 is native, 0.1 ten times slower"},
    {"--record", OPT_TEXT, &given.record, "FILE", "where the recording goes"},
    {"--no-record", OPT_FLAG, &given.no_record, NULL, "records nothing"},
    {"--disk", OPT_TEXT, &given.disk, "FOLDER", "for the nodes' disks, kept at the end"},
    {"--for", OPT_TIME, &given.length_ns, "DURATION", "ends by itself after so long"},
    {"--headless", OPT_FLAG, &given.headless, NULL, "no timeline on this terminal"},
    {"--no-timeline", OPT_FLAG, &given.no_timeline, NULL, "the same"},
    {"--ascii", OPT_FLAG, &given.ascii, NULL, "draws with ASCII only"},
    AGENTS_OPTS(given.agents),
    {"--json", OPT_FLAG, &given.json, NULL, "says what runs as JSON; no timeline"},
    {NULL, 0, NULL, NULL, NULL},
};

struct sandbox {
    uv_loop_t loop;
    struct session *session;
    struct pool *pool; /* NULL: nodes are here. */
    const char *protocol;
    bool drawn; /* The timeline is on this terminal. */
    struct screen screen;
    int follow;
    uv_signal_t signals[3];
    uv_timer_t length;
    bool ended;
    bool up;
    int code;
    char failure[600];
    struct buf line;
};

static void on_entry(void *ctx, const struct entry *e)
{
    struct sandbox *b = ctx;
    if (b->screen.terminal)
        terminal_entry(b->screen.terminal, e);
}

static uint32_t count_alive(struct cluster *c)
{
    struct cluster_node n;
    uint32_t alive = 0;
    for (uint32_t i = 1; i <= c->ops->nodes(c); i++)
        alive += c->ops->node(c, i, &n) && (n.state == NODE_RUNNING || n.state == NODE_PAUSED);
    return alive;
}

static void fill_status(void *ctx, struct terminal_status *into)
{
    struct sandbox *b = ctx;
    struct cluster *c = session_cluster(b->session);
    struct timeline *t = session_timeline(b->session);
    into->run = session_name(b->session);
    into->protocol = timeline_info(t)->protocol;
    into->nodes = c->ops->nodes(c);
    into->alive = count_alive(c);
    into->pace = c->ops->pace(c);
    into->now_ns = cluster_now(c);
    into->recording = session_recording(b->session)[0] ? session_recording(b->session) : NULL;
    into->recorded_bytes = timeline_recorded(t);
    into->trouble = timeline_trouble(t);
    into->simulated = timeline_info(t)->simulated;
}

static void quit(void *ctx)
{
    struct sandbox *b = ctx;
    session_end(b->session);
}

static void act(void *ctx, const char *line)
{
    struct sandbox *b = ctx;
    char why[600];
    uint64_t seq;
    bool refused = session_act(b->session, line, NULL, &seq, why, sizeof why) < 0;
    terminal_say(b->screen.terminal, why, refused);
}

static bool draw(struct sandbox *b, char *why, size_t why_size)
{
    struct terminal_options options = {
        .source = terminal_source_timeline(session_timeline(b->session)),
        .owner = true,
        .ascii = given.ascii,
        .level = TERMINAL_ROUNDS,
        .act = act,
        .ctx = b,
    };
    b->screen.status = fill_status;
    b->screen.done = quit;
    b->screen.ctx = b;
    if (!screen_open(&b->screen, &b->loop, &options, why, why_size))
        return false;
    b->follow = timeline_follow(session_timeline(b->session), on_entry, b);
    return true;
}

static void say_as_json(struct sandbox *b)
{
    struct cluster *c = session_cluster(b->session);
    struct cluster_node n;
    printf("{\"run\":\"%s\",\"protocol\":\"%s\",\"seed\":%llu,\"simulated\":%s,\"nodes\":[",
           session_name(b->session), b->protocol, (unsigned long long)session_seed(b->session),
           given.sim ? "true" : "false");
    for (uint32_t i = 1; i <= c->ops->nodes(c); i++)
        if (c->ops->node(c, i, &n))
            printf("%s{\"name\":\"%s\",\"pid\":%d,\"state\":\"%s\",\"client_port\":%u}",
                   i > 1 ? "," : "", n.name, n.pid, node_state_name(n.state), n.client_port);
    printf("],\"recording\":\"%s\"}\n", session_recording(b->session));
}

static void say_ports(struct cluster *c)
{
    struct cluster_node n;
    for (uint32_t i = 1; i <= c->ops->nodes(c) && i <= 16; i++)
        if (c->ops->node(c, i, &n) && n.client_port)
            printf(n.host ? "  %s serves clients: redis-cli -p %u -h %s\n"
                          : "  %s serves clients: redis-cli -p %u\n",
                   n.name, n.client_port, n.address);
}

static void say_what_runs(struct sandbox *b)
{
    struct cluster *c = session_cluster(b->session);
    uint32_t nodes = c->ops->nodes(c);
    printf("%s: %s on %u node%s%s, seed %llu\n", session_name(b->session), b->protocol, nodes,
           nodes == 1 ? "" : "s", given.sim ? " in the simulator" : "",
           (unsigned long long)session_seed(b->session));
    say_ports(c);
    if (session_recording(b->session)[0])
        printf("  recording: %s\n", session_recording(b->session));
    if (given.disk)
        printf("  disks: %s\n", session_disks(b->session));
    printf("In another terminal: orrery kill n%u, orrery status, orrery timeline --follow.\n"
           "Ctrl-C ends it.\n",
           nodes > 1 ? 2 : 1);
}

static void ready(void *ctx, bool up, const char *sentence)
{
    struct sandbox *b = ctx;
    b->up = up;
    if (!up) {
        snprintf(b->failure, sizeof b->failure, "%s", sentence);
        b->code = EXIT_BAD_USAGE;
        session_end(b->session);
        return;
    }
    if (b->drawn) {
        char why[300];
        if (draw(b, why, sizeof why))
            return;
        cli_fail(0, "%s; the run goes on without its timeline here", why);
        b->drawn = false;
    }
    if (*sentence)
        cli_fail(0, "%s", sentence);
    if (given.json)
        say_as_json(b);
    else
        say_what_runs(b);
    fflush(stdout);
}

static void closed(uv_handle_t *handle)
{
    (void)handle;
}

static void ended(void *ctx)
{
    struct sandbox *b = ctx;
    b->ended = true;
    screen_close(&b->screen);
    for (size_t i = 0; i < 3; i++)
        uv_close((uv_handle_t *)&b->signals[i], closed);
    uv_close((uv_handle_t *)&b->length, closed);
    if (b->pool)
        pool_close(b->pool, NULL, NULL);
}

static void interrupted(uv_signal_t *signal, int number)
{
    struct sandbox *b = signal->data;
    (void)number;
    session_end(b->session);
}

static void length_over(uv_timer_t *timer)
{
    struct sandbox *b = timer->data;
    session_end(b->session);
}

static void listen_to_signals(struct sandbox *b)
{
    static const int numbers[3] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < 3; i++) {
        CHECK(uv_signal_init(&b->loop, &b->signals[i]) == 0);
        b->signals[i].data = b;
        CHECK(uv_signal_start(&b->signals[i], interrupted, numbers[i]) == 0);
    }
    CHECK(uv_timer_init(&b->loop, &b->length) == 0);
    b->length.data = b;
    if (given.length_ns > 0)
        CHECK(uv_timer_start(&b->length, length_over, (uint64_t)(given.length_ns / 1e6), 0) == 0);
}

static bool level(Orrery__Level *into, char *why, size_t why_size)
{
    static const char *const names[] = {"full", "summary", "off"};
    *into = ORRERY__LEVEL__LEVEL_FULL;
    for (size_t i = 0; i < 3 && given.level; i++)
        if (strcmp(names[i], given.level) == 0) {
            *into = (Orrery__Level)i;
            return true;
        }
    if (given.level)
        snprintf(why, why_size, "--level takes full, summary or off, not '%.40s'", given.level);
    return !given.level;
}

static bool sensible(const struct opt_words *words, char *why, size_t why_size)
{
    if (words->n == 0) {
        snprintf(why, why_size, "sandbox needs a protocol: for example 'orrery sandbox heartbeat'");
        return false;
    }
    if (given.pace < 0 || given.pace > 1000) {
        snprintf(why, why_size, "--pace goes from 0 to 1000");
        return false;
    }
    if (given.nodes > 100000) {
        snprintf(why, why_size, "--nodes goes from 1 to 100000");
        return false;
    }
    for (size_t i = 0; i < given.settings.n; i++)
        if (!strchr(given.settings.items[i], '=')) {
            snprintf(why, why_size, "--set takes KEY=VALUE, not '%.60s'", given.settings.items[i]);
            return false;
        }
    return protocols_have(words->words[0], why, why_size);
}

static void command_line(int argc, char **argv, struct buf *line)
{
    buf_printf(line, "orrery");
    for (int i = 0; i < argc; i++) {
        buf_printf(line, " ");
        word_quote(argv[i], line);
    }
    buf_append(line, bytes_of("", 1));
}

static int run(struct sandbox *b, struct session_options *options)
{
    char why[600];
    /* libuv takes SIGCHLD and others for a loop: set up before there is a cluster. */
    CHECK(uv_loop_init(&b->loop) == 0);
    listen_to_signals(b);
    if (given.sim || agents_open(&b->loop, &given.agents, &b->pool, why, sizeof why) >= 0) {
        options->agents = b->pool;
        b->session = session_new(&b->loop, options, why, sizeof why);
    }
    if (!b->session) {
        ended(b);
        uv_run(&b->loop, UV_RUN_DEFAULT);
        if (b->pool)
            pool_free(b->pool);
        uv_loop_close(&b->loop);
        return cli_fail(EXIT_BAD_USAGE, "%s", why);
    }
    uv_run(&b->loop, UV_RUN_DEFAULT);
    if (!b->up && b->failure[0])
        cli_fail(0, "%s", b->failure);
    else if (!given.json && session_recording(b->session)[0])
        printf("%s ended. It is recorded: orrery replay %s\n", session_name(b->session),
               session_recording(b->session));
    if (session_trouble(b->session)[0])
        cli_fail(0, "%s", session_trouble(b->session));
    if (!b->up && session_recording(b->session)[0] && !given.record)
        unlink(session_recording(b->session));
    session_free(b->session);
    if (b->pool)
        pool_free(b->pool);
    CHECK(uv_loop_close(&b->loop) == 0);
    return b->code;
}

int sandbox_main(const struct cli_command *c, int argc, char **argv)
{
    static struct sandbox sandbox; /* Large, and there is one. */
    struct opt_words words;
    char why[400];
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0) {
            bool named = argc > 2 && argv[1][0] != '-';
            if (named && !protocols_have(argv[1], why, sizeof why))
                return cli_fail(EXIT_BAD_USAGE, "%s", why);
            help_command(c);
            printf(named ? "\n" : "\nProtocols:\n");
            protocols_print(named ? argv[1] : NULL);
            return EXIT_DONE;
        }
    struct session_options options = {0};
    if (!options_parse(sandbox_opts, argc, argv, 1, &words, why, sizeof why) ||
        !level(&options.level, why, sizeof why) || !sensible(&words, why, sizeof why))
        return cli_bad_usage(c, why);
    struct sandbox *b = &sandbox;
    struct cluster_instance instance = {words.words[0], given.settings.items, given.settings.n,
                                        given.flaws.items, given.flaws.n};
    b->protocol = words.words[0];
    b->drawn = screen_possible() && !given.headless && !given.no_timeline && !given.json;
    command_line(argc, argv, &b->line);
    struct cluster_group group = {
        .nodes = given.nodes ? (uint32_t)given.nodes : catalogue_usual_nodes(b->protocol),
        .instances = &instance,
        .n_instances = 1,
    };
    options.groups = &group;
    options.n_groups = 1;
    options.seed = given.seed;
    options.pace = given.pace;
    options.simulated = given.sim;
    options.no_recording = given.no_record;
    options.recording = given.record;
    options.disks = given.disk;
    options.line = (const char *)b->line.base;
    options.ready = ready;
    options.ended = ended;
    options.ctx = b;
    int code = run(b, &options);
    buf_free(&b->line);
    return code;
}
