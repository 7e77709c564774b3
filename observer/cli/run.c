/* orrery run NAME: plays a lab on the page, with its captions on this terminal, or headless. */
#include "cli/agents.h"
#include "cli/cli.h"
#include "cli/page.h"
#include "cli/screen.h"

#include "base/check.h"
#include "base/must.h"
#include "cluster/units.h"
#include "lab/bindings.h"
#include "lab/groups.h"
#include "lab/play.h"
#include "lab/shelf.h"
#include "session/notebook.h"
#include "web/assets.h"

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
    uint64_t nodes, seed, port;
    bool sim, headless, terminal, no_open, no_record, ascii, json;
    struct opt_list settings, flaws;
    const char *record;
    double pace;
    struct agents_given agents;
} given = {.port = PAGE_NO_PORT};

const struct opt run_opts[] = {
    {"--headless", OPT_FLAG, &given.headless, NULL,
     "waits for events and not for readers; exits 0 only when all is proven"},
    {"--terminal", OPT_FLAG, &given.terminal, NULL, "on this terminal instead of on the page"},
    {"--no-open", OPT_FLAG, &given.no_open, NULL, "opens no browser: says the page's address"},
    {"--port", OPT_WHOLE, &given.port, "NUMBER", "where the page is served (from 7400 on)"},
    {"--sim", OPT_FLAG, &given.sim, NULL, "in the simulator instead of as processes"},
    {"--nodes", OPT_WHOLE, &given.nodes, "N", "how many nodes (as the lab says)"},
    {"--pace", OPT_DECIMAL, &given.pace, "FACTOR", "1 is native, 0.1 ten times slower"},
    {"--seed", OPT_WHOLE, &given.seed, "NUMBER", "of all that is drawn"},
    {"--record", OPT_TEXT, &given.record, "FILE", "where the recording goes"},
    {"--no-record", OPT_FLAG, &given.no_record, NULL, "records nothing"},
    {"--flaw", OPT_LIST, &given.flaws, "FLAW", "breaks the protocol on purpose"},
    {"--set", OPT_LIST, &given.settings, "KEY=VALUE", "a setting; may be given several times"},
    {"--ascii", OPT_FLAG, &given.ascii, NULL, "draws with ASCII only"},
    AGENTS_OPTS(given.agents),
    {"--json", OPT_FLAG, &given.json, NULL, "the address, or headless the outcome, as JSON"},
    {NULL, 0, NULL, NULL, NULL},
};

struct run {
    uv_loop_t loop;
    struct lab_file file;
    struct lab_play *play;
    struct session *session;
    struct pool *pool; /* NULL: nodes are here. */
    struct screen screen;
    bool drawn;
    char notebook[PATH_ROOM + 16];
    uv_signal_t signals[3];
    uint64_t began_ns;
    uint32_t told_beat;           /* What has been said of it. */
    Orrery__AnswerState *answers; /* By exercise. */
    bool told_end;
    bool up;
    int code;
    char failure[600];
    struct buf line;
};

/* --- words --- */

static void say(struct run *r, const char *text)
{
    if (r->screen.terminal)
        terminal_say(r->screen.terminal, text, false);
    else if (!given.json)
        printf("%s\n", text);
    fflush(stdout);
}

static void say_parts(struct run *r, const char *before, Orrery__Part *const *parts, size_t n)
{
    struct buf text = {0};
    buf_printf(&text, "%s", before);
    caption_text(parts, n, &text);
    buf_append(&text, bytes_of("", 1));
    say(r, (const char *)text.base);
    buf_free(&text);
}

static const char *how_to_answer(const Orrery__Exercise *x)
{
    return x->n_choices ? "answer A" : "answer 200";
}

static void say_question(struct run *r, const Orrery__Exercise *x)
{
    struct buf text = {0};
    buf_printf(&text, "? %s", x->ask);
    for (size_t i = 0; i < x->n_choices; i++)
        buf_printf(&text, "%s%c  %s", r->drawn ? "   " : "\n    ", (int)('A' + i), x->choices[i]);
    if (x->number)
        buf_printf(&text, " (%g to %g %s)", x->number->min, x->number->max, x->number->unit);
    if (r->drawn)
        buf_printf(&text, "   Type: %s", how_to_answer(x));
    buf_append(&text, bytes_of("", 1));
    say(r, (const char *)text.base);
    buf_free(&text);
}

