/* The user's commands, carried out on a simulated world. */
#include "sim/inner.h"

#include "base/check.h"

#include <stdio.h>
#include <string.h>

struct order {
    struct world *w;
    uint64_t because;
    char *why;
    size_t why_size;
};

static int no_such_node(const struct order *o, uint32_t node)
{
    snprintf(o->why, o->why_size, "there is no n%u; the cluster has n1 to n%u", node,
             o->w->n_nodes);
    return ERROR_NOT_FOUND;
}

/* All of them exist, before anything is done to one. */
static int nodes_exist(const struct order *o, const uint32_t *nodes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct sim_node *node = world_find(o->w, nodes[i]);
        if (!node || node->state == NODE_REMOVED)
            return no_such_node(o, nodes[i]);
    }
    return 0;
}

static void on_node(const struct order *o, Orrery__Command__VerbCase verb, struct sim_node *n)
{
    struct ending kill = {.signal = 9, .because = o->because};
    switch (verb) {
    case ORRERY__COMMAND__VERB_PAUSE:
        node_pause(n);
        break;
    case ORRERY__COMMAND__VERB_RESUME:
        node_resume(n);
        break;
    case ORRERY__COMMAND__VERB_STOP:
        if (n->paused) /* Asked, but it cannot hear; a killed one it is. */
            node_end(n, &kill);
        else
            node_stop(n, o->because);
        break;
    case ORRERY__COMMAND__VERB_KILL:
        node_end(n, &kill);
        break;
    case ORRERY__COMMAND__VERB_RESTART:
        node_end(n, &kill);
        node_spawn(n, o->because);
        break;
    default:
        node_end(n, &kill);
        n->state = NODE_REMOVED;
        roles_leave(n);
        network_removed(n);
        if (o->w->sink.changed)
            o->w->sink.changed(o->w->sink_ctx, n->id);
        break;
    }
}

static int on_nodes(const struct order *o, Orrery__Command__VerbCase verb,
                    const Orrery__Nodes *nodes)
{
    int error = nodes_exist(o, nodes->nodes, nodes->n_nodes);
    for (size_t i = 0; !error && i < nodes->n_nodes; i++)
        on_node(o, verb, world_find(o->w, nodes->nodes[i]));
    return error;
}

static int power(const struct order *o, const Orrery__Power *p)
{
    int error = nodes_exist(o, p->nodes, p->n_nodes);
    for (size_t i = 0; !error && i < p->n_nodes; i++)
        node_end(world_find(o->w, p->nodes[i]), &(struct ending){.signal = 9,
                                                                 .power = true,
                                                                 .lose = p->lose,
                                                                 .seed = p->seed,
                                                                 .because = o->because});
    return error;
}

static void tell_link(void *ctx, uint32_t sender, const Orrery__LinkFault *fault)
{
    network_fault(world_find(ctx, sender), fault->to, fault);
}

static int cut(const struct order *o, const Orrery__Cut *c)
{
    int error = nodes_exist(o, c->a, c->n_a);
    error = error ? error : nodes_exist(o, c->b, c->n_b);
    if (!error)
        faults_cut(&o->w->faults, c, tell_link, o->w);
    return error;
}

static int heal(const struct order *o, const Orrery__Heal *h)
{
    int error = nodes_exist(o, h->nodes, h->n_nodes);
    if (!error)
        faults_heal(&o->w->faults, h, tell_link, o->w);
    return error;
}

static int link_fault(const struct order *o, const Orrery__LinkFault *f)
{
    if (f->from && !world_find(o->w, f->from))
        return no_such_node(o, f->from);
    if (f->to && !world_find(o->w, f->to))
        return no_such_node(o, f->to);
    faults_link(&o->w->faults, f, tell_link, o->w);
    return 0;
}

static int disk_fault(const struct order *o, const Orrery__DiskFault *f)
{
    int error = nodes_exist(o, f->nodes, f->n_nodes);
    for (size_t i = 0; !error && i < f->n_nodes; i++) {
        faults_disk(&o->w->faults, f->nodes[i], f);
        const Orrery__DiskFault *now = &o->w->faults.disks[f->nodes[i] - 1];
        struct sim_disk *d = &world_find(o->w, f->nodes[i])->disk;
        d->memory.full = now->full;
        d->memory.eio = now->eio;
        d->slow = now->slow_ns;
    }
    return error;
}

