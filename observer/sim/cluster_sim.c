/* The simulator behind the face that all clusters share. */
#include "sim/inner.h"

#include "base/check.h"
#include "sim/modules.h"

#include <stdlib.h>

struct cluster_sim {
    struct cluster face;
    struct world *world;
};

static struct world *world_of(const struct cluster *c)
{
    return ((const struct cluster_sim *)(const void *)c)->world;
}

static int command(struct cluster *c, const Orrery__Command *m, uint64_t because, char *why,
                   size_t why_size)
{
    int error = cluster_check(c, m, why, why_size);
    if (!error && sim_has_modules(world_of(c)->groups.all, world_of(c)->groups.n))
        error = sim_module_refuses(m, why, why_size);
    return error ? error : world_command(world_of(c), m, because, why, why_size);
}

static uint32_t nodes(const struct cluster *c)
{
    return world_nodes(world_of(c));
}

static bool node(const struct cluster *c, uint32_t id, struct cluster_node *into)
{
    return world_node(world_of(c), id, into);
}

static const char *group(const struct cluster *c, size_t i)
{
    const struct groups *g = &world_of(c)->groups;
    return i < g->n ? g->all[i].name : NULL;
}

static void now(const struct cluster *c, uint64_t *mono_ns, int64_t *wall_ns)
{
    *mono_ns = world_now(world_of(c));
    *wall_ns = world_wall(world_of(c));
}

static double pace(const struct cluster *c)
{
    return world_pace(world_of(c));
}

static void end(struct cluster *c, void (*done)(void *ctx), void *ctx)
{
    struct world *w = world_of(c);
    for (uint32_t i = 0; i < w->n_nodes; i++)
        node_stop(w->nodes[i], c->end_because);
    if (done)
        done(ctx);
}

static void free_cluster(struct cluster *c)
{
    world_free(world_of(c));
    free(c);
}

static void faults(const struct cluster *c,
                   void (*each)(void *arg, uint32_t node, const char *words), void *arg)
{
    world_faults(world_of(c), each, arg);
}

static uint32_t held(const struct cluster *c)
{
    return world_of(c)->held.n;
}

static const struct cluster_ops ops = {
    .command = command,
    .nodes = nodes,
    .node = node,
    .group = group,
    .now = now,
    .pace = pace,
    .end = end,
    .free = free_cluster,
    .faults = faults,
    .held = held,
};

struct cluster *cluster_sim_new(const struct cluster_spec *spec, const struct cluster_sink *sink,
                                void *ctx, char *why, size_t why_size)
{
    struct world_options options;
    if (!sim_unmixed(spec->groups, spec->n_groups, why, why_size))
        return NULL;
    world_defaults(&options);
    options.groups = spec->groups;
    options.n_groups = spec->n_groups;
    options.seed = spec->seed;
    options.level = spec->level;
    if (spec->load) {
        options.clients = spec->load->clients;
        options.pipeline = 1;
        options.scripted = true;
        options.keys = spec->load->keys;
        options.value_max = spec->load->value_bytes;
        options.think_ns = spec->load->rate > 0 ? (nsec)(1e9 / spec->load->rate) : NSEC_PER_MS;
    }
    struct cluster_sim *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    c->face = (struct cluster){.ops = &ops, .sink = *sink, .sink_ctx = ctx};
    c->world = world_new(&options, sink, ctx, why, why_size);
    if (!c->world) {
        free(c);
        return NULL;
    }
    return &c->face;
}

void cluster_sim_run(struct cluster *c, uint64_t until)
{
    CHECK(c->ops == &ops);
    world_run(world_of(c), until);
}