static void say_answer(struct run *r, const Orrery__Exercise *x, const Orrery__ExerciseState *s)
{
    char before[900], value[64] = "";
    const char *measured = value;
    if (s->measured >= 0 && (size_t)s->measured < x->n_choices)
        measured = x->choices[s->measured];
    else
        snprintf(value, sizeof value, "%.4g %s", s->measured_number,
                 x->number ? x->number->unit : "");
    if (s->state == ORRERY__ANSWER_STATE__ANSWER_FAILED)
        snprintf(before, sizeof before, "! not measured: ");
    else
        snprintf(before, sizeof before, "= %.600s. ", measured);
    say_parts(r, before, s->text, s->n_text);
}

/* With nobody to answer, the first choice stands: what is measured does not depend on it. */
static void answer_for_nobody(struct run *r, size_t i)
{
    const Orrery__Exercise *x = r->file.lab->exercises[i];
    Orrery__Answer answer = ORRERY__ANSWER__INIT;
    Orrery__LabDo what = ORRERY__LAB_DO__INIT;
    char why[200];
    answer.exercise = (uint32_t)i;
    answer.choice = x->n_choices ? 0 : -1;
    answer.number = x->number ? (x->number->min + x->number->max) / 2 : 0;
    what.verb_case = ORRERY__LAB_DO__VERB_ANSWER;
    what.answer = &answer;
    if (!r->drawn && !given.headless)
        lab_engine_do(lab_play_engine(r->play), &what, why, sizeof why);
}

static void say_exercises(struct run *r, const Orrery__LabState *s)
{
    for (size_t i = 0; i < s->n_exercises; i++) {
        const Orrery__ExerciseState *x = s->exercises[i];
        if (x->state == r->answers[i])
            continue;
        Orrery__AnswerState before = r->answers[i];
        r->answers[i] = x->state;
        if (before == ORRERY__ANSWER_STATE__ANSWER_NOT_YET)
            say_question(r, r->file.lab->exercises[i]);
        if (x->state == ORRERY__ANSWER_STATE__ANSWER_OPEN)
            answer_for_nobody(r, i);
        if (x->state >= ORRERY__ANSWER_STATE__ANSWER_MEASURED)
            say_answer(r, r->file.lab->exercises[i], x);
    }
}

static void say_checks(struct run *r, const Orrery__LabState *s)
{
    static const char *const words[] = {"open", "proven", "refuted", "unknown"};
    struct buf text = {0};
    for (size_t i = 0; i < s->n_checks; i++) {
        const Orrery__CheckState *c = s->checks[i];
        buf_clear(&text);
        buf_printf(&text, "%-8s %s", words[(unsigned)c->result < 4 ? c->result : 3], c->text);
        for (size_t k = 0; k < c->n_events; k++)
            buf_printf(&text, " e%llu", (unsigned long long)c->events[k]);
        buf_append(&text, bytes_of("", 1));
        if (!c->goal || c->result != ORRERY__CHECK_RESULT__CHECK_OPEN)
            say(r, (const char *)text.base);
    }
    buf_free(&text);
}

static void changed(void *ctx, const Orrery__LabState *s)
{
    struct run *r = ctx;
    const Orrery__Lab *lab = r->file.lab;
    char title[400];
    /* A caption is said once its events have come: then its names have their values. */
    for (; r->told_beat < s->n_beats && s->beats[r->told_beat]->done; r->told_beat++) {
        snprintf(title, sizeof title, "%u/%zu %.300s: ", r->told_beat + 1, lab->n_beats,
                 lab->beats[r->told_beat]->title);
        Orrery__Part **parts;
        size_t n;
        lab_engine_caption(lab_play_engine(r->play), r->told_beat, &parts, &n);
        say_parts(r, title, parts, n);
        for (size_t i = 0; i < n; i++)
            orrery__part__free_unpacked(parts[i], NULL);
        free(parts);
    }
    say_exercises(r, s);
    if (s->phase == ORRERY__BEAT_PHASE__BEAT_ENDED && !r->told_end && !given.headless) {
        r->told_end = true;
        say_checks(r, s);
    }
}

/* --- the terminal --- */

