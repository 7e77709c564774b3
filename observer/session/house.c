#include "session/fork.h"
#include "session/house_inside.h"

#include "base/check.h"
#include "base/errors.h"
#include "base/must.h"
#include "cluster/units.h"
#include "session/recordings.h"
#include "sim/modules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void closed(uv_handle_t *handle)
{
    struct house *h = handle->data;
    h->closed = true;
    h->done(h->done_ctx);
}

static void end_if_empty(struct house *h)
{
    if (h->ending && !h->runs && !h->judging && !uv_is_closing((uv_handle_t *)&h->tick))
        uv_close((uv_handle_t *)&h->tick, closed);
}

static void judging_over(void *ctx)
{
    struct house *h = ctx;
    h->judging = NULL;
    end_if_empty(h);
}

static void run_free(struct house_run *run)
{
    struct house *h = run->house;
    for (struct house_run **at = &h->runs; *at; at = &(*at)->next)
        if (*at == run) {
            *at = run->next;
            break;
        }
    if (run->play)
        h->labs.end(run->play);
    if (run->session)
        session_free(run->session);
    if (run->fork)
        fork_free(run->fork);
    orrery__open__free_unpacked(run->open, NULL);
    buf_free(&run->line);
    free(run);
}

/* --- what sessions tell --- */

static void end_run(struct house_run *run)
{
    run->ending = true;
    session_end(run->session);
}

/* What is to be done in a fork, at its instant: no time has passed since. */
static bool fork_acts(struct house_run *run)
{
    uint64_t seq;
    const Orrery__Fork *fork = run->open->fork;
    return !fork || !*fork->line ||
           session_act(run->session, fork->line, NULL, &seq, run->sentence, sizeof run->sentence) ==
               0;
}

static void ready(void *ctx, bool up, const char *sentence)
{
    struct house_run *run = ctx;
    snprintf(run->sentence, sizeof run->sentence, "%s", sentence);
    if (!up || !fork_acts(run)) {
        if (run->keep)
            fprintf(stderr, "orrery: %s\n", run->sentence);
        end_run(run);
        return;
    }
    run->up = true;
    if (run->play)
        run->house->labs.up(run->play);
    guests_up(run);
}

static void ticked(void *ctx)
{
    struct house_run *run = ctx;
    if (run->play && run->house->labs.tick)
        run->house->labs.tick(run->play);
}

static void ended(void *ctx)
{
    struct house_run *run = ctx;
    struct house *h = run->house;
    guests_over(run);
    for (struct house_run *other = h->runs; other; other = other->next)
        if (other->fork)
            fork_let_go(other->fork, run);
    run_free(run);
    end_if_empty(h);
}

/* --- beginning one --- */

static void copy_open(struct house_run *run, const Orrery__Open *open)
{
    size_t size = orrery__open__get_packed_size(open);
    uint8_t *packed = must_alloc(1, size + 1);
    orrery__open__pack(open, packed);
    run->open = orrery__open__unpack(NULL, size, packed);
    CHECK(run->open);
    free(packed);
}

static void put_words(struct buf *line, const char *flag, char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_printf(line, " %s ", flag);
        word_quote(words[i], line);
    }
}

/* The line that would begin the same. */
static void sandbox_line(struct house_run *run, uint32_t nodes)
{
    const Orrery__Open *o = run->open;
    buf_printf(&run->line, "orrery sandbox ");
    word_quote(o->sandbox, &run->line);
    buf_printf(&run->line, " --nodes %u", nodes);
    if (o->simulated)
        buf_printf(&run->line, " --sim");
    if (o->seed)
        buf_printf(&run->line, " --seed %llu", (unsigned long long)o->seed);
    put_words(&run->line, "--set", o->settings, o->n_settings);
    put_words(&run->line, "--flaw", o->flaws, o->n_flaws);
    buf_append(&run->line, bytes_of("", 1));
}

