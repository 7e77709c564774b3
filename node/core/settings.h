/* Settings and flaws as KEY=VALUE, set on a protobuf message by its descriptor. */
#ifndef ORRERY_CORE_SETTINGS_H
#define ORRERY_CORE_SETTINGS_H

#include "core/core.h"

#include <stdio.h>

/* Sets a field of `m` from text: numbers with their bounds, booleans (true, false), enum values in
 * lower case with dashes ("ring", "phi-accrual"), strings and bytes. Keys are the fields' names,
 * with dashes or underscores. False and a sentence that names what is possible when it cannot.
 * Strings are copied into `arena`. */
bool settings_set(ProtobufCMessage *m, struct bytes key, struct bytes value, struct arena *arena,
                  char *why, size_t why_size);

/* Adds a flaw by name ("ack-before-sync") to the repeated enum field `flaws` of `m`. */
bool settings_flaw(ProtobufCMessage *m, struct bytes flaw, struct arena *arena, char *why,
                   size_t why_size);

/* For core_ops.accept: whether a number is within its bounds, else a sentence. */
static inline bool settings_within(const char *name, uint32_t value, uint32_t least, uint32_t most,
                                   char *why, size_t why_size)
{
    if (value >= least && value <= most)
        return true;
    (void)snprintf(why, why_size, "%s=%u is not between %u and %u", name, value, least, most);
    return false;
}

#endif