static int clock_command(const struct order *o, const Orrery__ClockFault *f)
{
    int error = nodes_exist(o, f->nodes, f->n_nodes);
    for (size_t i = 0; !error && i < f->n_nodes; i++) {
        int64_t skew = f->skew_ns;
        double drift = f->drift_ppm;
        faults_clock(&o->w->faults, f->nodes[i], f);
        clock_fault(&world_find(o->w, f->nodes[i])->clock, o->w->now, f->has_skew_ns ? &skew : NULL,
                    f->has_drift_ppm ? &drift : NULL);
    }
    return error;
}

static bool among(const uint32_t *nodes, size_t n, uint32_t node)
{
    for (size_t i = 0; i < n; i++)
        if (nodes[i] == node)
            return true;
    return n == 0;
}

static int breaks(const struct order *o, const Orrery__Break *b)
{
    int error = nodes_exist(o, b->nodes, b->n_nodes);
    if (!error && !b->clear && !b->has_compiled) {
        snprintf(o->why, o->why_size, "the breakpoint's pattern was not compiled");
        return ERROR_MALFORMED;
    }
    for (uint32_t i = 1; !error && i <= o->w->n_nodes; i++) {
        const struct sim_node *n = o->w->nodes[i - 1];
        if (!among(b->nodes, b->n_nodes, i))
            continue;
        if (n->host)
            error = host_break(n->host, b);
        if (error)
            snprintf(o->why, o->why_size, "n%u takes no such breakpoint: %s", i, error_text(error));
        else
            faults_break(&o->w->faults, i, b, o->because);
    }
    return error;
}

static void keep_settings(struct sim_node *n, uint32_t instance, const Orrery__Set *s)
{
    for (size_t i = 0; i < s->n_settings; i++)
        kept_add(n, instance, s->settings[i]);
}

/* A paused process finds the order when it goes on. */
static struct happening *later(struct sim_node *n, void (*run)(struct world *, struct happening *),
                               const ProtobufCMessage *m)
{
    struct happening *h = happening_new(n->world, run, protobuf_c_message_get_packed_size(m));
    h->node = n->id;
    h->boot = n->boot;
    h->stalls = true;
    protobuf_c_message_pack(m, h->bytes);
    return h;
}

static int set_now(struct sim_node *n, const Orrery__Set *s, char *why, size_t why_size)
{
    uint32_t instance = s->instance ? s->instance : 1;
    int error = host_settings(n->host, node_moment(n), instance, (const char *const *)s->settings,
                              s->n_settings, why, why_size);
    if (!error)
        keep_settings(n, instance, s);
    node_settle(n);
    return error;
}

static void set_run(struct world *w, struct happening *h)
{
    char why[WORDS_MAX];
    Orrery__Set *s = orrery__set__unpack(NULL, h->len, h->bytes);
    CHECK(s); /* We packed it. */
    (void)set_now(world_find(w, h->node), s, why, sizeof why);
    orrery__set__free_unpacked(s, NULL);
}

static int instance_exists(const struct order *o, const uint32_t *nodes, size_t n,
                           uint32_t instance)
{
    for (uint32_t i = 1; i <= o->w->n_nodes; i++)
        if (among(nodes, n, i) && instance > o->w->nodes[i - 1]->role->n_instances) {
            snprintf(o->why, o->why_size, "n%u has no instance %u", i, instance);
            return ERROR_NOT_FOUND;
        }
    return 0;
}

static int set(const struct order *o, const Orrery__Set *s)
{
    int error = nodes_exist(o, s->nodes, s->n_nodes);
    uint32_t instance = s->instance ? s->instance : 1;
    error = error ? error : instance_exists(o, s->nodes, s->n_nodes, instance);
    for (uint32_t i = 1; !error && i <= o->w->n_nodes; i++) {
        struct sim_node *n = o->w->nodes[i - 1];
        if (!among(s->nodes, s->n_nodes, i))
            continue;
        if (n->host && n->paused)
            happening_at(o->w, o->w->now, later(n, set_run, &s->base));
        else if (n->host)
            error = set_now(n, s, o->why, o->why_size);
        else
            keep_settings(n, instance, s);
    }
    return error;
}

