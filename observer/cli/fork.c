/* orrery fork FILE|RUN --at WHEN: the past of a simulated run, and another future. */
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/page.h"

#include "base/check.h"
#include "cluster/units.h"
#include "session/fork.h"
#include "session/past.h"
#include "timeline/text.h"
#include "timeline/view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct {
    const char *at, *line, *record;
    uint64_t port;
    bool headless, no_open, no_record, json;
    double length_ns;
} given = {.port = PAGE_NO_PORT, .length_ns = 10e9};

const struct opt fork_opts[] = {
    {"--at", OPT_TEXT, &given.at, "EVENT|TIME",
     "where they part: just before a command (e1323), or at an instant (2.5s)"},
    {"--act", OPT_TEXT, &given.line, "COMMAND", "what is done there: 'kill n2'"},
    {"--headless", OPT_FLAG, &given.headless, NULL, "no page: says where the two part"},
    {"--for", OPT_TIME, &given.length_ns, "DURATION", "headless, so long from there on (10s)"},
    {"--record", OPT_TEXT, &given.record, "FILE", "where the recording goes"},
    {"--no-record", OPT_FLAG, &given.no_record, NULL, "records nothing"},
    {"--port", OPT_WHOLE, &given.port, "NUMBER", "where the page is served (from 7400 on)"},
    {"--no-open", OPT_FLAG, &given.no_open, NULL, "opens no browser: says the page's address"},
    {"--json", OPT_FLAG, &given.json, NULL, "the address, or headless the outcome, as JSON"},
    {NULL, 0, NULL, NULL, NULL},
};

struct headless {
    uv_loop_t loop;
    struct session *session;
    struct past *past;
    bool up, ended;
    char sentence[600];
};

static void ready(void *ctx, bool up, const char *sentence)
{
    struct headless *h = ctx;
    uint64_t seq;
    snprintf(h->sentence, sizeof h->sentence, "%s", sentence);
    h->up = up && (!given.line || session_act(h->session, given.line, NULL, &seq, h->sentence,
                                              sizeof h->sentence) == 0);
    if (!h->up)
        session_end(h->session);
}

static void ticked(void *ctx)
{
    struct headless *h = ctx;
    uint64_t now = cluster_now(session_cluster(h->session));
    if ((double)now >= (double)past_forked(h->past)->at_ns + given.length_ns)
        session_end(h->session);
}

static void ended(void *ctx)
{
    ((struct headless *)ctx)->ended = true;
}

static void print_json(const struct headless *h, int parted, uint64_t ordinal, uint64_t ns)
{
    const Orrery__Forked *forked = past_forked(h->past);
    printf("{\"run\":");
    text_json_print(session_name(h->session));
    printf(",\"of\":");
    text_json_print(forked->run);
    printf(",\"at_ns\":%" PRIu64 ",\"parted\":", forked->at_ns);
    if (parted == PAST_PARTED)
        printf("{\"event\":%" PRIu64 ",\"ns\":%" PRIu64 "}", ordinal, ns);
    else
        printf("null");
    printf(",\"recording\":");
    text_json_print(session_recording(h->session));
    puts("}");
}

static void print_words(const struct headless *h, int parted, uint64_t ordinal, uint64_t ns)
{
    const Orrery__Forked *forked = past_forked(h->past);
    printf("%s is %s up to %.6f s, to the bit.\n", session_name(h->session), forked->run,
           (double)forked->at_ns / 1e9);
    if (parted == PAST_PARTED)
        printf("They part with e%" PRIu64 ", at %.6f s.\n", ordinal, (double)ns / 1e9);
    else if (parted == PAST_ALONE)
        printf("They do not part before %s ends, at %.6f s.\n", forked->run, (double)ns / 1e9);
    else
        printf("They do not part.\n");
    if (session_recording(h->session)[0])
        printf("It is recorded: orrery replay %s\n", session_recording(h->session));
}

static int finish(struct headless *h)
{
    uint64_t ordinal, ns;
    int parted = past_parted(h->past, &ordinal, &ns);
    int code = EXIT_DONE;
    if (!h->up)
        code = cli_fail(EXIT_BAD_USAGE, "%s", h->sentence);
    else
        (given.json ? print_json : print_words)(h, parted, ordinal, ns);
    if (session_trouble(h->session)[0])
        cli_fail(0, "%s", session_trouble(h->session));
    if (!h->up && session_recording(h->session)[0] && !given.record)
        unlink(session_recording(h->session));
    session_free(h->session);
    return code;
}