static bool answer_line(struct run *r, const char *line)
{
    Orrery__Answer answer = ORRERY__ANSWER__INIT;
    Orrery__LabDo what = ORRERY__LAB_DO__INIT;
    const Orrery__LabState *s = lab_engine_state(lab_play_engine(r->play));
    char why[200] = "there is no question now";
    if (strncmp(line, "answer ", 7) != 0)
        return false;
    const char *text = line + 7 + strspn(line + 7, " ");
    answer.choice = isalpha((unsigned char)*text) ? toupper((unsigned char)*text) - 'A' : -1;
    answer.number = strtod(text, NULL);
    what.verb_case = ORRERY__LAB_DO__VERB_ANSWER;
    what.answer = &answer;
    for (uint32_t i = 0; i < s->n_exercises; i++)
        if (s->exercises[i]->state == ORRERY__ANSWER_STATE__ANSWER_OPEN)
            answer.exercise = i;
    if (lab_engine_do(lab_play_engine(r->play), &what, why, sizeof why))
        terminal_say(r->screen.terminal, "locked", false);
    else
        terminal_say(r->screen.terminal, why, true);
    return true;
}

static void act(void *ctx, const char *line)
{
    struct run *r = ctx;
    char why[600];
    uint64_t seq;
    if (answer_line(r, line))
        return;
    bool refused = session_act(r->session, line, NULL, &seq, why, sizeof why) < 0;
    terminal_say(r->screen.terminal, why, refused);
}

static void quit(void *ctx)
{
    struct run *r = ctx;
    session_end(r->session);
}

static void fill_status(void *ctx, struct terminal_status *into)
{
    struct run *r = ctx;
    struct session *s = r->session;
    struct cluster *c = session_cluster(s);
    struct timeline *t = session_timeline(s);
    struct cluster_node n;
    into->run = session_name(s);
    into->protocol = timeline_info(t)->protocol;
    into->nodes = c->ops->nodes(c);
    for (uint32_t i = 1; i <= into->nodes; i++)
        into->alive +=
            c->ops->node(c, i, &n) && (n.state == NODE_RUNNING || n.state == NODE_PAUSED);
    into->pace = c->ops->pace(c);
    into->now_ns = cluster_now(c);
    into->recording = session_recording(s)[0] ? session_recording(s) : NULL;
    into->recorded_bytes = timeline_recorded(t);
    into->trouble = timeline_trouble(t);
    into->simulated = timeline_info(t)->simulated;
}

static void on_entry(void *ctx, const struct entry *e)
{
    struct run *r = ctx;
    if (r->screen.terminal)
        terminal_entry(r->screen.terminal, e);
}

static bool draw(struct run *r, char *why, size_t why_size)
{
    struct timeline *t = session_timeline(r->session);
    struct terminal_options options = {.source = terminal_source_timeline(t),
                                       .owner = true,
                                       .ascii = given.ascii,
                                       .level = TERMINAL_ROUNDS,
                                       .act = act,
                                       .ctx = r};
    r->screen.status = fill_status;
    r->screen.done = quit;
    r->screen.ctx = r;
    if (!screen_open(&r->screen, &r->loop, &options, why, why_size))
        return false;
    timeline_follow(t, on_entry, r);
    return true;
}

/* --- the run --- */

static void ready(void *ctx, bool up, const char *sentence)
{
    struct run *r = ctx;
    char why[300];
    r->up = up;
    if (!up) {
        snprintf(r->failure, sizeof r->failure, "%s", sentence);
        session_end(r->session);
        return;
    }
    if (*sentence)
        cli_fail(0, "%s", sentence);
    lab_play_up(r->play, r->session);
    if (r->drawn && !draw(r, why, sizeof why)) {
        cli_fail(0, "%s; the run goes on without its timeline here", why);
        r->drawn = false;
    }
    snprintf(why, sizeof why, "%s: %s", session_name(r->session), r->file.lab->title);
    say(r, why);
}

