/* The modules inside the observer: what is shown there runs on numbers instead of messages. Each is
 * a step function as the protocols are (core/core.h), and so has their events, settings, orders,
 * recordings and checks; it is no process, and has no peers, disk or clock of its own. */
#ifndef ORRERY_ML_MODULES_H
#define ORRERY_ML_MODULES_H

#include "core/core.h"

const struct core_ops *module_find(const char *name); /* NULL: no module is called that. */
const struct core_ops *module_at(uint32_t i);         /* NULL past the last. */

#endif
