#include "agent/agent.h"

#include "base/check.h"
#include "cluster/command.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NODES_A_MACHINE = 4096 };

void agent_now(const struct agent *a, uint64_t *mono_ns, int64_t *wall_ns)
{
    *mono_ns = clock_now(&a->clock, machine_now());
    *wall_ns = machine_wall();
}

struct agent_node *agent_node(const struct agent *a, uint32_t node)
{
    return node >= 1 && node <= a->n_nodes ? a->nodes[node - 1] : NULL;
}

void agent_changed(struct agent *a, const struct agent_node *n)
{
    a->cluster.sink.changed(a->cluster.sink_ctx, n->node);
}

void agent_words(struct agent_node *n, const char *words)
{
    free(n->words);
    n->words = strdup(words);
    CHECK(n->words);
}

/* Small rings for many nodes: memory that is touched stays touched. */
static size_t ring_bytes(uint32_t nodes)
{
    return nodes <= 8 ? 16u << 20 : nodes <= 32 ? 4u << 20 : nodes <= 256 ? 1u << 20 : 256u << 10;
}

static void add_node(struct agent *a, size_t group, uint64_t because)
{
    struct agent_node *n = calloc(1, sizeof *n);
    a->nodes = realloc(a->nodes, (a->n_nodes + 1) * sizeof *a->nodes);
    CHECK(n && a->nodes);
    n->agent = a;
    n->node = a->n_nodes + 1;
    n->group = group;
    n->state = NODE_STARTING;
    snprintf(n->name, sizeof n->name, "n%u", n->node);
    agent_words(n, "");
    snprintf(n->address, sizeof n->address, "127.0.0.1");
    a->nodes[a->n_nodes++] = n;
    faults_grow(&a->faults, a->n_nodes);
    agent_want(n, because);
}

int agent_add(struct agent *a, const Orrery__Add *add, uint64_t because, char *why, size_t why_size)
{
    uint32_t count = add->has_count ? add->count : 1;
    size_t group = groups_find(&a->groups, add->group);
    CHECK(group < a->groups.n); /* cluster_check() saw to it. */
    if (a->n_nodes + count > NODES_A_MACHINE) {
        snprintf(why, why_size, "at most %d nodes fit one machine: use the simulator (--sim)",
                 NODES_A_MACHINE);
        return ERROR_TOO_LARGE;
    }
    for (uint32_t i = 0; i < count; i++)
        add_node(a, group, because);
    return 0;
}

static uint32_t nodes(const struct cluster *c)
{
    return ((const struct agent *)c)->n_nodes;
}

static bool node(const struct cluster *c, uint32_t number, struct cluster_node *into)
{
    const struct agent_node *n = agent_node((const struct agent *)c, number);
    if (!n)
        return false;
    const struct agent *a = n->agent;
    *into = (struct cluster_node){.node = number,
                                  .group = a->groups.all[n->group].name,
                                  .state = n->state,
                                  .boot = n->boot,
                                  .pid = n->life ? n->life->pid : 0,
                                  .udp_port = n->udp_port,
                                  .tcp_port = n->tcp_port,
                                  .client_port = n->client_port,
                                  .lost = n->lost,
                                  .words = n->words,
                                  .address = n->address};
    if (n->life)
        into->lost += n->life->ops->lost(n->life);
    snprintf(into->name, sizeof into->name, "%s", n->name);
    if (n->seat)
        seat_tell(n->seat, into);
    return true;
}

static const char *group(const struct cluster *c, size_t i)
{
    const struct groups *g = &((const struct agent *)c)->groups;
    return i < g->n ? g->all[i].name : NULL;
}

static void now(const struct cluster *c, uint64_t *mono_ns, int64_t *wall_ns)
{
    agent_now((const struct agent *)c, mono_ns, wall_ns);
}

static double pace(const struct cluster *c)
{
    const struct agent *a = (const struct agent *)c;
    return a->clock.n ? a->clock.paces[a->clock.n - 1].factor : 1;
}

static uint32_t held(const struct cluster *c)
{
    return (uint32_t)((const struct agent *)c)->n_held;
}

static void each_fault(const struct cluster *c,
                       void (*each)(void *arg, uint32_t node, const char *words), void *arg)
{
    faults_each(&((const struct agent *)c)->faults, each, arg);
}

void agent_handle_closed(struct agent *a)
{
    CHECK(a->handles > 0);
    a->handles--;
    if (a->handles == 0 && a->closing && a->done)
        a->done(a->done_ctx);
}

static void family_closed(void *ctx)
{
    agent_handle_closed(ctx);
}

static void handle_closed(uv_handle_t *handle)
{
    agent_handle_closed(handle->data);
}

void agent_finish_if_empty(struct agent *a)
{
    if (!a->ending || a->closing)
        return;
    for (uint32_t i = 0; i < a->n_nodes; i++)
        if (a->nodes[i]->life)
            return;
    a->closing = true;
    if (a->pool)
        pool_forget(a->pool, a->run);
    uint64_t mono;
    int64_t wall;
    agent_now(a, &mono, &wall);
    a->cluster.sink.watermark(a->cluster.sink_ctx, mono);
    family_close(&a->family, family_closed, a);
    uv_handle_t *all[] = {(uv_handle_t *)&a->sweep, (uv_handle_t *)&a->spawner,
                          (uv_handle_t *)&a->grace};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        uv_close(all[i], handle_closed);
}

static void end_grace_over(uv_timer_t *timer)
{
    struct agent *a = timer->data;
    bool killed = a->killed;
    a->killed = true;
    for (uint32_t i = 0; i < a->n_nodes; i++) {
        struct life *l = a->nodes[i]->life;
        if (l && killed && l->ops->abandon)
            l->ops->abandon(l);
        else if (l)
            l->ops->signal(l, SIGKILL);
    }
}

