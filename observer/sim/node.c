/* The lives of a simulated node: spawn, pause, end, and what follows every step. */
#include "sim/inner.h"

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIGNAL_KILL = 9, WAKES_AT_ONCE_MAX = 10000 };

static void changed(struct sim_node *n)
{
    struct world *w = n->world;
    if (w->sink.changed)
        w->sink.changed(w->sink_ctx, n->id);
}

struct sim_node *node_add(struct world *w, size_t group)
{
    struct sim_node *n = calloc(1, sizeof *n);
    w->nodes = realloc(w->nodes, (w->n_nodes + 1) * sizeof(struct sim_node *));
    if (!n || !w->nodes)
        abort();
    w->nodes[w->n_nodes++] = n;
    n->world = w;
    n->id = w->n_nodes;
    roles_join(n, group);
    snprintf(n->name, sizeof n->name, "n%u", n->id);
    n->state = NODE_STOPPED;
    disk_memory_init(&n->disk.memory);
    n->disk.disk = disk_memory_disk(&n->disk.memory);
    clock_init(&n->clock, 0);
    n->network = concern_random(w, CONCERN_NETWORK, n->id);
    n->faults = concern_random(w, CONCERN_FAULT, n->id);
    n->disk_random = concern_random(w, CONCERN_DISK, n->id);
    n->scheduler = concern_random(w, CONCERN_SCHEDULER, n->id);
    n->wake_deadline = NSEC_NEVER;
    faults_grow(&w->faults, w->n_nodes);
    for (uint32_t i = 0; i + 1 < n->id; i++) { /* What was said of links to everybody. */
        const struct fault_links *links = &w->faults.links[i];
        if (links->n)
            network_fault(w->nodes[i], n->id, &links->rules[0]);
    }
    clients_node_added(w, n);
    return n;
}

static void forget_life(struct sim_node *n)
{
    if (n->host)
        host_free(n->host);
    n->host = NULL;
    n->paused = false;
    n->doomed = false;
    n->wake_deadline = NSEC_NEVER;
    n->n_reports = 0;
    node_stash_free(n);
    happenings_clear(n->world, &n->inbox);
}

void node_free(struct sim_node *n)
{
    struct ending how = {.signal = SIGNAL_KILL};
    disks_crash(n, &how);
    forget_life(n);
    network_free(n);
    kept_free(n);
    disk_memory_free(&n->disk.memory);
    free(n->reports);
    free(n->stash);
    free(n);
}

struct moment node_moment(const struct sim_node *n)
{
    const struct world *w = n->world;
    return (struct moment){w->now, clock_wall(&n->clock, w->now, world_wall(w))};
}

/* A new life: the host, what the disk remembers, and the first step. */
static void boot_run(struct world *w, struct happening *h)
{
    struct sim_node *n = world_find(w, h->node);
    if (n->state != NODE_STARTING || h->because != n->boot)
        return;
    struct random seed = concern_random(w, CONCERN_LIFE, (uint64_t)n->id << 24 | n->boot);
    struct host_config config = {
        .self = n->id,
        .name = n->name,
        .group = w->groups.all[n->group].name,
        .boot = n->boot,
        .seed = random_u64(&seed),
        .members = n->role->members,
        .n_members = n->role->n_members,
        .level = w->options.level,
    };
    memcpy(config.secret, w->secret, sizeof config.secret);
    char why[WORDS_MAX] = "";
    n->host = kept_host(n, &config, why, sizeof why);
    if (!n->host) { /* A setting was changed while it was down, and makes no sense. */
        node_fail(n, why);
        return;
    }
    for (size_t i = 0; i < w->faults.n_breaks; i++) /* They outlive a life. */
        if (w->faults.breaks[i].node == n->id)
            (void)host_break(n->host, &w->faults.breaks[i].what);
    host_begin(n->host, node_moment(n));
    if (!n->doomed && disks_open(n, why, sizeof why) != 0) {
        node_fail(n, why);
        return;
    }
    if (!n->doomed) {
        host_start(n->host, node_moment(n));
        network_tell_removed(n);
    }
    n->state = n->paused ? NODE_PAUSED : NODE_RUNNING;
    changed(n);
    node_settle(n);
}

void node_spawn(struct sim_node *n, uint64_t because)
{
    struct world *w = n->world;
    CHECK(!n->host);
    n->boot++;
    n->state = NODE_STARTING;
    n->words[0] = 0;
    n->next_connection = 0;
    Orrery__Event event = ORRERY__EVENT__INIT;
    Orrery__Spawn spawn = ORRERY__SPAWN__INIT;
    spawn.node = n->id;
    spawn.boot = n->boot;
    spawn.because = because;
    spawn.name = n->name;
    event.body_case = ORRERY__EVENT__BODY_SPAWN;
    event.spawn = &spawn;
    world_outside(w, &event);
    changed(n);
    struct happening *h = happening_new(w, boot_run, 0);
    h->node = n->id;
    h->stalls = true;
    h->because = n->boot;
    happening_at(w, w->now + w->options.boot_ns, h);
}

