/* The groups of a lab as those of a cluster, with what the user adds to them. */
#ifndef ORRERY_LAB_GROUPS_H
#define ORRERY_LAB_GROUPS_H

#include "cluster/cluster.h"
#include "lab.pb-c.h"

struct lab_wish {
    uint32_t nodes; /* Of the whole cluster; 0: as the lab says. */
    const char *const *settings;
    size_t n_settings;
    const char *const *flaws;
    size_t n_flaws;
};

struct lab_groups {
    struct cluster_group all[CLUSTER_GROUPS_MAX];
    struct cluster_instance instances[CLUSTER_GROUPS_MAX]; /* Of each group, one. */
    size_t n;
    const char **flaws; /* All that are on somewhere, each once. */
    size_t n_flaws;
};

uint32_t lab_nodes(const Orrery__Lab *lab); /* Of all groups. */
/* Whether a cluster of so many nodes can be made for it; a sentence. */
bool lab_nodes_allowed(const Orrery__Lab *lab, uint32_t nodes, char *why, size_t why_size);
/* The i-th as the file has it; the only one has no role. Its texts are the lab's, the instance is
 * lent. */
struct cluster_group lab_group(const Orrery__Lab *lab, size_t i, struct cluster_instance *instance);

/* A setting or a flaw is for every group whose protocol knows it; false and a sentence when none
 * does, or when a group refuses the whole. The lab's texts and the wish's outlive `into`. */
bool lab_groups_make(struct lab_groups *into, const Orrery__Lab *lab, const struct lab_wish *wish,
                     char *why, size_t why_size);
void lab_groups_free(struct lab_groups *g);

#endif