static void do_now(struct sim_node *n, const Orrery__Do *d)
{
    host_order(n->host, node_moment(n), d->instance ? d->instance : 1, d->verb,
               (const char *const *)d->words, d->n_words);
    node_settle(n);
}

static void do_run(struct world *w, struct happening *h)
{
    Orrery__Do *d = orrery__do__unpack(NULL, h->len, h->bytes);
    CHECK(d); /* We packed it. */
    do_now(world_find(w, h->node), d);
    orrery__do__free_unpacked(d, NULL);
}

static int do_order(const struct order *o, const Orrery__Do *d)
{
    int error = nodes_exist(o, d->nodes, d->n_nodes);
    error = error ? error : instance_exists(o, d->nodes, d->n_nodes, d->instance ? d->instance : 1);
    if (!error && !d->verb) {
        snprintf(o->why, o->why_size, "do what? The order has no verb");
        error = ERROR_MALFORMED;
    }
    for (uint32_t i = 1; !error && i <= o->w->n_nodes; i++) {
        struct sim_node *n = o->w->nodes[i - 1];
        if (!among(d->nodes, d->n_nodes, i) || !n->host)
            continue;
        if (n->paused)
            happening_at(o->w, o->w->now, later(n, do_run, &d->base));
        else
            do_now(n, d);
    }
    return error;
}

static int add(const struct order *o, const Orrery__Add *add)
{
    uint32_t count = add->has_count ? add->count : 1;
    size_t group = groups_find(&o->w->groups, add->group);
    CHECK(group < o->w->groups.n); /* cluster_check() saw to it. */
    if (o->w->n_nodes + count > WORLD_NODES_MAX) {
        snprintf(o->why, o->why_size, "a simulated cluster has at most %d nodes", WORLD_NODES_MAX);
        return ERROR_TOO_LARGE;
    }
    uint32_t first = o->w->n_nodes;
    for (uint32_t i = 0; i < count; i++)
        node_add(o->w, group);
    for (uint32_t i = 0; i < count; i++)
        node_spawn(o->w->nodes[first + i], o->because);
    return 0;
}

int world_command(struct world *w, const Orrery__Command *c, uint64_t because, char *why,
                  size_t why_size)
{
    const struct order o = {w, because, why, why_size};
    switch (c->verb_case) {
    case ORRERY__COMMAND__VERB_KILL:
    case ORRERY__COMMAND__VERB_PAUSE:
    case ORRERY__COMMAND__VERB_RESUME:
    case ORRERY__COMMAND__VERB_RESTART:
    case ORRERY__COMMAND__VERB_STOP:
    case ORRERY__COMMAND__VERB_REMOVE:
        return on_nodes(&o, c->verb_case, c->kill); /* The same message in each. */
    case ORRERY__COMMAND__VERB_POWER:
        return power(&o, c->power);
    case ORRERY__COMMAND__VERB_CUT:
        return cut(&o, c->cut);
    case ORRERY__COMMAND__VERB_HEAL:
        return heal(&o, c->heal);
    case ORRERY__COMMAND__VERB_LINK:
        return link_fault(&o, c->link);
    case ORRERY__COMMAND__VERB_DISK:
        return disk_fault(&o, c->disk);
    case ORRERY__COMMAND__VERB_CLOCK:
        return clock_command(&o, c->clock);
    case ORRERY__COMMAND__VERB_BREAK:
        return breaks(&o, c->break_);
    case ORRERY__COMMAND__VERB_PACE:
        w->pace = c->pace->factor;
        faults_pace(&w->faults, c->pace);
        return 0;
    case ORRERY__COMMAND__VERB_HOLD:
        faults_hold(&w->faults, c->hold);
        network_unhold(w);
        return 0;
    case ORRERY__COMMAND__VERB_DELIVER:
        return network_deliver(w, c->deliver, why, why_size);
    case ORRERY__COMMAND__VERB_ADD:
        return add(&o, c->add);
    case ORRERY__COMMAND__VERB_SET:
        return set(&o, c->set);
    case ORRERY__COMMAND__VERB_DO:
        return do_order(&o, c->do_);
    default:
        snprintf(why, why_size, "the simulator does not know this command");
        return ERROR_UNSUPPORTED;
    }
}

void world_faults(const struct world *w, void (*each)(void *arg, uint32_t node, const char *words),
                  void *arg)
{
    faults_each(&w->faults, each, arg);
}
