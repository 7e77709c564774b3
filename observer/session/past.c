#include "session/past.h"

#include "base/must.h"
#include "cluster/groups.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMMANDS_MAX = 1 << 17 };
enum { INSTANCES_MAX = 8, CLIENTS_MAX = 1000, KEYS_MAX = 1 << 16, VALUE_MAX = 1 << 20 };

struct given {
    Orrery__Event *event; /* An operator's. */
    uint64_t ns;
};

struct past {
    struct timeline *of; /* NULL: it has been let go. */
    struct groups groups;
    struct cluster_load load;
    bool has_load;
    Orrery__Level level;
    uint64_t seed;
    Orrery__Forked forked; /* Its texts are owned. */
    struct given *given;   /* Ascending. */
    size_t n_given, next;
    int parted;
    uint64_t parted_ordinal, parted_ns;
};

/* --- how a run began, as a message and back --- */

static char **copied_texts(const char *const *texts, size_t n)
{
    char **copy = must_alloc(n, sizeof *copy);
    for (size_t i = 0; i < n; i++)
        copy[i] = must_copy(texts[i]);
    return copy;
}

static Orrery__ClusterInstance *describe_instance(const struct cluster_instance *i)
{
    Orrery__ClusterInstance *m = must_alloc(1, sizeof *m);
    orrery__cluster_instance__init(m);
    m->protocol = must_copy(i->protocol);
    m->settings = copied_texts(i->settings, i->n_settings);
    m->n_settings = i->n_settings;
    m->flaws = copied_texts(i->flaws, i->n_flaws);
    m->n_flaws = i->n_flaws;
    return m;
}

static Orrery__ClusterGroup *describe_group(const struct cluster_group *g)
{
    Orrery__ClusterGroup *m = must_alloc(1, sizeof *m);
    orrery__cluster_group__init(m);
    m->name = must_copy(g->name ? g->name : "");
    m->nodes = g->nodes;
    m->peers = g->peers;
    m->instances = must_alloc(g->n_instances, sizeof(Orrery__ClusterInstance *));
    for (; m->n_instances < g->n_instances; m->n_instances++)
        m->instances[m->n_instances] = describe_instance(&g->instances[m->n_instances]);
    return m;
}

Orrery__SimulatedCluster *past_describe(const struct cluster_group *groups, size_t n_groups,
                                        Orrery__Level level, const struct cluster_load *load)
{
    Orrery__SimulatedCluster *m = must_alloc(1, sizeof *m);
    orrery__simulated_cluster__init(m);
    m->level = level;
    m->groups = must_alloc(n_groups, sizeof(Orrery__ClusterGroup *));
    for (; m->n_groups < n_groups; m->n_groups++)
        m->groups[m->n_groups] = describe_group(&groups[m->n_groups]);
    if (!load)
        return m;
    m->load = must_alloc(1, sizeof *m->load);
    orrery__cluster_load__init(m->load);
    m->load->clients = load->clients;
    m->load->rate = load->rate;
    m->load->keys = load->keys;
    m->load->value_bytes = load->value_bytes;
    return m;
}

static void read_groups(struct past *p, const Orrery__SimulatedCluster *m)
{
    struct cluster_group groups[CLUSTER_GROUPS_MAX];
    struct cluster_instance *instances[CLUSTER_GROUPS_MAX];
    for (size_t g = 0; g < m->n_groups; g++) {
        const Orrery__ClusterGroup *from = m->groups[g];
        instances[g] = must_alloc(from->n_instances, sizeof *instances[g]);
        for (size_t i = 0; i < from->n_instances; i++) {
            const Orrery__ClusterInstance *in = from->instances[i];
            instances[g][i] = (struct cluster_instance){
                in->protocol, (const char *const *)in->settings, in->n_settings,
                (const char *const *)in->flaws, in->n_flaws};
        }
        groups[g] = (struct cluster_group){*from->name ? from->name : NULL, from->nodes,
                                           instances[g], from->n_instances, from->peers};
    }
    groups_copy(&p->groups, groups, m->n_groups);
    for (size_t g = 0; g < m->n_groups; g++)
        free(instances[g]);
}

static bool load_bounded(const Orrery__ClusterLoad *l)
{
    return l->clients <= CLIENTS_MAX && l->rate >= 0 && l->keys <= KEYS_MAX &&
           l->value_bytes <= VALUE_MAX;
}

/* It may be of a file, whose bytes are anybody's. What it names is looked at by the simulator. */
static bool is_bounded(const Orrery__SimulatedCluster *m)
{
    if (m->n_groups < 1 || m->n_groups > CLUSTER_GROUPS_MAX || m->level > ORRERY__LEVEL__LEVEL_OFF)
        return false;
    for (size_t i = 0; i < m->n_groups; i++)
        if (m->groups[i]->nodes < 1 || m->groups[i]->n_instances < 1 ||
            m->groups[i]->n_instances > INSTANCES_MAX)
            return false;
    return !m->load || load_bounded(m->load);
}

