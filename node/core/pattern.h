/* A compiled pattern over events, evaluated on packed bytes by field numbers alone, so that a node
 * needs no schema for it. Text becomes a compiled pattern in observer/timeline/pattern.h. */
#ifndef ORRERY_CORE_PATTERN_H
#define ORRERY_CORE_PATTERN_H

#include "base/bytes.h"
#include "pattern.pb-c.h"

enum { PATTERN_PATH_MAX = 16 }; /* Of a term's path; a longer one never holds. */

/* `event` is a packed Event. Malformed bytes match nothing.
 *
 * `typed` with a message_case asks for a send or receive whose message has that field, without one
 * for a trace of trace_type. A term compares `integer` with UNSIGNED, SIGNED, ZIGZAG and FIXED
 * types, `number` with FLOAT and DOUBLE, `text` with BYTES. A field that is not on the wire counts
 * as 0 or empty, as in proto3, if the message around it is there; of a repeated field any element
 * will do. */
bool pattern_match(const Orrery__Pattern *p, struct bytes event);

#endif
