#include "protocols/heartbeat/rules.h"

#include "base/check.h"
#include "core/settings.h"
#include "modules/phi.h"

#include <stdio.h>

enum { HOUR_MS = 3600 * 1000, WINDOW_MAX = 10000 };

void rules_defaults(ProtobufCMessage *settings)
{
    /* Limits stand apart, so that the detectors' race can be seen, and each outlives one lost beat:
     * phi-accrual near 0.53 s, adaptive near 0.6 s, fixed at 1 s. */
    Heartbeat__Settings *s = (Heartbeat__Settings *)settings;
    s->interval_ms = 250;
    s->timeout_ms = 1000;
    s->phi = 8;
    s->margin_ms = 350;
    s->window = 100;
    s->min_deviation_ms = 50;
    s->dead_after_ms = 10000;
    s->neighbours = 2;
}

bool rules_accept(const ProtobufCMessage *settings, char *why, size_t size)
{
    const Heartbeat__Settings *s = (const Heartbeat__Settings *)settings;
    if (!settings_within("interval_ms", s->interval_ms, 1, HOUR_MS, why, size) ||
        !settings_within("timeout_ms", s->timeout_ms, 1, HOUR_MS, why, size) ||
        !settings_within("margin_ms", s->margin_ms, 0, HOUR_MS, why, size) ||
        !settings_within("window", s->window, 2, WINDOW_MAX, why, size) ||
        !settings_within("min_deviation_ms", s->min_deviation_ms, 1, HOUR_MS, why, size) ||
        !settings_within("dead_after_ms", s->dead_after_ms, 1, 24 * HOUR_MS, why, size) ||
        !settings_within("neighbours", s->neighbours, 1, 10000, why, size))
        return false;
    if (!(s->phi >= 0.5 && s->phi <= 300)) {
        (void)snprintf(why, size, "phi=%g is not between 0.5 and 300", s->phi);
        return false;
    }
    if (s->timeout_ms <= s->interval_ms) {
        (void)snprintf(
            why, size,
            "timeout_ms=%u must be longer than interval_ms=%u, or every beat would come too "
            "late: four intervals are usual, timeout_ms=%u",
            s->timeout_ms, s->interval_ms, 4 * s->interval_ms);
        return false;
    }
    if (s->detector == HEARTBEAT__DETECTOR__LINK && s->transport != HEARTBEAT__TRANSPORT__TCP) {
        (void)snprintf(why, size, "detector=link judges by connections: set transport=tcp too");
        return false;
    }
    return true;
}

void rules_read(struct rules *r, const ProtobufCMessage *settings)
{
    const Heartbeat__Settings *s = (const Heartbeat__Settings *)settings;
    *r = (struct rules){
        .interval_ns = s->interval_ms * NSEC_PER_MS,
        .timeout_ns = s->timeout_ms * NSEC_PER_MS,
        .margin_ns = s->margin_ms * NSEC_PER_MS,
        .min_deviation_ns = s->min_deviation_ms * NSEC_PER_MS,
        .dead_after_ns = s->dead_after_ms * NSEC_PER_MS,
        .phi = s->phi,
        .window = s->window,
        .neighbours = s->neighbours,
        .detector = s->detector,
        .ring = s->watch == HEARTBEAT__WATCH__RING,
        .links = s->transport == HEARTBEAT__TRANSPORT__TCP,
    };
    for (size_t i = 0; i < s->n_flaws; i++) {
        r->no_slack |= s->flaws[i] == HEARTBEAT__FLAW__SHORT_TIMEOUT;
        r->wall_clock |= s->flaws[i] == HEARTBEAT__FLAW__WALL_CLOCK;
    }
    if (r->no_slack) {
        r->timeout_ns = r->interval_ns;
        r->margin_ns = 0;
    }
    r->phi_quantile = r->no_slack ? 0 : phi_quantile(r->phi);
    CHECK(r->interval_ns > 0);
    CHECK(r->window >= 2);
}
