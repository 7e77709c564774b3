/* The words that a lab may use: its protocols' types, learnt by letting its cluster begin in the
 * simulator for a moment. */
#ifndef ORRERY_LAB_VOCABULARY_H
#define ORRERY_LAB_VOCABULARY_H

#include "cluster/cluster.h"
#include "timeline/schema.h"

struct vocabulary { /* Begins as zeroes. */
    struct schema *schema;
    Orrery__Start *starts[CLUSTER_GROUPS_MAX]; /* Of a node of each group that was learnt. */
    size_t n;
};

/* Adds a group's. False and a sentence when protocol, setting or flaw is refused. */
bool vocabulary_learn(struct vocabulary *v, const struct cluster_group *group, char *why,
                      size_t why_size);
/* Whether that group's protocol has a setting of this name. */
bool vocabulary_has_setting(const struct vocabulary *v, size_t group, const char *name, size_t len);
void vocabulary_free(struct vocabulary *v);

#endif
