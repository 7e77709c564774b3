#include "cluster/cluster.h"

#include "base/check.h"
#include "cluster/command.h"

#include <stdlib.h>

const char *node_state_name(enum node_state state)
{
    static const char *const names[] = {"starting", "running", "paused", "stopped",
                                        "killed",   "failed",  "removed"};
    CHECK((size_t)state < sizeof names / sizeof names[0]);
    return names[state];
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