static bool sandbox(struct house_run *run, struct session_options *options, char *why,
                    size_t why_size)
{
    const Orrery__Open *o = run->open;
    if (!*o->sandbox) {
        snprintf(why, why_size, "nothing was asked for: name a lab, a protocol or a run");
        return false;
    }
    for (size_t i = 0; i < o->n_settings; i++)
        if (!strchr(o->settings[i], '=')) {
            snprintf(why, why_size, "a setting is KEY=VALUE, not '%.60s'", o->settings[i]);
            return false;
        }
    run->instance = (struct cluster_instance){
        .protocol = o->sandbox,
        .settings = (const char *const *)o->settings,
        .n_settings = o->n_settings,
        .flaws = (const char *const *)o->flaws,
        .n_flaws = o->n_flaws,
    };
    run->group = (struct cluster_group){
        .nodes = o->nodes                                                  ? o->nodes
                 : strcmp(o->sandbox, "kv") == 0 || sim_module(o->sandbox) ? 1
                                                                           : 5,
        .instances = &run->instance,
        .n_instances = 1,
    };
    options->groups = &run->group;
    options->n_groups = 1;
    options->seed = o->seed;
    options->simulated = o->simulated;
    sandbox_line(run, run->group.nodes);
    options->line = (const char *)run->line.base;
    return true;
}

static bool lab(struct house_run *run, struct session_options *options, char *why, size_t why_size)
{
    struct house *h = run->house;
    if (!h->labs.begin) {
        snprintf(why, why_size, "this observer has no labs");
        return false;
    }
    options->seed = run->open->seed;
    options->simulated = run->open->simulated;
    run->play = h->labs.begin(h->labs.ctx, run, run->open, options, why, why_size);
    return run->play != NULL;
}

static bool fork_run(struct house_run *run, struct session_options *options, char *why,
                     size_t why_size)
{
    run->fork = fork_new(run->house, run->open->fork, run->fork_of, options, why, why_size);
    return run->fork != NULL;
}

static bool begin(struct house_run *run, const char *recording, char *why, size_t why_size)
{
    const Orrery__Open *open = run->open;
    struct session_options options = {.pace = run->pace,
                                      .recording = recording,
                                      .no_recording = run->no_recording,
                                      .replay = run->replay};
    if (!run->replay && !(open->fork   ? fork_run(run, &options, why, why_size)
                          : *open->lab ? lab(run, &options, why, why_size)
                                       : sandbox(run, &options, why, why_size)))
        return false;
    options.agents = options.simulated || options.past ? NULL : run->house->agents;
    options.ready = ready;
    options.ticked = ticked;
    options.ended = ended;
    options.ctx = run;
    run->session = session_new(run->house->loop, &options, why, why_size);
    return run->session != NULL;
}

/* A recording that a guest named is one of the state folder's. */
static bool replay_found(struct house_run *run, char *why, size_t why_size)
{
    if (!*run->open->recording || run->replay)
        return true;
    run->replay = run->replay_path;
    return recording_path(run->house->recordings, run->open->recording, run->replay_path,
                          sizeof run->replay_path, why, why_size);
}

/* Where all places are taken, the run that has been without a page for longest gives up its own. */
static bool make_room(struct house *h)
{
    struct house_run *alone = NULL;
    size_t n = 0;
    for (struct house_run *run = h->runs; run; run = run->next) {
        if (run->ending)
            continue;
        n++;
        if (run->alone_ms && !house_has_guests(run) && (!alone || run->alone_ms < alone->alone_ms))
            alone = run;
    }
    if (n < RUNS_MAX)
        return true;
    if (!alone)
        return false;
    end_run(alone);
    return true;
}

static struct house_run *open_run(struct house *h, const Orrery__Open *open,
                                  const struct house_run *like, const char *recording, char *why,
                                  size_t why_size)
{
    if (h->ending || !make_room(h)) {
        snprintf(why, why_size,
                 h->ending ? "the observer is ending" : "%d runs are on: end one of them first",
                 RUNS_MAX);
        return NULL;
    }
    struct house_run *run = must_alloc(1, sizeof *run);
    run->house = h;
    run->keep = like->keep;
    run->pace = like->pace;
    run->no_recording = like->no_recording;
    run->replay = like->replay;
    run->fork_of = like->fork_of;
    copy_open(run, open);
    run->next = h->runs;
    h->runs = run;
    if (!replay_found(run, why, why_size) || !begin(run, recording, why, why_size)) {
        run_free(run);
        return NULL;
    }
    return run;
}

