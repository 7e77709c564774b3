/* What a running node would say to new settings, asked of the same code without running it. */
#ifndef ORRERY_SIM_SETTINGS_H
#define ORRERY_SIM_SETTINGS_H

#include "event.pb-c.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether `settings` (KEY=VALUE) go with what the instance of a life that began with `start` has.
 * False, and the protocol's own sentence. A protocol that is not known here is believed. */
bool settings_accepted(const Orrery__Start *start, uint32_t instance, char *const *settings,
                       size_t n, char *why, size_t why_size);

#endif
