#include "lab/play.h"

#include "agent/load.h"
#include "base/check.h"
#include "lab/lint.h"
#include "lab/vocabulary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lab_play {
    struct lab_play_options options;
    struct session *session;
    struct lab_engine *engine;
    struct load *load;
    struct cluster_instance instance;
    struct cluster_load simulated_load;
    const char **settings; /* The lab's, then ours: the newest of a key counts. */
    const char **flaws;
    size_t n_settings;
    size_t n_flaws;
};

static int act(void *ctx, const char *line, char *why, size_t why_size)
{
    struct lab_play *p = ctx;
    uint64_t seq;
    return session_act(p->session, line, NULL, &seq, why, why_size);
}

static uint64_t cluster_now(void *ctx)
{
    struct lab_play *p = ctx;
    struct cluster *c = session_cluster(p->session);
    uint64_t mono;
    int64_t wall;
    c->ops->now(c, &mono, &wall);
    return mono;
}

static void on_entry(void *ctx, const struct entry *e)
{
    struct lab_play *p = ctx;
    lab_engine_entry(p->engine, e);
}

static void on_changed(void *ctx, const Orrery__LabState *state)
{
    struct lab_play *p = ctx;
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
    uint16_t ports[LOAD_PORTS_MAX];
    struct load_plan plan = {.ports = ports, .mix = {70, 20, 0, 10, 0}};
    struct cluster_node n;
    char why[300];
    if (!wanted || p->options.simulated)
        return;
    for (uint32_t i = 1; i <= c->ops->nodes(c) && plan.n_ports < LOAD_PORTS_MAX; i++)
        if (c->ops->node(c, i, &n) && n.client_port)
            ports[plan.n_ports++] = n.client_port;
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

/* The lab's words, then the user's. */
static const char **join(char *const *a, size_t n_a, const char *const *b, size_t n_b, size_t *n)
{
    const char **all = calloc(n_a + n_b + 1, sizeof *all);
    CHECK(all);
    for (size_t i = 0; i < n_a; i++)
        all[i] = a[i];
    for (size_t i = 0; i < n_b; i++)
        all[n_a + i] = b[i];
    *n = n_a + n_b;
    return all;
}

static bool refused(const struct cluster_instance *instance, char *why, size_t why_size)
{
    struct vocabulary v;
    if (!vocabulary_learn(&v, instance, 1, why, why_size))
        return true;
    vocabulary_free(&v);
    return false;
}

static void make_engine(struct lab_play *p)
{
    struct lab_engine_options options = {
        .lab = p->options.lab,
        .timeline = session_timeline(p->session),
        .headless = p->options.headless,
        .flaws = p->flaws,
        .n_flaws = p->n_flaws,
        .run = session_name(p->session),
        .recording = session_recording(p->session),
        .act = act,
        .now = cluster_now,
        .changed = on_changed,
        .noted = on_noted,
        .ctx = p,
    };
    p->engine = lab_engine_new(&options);
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
    CHECK(options->lab->n_groups == 1);
    p->options = *options;
    const struct lab_play_options *o = &p->options;
    const Orrery__LabGroup *g = o->lab->groups[0];
    p->settings = join(g->settings, g->n_settings, o->settings, o->n_settings, &p->n_settings);
    p->flaws = join(g->flaws, g->n_flaws, o->flaws, o->n_flaws, &p->n_flaws);
    p->instance =
        (struct cluster_instance){g->protocol, p->settings, p->n_settings, p->flaws, p->n_flaws};
    if (refused(&p->instance, why, why_size)) {
        lab_play_free(p);
        return NULL;
    }
    into->instances = &p->instance;
    into->n_instances = 1;
    into->nodes = o->nodes ? o->nodes : lab_nodes(o->lab);
    into->seed = o->seed ? o->seed : o->lab->seed;
    into->level = ORRERY__LEVEL__LEVEL_FULL;
    into->pace = o->pace > 0 ? o->pace : 1;
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
    free(p->settings);
    free(p->flaws);
    free(p);
}

struct lab_engine *lab_play_engine(struct lab_play *p)
{
    return p->engine;
}
