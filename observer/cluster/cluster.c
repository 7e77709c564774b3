#include "cluster/cluster.h"

#include "base/check.h"
#include "base/errors.h"
#include "cluster/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *node_state_name(enum node_state state)
{
    static const char *const names[] = {"starting", "running", "paused", "stopped",
                                        "killed",   "failed",  "removed"};
    CHECK((size_t)state < sizeof names / sizeof names[0]);
    return names[state];
}

uint64_t cluster_now(const struct cluster *c)
{
    uint64_t mono;
    int64_t wall;
    c->ops->now(c, &mono, &wall);
    return mono;
}

struct list {
    uint32_t **nodes;
    size_t *n;
};

/* The lists of nodes in a command: none, one, or the two sides of a cut. */
static size_t lists_of(Orrery__Command *c, struct list lists[2])
{
#define LIST(message, field) ((struct list){&(message)->field, &(message)->n_##field})
    switch (c->verb_case) {
    case ORRERY__COMMAND__VERB_KILL:
    case ORRERY__COMMAND__VERB_PAUSE:
    case ORRERY__COMMAND__VERB_RESUME:
    case ORRERY__COMMAND__VERB_RESTART:
    case ORRERY__COMMAND__VERB_STOP:
    case ORRERY__COMMAND__VERB_REMOVE:
        lists[0] = LIST(c->kill, nodes); /* All of type Nodes, and one union. */
        return 1;
    case ORRERY__COMMAND__VERB_POWER:
        lists[0] = LIST(c->power, nodes);
        return 1;
    case ORRERY__COMMAND__VERB_CUT:
        lists[0] = LIST(c->cut, a);
        lists[1] = LIST(c->cut, b);
        return 2;
    case ORRERY__COMMAND__VERB_HEAL:
        lists[0] = LIST(c->heal, nodes);
        return 1;
    case ORRERY__COMMAND__VERB_DISK:
        lists[0] = LIST(c->disk, nodes);
        return 1;
    case ORRERY__COMMAND__VERB_CLOCK:
        lists[0] = LIST(c->clock, nodes);
        return 1;
    case ORRERY__COMMAND__VERB_BREAK:
        lists[0] = LIST(c->break_, nodes);
        return 1;
    case ORRERY__COMMAND__VERB_SET:
        lists[0] = LIST(c->set, nodes);
        return 1;
    case ORRERY__COMMAND__VERB_DO:
        lists[0] = LIST(c->do_, nodes);
        return 1;
    default:
        return 0;
    }
#undef LIST
}

const uint32_t *command_nodes(const Orrery__Command *command, size_t *n)
{
    struct list lists[2];
    *n = 0;
    if (lists_of((Orrery__Command *)(uintptr_t)command, lists) != 1)
        return NULL;
    *n = *lists[0].n;
    return *lists[0].nodes;
}

void command_expand(Orrery__Command *command, uint32_t nodes,
                    bool (*skip)(const void *ctx, uint32_t node), const void *ctx)
{
    struct list lists[2];
    size_t n = lists_of(command, lists);
    for (size_t i = 0; i < n; i++) {
        bool all = false;
        for (size_t k = 0; k < *lists[i].n; k++)
            all = all || (*lists[i].nodes)[k] == 0;
        if (!all)
            continue;
        free(*lists[i].nodes);
        *lists[i].nodes = calloc(nodes + 1, sizeof(uint32_t));
        CHECK(*lists[i].nodes);
        *lists[i].n = 0;
        for (uint32_t node = 1; node <= nodes; node++)
            if (!skip || !skip(ctx, node))
                (*lists[i].nodes)[(*lists[i].n)++] = node;
    }
}

static bool is_removed(const void *ctx, uint32_t node)
{
    const struct cluster *c = ctx;
    struct cluster_node n;
    return !c->ops->node(c, node, &n) || n.state == NODE_REMOVED;
}

void cluster_expand(const struct cluster *c, Orrery__Command *command)
{
    command_expand(command, c->ops->nodes(c), is_removed, c);
}

