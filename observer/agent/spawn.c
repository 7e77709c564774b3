#include "agent/agent.h"

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SEAT_MS = 20 };

struct config {
    Orrery__NodeConfig config;
    Orrery__Instance *instances;
    Orrery__Instance **instance_list;
    Orrery__LinkFault **links;
    Orrery__Pace **paces;
    Orrery__Break **breaks;
    Orrery__Hold **holds;
    uint32_t *members;
};

static void *some(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size);
    CHECK(p);
    return p;
}

/* "key=value" as a KeyValue; the key is copied. */
static Orrery__KeyValue *key_value(const char *setting)
{
    Orrery__KeyValue *kv = some(1, sizeof *kv);
    orrery__key_value__init(kv);
    size_t key = strcspn(setting, "=");
    kv->key = strndup(setting, key);
    CHECK(kv->key);
    kv->value = (char *)(uintptr_t)(setting[key] ? setting + key + 1 : setting + key);
    return kv;
}

static void fill_instance(const struct agent_node *n, const struct cluster_instance *from, size_t i,
                          Orrery__Instance *into)
{
    orrery__instance__init(into);
    into->number = (uint32_t)i + 1;
    into->protocol = (char *)(uintptr_t)from->protocol;
    into->settings = some(from->n_settings + n->n_settings, sizeof *into->settings);
    for (size_t k = 0; k < from->n_settings; k++)
        into->settings[into->n_settings++] = key_value(from->settings[k]);
    for (size_t k = 0; k < n->n_settings; k++)
        if (n->settings_of[k] == into->number)
            into->settings[into->n_settings++] = key_value(n->settings[k]);
    into->flaws = (char **)(uintptr_t)from->flaws;
    into->n_flaws = from->n_flaws;
}

static void fill_instances(const struct agent_node *n, struct config *c)
{
    const struct cluster_group *g = &n->agent->groups.all[n->group];
    c->config.group = (char *)(uintptr_t)g->name;
    c->instances = some(g->n_instances, sizeof *c->instances);
    c->instance_list = some(g->n_instances, sizeof *c->instance_list);
    for (size_t i = 0; i < g->n_instances; i++) {
        fill_instance(n, &g->instances[i], i, &c->instances[i]);
        c->instance_list[i] = &c->instances[i];
    }
    c->config.instances = c->instance_list;
    c->config.n_instances = g->n_instances;
}

static void fill_faults(const struct agent_node *n, struct config *c)
{
    struct faults *f = &n->agent->faults;
    struct fault_links *links = &f->links[n->node - 1];
    c->links = some(links->n, sizeof *c->links);
    for (size_t i = 0; i < links->n; i++) {
        links->rules[i].has_from = 1;
        links->rules[i].from = n->node;
        c->links[c->config.n_links++] = &links->rules[i];
    }
    c->paces = some(f->n_paces, sizeof *c->paces);
    for (size_t i = 0; i < f->n_paces; i++)
        c->paces[c->config.n_paces++] = &f->paces[i];
    c->breaks = some(f->n_breaks, sizeof *c->breaks);
    for (size_t i = 0; i < f->n_breaks; i++)
        if (f->breaks[i].node == n->node)
            c->breaks[c->config.n_breaks++] = &f->breaks[i].what;
    c->holds = some(f->n_holds, sizeof *c->holds);
    for (size_t i = 0; i < f->n_holds; i++)
        if (f->holds[i].from == 0 || f->holds[i].from == n->node)
            c->holds[c->config.n_holds++] = &f->holds[i];
    c->config.links = c->links;
    c->config.paces = c->paces;
    c->config.breaks = c->breaks;
    c->config.holds = c->holds;
    c->config.disk = &f->disks[n->node - 1];
    c->config.clock = &f->clocks[n->node - 1];
}

static void fill(struct agent_node *n, struct config *c)
{
    struct agent *a = n->agent;
    orrery__node_config__init(&c->config);
    c->config.node = n->node;
    c->config.name = n->name;
    c->config.boot = n->boot;
    c->config.nodes = a->n_nodes;
    /* Each life draws numbers of its own, and the same ones when the run is repeated. */
    c->config.seed = random_split(a->seed, (uint64_t)n->node << 32 | n->boot).s[0];
    c->config.secret = (ProtobufCBinaryData){SECRET_BYTES, a->secret};
    c->config.level = a->level;
    c->config.epoch_ns = a->epoch_ns;
    if (n->fixed_ports) {
        c->config.udp_port = n->udp_port;
        c->config.tcp_port = n->tcp_port;
        c->config.client_port = n->client_port;
    }
    fill_instances(n, c);
    fill_faults(n, c);
    c->members = some(a->n_nodes, sizeof *c->members);
    for (uint32_t i = 0; i < a->n_nodes; i++)
        if (!a->nodes[i]->removed && groups_together(&a->groups, n->group, a->nodes[i]->group))
            c->members[c->config.n_members++] = a->nodes[i]->node;
    c->config.members = c->members;
}