void node_end(struct sim_node *n, const struct ending *how)
{
    struct world *w = n->world;
    bool lived = n->host || n->state == NODE_STARTING;
    uint64_t lost = disks_crash(n, how);
    forget_life(n);
    if (!lived)
        return;
    n->state = how->signal ? NODE_KILLED : how->code ? NODE_FAILED : NODE_STOPPED;
    network_node_gone(n);
    clients_node_gone(n);
    Orrery__Event event = ORRERY__EVENT__INIT;
    Orrery__Exit gone = ORRERY__EXIT__INIT;
    char *words[1] = {n->words};
    gone.node = n->id;
    gone.boot = n->boot;
    gone.code = how->code;
    gone.signal = how->signal;
    gone.because = how->because;
    gone.lost_bytes = lost;
    gone.words = words;
    gone.n_words = n->words[0] ? 1 : 0;
    event.body_case = ORRERY__EVENT__BODY_EXIT;
    event.exit = &gone;
    world_outside(w, &event);
    if (w->sink.stream_end)
        w->sink.stream_end(w->sink_ctx, n->id, n->boot);
    changed(n);
}

static void report_stop(struct sim_node *n, const char *why, int code)
{
    if (!n->host || n->stashing)
        return;
    Orrery__Event event = ORRERY__EVENT__INIT;
    Orrery__Stop stop = ORRERY__STOP__INIT;
    char text[WORDS_MAX];
    snprintf(text, sizeof text, "%s", why);
    stop.why = text;
    stop.code = code;
    event.body_case = ORRERY__EVENT__BODY_STOP;
    event.stop = &stop;
    host_report(n->host, node_moment(n), &event);
}

void node_fail(struct sim_node *n, const char *why)
{
    snprintf(n->words, sizeof n->words, "%s", why);
    report_stop(n, why, 1);
    node_end(n, &(struct ending){.code = 1});
}

void node_stop(struct sim_node *n, uint64_t because)
{
    if (n->host && !n->stashing) {
        disks_drain(n);
        report_stop(n, "asked", 0);
    }
    node_end(n, &(struct ending){.because = because});
}

void node_pause(struct sim_node *n)
{
    if (n->paused || !(n->host || n->state == NODE_STARTING))
        return;
    n->paused = true;
    if (n->state == NODE_RUNNING) {
        n->state = NODE_PAUSED;
        changed(n);
    }
}

void node_resume(struct sim_node *n)
{
    if (!n->paused)
        return;
    n->paused = false;
    if (n->state == NODE_PAUSED) {
        n->state = NODE_RUNNING;
        changed(n);
    }
    node_unstash(n);
    if (n->host)
        node_settle(n);
    world_inbox(n->world, n);
}

static void wake_run(struct world *w, struct happening *h)
{
    struct sim_node *n = world_find(w, h->node);
    if (h->deadline == n->wake_deadline)
        n->wake_deadline = NSEC_NEVER;
    if (host_deadline(n->host) <= w->now) {
        n->woken = n->woken_at == w->now ? n->woken + 1 : 1;
        n->woken_at = w->now;
        CHECK(n->woken < WAKES_AT_ONCE_MAX); /* A deadline that was met must move on. */
        host_wake(n->host, node_moment(n));
    }
    node_settle(n);
}

static void arm_wake(struct sim_node *n)
{
    struct world *w = n->world;
    nsec deadline = host_deadline(n->host);
    if (deadline >= n->wake_deadline)
        return;
    n->wake_deadline = deadline;
    nsec at = deadline > w->now ? deadline : w->now;
    if (w->options.wake_late)
        at += (nsec)random_exponential(&n->scheduler, (double)w->options.wake_late);
    struct happening *h = happening_new(w, wake_run, 0);
    h->node = n->id;
    h->boot = n->boot;
    h->stalls = true;
    h->deadline = deadline;
    happening_at(w, at, h);
}

static void tell_report(struct sim_node *n, const struct report *r)
{
    Orrery__Event event = ORRERY__EVENT__INIT;
    Orrery__Drop drop = ORRERY__DROP__INIT;
    Orrery__Held held = ORRERY__HELD__INIT;
    if (r->is_held) {
        held.to = r->to;
        held.event = r->event;
        held.in_order = r->in_order;
        event.body_case = ORRERY__EVENT__BODY_HELD;
        event.held = &held;
    } else {
        drop.reason = r->reason;
        drop.from = n->id;
        drop.to = r->to;
        drop.boot = n->boot;
        drop.event = r->event;
        drop.size = r->size;
        event.body_case = ORRERY__EVENT__BODY_DROP;
        event.drop = &drop;
    }
    host_report(n->host, node_moment(n), &event);
}

void node_settle(struct sim_node *n)
{
    CHECK(n->host);
    for (uint32_t i = 0; i < n->n_reports && !n->doomed; i++) {
        struct report r = n->reports[i];
        tell_report(n, &r);
    }
    n->n_reports = 0;
    if (n->doomed) {
        struct ending how = n->doom;
        node_end(n, &how);
        return;
    }
    if (n->paused)
        return;
    disks_start_jobs(n);
    arm_wake(n);
}

void node_report(struct sim_node *n, struct report r)
{
    if (n->n_reports == n->cap_reports) {
        n->cap_reports = n->cap_reports ? 2 * n->cap_reports : 16;
        n->reports = realloc(n->reports, n->cap_reports * sizeof *n->reports);
        if (!n->reports)
            abort();
    }
    n->reports[n->n_reports++] = r;
}
