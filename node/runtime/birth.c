#include "base/must.h"
#include "core/registry.h"
#include "runtime/node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct recovery {
    struct node *n;
    uint32_t instance;
    uint32_t log;
};

static void on_recovered(void *ctx, const struct log_recovered *r)
{
    struct recovery *recovery = ctx;
    Orrery__Recovered told = ORRERY__RECOVERED__INIT;
    told.log = recovery->log;
    told.lsn = r->record.at;
    told.type = r->record.type;
    told.body =
        (ProtobufCBinaryData){r->record.body.len, (uint8_t *)(uintptr_t)r->record.body.base};
    told.snapshot = r->snapshot;
    told.offset = r->place.offset;
    told.segment = r->place.segment;
    told.size = r->place.size;
    host_recover(recovery->n->host, node_moment(recovery->n), recovery->instance, &told);
}

/* The numbers of all nodes, in the order in which they were given: 1 to `nodes` by default. */
static node_id *member_list(const Orrery__NodeConfig *config, uint32_t *n)
{
    *n = config->n_members ? (uint32_t)config->n_members : config->nodes;
    node_id *members = must_alloc(*n ? *n : 1, sizeof *members);
    for (uint32_t i = 0; i < *n; i++)
        members[i] = config->n_members ? config->members[i] : i + 1;
    return members;
}

static bool members_sane(const node_id *members, uint32_t n, node_id self)
{
    bool found = false;
    for (uint32_t i = 0; i < n; i++) {
        if (members[i] == NODE_NONE || members[i] >= NODES_MAX ||
            (i > 0 && members[i] <= members[i - 1]))
            return false;
        found = found || members[i] == self;
    }
    return found;
}

static void make_instances(struct node *n, const Orrery__NodeConfig *config,
                           struct host_instance *instances)
{
    char why[WHY_SIZE];
    if (config->n_instances == 0 || config->n_instances > INSTANCES_MAX)
        node_fail(n, EXIT_USAGE, "a node runs 1 to 8 protocols");
    for (size_t i = 0; i < config->n_instances; i++) {
        const Orrery__Instance *in = config->instances[i];
        const struct core_ops *ops = registry_find(in->protocol);
        if (!ops) {
            snprintf(why, sizeof why,
                     "there is no protocol \"%.64s\"; orrery-node --list shows those there are",
                     in->protocol);
            node_fail(n, EXIT_USAGE, why);
        }
        instances[i] = (struct host_instance){
            .number = (uint32_t)i + 1,
            .ops = ops,
            .settings = (const Orrery__KeyValue *const *)in->settings,
            .n_settings = in->n_settings,
            .flaws = (const char *const *)in->flaws,
            .n_flaws = in->n_flaws,
        };
        if (in->number != i + 1)
            node_fail(n, EXIT_USAGE, "instances are numbered from 1 on, in order");
    }
}

static void make_host(struct node *n, const Orrery__NodeConfig *config)
{
    struct host_instance instances[INSTANCES_MAX];
    make_instances(n, config, instances);
    uint32_t n_members;
    node_id *members = member_list(config, &n_members);
    if (!members_sane(members, n_members, config->node))
        node_fail(n, EXIT_USAGE, "the node is none of the cluster's");
    struct host_config host = {
        .self = config->node,
        .name = n->name,
        .group = config->group,
        .boot = config->boot,
        .seed = config->seed,
        .members = members,
        .n_members = n_members,
        .instances = instances,
        .n_instances = (uint32_t)config->n_instances,
        .level = config->level,
    };
    memcpy(host.secret, config->secret.data, SECRET_SIZE);
    char why[WHY_SIZE];
    n->host = host_new(&host, &node_host_io, n, why, sizeof why);
    if (!n->host)
        node_fail(n, EXIT_USAGE, why);
    free(members);
}

static void recover_log(struct node *n, uint32_t instance, uint32_t log)
{
    const struct core_ops *ops = host_ops(n->host, instance);
    struct log_options options = {0};
    if (ops->log_options)
        ops->log_options(host_settings_of(n->host, instance), log, &options);
    char name[32];
    snprintf(name, sizeof name, "%u-%.20s", instance, ops->logs[log]);
    struct disk disk = disk_posix_disk(n->disk);
    struct recovery recovery = {n, instance, log};
    char why[WHY_SIZE];
    if (!logs_open(&n->logs, &disk, instance, log, name, &options, n->ledger, on_recovered,
                   &recovery, why, sizeof why))
        node_fail(n, EXIT_FAILED, why);
}

static void recover(struct node *n, const Orrery__NodeConfig *config)
{
    for (uint32_t i = 1; i <= config->n_instances; i++) {
        const char *const *logs = host_ops(n->host, i)->logs;
        for (uint32_t log = 0; logs && logs[log]; log++) {
            char why[WHY_SIZE];
            if (!n->disk)
                n->disk = disk_posix_open(config->directory, why, sizeof why);
            if (!n->disk)
                node_fail(n, EXIT_FAILED, why);
            if (log == 0 && n->logs.n == 0) {
                disk_posix_clock(n->disk, &n->clock);
                if (config->disk)
                    disk_posix_fault(n->disk, config->disk);
            }
            recover_log(n, i, log);
        }
    }
}

static void set_clock(struct node *n, const Orrery__NodeConfig *config)
{
    clock_init(&n->clock, config->epoch_ns);
    for (size_t i = 0; i < config->n_paces; i++)
        clock_pace(&n->clock, config->paces[i]->at_ns, config->paces[i]->factor);
    const Orrery__ClockFault *fault = config->clock;
    if (fault)
        clock_fault(&n->clock, mono_now(), fault->has_skew_ns ? &fault->skew_ns : NULL,
                    fault->has_drift_ppm ? &fault->drift_ppm : NULL);
}

static void set_faults(struct node *n, const Orrery__NodeConfig *config)
{
    nsec now = node_moment(n).now;
    for (size_t i = 0; i < config->n_links; i++)
        filter_fault(&n->filter, now, config->links[i]);
    for (size_t i = 0; i < config->n_holds; i++)
        filter_hold(&n->filter, now, config->holds[i]);
    for (size_t i = 0; i < config->n_breaks; i++)
        if (host_break(n->host, config->breaks[i]) < 0)
            node_warn(n, "a breakpoint makes no sense");
}

void node_configure(struct node *n, const Orrery__NodeConfig *config)
{
    n->self = config->node;
    n->boot = config->boot;
    snprintf(n->name, sizeof n->name, "%s", config->name);
    if (config->secret.len != SECRET_SIZE)
        node_fail(n, EXIT_USAGE, "the run's secret must have 16 bytes");
    if (config->key.len != 0 && config->key.len != SEAL_KEY)
        node_fail(n, EXIT_USAGE, "a key that seals must have 32 bytes");
    set_clock(n, config);
    make_host(n, config);
    node_open_parts(n, config);
    host_begin(n->host, node_moment(n));
    n->begun = true;
    set_faults(n, config);
    recover(n, config);

    Orrery__Ready ready = ORRERY__READY__INIT;
    ready.udp_port = n->udp.port;
    ready.tcp_port = n->streams.port;
    ready.client_port = n->serves ? n->clients.port : 0;
    Orrery__FromNode message = ORRERY__FROM_NODE__INIT;
    message.kind_case = ORRERY__FROM_NODE__KIND_READY;
    message.ready = &ready;
    control_send(&n->control, &message);
    n->phase = NODE_READY;
}
