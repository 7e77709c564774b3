#include "base/must.h"
#include "runtime/node.h"

#include <stdio.h>
#include <stdlib.h>

/* The other nodes' addresses; those that are not told any more are gone. */
static void learn(struct node *n, const Orrery__Members *members)
{
    node_id most = n->self;
    for (size_t i = 0; i < members->n_members; i++)
        if (members->members[i]->node > most && members->members[i]->node < NODES_MAX)
            most = members->members[i]->node;
    uint32_t n_peers = most + 1 > n->n_peers ? most + 1 : n->n_peers;
    struct peer *peers = must_alloc(n_peers, sizeof *peers);
    for (size_t i = 0; i < members->n_members; i++) {
        const Orrery__Member *m = members->members[i];
        if (m->node == NODE_NONE || m->node >= n_peers)
            continue;
        struct peer *p = &peers[m->node];
        p->known = address_parse(&p->udp, m->address, (uint16_t)m->udp_port) &&
                   address_parse(&p->tcp, m->address, (uint16_t)m->tcp_port);
        if (!p->known)
            node_warn(n, "a member's address is none");
    }
    free(n->peers);
    n->peers = peers;
    n->n_peers = n_peers;
    for (node_id i = 1; i < n_peers; i++)
        if (i != n->self)
            streams_moved(&n->streams, i, peers[i].known ? &peers[i].tcp : NULL);
}

void node_members(struct node *n, const Orrery__Members *members)
{
    learn(n, members);
    if (n->phase == NODE_READY) {
        n->phase = NODE_RUNNING;
        host_start(n->host, node_moment(n));
        node_start_parts(n);
    }
    for (size_t i = 0; n->phase == NODE_RUNNING && i < members->n_removed; i++)
        host_link(n->host, node_moment(n), members->removed[i], false, LINK_REMOVED);
}

static void set_pace(struct node *n, const Orrery__Pace *pace)
{
    uint64_t now = mono_now();
    if (!pace->has_factor || !(pace->factor >= 0))
        return;
    clock_pace(&n->clock, pace->at_ns ? pace->at_ns : now, pace->factor);
    if (n->disk)
        disk_posix_clock(n->disk, &n->clock);
}

static void set_clock_fault(struct node *n, const Orrery__ClockFault *fault)
{
    clock_fault(&n->clock, mono_now(), fault->has_skew_ns ? &fault->skew_ns : NULL,
                fault->has_drift_ppm ? &fault->drift_ppm : NULL);
}

static bool instance_known(struct node *n, uint32_t instance)
{
    return instance >= 1 && instance <= host_instances(n->host);
}

static void set_settings(struct node *n, const Orrery__Set *set)
{
    uint32_t instance = set->has_instance && set->instance ? set->instance : 1;
    char why[WHY_SIZE];
    if (!instance_known(n, instance))
        node_warn(n, "settings were given to a protocol that it does not run");
    else if (host_settings(n->host, node_moment(n), instance, (const char *const *)set->settings,
                           set->n_settings, why, sizeof why) < 0)
        node_warn(n, why);
}

static void give_order(struct node *n, const Orrery__Do *order)
{
    uint32_t instance = order->has_instance && order->instance ? order->instance : 1;
    if (!instance_known(n, instance) || !order->verb)
        node_warn(n, "an order was given to a protocol that it does not run");
    else
        host_order(n->host, node_moment(n), instance, order->verb,
                   (const char *const *)order->words, order->n_words);
}

static void set_break(struct node *n, const Orrery__Break *b)
{
    if (host_break(n->host, b) < 0)
        node_warn(n, "a breakpoint makes no sense, or there are too many");
}

/* Those that only make sense once it runs. */
static void command_running(struct node *n, const Orrery__ToNode *m)
{
    switch (m->kind_case) {
    case ORRERY__TO_NODE__KIND_DELIVER:
        filter_deliver(&n->filter, node_moment(n).now, m->deliver);
        break;
    case ORRERY__TO_NODE__KIND_SET:
        set_settings(n, m->set);
        break;
    case ORRERY__TO_NODE__KIND_DO:
        give_order(n, m->do_);
        break;
    default:
        break;
    }
}

void node_command(void *ctx, const Orrery__ToNode *m)
{
    struct node *n = ctx;
    if (m->kind_case == ORRERY__TO_NODE__KIND_QUIT) {
        node_quit(n);
        return;
    }
    if (n->phase == NODE_WAITING) {
        if (m->kind_case == ORRERY__TO_NODE__KIND_CONFIG)
            node_configure(n, m->config);
        return;
    }
    if (n->phase == NODE_QUITTING)
        return;
    switch (m->kind_case) {
    case ORRERY__TO_NODE__KIND_MEMBERS:
        node_members(n, m->members);
        break;
    case ORRERY__TO_NODE__KIND_LINK:
        filter_fault(&n->filter, node_moment(n).now, m->link);
        break;
    case ORRERY__TO_NODE__KIND_HOLD:
        filter_hold(&n->filter, node_moment(n).now, m->hold);
        break;
    case ORRERY__TO_NODE__KIND_DISK:
        if (n->disk)
            disk_posix_fault(n->disk, m->disk);
        break;
    case ORRERY__TO_NODE__KIND_CLOCK:
        set_clock_fault(n, m->clock);
        break;
    case ORRERY__TO_NODE__KIND_PACE:
        set_pace(n, m->pace);
        break;
    case ORRERY__TO_NODE__KIND_BREAK:
        set_break(n, m->break_);
        break;
    case ORRERY__TO_NODE__KIND_LEVEL:
        host_level(n->host, m->level->level);
        break;
    default:
        if (n->phase == NODE_RUNNING)
            command_running(n, m);
    }
}