static void drop(struct config *c)
{
    for (size_t i = 0; i < c->config.n_instances; i++) {
        for (size_t k = 0; k < c->instances[i].n_settings; k++) {
            free(c->instances[i].settings[k]->key);
            free(c->instances[i].settings[k]);
        }
        free(c->instances[i].settings);
    }
    free(c->instances);
    free(c->instance_list);
    free(c->links);
    free(c->paces);
    free(c->breaks);
    free(c->holds);
    free(c->members);
}

void life_spawned(struct life *l, int32_t pid, uint64_t at_ns)
{
    struct agent_node *n = l->node;
    struct agent *a = n->agent;
    l->pid = pid;
    Orrery__Spawn spawn = ORRERY__SPAWN__INIT;
    spawn.node = n->node;
    spawn.boot = n->boot;
    spawn.pid = pid;
    spawn.because = l->spawn_because;
    spawn.name = n->name;
    Orrery__Event event = ORRERY__EVENT__INIT;
    agent_now(a, &event.mono_ns, &event.wall_ns);
    event.mono_ns = clock_now(&a->clock, at_ns);
    event.body_case = ORRERY__EVENT__BODY_SPAWN;
    event.spawn = &spawn;
    a->cluster.sink.outside(a->cluster.sink_ctx, &event);
    agent_changed(a, n);
}

void life_could_not(struct life *l, const char *why)
{
    struct agent_node *n = l->node;
    struct agent *a = n->agent;
    a->starting--;
    n->life = NULL;
    n->state = n->removed ? NODE_REMOVED : NODE_FAILED;
    agent_words(n, why);
    life_close(l);
    agent_changed(a, n);
    if (n->spawn_wanted && !a->ending)
        agent_want(n, n->spawn_because);
    agent_begin_if_ready(a);
    agent_finish_if_empty(a);
}

static void spawn(struct agent_node *n)
{
    struct agent *a = n->agent;
    char why[4300];
    struct config c = {0};
    n->spawn_wanted = false;
    n->boot++;
    agent_words(n, "");
    struct life *l = some(1, sizeof *l);
    l->node = n;
    l->boot = n->boot;
    l->spawn_because = n->spawn_because;
    fill(n, &c);
    n->life = l;
    n->state = NODE_STARTING;
    a->starting++;
    a->handles++;
    int error = a->pool ? remote_start(l, &c.config, why, sizeof why)
                        : local_start(l, &c.config, why, sizeof why);
    if (error < 0)
        life_could_not(l, why);
    else
        agent_changed(a, n);
    drop(&c);
}

/* False: its nodes wait for agents. */
static bool seat_nodes(struct agent *a)
{
    if (!a->pool || (a->waits_since_ns == 0 && a->nodes[a->n_nodes - 1]->seat))
        return true;
    struct seat **seats = some(a->n_nodes, sizeof(struct seat *));
    uint32_t n = 0;
    for (uint32_t i = 0; i < a->n_nodes; i++)
        n += a->nodes[i]->seat == NULL;
    int got = pool_seats(a->pool, n, a->waits_since_ns, seats);
    for (uint32_t i = a->n_nodes; i-- > 0 && got > 0;)
        if (!a->nodes[i]->seat)
            a->nodes[i]->seat = seats[--n];
    free(seats);
    if (got != 0)
        a->waits_since_ns = 0;
    return got != 0;
}

/* A few at a time: the loop must go on reading rings, and a thousand processes that all begin at
 * once only take turns with each other. */
void agent_spawn_tick(uv_timer_t *timer)
{
    struct agent *a = timer->data;
    uint32_t spawned = 0, left = 0;
    if (!seat_nodes(a) && !a->ending) {
        CHECK(uv_timer_start(timer, agent_spawn_tick, SEAT_MS, SEAT_MS) == 0);
        return;
    }
    for (uint32_t i = 0; i < a->n_nodes; i++) {
        struct agent_node *n = a->nodes[i];
        if (!n->spawn_wanted || n->life)
            continue;
        if (spawned < SPAWNS_A_TURN && a->starting < SPAWNS_AT_ONCE && !a->ending) {
            spawn(n);
            spawned++;
        } else {
            left++;
        }
    }
    if (left == 0 || a->ending)
        uv_timer_stop(timer);
    else
        uv_timer_set_repeat(timer, 1);
    agent_begin_if_ready(a);
}

void agent_want(struct agent_node *n, uint64_t because)
{
    struct agent *a = n->agent;
    n->spawn_wanted = true;
    n->spawn_because = because;
    if (!a->ending && !uv_is_active((uv_handle_t *)&a->spawner))
        CHECK(uv_timer_start(&a->spawner, agent_spawn_tick, 0, 1) == 0);
}
