/* Events as lines that people can read and a test can compare. */
#ifndef ORRERY_SCRIPT_PRINT_H
#define ORRERY_SCRIPT_PRINT_H

#include "core/core.h"
#include "event.pb-c.h"

/* Short name of what an event is: "wake", "send", or a trace's type without its package: "Opinion".
 */
const char *event_kind(const Orrery__Event *e, const struct core_ops *ops);

/* "move peer n2: trusted -> suspected"; no line end. */
void print_event(const Orrery__Event *e, const struct core_ops *ops, struct buf *into);

/* " name=value ..." of the fields that are set, and with `falses` of those that are false. Times
 * (fields ending in _ns) print as milliseconds. */
void print_fields(const ProtobufCMessage *m, bool falses, struct buf *into);

/* Bytes as text, the unprintable escaped. */
void print_bytes(struct bytes b, struct buf *into);

#endif
