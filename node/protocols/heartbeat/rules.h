/* What the settings of heartbeat amount to, in nanoseconds, with the flaws worked in. */
#ifndef ORRERY_HEARTBEAT_RULES_H
#define ORRERY_HEARTBEAT_RULES_H

#include "core/core.h"
#include "heartbeat.pb-c.h"

struct rules {
    uint64_t interval_ns;
    uint64_t timeout_ns;
    uint64_t margin_ns;
    uint64_t min_deviation_ns;
    uint64_t dead_after_ns;
    double phi;
    double phi_quantile; /* Of `phi`: costly, and the same for all peers. */
    uint32_t window;
    uint32_t neighbours;
    Heartbeat__Detector detector;
    bool ring;
    bool links;      /* Over TCP: broken links are evidence. */
    bool no_slack;   /* Flaw: limits leave no room for jitter. */
    bool wall_clock; /* Flaw: silence is measured on the wall clock. */
};

void rules_defaults(ProtobufCMessage *settings);
/* False and a sentence in `why` when they make no sense. */
bool rules_accept(const ProtobufCMessage *settings, char *why, size_t size);
void rules_read(struct rules *r, const ProtobufCMessage *settings);

#endif