static void end(struct cluster *c, void (*done)(void *ctx), void *ctx)
{
    struct agent *a = agent_of(c);
    if (a->ending) { /* Asked a second time: at once. */
        end_grace_over(&a->grace);
        return;
    }
    a->ending = true;
    a->done = done;
    a->done_ctx = ctx;
    for (uint32_t i = 0; i < a->n_nodes; i++) {
        a->nodes[i]->spawn_wanted = false;
        agent_quit(a->nodes[i], c->end_because);
    }
    CHECK(uv_timer_start(&a->grace, end_grace_over, STOP_GRACE_MS, STOP_GRACE_MS) == 0);
    agent_finish_if_empty(a);
}

static void agent_free(struct agent *a)
{
    for (uint32_t i = 0; i < a->n_nodes; i++) {
        struct agent_node *n = a->nodes[i];
        for (size_t k = 0; k < n->n_settings; k++)
            free(n->settings[k]);
        free(n->settings);
        free(n->settings_of);
        free(n->words);
        if (n->seat)
            pool_leave(n->seat);
        free(n);
    }
    groups_free(&a->groups);
    faults_free(&a->faults);
    buf_free(&a->scratch);
    free(a->nodes);
    free(a->held);
    free(a->program);
    free(a->directory);
    sodium_memzero(a->secret, sizeof a->secret);
    sodium_memzero(a->run_key, sizeof a->run_key);
    free(a);
}

static void free_cluster(struct cluster *c)
{
    struct agent *a = agent_of(c);
    CHECK(a->closing && a->handles == 0);
    agent_free(a);
}

/* orrery-node lies beside this very program. */
char *cluster_node_program(char *why, size_t why_size)
{
    char path[PATH_MAX];
    const char *given = getenv("ORRERY_NODE");
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 32);
    if (n < 0)
        n = 0;
    path[n] = '\0';
    char *slash = strrchr(path, '/');
    snprintf(slash ? slash + 1 : path, 32, "orrery-node");
    char *program = strdup(given && *given ? given : path);
    CHECK(program);
    if (access(program, X_OK) == 0)
        return program;
    snprintf(why, why_size, "cannot run %s: %s. Build it, or set ORRERY_NODE to where it is",
             program, strerror(errno));
    free(program);
    return NULL;
}

/* Each node takes a socket and a pipe of ours. */
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void open_handles(struct agent *a)
{
    CHECK(uv_timer_init(a->loop, &a->sweep) == 0);
    CHECK(uv_timer_init(a->loop, &a->spawner) == 0);
    CHECK(uv_timer_init(a->loop, &a->grace) == 0);
    family_open(&a->family, a->loop);
    a->sweep.data = a->spawner.data = a->grace.data = a;
    a->handles += 4;
    CHECK(uv_timer_start(&a->sweep, agent_sweep, 1, 0) == 0);
}

/* Folders at agents are named after the run's, and are its own: two observers may name two runs
 * alike. */
static void name_run(struct agent *a)
{
    const char *slash = strrchr(a->directory, '/');
    snprintf(a->run, sizeof a->run, "%.40s-%08x", slash ? slash + 1 : a->directory,
             randombytes_random());
    for (char *at = a->run; *at; at++)
        if (!isalnum((unsigned char)*at))
            *at = '-';
}

struct cluster *cluster_agent_new(struct uv_loop_s *loop, const struct cluster_spec *spec,
                                  const struct cluster_sink *sink, void *ctx, char *why,
                                  size_t why_size)
{
    static const struct cluster_ops ops = {
        .command = agent_command,
        .nodes = nodes,
        .node = node,
        .group = group,
        .now = now,
        .pace = pace,
        .end = end,
        .free = free_cluster,
        .faults = each_fault,
        .held = held,
    };
    uint32_t count = groups_nodes(spec->groups, spec->n_groups);
    if (count == 0 || count > NODES_A_MACHINE) {
        snprintf(why, why_size, "a cluster on one machine has 1 to %d nodes: use --sim for more",
                 NODES_A_MACHINE);
        return NULL;
    }
    if (sodium_init() < 0) {
        snprintf(why, why_size, "the system gives no random numbers for the run's secret");
        return NULL;
    }
    char *program = cluster_node_program(why, why_size);
    if (!program)
        return NULL;
    if (mkdir(spec->directory, 0700) < 0 && errno != EEXIST) {
        snprintf(why, why_size, "cannot make %s: %s", spec->directory, strerror(errno));
        free(program);
        return NULL;
    }
    struct agent *a = calloc(1, sizeof *a);
    CHECK(a);
    a->cluster = (struct cluster){.ops = &ops, .sink = *sink, .sink_ctx = ctx};
    a->loop = loop;
    a->program = program;
    a->directory = strdup(spec->directory);
    CHECK(a->directory);
    a->seed = spec->seed;
    a->level = spec->level;
    a->ring_bytes = spec->ring_bytes ? spec->ring_bytes : ring_bytes(count);
    randombytes_buf(a->secret, sizeof a->secret);
    randombytes_buf(a->run_key, sizeof a->run_key);
    a->pool = spec->agents;
    a->epoch_ns = machine_now();
    clock_init(&a->clock, a->epoch_ns);
    groups_copy(&a->groups, spec->groups, spec->n_groups);
    raise_file_limit();
    open_handles(a);
    a->waits_since_ns = a->pool ? a->epoch_ns : 0;
    name_run(a);
    for (uint32_t i = 1; i <= count; i++)
        add_node(a, groups_of(&a->groups, i), 0);
    return &a->cluster;
}