static int run_headless(const Orrery__Fork *wish, const char *path)
{
    static struct headless h;
    char why[600];
    struct session_options options = {
        .rushed = true,
        .recording = given.record,
        .no_recording = given.no_record,
        .ready = ready,
        .ticked = ticked,
        .ended = ended,
        .ctx = &h,
    };
    struct fork *fork = fork_new(NULL, wish, path, &options, why, sizeof why);
    if (!fork)
        return cli_fail(EXIT_BAD_USAGE, "%s", why);
    CHECK(uv_loop_init(&h.loop) == 0);
    h.past = options.past;
    h.session = session_new(&h.loop, &options, why, sizeof why);
    h.ended = !h.session;
    while (uv_run(&h.loop, UV_RUN_ONCE) && !h.ended) {
    }
    int code = h.session ? finish(&h) : cli_fail(EXIT_BAD_USAGE, "%s", why);
    fork_free(fork);
    uv_run(&h.loop, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&h.loop) == 0);
    return code;
}

static int in_page(const Orrery__Fork *wish, const char *path)
{
    char why[200];
    Orrery__Open open = ORRERY__OPEN__INIT;
    open.fork = (Orrery__Fork *)(uintptr_t)wish;
    if (!page_port_ok(given.port, why, sizeof why))
        return cli_fail(EXIT_BAD_USAGE, "%s", why);
    const struct page_wish page = {
        .port = given.port,
        .no_open = given.no_open,
        .json = given.json,
        .open = &open,
        .own = {.fork = path, .recording = given.record, .no_recording = given.no_record}};
    return page_serve(&page);
}

/* Where a run that is on records itself; NULL after it was said what is wrong. */
static const char *recording_of(const char *run)
{
    static char path[PATH_ROOM];
    static struct client client;
    char why[600];
    if (!client_open(&client, run, why, sizeof why)) {
        cli_fail(0, "%s", why);
        return NULL;
    }
    Orrery__StatusAsk status = ORRERY__STATUS_ASK__INIT;
    Orrery__Ask ask = ORRERY__ASK__INIT;
    ask.kind_case = ORRERY__ASK__KIND_STATUS;
    ask.status = &status;
    Orrery__Tell *tell = client_ask(&client, &ask) ? client_hear(&client) : NULL;
    path[0] = 0;
    if (tell && tell->kind_case == ORRERY__TELL__KIND_STATUS)
        snprintf(path, sizeof path, "%s", tell->status->recording);
    if (tell)
        orrery__tell__free_unpacked(tell, NULL);
    client_close(&client);
    if (!path[0])
        cli_fail(0, "%s is not recorded, so it cannot be forked from here: its page can", run);
    return path[0] ? path : NULL;
}

static bool read_at(Orrery__Fork *fork)
{
    double ns;
    if (!given.at)
        return false;
    if (given.at[0] == 'e')
        return whole_parse(given.at + 1, &fork->event) && fork->event > 0;
    if (!duration_parse(given.at, &ns) || ns < 0 || ns > 1e18)
        return false;
    fork->at_ns = (uint64_t)ns;
    return true;
}

int fork_main(const struct cli_command *c, int argc, char **argv)
{
    struct opt_words words;
    char why[400];
    Orrery__Fork fork = ORRERY__FORK__INIT;
    if (!options_parse(fork_opts, argc, argv, 1, &words, why, sizeof why))
        return cli_bad_usage(c, why);
    if (words.n == 0)
        return cli_bad_usage(c, "fork needs a recording, or the name of a run: see "
                                "'orrery recordings' and 'orrery runs'");
    if (!read_at(&fork))
        return cli_bad_usage(c, "fork needs to know where: --at e1323, or --at 2.5s");
    if (given.line)
        fork.line = (char *)(uintptr_t)given.line;
    const char *path = cli_recording(words.words[0]);
    if (access(path, F_OK) < 0 && run_name_ok(path) && !(path = recording_of(path)))
        return EXIT_BAD_USAGE;
    return given.headless ? run_headless(&fork, path) : in_page(&fork, path);
}
