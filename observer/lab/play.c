#include "lab/play.h"

#include "agent/load.h"
#include "base/check.h"
#include "lab/groups.h"
#include "session/story.h"
#include "sim/modules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lab_play {
    struct lab_play_options options;
    struct session *session;
    struct lab_engine *engine;
    struct load *load;
    size_t moments; /* Of its story, that the recording has. */
    struct lab_groups groups;
    struct cluster_load simulated_load;
};

static int act(void *ctx, const char *line, char *why, size_t why_size)
{
    struct lab_play *p = ctx;
    uint64_t seq;
    return session_act(p->session, line, NULL, &seq, why, why_size);
}

static uint64_t now(void *ctx)
{
    return cluster_now(session_cluster(((struct lab_play *)ctx)->session));
}

static void on_entry(void *ctx, const struct entry *e)
{
    struct lab_play *p = ctx;
    lab_engine_entry(p->engine, e);
}

static void on_changed(void *ctx, const Orrery__LabState *state)
{
    struct lab_play *p = ctx;
    struct timeline *t = session_timeline(p->session);
    if (t && p->moments < STORY_MOMENTS_MAX)
        story_keep(t, p->moments++, state, now(p));
    if (p->options.changed)
        p->options.changed(p->options.ctx, state);
}

static void on_noted(void *ctx, const Orrery__NotebookEntry *entry)
{
    struct lab_play *p = ctx;
    if (p->options.noted)
        p->options.noted(p->options.ctx, entry);
}

/* Clients of their own process, for nodes that serve some. */
static void begin_load(struct lab_play *p)
{
    const Orrery__LabLoad *wanted = p->options.lab->load;
    struct cluster *c = session_cluster(p->session);
    struct load_port ports[LOAD_PORTS_MAX];
    struct load_plan plan = {.ports = ports, .mix = {70, 20, 0, 10, 0}};
    struct cluster_node n;
    char why[300];
    if (!wanted || p->options.simulated)
        return;
    uint32_t place = 0; /* In its group. */
    for (uint32_t i = 1, g = 0; i <= c->ops->nodes(c) && plan.n_ports < LOAD_PORTS_MAX; i++) {
        if (place == p->groups.all[g].nodes && g + 1 < p->groups.n) {
            place = 0;
            g++;
        }
        if (c->ops->node(c, i, &n) && n.client_port)
            ports[plan.n_ports++] = (struct load_port){n.client_port, n.address, place};
        place++;
    }
    if (plan.n_ports == 0)
        return;
    if (wanted->n_mix)
        memset(plan.mix, 0, sizeof plan.mix);
    for (size_t i = 0; i < wanted->n_mix; i++)
        load_mix(plan.mix, wanted->mix[i]);
    plan.clients = wanted->clients;
    plan.rate = wanted->rate;
    plan.keys = wanted->keys;
    plan.value_bytes = wanted->value_bytes;
    plan.seed = session_seed(p->session);
    p->load = load_start(&plan, why, sizeof why);
    if (!p->load)
        fprintf(stderr, "orrery: %s\n", why);
}

static void make_engine(struct lab_play *p)
{
    struct lab_engine_options options = {
        .lab = p->options.lab,
        .timeline = session_timeline(p->session),
        .headless = p->options.headless,
        .flaws = p->groups.flaws,
        .n_flaws = p->groups.n_flaws,
        .run = session_name(p->session),
        .recording = session_recording(p->session),
        .act = act,
        .now = now,
        .changed = on_changed,
        .noted = on_noted,
        .ctx = p,
    };
    p->engine = lab_engine_new(&options);
    story_keep_lab(options.timeline, options.lab);
    struct entry e; /* What left the merge before there was an engine. */
    for (uint64_t i = 1; i <= timeline_newest(options.timeline); i++)
        if (timeline_get(options.timeline, i, &e))
            on_entry(p, &e);
    timeline_follow(options.timeline, on_entry, p);
}

struct lab_play *lab_play_new(const struct lab_play_options *options, struct session_options *into,
                              char *why, size_t why_size)
{
    struct lab_play *p = calloc(1, sizeof *p);
    CHECK(p);
    p->options = *options;
    const struct lab_play_options *o = &p->options;
    const struct lab_wish wish = {o->nodes, o->settings, o->n_settings, o->flaws, o->n_flaws};
    if (!lab_groups_make(&p->groups, o->lab, &wish, why, why_size)) {
        lab_play_free(p);
        return NULL;
    }
    into->groups = p->groups.all;
    into->n_groups = p->groups.n;
    into->seed = o->seed ? o->seed : o->lab->seed;
    into->level = ORRERY__LEVEL__LEVEL_FULL;
    into->pace = o->pace > 0 ? o->pace : 1;
    p->options.simulated = o->simulated || sim_has_modules(into->groups, into->n_groups);
    into->simulated = o->simulated;
    into->rushed = o->simulated && o->headless;
    if (o->lab->load) {
        p->simulated_load = (struct cluster_load){o->lab->load->clients, o->lab->load->rate,
                                                  o->lab->load->keys, o->lab->load->value_bytes};
        into->load = &p->simulated_load;
    }
    return p;
}

void lab_play_up(struct lab_play *p, struct session *s)
{
    p->session = s;
    make_engine(p);
    lab_engine_state(p->engine); /* There is one from now on. */
    begin_load(p);
}

bool lab_play_tick(struct lab_play *p)
{
    lab_engine_tick(p->engine, uv_hrtime());
    return !p->options.headless || lab_engine_outcome(p->engine) == LAB_RUNNING;
}

void lab_play_free(struct lab_play *p)
{
    load_stop(p->load);
    lab_engine_free(p->engine);
    lab_groups_free(&p->groups);
    free(p);
}

struct lab_engine *lab_play_engine(struct lab_play *p)
{
    return p->engine;
}
