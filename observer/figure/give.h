/* A command line for a cluster whose figure is measured; one that it refuses is a bug of ours. */
#ifndef ORRERY_FIGURE_GIVE_H
#define ORRERY_FIGURE_GIVE_H

#include "cluster/cluster.h"

void figure_give(struct cluster *c, const char *line);

#endif
