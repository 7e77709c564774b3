/* What runs in a simulated world: protocols, and the modules of the observer. A module is at home
 * there and nowhere else: it has a step function and virtual time like the others, but nothing that
 * could be a process, so that a cluster of modules refuses what only processes suffer. */
#ifndef ORRERY_SIM_MODULES_H
#define ORRERY_SIM_MODULES_H

#include "cluster/cluster.h"
#include "core/core.h"

const struct core_ops *sim_find(const char *name); /* A protocol or a module; NULL. */
bool sim_module(const char *name);                 /* Whether a module is called that. */
/* Whether any node of these groups runs a module. */
bool sim_has_modules(const struct cluster_group *groups, size_t n);
/* Modules beside protocols are refused with a sentence. */
bool sim_unmixed(const struct cluster_group *groups, size_t n, char *why, size_t why_size);
/* Its settings and flaws on stdout, or (NULL) a line for each module. False: no module is called
 * that. */
bool sim_modules_print(const char *name);
/* 0, or negative and a sentence for a command that has no meaning there. */
int sim_module_refuses(const Orrery__Command *command, char *why, size_t why_size);

#endif
