/* A recording behind the face that all clusters share: it is there to be looked at, as its nodes
 * were at the end, and takes no command. */
#include "session/inside.h"

#include "base/check.h"
#include "base/errors.h"
#include "timeline/view.h"

#include <stdio.h>
#include <stdlib.h>

enum { RECORDED_NODES_MAX = 4096 };

struct recorded {
    struct cluster face;
    struct timeline *timeline;
    struct timeline_view *view;
};

static const struct recorded *recorded_of(const struct cluster *c)
{
    return (const struct recorded *)(const void *)c;
}

static int command(struct cluster *c, const Orrery__Command *m, uint64_t because, char *why,
                   size_t why_size)
{
    (void)c;
    (void)m;
    (void)because;
    snprintf(why, why_size, "%s", recorded_refusal);
    return ERROR_REFUSED;
}

/* Those that the run began with, and those that came later; a file may say anything. */
static uint32_t nodes(const struct cluster *c)
{
    struct timeline *t = recorded_of(c)->timeline;
    uint32_t n = timeline_info(t)->nodes, lanes = timeline_lanes(t);
    for (uint32_t node = n < lanes ? n : lanes; node < lanes; node++)
        n = timeline_start(t, node) && node > n ? node : n;
    return n < RECORDED_NODES_MAX ? n : RECORDED_NODES_MAX;
}

static enum node_state state_of(enum view_state state)
{
    switch (state) {
    case VIEW_DEAD:
        return NODE_KILLED;
    case VIEW_PAUSED:
        return NODE_PAUSED;
    case VIEW_STARTING:
        return NODE_STARTING;
    case VIEW_ABSENT:
        return NODE_STOPPED;
    default:
        return NODE_RUNNING;
    }
}

static bool node(const struct cluster *c, uint32_t number, struct cluster_node *into)
{
    const struct recorded *r = recorded_of(c);
    if (number == 0 || number > nodes(c))
        return false;
    const Orrery__Start *start = timeline_start(r->timeline, number);
    uint64_t end = timeline_view_newest_ns(r->view);
    *into = (struct cluster_node){
        .node = number,
        .state = state_of(timeline_view_state_at(r->view, number, end)),
        .boot = start ? start->boot : 0,
        .group = start && start->group ? start->group : "",
        .words = "",
    };
    snprintf(into->name, sizeof into->name, "%s", timeline_lane(r->timeline, number));
    return true;
}

static void now(const struct cluster *c, uint64_t *mono_ns, int64_t *wall_ns)
{
    *mono_ns = timeline_view_newest_ns(recorded_of(c)->view);
    *wall_ns = 0;
}

static const char *group(const struct cluster *c, size_t i)
{
    (void)c;
    (void)i;
    return NULL; /* Commands name groups, and there are none. */
}

static double pace(const struct cluster *c)
{
    (void)c;
    return 1;
}

static void end(struct cluster *c, void (*done)(void *ctx), void *ctx)
{
    (void)c;
    if (done)
        done(ctx);
}

static void free_recorded(struct cluster *c)
{
    free(c);
}

static const struct cluster_ops ops = {
    .command = command,
    .nodes = nodes,
    .node = node,
    .now = now,
    .pace = pace,
    .group = group,
    .end = end,
    .free = free_recorded,
};

struct cluster *recorded_new(struct timeline *t, struct timeline_view *view)
{
    struct recorded *r = calloc(1, sizeof *r);
    CHECK(r);
    r->face.ops = &ops;
    r->timeline = t;
    r->view = view;
    return &r->face;
}
