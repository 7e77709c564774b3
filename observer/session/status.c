#include "session/inside.h"

#include "base/check.h"
#include "cluster/cluster.h"

#include <stdlib.h>
#include <string.h>

char *session_text(const char *text)
{
    char *copy = strdup(text);
    CHECK(copy);
    return copy;
}

static void *some(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size);
    CHECK(p);
    return p;
}

static Orrery__RunInfo *copy_info(const Orrery__RunInfo *info)
{
    size_t size = orrery__run_info__get_packed_size(info);
    uint8_t *packed = some(size, 1);
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
    (*list)[(*n)++] = session_text(text);
}

static Orrery__NodeStatus *node_status(struct session *s, uint32_t number)
{
    struct cluster_node n;
    Orrery__NodeStatus *into = some(1, sizeof *into);
    orrery__node_status__init(into);
    CHECK(s->cluster->ops->node(s->cluster, number, &n));
    into->node = number;
    into->name = session_text(n.name);
    into->group = session_text(n.group);
    into->pid = n.pid;
    into->boot = n.boot;
    into->state = session_text(node_state_name(n.state));
    into->client_port = n.client_port;
    into->udp_port = n.udp_port;
    into->tcp_port = n.tcp_port;
    into->lost = n.lost;
    into->address = session_text(n.address ? n.address : "");
    into->host = session_text(n.host ? n.host : "");
    into->one_clock = n.one_clock;
    into->clock_known = n.offset_known;
    into->clock_ns = n.offset_ns;
    into->clock_bound_ns = n.offset_bound_ns;
    into->words = session_text(n.words ? n.words : "");
    beliefs_of(s, number, into);
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

Orrery__Status *session_status(struct session *s)
{
    int64_t wall;
    Orrery__Status *status = some(1, sizeof *status);
    orrery__status__init(status);
    status->run = copy_info(timeline_info(s->timeline));
    status->n_nodes = s->cluster->ops->nodes(s->cluster);
    status->nodes = some(status->n_nodes, sizeof *status->nodes);
    for (uint32_t i = 0; i < status->n_nodes; i++)
        status->nodes[i] = node_status(s, i + 1);
    status->pace = s->cluster->ops->pace(s->cluster);
    s->cluster->ops->now(s->cluster, &status->now_ns, &wall);
    status->newest = timeline_newest(s->timeline);
    status->recorded_bytes = timeline_recorded(s->timeline);
    status->recording = session_text(s->recording);
    const char *trouble = timeline_trouble(s->timeline);
    status->trouble = session_text(trouble ? trouble : "");
    status->holes = timeline_holes(s->timeline);
    if (s->cluster->ops->held)
        status->held = s->cluster->ops->held(s->cluster);
    if (s->cluster->ops->faults)
        s->cluster->ops->faults(s->cluster, add_fault, status);
    return status;
}
