/* The words that a lab may use: its protocols' types, learnt by letting its cluster begin in the
 * simulator for a moment. */
#ifndef ORRERY_LAB_VOCABULARY_H
#define ORRERY_LAB_VOCABULARY_H

#include "cluster/cluster.h"
#include "timeline/schema.h"

struct vocabulary {
    struct schema *schema;
    Orrery__Start *start; /* NULL: nothing was learnt. */
};

/* False and a sentence when protocol, setting or flaw is refused. */
bool vocabulary_learn(struct vocabulary *v, const struct cluster_instance *instances, size_t n,
                      char *why, size_t why_size);
void vocabulary_free(struct vocabulary *v);

#endif
