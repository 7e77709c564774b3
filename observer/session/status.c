#include "session/inside.h"
#include "session/past.h"

#include "base/check.h"
#include "base/must.h"
#include "cluster/cluster.h"

#include <stdlib.h>

static Orrery__RunInfo *copy_info(const Orrery__RunInfo *info)
{
    size_t size = orrery__run_info__get_packed_size(info);
    uint8_t *packed = must_alloc(size, 1);
    orrery__run_info__pack(info, packed);
    Orrery__RunInfo *copy = orrery__run_info__unpack(NULL, size, packed);
    CHECK(copy);
    free(packed);
    return copy;
}

static void append_text(char ***list, size_t *n, const char *text)
{
    *list = realloc(*list, (*n + 1) * sizeof **list);
    CHECK(*list);
    (*list)[(*n)++] = must_copy(text);
}

static Orrery__NodeStatus *node_status(struct session *s, uint32_t number)
{
    struct cluster_node n;
    Orrery__NodeStatus *into = must_alloc(1, sizeof *into);
    orrery__node_status__init(into);
    CHECK(s->cluster->ops->node(s->cluster, number, &n));
    into->node = number;
    into->name = must_copy(n.name);
    into->group = must_copy(n.group);
    into->pid = n.pid;
    into->boot = n.boot;
    into->state = must_copy(node_state_name(n.state));
    into->client_port = n.client_port;
    into->udp_port = n.udp_port;
    into->tcp_port = n.tcp_port;
    into->lost = n.lost;
    into->address = must_copy(n.address ? n.address : "");
    into->host = must_copy(n.host ? n.host : "");
    into->one_clock = n.one_clock;
    into->clock_known = n.offset_known;
    into->clock_ns = n.offset_ns;
    into->clock_bound_ns = n.offset_bound_ns;
    into->words = must_copy(n.words ? n.words : "");
    beliefs_of(s, number, into);
    settings_of(s, number, into);
    return into;
}

static void add_fault(void *arg, uint32_t node, const char *words)
{
    Orrery__Status *status = arg;
    if (node == 0 || node > status->n_nodes) {
        append_text(&status->links, &status->n_links, words);
        return;
    }
    Orrery__NodeStatus *n = status->nodes[node - 1];
    append_text(&n->faults, &n->n_faults, words);
}

static void add_parting(const struct session *s, Orrery__Status *status)
{
    uint64_t ordinal, ns;
    int parted = s->options.past ? past_parted(s->options.past, &ordinal, &ns) : PAST_SAME;
    status->alone = parted == PAST_ALONE;
    if (parted != PAST_PARTED)
        return;
    status->parted = ordinal;
    status->parted_ns = ns;
}

Orrery__Status *session_status(struct session *s)
{
    Orrery__Status *status = must_alloc(1, sizeof *status);
    orrery__status__init(status);
    status->run = copy_info(timeline_info(s->timeline));
    status->n_nodes = s->cluster->ops->nodes(s->cluster);
    status->nodes = must_alloc(status->n_nodes, sizeof *status->nodes);
    for (uint32_t i = 0; i < status->n_nodes; i++)
        status->nodes[i] = node_status(s, i + 1);
    status->pace = s->cluster->ops->pace(s->cluster);
    status->now_ns = cluster_now(s->cluster);
    status->newest = timeline_newest(s->timeline);
    status->recorded_bytes = timeline_recorded(s->timeline);
    status->recording = must_copy(s->recording);
    const char *trouble = timeline_trouble(s->timeline);
    status->trouble = must_copy(trouble ? trouble : "");
    status->holes = timeline_holes(s->timeline);
    add_parting(s, status);
    if (s->cluster->ops->held)
        status->held = s->cluster->ops->held(s->cluster);
    if (s->cluster->ops->faults)
        s->cluster->ops->faults(s->cluster, add_fault, status);
    return status;
}