static int tell_outcome(struct run *r)
{
    static const char *const names[] = {"interrupted", "proven", "refuted", "failed"};
    struct lab_engine *e = lab_play_engine(r->play);
    enum lab_outcome outcome = lab_engine_outcome(e);
    double seconds = (double)(uv_hrtime() - r->began_ns) / 1e9;
    if (given.json)
        printf("{\"lab\":\"%s\",\"outcome\":\"%s\",\"seconds\":%.2f,\"events\":%llu,\"recording\":"
               "\"%s\"}\n",
               r->file.lab->name, names[outcome], seconds, (unsigned long long)lab_engine_events(e),
               session_recording(r->session));
    else
        say_checks(r, lab_engine_state(e));
    if (outcome == LAB_RUNNING)
        return cli_fail(EXIT_RUN_FAILED, "%s was interrupted", r->file.lab->name);
    if (outcome != LAB_PROVEN)
        return cli_fail(EXIT_RUN_FAILED, "%s", lab_engine_sentence(e));
    if (!given.json)
        printf("%s: %s, in %.1f s\n", r->file.lab->name, lab_engine_sentence(e), seconds);
    return EXIT_DONE;
}

/* Says how it went, while there is a timeline to say it from; then it ends. */
static void conclude(struct run *r)
{
    if (r->up && given.headless && !session_is_ending(r->session))
        r->code = tell_outcome(r);
    session_end(r->session);
}

static void ticked(void *ctx)
{
    struct run *r = ctx;
    if (!lab_play_tick(r->play))
        conclude(r);
}

static void noted(void *ctx, const Orrery__NotebookEntry *entry)
{
    struct run *r = ctx;
    char why[300];
    if (!given.headless && *r->notebook && !notebook_add(r->notebook, entry, why, sizeof why))
        cli_fail(0, "%s", why);
}

static void closed(uv_handle_t *handle)
{
    (void)handle;
}

static void ended(void *ctx)
{
    struct run *r = ctx;
    screen_close(&r->screen);
    for (size_t i = 0; i < 3; i++)
        uv_close((uv_handle_t *)&r->signals[i], closed);
    if (r->pool)
        pool_close(r->pool, NULL, NULL);
}

static void interrupted(uv_signal_t *signal, int number)
{
    struct run *r = signal->data;
    (void)number;
    conclude(r);
}

static void listen_to_signals(struct run *r)
{
    static const int numbers[3] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < 3; i++) {
        CHECK(uv_signal_init(&r->loop, &r->signals[i]) == 0);
        r->signals[i].data = r;
        CHECK(uv_signal_start(&r->signals[i], interrupted, numbers[i]) == 0);
    }
}

static int finish(struct run *r)
{
    const char *recording = session_recording(r->session);
    int code = r->code;
    if (!r->up)
        code = r->failure[0] ? cli_fail(EXIT_BAD_USAGE, "%s", r->failure)
                             : cli_fail(EXIT_RUN_FAILED, "%s was interrupted", r->file.lab->name);
    if (r->up && *recording && !given.json)
        printf("It is recorded: orrery replay %s\n", recording);
    if (!r->up && *recording && !given.record)
        unlink(recording);
    return code;
}

static bool begin(struct run *r, char *why, size_t why_size)
{
    struct lab_play_options options = {
        .lab = r->file.lab,
        .nodes = (uint32_t)given.nodes,
        .simulated = given.sim,
        .headless = given.headless,
        .seed = given.seed,
        .pace = given.pace,
        .settings = given.settings.items,
        .n_settings = given.settings.n,
        .flaws = given.flaws.items,
        .n_flaws = given.flaws.n,
        .changed = changed,
        .noted = noted,
        .ctx = r,
    };
    struct session_options session = {
        .no_recording = given.no_record,
        .recording = given.record,
        .line = (const char *)r->line.base,
        .ready = ready,
        .ticked = ticked,
        .ended = ended,
        .ctx = r,
    };
    if (!given.sim && agents_open(&r->loop, &given.agents, &r->pool, why, why_size) < 0)
        return false;
    session.agents = r->pool;
    r->play = lab_play_new(&options, &session, why, why_size);
    if (r->play)
        r->session = session_new(&r->loop, &session, why, why_size);
    return r->session != NULL;
}

static int play(struct run *r)
{
    char why[600];
    int code;
    CHECK(uv_loop_init(&r->loop) == 0);
    listen_to_signals(r);
    r->began_ns = uv_hrtime();
    bool begun = begin(r, why, sizeof why);
    if (!begun)
        ended(r);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    code = begun ? finish(r) : cli_fail(EXIT_BAD_USAGE, "%s", why);
    if (r->play)
        lab_play_free(r->play);
    if (begun)
        session_free(r->session);
    if (r->pool)
        pool_free(r->pool);
    CHECK(uv_loop_close(&r->loop) == 0);
    return code;
}

