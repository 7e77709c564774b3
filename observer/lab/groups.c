#include "lab/groups.h"

#include "base/check.h"
#include "lab/lint.h"
#include "lab/vocabulary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t count_of(const Orrery__LabGroup *g)
{
    return g->count ? g->count : 1;
}

uint32_t lab_nodes(const Orrery__Lab *lab)
{
    uint64_t n = 0;
    for (size_t i = 0; i < lab->n_groups; i++)
        n += count_of(lab->groups[i]);
    return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

/* The last one, so that the others keep their numbers; n_groups: none. */
static size_t growing(const Orrery__Lab *lab)
{
    size_t n = lab->n_groups;
    return n == 1 || lab->groups[n - 1]->grows ? n - 1 : n;
}

bool lab_nodes_allowed(const Orrery__Lab *lab, uint32_t nodes, char *why, size_t why_size)
{
    uint32_t least = lab_nodes(lab);
    if (!nodes || nodes == least)
        return true;
    if (growing(lab) == lab->n_groups)
        snprintf(why, why_size, "the %u nodes of %s have each their part: there are no more", least,
                 lab->name);
    else if (nodes < least || nodes > LAB_NODES_MAX)
        snprintf(why, why_size, "the nodes of %s go from %u (it names so many) to %d", lab->name,
                 least, LAB_NODES_MAX);
    else
        return true;
    return false;
}

struct cluster_group lab_group(const Orrery__Lab *lab, size_t i, struct cluster_instance *instance)
{
    const Orrery__LabGroup *g = lab->groups[i];
    *instance = (struct cluster_instance){g->protocol, (const char *const *)g->settings,
                                          g->n_settings, (const char *const *)g->flaws, g->n_flaws};
    return (struct cluster_group){.name = lab->n_groups > 1 ? g->name : NULL,
                                  .nodes = count_of(g),
                                  .instances = instance,
                                  .n_instances = 1};
}

static uint32_t peers_of(const Orrery__Lab *lab, const Orrery__LabGroup *g)
{
    uint32_t peers = 0;
    for (size_t i = 0; i < lab->n_groups; i++)
        for (size_t k = 0; k < g->n_peers; k++)
            if (strcmp(lab->groups[i]->name, g->peers[k]) == 0)
                peers |= UINT32_C(1) << i;
    return peers;
}

static void *copy_list(const char *const *from, size_t n, size_t more)
{
    const char **copy = calloc(n + more + 1, sizeof *copy);
    CHECK(copy);
    if (n)
        memcpy(copy, from, n * sizeof *copy);
    return copy;
}

static void take(const char *const *list, size_t *n, const char *text)
{
    ((const char **)(uintptr_t)list)[(*n)++] = text;
}

/* What the protocol of a group says of itself, or its refusal. */
static bool learn(struct vocabulary *v, const struct cluster_group *g, char *why, size_t why_size)
{
    *v = (struct vocabulary){0};
    if (vocabulary_learn(v, g, why, why_size))
        return true;
    vocabulary_free(v);
    return false;
}

static bool fits(const struct cluster_group *g, char *why, size_t why_size)
{
    struct vocabulary v;
    bool ok = learn(&v, g, why, why_size);
    vocabulary_free(&v);
    return ok;
}

/* Whether a group takes this flaw alone, beside what the lab gave it. */
static bool knows_flaw(const Orrery__Lab *lab, size_t i, const char *flaw, char *why,
                       size_t why_size)
{
    struct cluster_instance instance;
    struct cluster_group group = lab_group(lab, i, &instance);
    instance.flaws = &flaw;
    instance.n_flaws = 1;
    return fits(&group, why, why_size);
}

static bool knows_setting(const Orrery__Lab *lab, size_t i, const char *setting, char *why,
                          size_t why_size)
{
    struct cluster_instance instance;
    struct cluster_group group = lab_group(lab, i, &instance);
    struct vocabulary v;
    bool known = learn(&v, &group, why, why_size) &&
                 vocabulary_has_setting(&v, 0, setting, strcspn(setting, "="));
    vocabulary_free(&v);
    if (known)
        return true;
    instance.settings = &setting; /* Its refusal says what there is. */
    instance.n_settings = 1;
    (void)fits(&group, why, why_size);
    return false;
}

static bool add_settings(struct lab_groups *g, const Orrery__Lab *lab, const struct lab_wish *wish,
                         char *why, size_t why_size)
{
    for (size_t k = 0; k < wish->n_settings; k++) {
        bool known = false;
        for (size_t i = g->n; i-- > 0;)
            if (knows_setting(lab, i, wish->settings[k], why, why_size)) {
                take(g->instances[i].settings, &g->instances[i].n_settings, wish->settings[k]);
                known = true;
            }
        if (!known)
            return false;
    }
    return true;
}

static void note_flaw(struct lab_groups *g, const char *flaw)
{
    for (size_t i = 0; i < g->n_flaws; i++)
        if (strcmp(g->flaws[i], flaw) == 0)
            return;
    g->flaws[g->n_flaws++] = flaw;
}

static bool add_flaws(struct lab_groups *g, const Orrery__Lab *lab, const struct lab_wish *wish,
                      char *why, size_t why_size)
{
    for (size_t k = 0; k < wish->n_flaws; k++) {
        bool known = false;
        for (size_t i = g->n; i-- > 0;)
            if (knows_flaw(lab, i, wish->flaws[k], why, why_size)) {
                take(g->instances[i].flaws, &g->instances[i].n_flaws, wish->flaws[k]);
                known = true;
            }
        if (!known)
            return false;
        note_flaw(g, wish->flaws[k]);
    }
    return true;
}

static void copy_groups(struct lab_groups *g, const Orrery__Lab *lab, const struct lab_wish *wish)
{
    size_t flaws = wish->n_flaws;
    for (size_t i = 0; i < lab->n_groups; i++) {
        const Orrery__LabGroup *from = lab->groups[i];
        struct cluster_instance *in = &g->instances[i];
        g->all[i] = lab_group(lab, i, in);
        g->all[i].peers = peers_of(lab, from);
        in->settings = copy_list(in->settings, in->n_settings, wish->n_settings);
        in->flaws = copy_list(in->flaws, in->n_flaws, wish->n_flaws);
        flaws += from->n_flaws;
        g->n++;
    }
    g->flaws = copy_list(NULL, 0, flaws);
    for (size_t i = 0; i < lab->n_groups; i++)
        for (size_t k = 0; k < lab->groups[i]->n_flaws; k++)
            note_flaw(g, lab->groups[i]->flaws[k]);
}

bool lab_groups_make(struct lab_groups *into, const Orrery__Lab *lab, const struct lab_wish *wish,
                     char *why, size_t why_size)
{
    *into = (struct lab_groups){0};
    CHECK(lab->n_groups >= 1 && lab->n_groups <= CLUSTER_GROUPS_MAX);
    if (!lab_nodes_allowed(lab, wish->nodes, why, why_size))
        return false;
    copy_groups(into, lab, wish);
    if (wish->nodes && growing(lab) < lab->n_groups)
        into->all[growing(lab)].nodes += wish->nodes - lab_nodes(lab);
    bool ok =
        add_settings(into, lab, wish, why, why_size) && add_flaws(into, lab, wish, why, why_size);
    for (size_t i = 0; ok && i < into->n; i++)
        ok = fits(&into->all[i], why, why_size);
    if (!ok)
        lab_groups_free(into);
    return ok;
}

void lab_groups_free(struct lab_groups *g)
{
    for (size_t i = 0; i < g->n; i++) {
        free((void *)(uintptr_t)g->instances[i].settings);
        free((void *)(uintptr_t)g->instances[i].flaws);
    }
    free(g->flaws);
    *g = (struct lab_groups){0};
}
