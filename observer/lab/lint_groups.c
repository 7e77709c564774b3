#include "lab/lint_groups.h"

#include "lab/groups.h"

#include <stdio.h>
#include <string.h>

enum { NAME_MAX_LEN = 24 };

/* Names stand on lanes, in patterns and in lines: lower-case letters, digits and hyphens. */
static bool name_ok(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return n > 0 && n <= NAME_MAX_LEN && !name[n] && *name != '-';
}

static const Orrery__LabGroup *find(const Orrery__Lab *lab, const char *name)
{
    for (size_t i = 0; i < lab->n_groups; i++)
        if (strcmp(lab->groups[i]->name, name) == 0)
            return lab->groups[i];
    return NULL;
}

static void lint_name(struct lab_file *f, const Orrery__LabGroup *g)
{
    const Orrery__Lab *lab = f->lab;
    if (!*g->name && lab->n_groups > 1)
        lab_fault(f, g, "name is missing here: of several groups each has one");
    else if (*g->name && !name_ok(g->name))
        lab_fault(f, g->name,
                  "'%.40s' is no name for a group: expected 1 to %d lower-case letters, digits and "
                  "hyphens",
                  g->name, NAME_MAX_LEN);
    else if (*g->name && find(lab, g->name) != g)
        lab_fault(f, g->name, "a group before this one is named '%s' already", g->name);
}

static bool has_peer(const Orrery__LabGroup *g, const char *name)
{
    for (size_t i = 0; i < g->n_peers; i++)
        if (strcmp(g->peers[i], name) == 0)
            return true;
    return false;
}

/* Who is a member with whom is said on both sides, so that none hears of one that it cannot name.
 */
static void lint_peers(struct lab_file *f, const Orrery__LabGroup *g)
{
    if (g->n_peers && !has_peer(g, g->name))
        lab_fault(f, g->peers[0], "'%s' is missing among its own peers", g->name);
    for (size_t i = 0; i < g->n_peers; i++) {
        const Orrery__LabGroup *peer = find(f->lab, g->peers[i]);
        if (!peer)
            lab_fault(f, g->peers[i], "there is no group '%.40s': expected the name of one",
                      g->peers[i]);
        else if (strcmp(peer->protocol, g->protocol) != 0)
            lab_fault(f, g->peers[i], "'%s' runs %s and not %s: expected peers of one protocol",
                      peer->name, peer->protocol, g->protocol);
        else if (!has_peer(peer, g->name))
            lab_fault(f, g->peers[i], "'%s' does not name '%s' among its peers: expected both to",
                      peer->name, g->name);
    }
}

static void lint_group(struct lab_file *f, const Orrery__LabGroup *g, bool last)
{
    if (!*g->protocol)
        lab_fault(f, g, "protocol is missing here");
    for (size_t i = 0; i < g->n_settings; i++)
        if (!strchr(g->settings[i], '='))
            lab_fault(f, g->settings[i], "'%.60s': expected KEY=VALUE", g->settings[i]);
    if (g->grows && !last)
        lab_fault(f, &g->grows,
                  "only the last group can grow: the nodes of those behind it would get other "
                  "numbers");
    lint_name(f, g);
    lint_peers(f, g);
}

static void lint_counts(struct lab_file *f)
{
    uint64_t nodes = 0;
    for (size_t i = 0; i < f->lab->n_groups && nodes <= LAB_NODES_MAX; i++) {
        const Orrery__LabGroup *g = f->lab->groups[i];
        nodes += g->count ? g->count : 1;
        if (g->count > LAB_NODES_MAX)
            lab_fault(f, &g->count, "count is %u: at most %d nodes", g->count, LAB_NODES_MAX);
        else if (nodes > LAB_NODES_MAX)
            lab_fault(f, g->count ? (const void *)&g->count : g,
                      "with this group there are %llu nodes: at most %d", (unsigned long long)nodes,
                      LAB_NODES_MAX);
    }
}

void lint_groups(struct lab_file *f, struct vocabulary *words)
{
    const Orrery__Lab *lab = f->lab;
    char why[400];
    if (lab->n_groups < 1 || lab->n_groups > CLUSTER_GROUPS_MAX) {
        lab_fault(f, lab, "there are %zu groups: expected 1 to %d, each of nodes that run the same",
                  lab->n_groups, CLUSTER_GROUPS_MAX);
        return;
    }
    lint_counts(f);
    for (size_t i = 0; i < lab->n_groups; i++)
        lint_group(f, lab->groups[i], i + 1 == lab->n_groups);
    for (size_t i = 0; i < lab->n_groups && !f->n_faults; i++) {
        struct cluster_instance instance;
        struct cluster_group group = lab_group(lab, i, &instance);
        if (!vocabulary_learn(words, &group, why, sizeof why)) {
            lab_fault(f, lab->groups[i], "%s", why);
            return;
        }
    }
}