static bool sensible(const Orrery__Lab *lab, char *why, size_t why_size)
{
    uint32_t nodes = given.nodes < UINT32_MAX ? (uint32_t)given.nodes : UINT32_MAX;
    if (!lab_nodes_allowed(lab, nodes, why, why_size))
        return false;
    if (!page_port_ok(given.port, why, why_size))
        return false;
    if (given.pace < 0 || given.pace > 1000) {
        snprintf(why, why_size, "--pace goes from 0 to 1000");
        return false;
    }
    for (size_t i = 0; i < given.settings.n; i++)
        if (!strchr(given.settings.items[i], '=')) {
            snprintf(why, why_size, "--set takes KEY=VALUE, not '%.60s'", given.settings.items[i]);
            return false;
        }
    for (size_t i = 0; i < given.flaws.n && given.headless; i++) {
        bool found = false;
        for (size_t k = 0; k < lab->n_flaws; k++)
            found |= strcmp(lab->flaws[k]->flaw, given.flaws.items[i]) == 0;
        if (!found) {
            snprintf(why, why_size, "%s has no scene for the flaw '%.40s'", lab->name,
                     given.flaws.items[i]);
            return false;
        }
    }
    return true;
}

static bool read_lab(const char *name, struct lab_file *file)
{
    struct shelf shelf;
    char why[1600] = "";
    *file = (struct lab_file){0};
    if (!shelf_open(&shelf, why, sizeof why) || !shelf_read(&shelf, name, file, why, sizeof why)) {
        cli_fail(EXIT_BAD_USAGE, "%s", why);
        return false;
    }
    if (file->n_faults)
        fprintf(stderr, "%.*s", (int)file->faults.len, (const char *)file->faults.base);
    return file->n_faults == 0;
}

static int on_page(const char *name)
{
    Orrery__Open open = ORRERY__OPEN__INIT;
    open.lab = (char *)(uintptr_t)name;
    open.nodes = (uint32_t)given.nodes;
    open.simulated = given.sim;
    open.seed = given.seed;
    open.settings = (char **)(uintptr_t)given.settings.items;
    open.n_settings = given.settings.n;
    open.flaws = (char **)(uintptr_t)given.flaws.items;
    open.n_flaws = given.flaws.n;
    const struct page_wish wish = {
        .port = given.port,
        .no_open = given.no_open,
        .json = given.json,
        .open = &open,
        .own = {given.pace, given.record, given.no_record},
        .agents = &given.agents,
    };
    return page_serve(&wish);
}

int run_main(const struct cli_command *c, int argc, char **argv)
{
    static struct run run; /* Large, and there is one. */
    struct opt_words words;
    char why[400];
    if (!options_parse(run_opts, argc, argv, 1, &words, why, sizeof why))
        return cli_bad_usage(c, why);
    if (words.n == 0)
        return cli_bad_usage(c, "run needs a lab: 'orrery labs' lists those there are");
    struct run *r = &run;
    bool read = read_lab(words.words[0], &r->file);
    if (!read || !sensible(r->file.lab, why, sizeof why)) {
        int code = read ? cli_bad_usage(c, why) : EXIT_BAD_USAGE;
        lab_file_free(&r->file);
        return code;
    }
    if (!given.headless && !given.terminal && assets_n > 1) {
        lab_file_free(&r->file);
        return on_page(words.words[0]);
    }
    struct paths paths;
    if (paths_make(&paths, why, sizeof why))
        snprintf(r->notebook, sizeof r->notebook, "%s/notebook", paths.state);
    r->drawn = screen_possible() && !given.headless;
    r->answers = must_alloc(r->file.lab->n_exercises + 1, sizeof *r->answers);
    buf_printf(&r->line, "orrery");
    for (int i = 0; i < argc; i++) {
        buf_printf(&r->line, " ");
        word_quote(argv[i], &r->line);
    }
    buf_append(&r->line, bytes_of("", 1));
    int code = play(r);
    free(r->answers);
    buf_free(&r->line);
    lab_file_free(&r->file);
    return code;
}
