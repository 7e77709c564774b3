/* Every protocol that a node can run. Adding one is adding its line in registry.c. */
#ifndef ORRERY_CORE_REGISTRY_H
#define ORRERY_CORE_REGISTRY_H

#include "core/core.h"

const struct core_ops *registry_find(const char *name); /* NULL when there is none. */
const struct core_ops *registry_at(uint32_t i);         /* NULL past the last. */

#endif