static int no_such(const struct cluster *c, uint32_t node, char *why, size_t why_size)
{
    uint32_t nodes = c->ops->nodes(c);
    if (node <= nodes && node > 0)
        snprintf(why, why_size, "n%u was removed", node);
    else if (nodes == 1)
        snprintf(why, why_size, "there is no n%u: the cluster has n1 only", node);
    else
        snprintf(why, why_size, "there is no n%u: the cluster has n1 to n%u", node, nodes);
    return ERROR_NOT_FOUND;
}

/* Whether a verb has any effect on a node in this state. */
static bool fits(Orrery__Command__VerbCase verb, enum node_state state)
{
    bool alive = state == NODE_STARTING || state == NODE_RUNNING || state == NODE_PAUSED;
    switch (verb) {
    case ORRERY__COMMAND__VERB_PAUSE:
        return state == NODE_RUNNING || state == NODE_STARTING;
    case ORRERY__COMMAND__VERB_RESUME: /* One that was paused as it started is starting still. */
        return state == NODE_PAUSED || state == NODE_STARTING;
    case ORRERY__COMMAND__VERB_KILL:
    case ORRERY__COMMAND__VERB_STOP:
    case ORRERY__COMMAND__VERB_POWER:
    case ORRERY__COMMAND__VERB_DO:
        return alive;
    default:
        return true;
    }
}

static int check_list(const struct cluster *c, const Orrery__Command *command,
                      const uint32_t *nodes, size_t n, char *why, size_t why_size)
{
    struct cluster_node node;
    bool any = n == 0;
    for (size_t i = 0; i < n; i++) {
        if (!c->ops->node(c, nodes[i], &node) || node.state == NODE_REMOVED)
            return no_such(c, nodes[i], why, why_size);
        any = any || fits(command->verb_case, node.state);
    }
    if (any)
        return 0;
    if (n == 1)
        snprintf(why, why_size, "%s is %s", node.name, node_state_name(node.state));
    else
        snprintf(why, why_size, "none of these %zu nodes is in a state for that", n);
    return ERROR_REFUSED;
}

static int check_one(const struct cluster *c, uint32_t node, char *why, size_t why_size)
{
    struct cluster_node n;
    if (node == 0 || (c->ops->node(c, node, &n) && n.state != NODE_REMOVED))
        return 0;
    return no_such(c, node, why, why_size);
}

static int check_group(const struct cluster *c, const char *group, char *why, size_t why_size)
{
    struct buf known = {0};
    const char *name;
    for (size_t i = 0; (name = c->ops->group(c, i)); i++) {
        if (!group || strcmp(name, group) == 0) {
            buf_free(&known);
            return 0;
        }
        buf_printf(&known, "%s%s", i ? ", " : "", name);
    }
    if (*c->ops->group(c, 0))
        snprintf(why, why_size, "there is no group '%.40s', only: %.*s", group, (int)known.len,
                 (const char *)known.base);
    else
        snprintf(why, why_size, "this cluster has no groups: its nodes are all alike");
    buf_free(&known);
    return ERROR_NOT_FOUND;
}

int cluster_check(const struct cluster *c, const Orrery__Command *command, char *why,
                  size_t why_size)
{
    struct list lists[2];
    size_t n = lists_of((Orrery__Command *)(uintptr_t)command, lists);
    for (size_t i = 0; i < n; i++) {
        int error = check_list(c, command, *lists[i].nodes, *lists[i].n, why, why_size);
        if (error < 0)
            return error;
    }
    if (command->verb_case == ORRERY__COMMAND__VERB_ADD)
        return check_group(c, command->add->group, why, why_size);
    uint32_t ends[2] = {0, 0};
    if (command->verb_case == ORRERY__COMMAND__VERB_LINK) {
        ends[0] = command->link->from;
        ends[1] = command->link->to;
        if (ends[0] && ends[0] == ends[1]) {
            snprintf(why, why_size, "a link has two ends: n%u has none to itself", ends[0]);
            return ERROR_REFUSED;
        }
    } else if (command->verb_case == ORRERY__COMMAND__VERB_HOLD) {
        ends[0] = command->hold->from;
        ends[1] = command->hold->to;
    } else if (command->verb_case == ORRERY__COMMAND__VERB_DELIVER) {
        ends[0] = command->deliver->from;
        ends[1] = command->deliver->to;
    }
    int error = check_one(c, ends[0], why, why_size);
    return error < 0 ? error : check_one(c, ends[1], why, why_size);
}
