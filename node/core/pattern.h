/* A compiled pattern over events, evaluated on packed bytes by field numbers alone, so that a node
 * needs no schema for it. Text becomes a compiled pattern in observer/timeline/pattern.h. */
#ifndef ORRERY_CORE_PATTERN_H
#define ORRERY_CORE_PATTERN_H

#include "base/bytes.h"
#include "pattern.pb-c.h"

/* `event` is a packed Event. Malformed bytes match nothing. */
bool pattern_match(const Orrery__Pattern *p, struct bytes event);

#endif