static bool read_cluster(struct past *p, const Orrery__SimulatedCluster *m)
{
    if (!m || !is_bounded(m))
        return false;
    read_groups(p, m);
    p->level = (Orrery__Level)m->level;
    p->has_load = m->load != NULL;
    if (m->load)
        p->load = (struct cluster_load){m->load->clients, m->load->rate, m->load->keys,
                                        m->load->value_bytes};
    return true;
}

/* --- what was done to it --- */

static void note_command(struct past *p, const struct entry *e)
{
    Orrery__Event *event = orrery__event__unpack(NULL, e->event.len, e->event.base);
    if (event && event->body_case == ORRERY__EVENT__BODY_OPERATOR && event->operator_->command) {
        p->given = must_grow(p->given, p->n_given, p->n_given + 1, sizeof *p->given);
        p->given[p->n_given++] = (struct given){event, e->head.mono_ns};
        return;
    }
    if (event)
        orrery__event__free_unpacked(event, NULL);
}

static bool is_past(const struct past *p, const struct entry *e)
{
    return e->head.mono_ns <= p->forked.at_ns &&
           (p->forked.event == 0 || e->ordinal < p->forked.event);
}

static bool read_commands(struct past *p, struct timeline_view *of)
{
    uint64_t *ordinals;
    size_t n = timeline_view_outside(of, timeline_newest(p->of) + 1, COMMANDS_MAX, &ordinals);
    for (size_t i = 0; i < n; i++) {
        struct entry e;
        if (timeline_get(p->of, ordinals[i], &e) && e.head.body == ORRERY__EVENT__BODY_OPERATOR &&
            is_past(p, &e))
            note_command(p, &e);
    }
    free(ordinals);
    return n < COMMANDS_MAX;
}

struct past *past_new(struct timeline_view *of, uint64_t now_ns, const char *recording,
                      struct past_end end, char *why, size_t why_size)
{
    struct timeline *t = timeline_view_timeline(of);
    const Orrery__RunInfo *info = timeline_info(t);
    if (!info->simulated) {
        snprintf(why, why_size,
                 "%s is of real processes, which have but one future: fork a run "
                 "in the simulator (--sim)",
                 info->name);
        return NULL;
    }
    if (end.ns > now_ns) {
        snprintf(why, why_size, "%s did not get as far as %.3f s: it is at %.3f s", info->name,
                 (double)end.ns / 1e9, (double)now_ns / 1e9);
        return NULL;
    }
    struct past *p = must_alloc(1, sizeof *p);
    p->of = t;
    orrery__forked__init(&p->forked);
    p->forked.run = must_copy(info->name);
    p->forked.recording = must_copy(recording);
    p->forked.at_ns = end.ns;
    p->forked.event = end.event;
    p->seed = info->seed;
    if (!read_cluster(p, info->cluster)) {
        snprintf(why, why_size,
                 "%s does not tell how its cluster began, so its past cannot be "
                 "lived again: record it anew",
                 info->name);
        past_free(p);
        return NULL;
    }
    if (!read_commands(p, of)) {
        snprintf(why, why_size, "%s was given more commands than can be given again", info->name);
        past_free(p);
        return NULL;
    }
    return p;
}

void past_free(struct past *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n_given; i++)
        orrery__event__free_unpacked(p->given[i].event, NULL);
    free(p->given);
    if (p->groups.n)
        groups_free(&p->groups);
    free(p->forked.run);
    free(p->forked.recording);
    free(p);
}

void past_let_go(struct past *p)
{
    p->of = NULL;
}

struct past_cluster past_cluster(const struct past *p)
{
    return (struct past_cluster){p->groups.all, p->groups.n, p->has_load ? &p->load : NULL,
                                 p->level, p->seed};
}

const Orrery__Forked *past_forked(const struct past *p)
{
    return &p->forked;
}

const Orrery__Operator *past_command(const struct past *p, uint64_t *ns)
{
    if (p->next == p->n_given)
        return NULL;
    *ns = p->given[p->next].ns;
    return p->given[p->next].event->operator_;
}

void past_next(struct past *p)
{
    p->next += p->next < p->n_given;
}

/* --- the comparison --- */

static bool same(const struct entry *a, const struct entry *b)
{
    return a->node == b->node && a->boot == b->boot && a->cause == b->cause &&
           a->previous == b->previous && bytes_equal(a->event, b->event);
}

void past_compare(struct past *p, const struct entry *e)
{
    struct entry other;
    if (p->parted != PAST_SAME)
        return;
    bool known = p->of && timeline_get(p->of, e->ordinal, &other);
    if (known && same(e, &other))
        return;
    p->parted = known ? PAST_PARTED : PAST_ALONE;
    p->parted_ordinal = e->ordinal;
    p->parted_ns = e->head.mono_ns;
}

void past_over(struct past *p, uint64_t newest)
{
    struct entry next;
    if (p->parted != PAST_SAME || !p->of || !timeline_get(p->of, newest + 1, &next) ||
        next.head.mono_ns >= p->forked.at_ns)
        return;
    p->parted = PAST_PARTED;
    p->parted_ordinal = newest + 1;
    p->parted_ns = next.head.mono_ns;
}

int past_parted(const struct past *p, uint64_t *ordinal, uint64_t *ns)
{
    *ordinal = p->parted_ordinal;
    *ns = p->parted_ns;
    return p->parted;
}