struct house_run *house_open(struct house *h, const Orrery__Open *open, const struct house_own *own,
                             char *why, size_t why_size)
{
    const struct house_run like = {.keep = own != NULL,
                                   .pace = own && own->pace > 0 ? own->pace : 1,
                                   .no_recording = own && own->no_recording,
                                   .replay = own ? own->replay : NULL,
                                   .fork_of = own ? own->fork : NULL};
    return open_run(h, open, &like, own ? own->recording : NULL, why, why_size);
}

int house_again(struct house_run *run, char *why, size_t why_size)
{
    if (!run->play) {
        snprintf(why, why_size, "this run is no lab: there is nothing to play again");
        return ERROR_REFUSED;
    }
    /* Where the first one was to be recorded it is; this one goes to the state folder. */
    struct house_run *fresh = open_run(run->house, run->open, run, NULL, why, why_size);
    if (!fresh)
        return ERROR_REFUSED;
    guests_move(run, fresh);
    end_run(run);
    return 0;
}

/* --- keeping house --- */

static void look_after(struct house_run *run)
{
    if (run->changed && run->up) {
        run->changed = false;
        guests_tell_lab(run);
    }
    if (run->keep || run->ending || house_has_guests(run)) {
        run->alone_ms = 0;
        return;
    }
    uint64_t now = uv_now(run->house->loop);
    if (!run->alone_ms)
        run->alone_ms = now;
    else if (now - run->alone_ms > ALONE_MS)
        end_run(run);
}

static void tick(uv_timer_t *timer)
{
    struct house *h = timer->data;
    for (struct house_run *run = h->runs, *next; run; run = next) {
        next = run->next;
        look_after(run);
    }
}

void house_leave(struct house_run *run)
{
    if ((run->play || run->replay) && !run->keep && !run->ending && !house_has_guests(run))
        end_run(run);
}

struct house *house_new(uv_loop_t *loop)
{
    struct house *h = must_alloc(1, sizeof *h);
    struct paths paths;
    char why[300];
    h->loop = loop;
    h->judging = judging_new(loop);
    /* Where there is no such folder, a run says so when it is begun. */
    if (paths_make(&paths, why, sizeof why)) {
        int n = snprintf(h->notebook, sizeof h->notebook, "%s/notebook", paths.state);
        if (n < 0 || (size_t)n >= sizeof h->notebook)
            h->notebook[0] = 0;
        snprintf(h->recordings, sizeof h->recordings, "%s", paths.recordings);
    }
    CHECK(uv_timer_init(loop, &h->tick) == 0);
    h->tick.data = h;
    CHECK(uv_timer_start(&h->tick, tick, HOUSE_TICK_MS, HOUSE_TICK_MS) == 0);
    return h;
}

void house_use_agents(struct house *h, struct pool *agents)
{
    h->agents = agents;
}

void house_serve_labs(struct house *h, const struct house_labs *labs)
{
    h->labs = *labs;
}

void house_end(struct house *h, void (*done)(void *ctx), void *ctx)
{
    h->ending = true;
    h->done = done;
    h->done_ctx = ctx;
    for (struct house_run *run = h->runs, *next; run; run = next) {
        next = run->next;
        end_run(run);
    }
    judging_end(h->judging, judging_over, h);
}

void house_free(struct house *h)
{
    CHECK(h->closed && !h->guests);
    free(h);
}

bool house_is_on(const struct house_run *run)
{
    return run->session && !run->ending && !session_is_ending(run->session);
}

struct house_run *house_find(struct house *h, const char *name)
{
    struct house_run *recorded = NULL; /* Is found where the run itself is over. */
    for (struct house_run *run = h->runs; run; run = run->next) {
        if (!house_is_on(run) ||
            strcmp(timeline_info(session_timeline(run->session))->name, name) != 0)
            continue;
        if (!run->replay)
            return run;
        recorded = run;
    }
    return recorded;
}

struct house_run *house_find_recording(struct house *h, const char *name)
{
    for (struct house_run *run = h->runs; run; run = run->next)
        if (house_is_on(run) && strcmp(run->open->recording, name) == 0)
            return run;
    return NULL;
}

struct session *house_session(struct house_run *run)
{
    return run->session;
}

void house_lab_changed(struct house_run *run)
{
    run->changed = true;
}

const char *house_notebook(const struct house *h)
{
    return h->notebook;
}

const char *house_recordings(const struct house *h)
{
    return h->recordings;
}
