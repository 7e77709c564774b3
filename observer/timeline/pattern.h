/* Patterns over events as people type them.
 *
 *   receive from=n2           an event kind and conditions on its fields
 *   heartbeat.Opinion peer=3 suspected=true level>=8    a trace, by its type
 *   send Beat number=41       a case of the protocol's message and its fields,
 *   send beat.number=41       or by the names of its .proto
 *   durable log=wal lsn>=7    logs by number or by name
 *   move machine=peer to=suspected    and so machines and their states
 *   durable sync_ns>5ms       durations where a field's name ends in _ns
 *   instance=2, node=n3, seq>100    of the event itself
 *   group=brokers             of nodes of this group
 *
 * Compared by = != < <= > >=; a name alone means that the field is there. Values with spaces stand
 * in quotes. core/pattern.h evaluates what is compiled here. */
#ifndef ORRERY_TIMELINE_PATTERN_H
#define ORRERY_TIMELINE_PATTERN_H

#include "event.pb-c.h"
#include "pattern.pb-c.h"
#include "timeline/schema.h"

enum { PATTERN_TERMS_MAX = 16, PATTERN_DEPTH_MAX = 8, PATTERN_TEXT_MAX = 1024 };

/* Compiles for the nodes that began with `start`. False and a sentence that says what is possible.
 */
bool pattern_compile(const char *text, const struct schema *s, const Orrery__Start *start,
                     struct buf *packed, char *why, size_t why_size);

struct pattern_meaning {
    bool any;          /* It means something to them: */
    struct buf packed; /* which may be empty, where all match. */
};

/* For nodes of several kinds at once, which may know other types: what it means for those that
 * began with starts[i]. False and a sentence when it means nothing to any. */
bool pattern_compile_each(const char *text, const struct schema *s,
                          const Orrery__Start *const *starts, size_t n,
                          struct pattern_meaning *means, char *why, size_t why_size);
/* Whether one compiled pattern does for both. */
bool pattern_same_kind(const Orrery__Start *a, const Orrery__Start *b);

#endif
