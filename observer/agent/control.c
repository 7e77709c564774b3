#include "agent/agent.h"

#include "base/check.h"
#include "cluster/units.h"

#include <signal.h>
#include <stdlib.h>

static void is_ready(struct life *l, const Orrery__Ready *ready)
{
    struct agent_node *n = l->node;
    struct agent *a = n->agent;
    if (l->ready || l->ended)
        return;
    bool moved =
        n->known && (n->moved || n->udp_port != ready->udp_port || n->tcp_port != ready->tcp_port);
    bool fresh = !n->known;
    l->ready = true;
    a->starting--;
    n->udp_port = (uint16_t)ready->udp_port;
    n->tcp_port = (uint16_t)ready->tcp_port;
    n->client_port = (uint16_t)ready->client_port;
    n->known = n->fixed_ports = true;
    n->moved = false;
    n->state = l->stopped ? NODE_PAUSED : NODE_RUNNING;
    if (a->begun)
        agent_send_members(a, fresh || moved ? NULL : n);
    agent_changed(a, n);
    agent_begin_if_ready(a);
}

static void has_failed(struct life *l, const Orrery__Failed *failed)
{
    char words[400];
    text_clean(words, sizeof words, bytes_str(failed->why));
    agent_words(l->node, words);
    l->failed = true;
}

void life_heard(struct life *l, struct bytes body)
{
    Orrery__FromNode *message = orrery__from_node__unpack(NULL, body.len, body.base);
    if (message && message->kind_case == ORRERY__FROM_NODE__KIND_READY)
        is_ready(l, message->ready);
    else if (message && message->kind_case == ORRERY__FROM_NODE__KIND_FAILED)
        has_failed(l, message->failed);
    if (message)
        orrery__from_node__free_unpacked(message, NULL);
}

void life_babbled(struct life *l)
{
    agent_words(l->node, "its answers make no sense, so it was killed");
    if (!l->ended)
        l->ops->signal(l, SIGKILL);
}

/* What one node is told of the others: of those that are its members. */
struct told {
    Orrery__Members all;
    Orrery__Member *members;
    Orrery__Member **list;
    uint32_t *removed;
};

static void fill_members(const struct agent_node *to, struct told *told)
{
    const struct agent *a = to->agent;
    orrery__members__init(&told->all);
    told->all.members = told->list;
    told->all.removed = told->removed;
    for (uint32_t i = 0; i < a->n_nodes; i++) {
        struct agent_node *node = a->nodes[i];
        if (!groups_together(&a->groups, to->group, node->group))
            continue;
        if (node->removed)
            told->removed[told->all.n_removed++] = node->node;
        if (node->removed || !node->known)
            continue;
        Orrery__Member *m = &told->members[told->all.n_members];
        orrery__member__init(m);
        m->node = node->node;
        m->name = node->name;
        m->address = node->address;
        m->udp_port = node->udp_port;
        m->tcp_port = node->tcp_port;
        told->list[told->all.n_members++] = m;
    }
}

void agent_send_members(struct agent *a, struct agent_node *to)
{
    struct told told = {.members = calloc(a->n_nodes, sizeof *told.members),
                        .list = calloc(a->n_nodes, sizeof *told.list),
                        .removed = calloc(a->n_nodes, sizeof *told.removed)};
    CHECK(told.members && told.list && told.removed);
    Orrery__ToNode message = ORRERY__TO_NODE__INIT;
    message.kind_case = ORRERY__TO_NODE__KIND_MEMBERS;
    message.members = &told.all;
    size_t filled = a->groups.n; /* For nodes of this group. */
    for (uint32_t i = 0; i < a->n_nodes; i++) {
        struct agent_node *node = a->nodes[i];
        if ((to && node != to) || !node->life || !node->life->ready)
            continue;
        if (node->group != filled)
            fill_members(node, &told);
        filled = node->group;
        node->life->ops->say(node->life, &message);
    }
    free(told.removed);
    free(told.list);
    free(told.members);
}

void agent_begin_if_ready(struct agent *a)
{
    bool waiting = a->starting > 0;
    for (uint32_t i = 0; i < a->n_nodes && !waiting; i++)
        waiting = a->nodes[i]->spawn_wanted;
    if (a->begun || waiting || a->ending)
        return;
    a->begun = true;
    agent_send_members(a, NULL);
}
