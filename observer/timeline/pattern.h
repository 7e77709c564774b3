/* Patterns over events as people type them.
 *
 *   receive from=2            an event kind and conditions on its fields
 *   heartbeat.Opinion peer=3 suspected=true level>=8
 *   send beat.number=41       a message's fields, by the names of its .proto
 *   durable log=0 lsn>=7      logs by number or by name: log=wal
 *   instance=2, node=n3       of the event itself
 *
 * Compared by = != < <= > >=; a name alone means that the field is there. */
#ifndef ORRERY_TIMELINE_PATTERN_H
#define ORRERY_TIMELINE_PATTERN_H

#include "event.pb-c.h"
#include "pattern.pb-c.h"
#include "timeline/schema.h"

/* Compiles for the nodes that began with `start`. False and a sentence that says what is possible.
 */
bool pattern_compile(const char *text, const struct schema *s, const Orrery__Start *start,
                     struct buf *packed, char *why, size_t why_size);

#endif
