/* The groups of a cluster, as every place where it can live keeps them: which group a node is of,
 * and which groups are members of one another. */
#ifndef ORRERY_CLUSTER_GROUPS_H
#define ORRERY_CLUSTER_GROUPS_H

#include "cluster/cluster.h"

struct groups { /* Owns all that it points to. */
    struct cluster_group *all;
    size_t n;
};

void groups_copy(struct groups *g, const struct cluster_group *all, size_t n);
void groups_free(struct groups *g);

uint32_t groups_nodes(const struct cluster_group *all, size_t n); /* Of all of them. */
/* Group of a node that is there from the beginning: they are numbered in the order of the groups.
 */
size_t groups_of(const struct groups *g, uint32_t node);
/* Whether nodes of these two are members of one another. */
bool groups_together(const struct groups *g, size_t a, size_t b);
/* That of this name; NULL: the first. g->n: there is none. */
size_t groups_find(const struct groups *g, const char *name);

#endif
