#include "protocols/heartbeat/peer.h"

#include "base/check.h"

enum {
    FIXED = HEARTBEAT__DETECTOR__FIXED,
    PHI = HEARTBEAT__DETECTOR__PHI_ACCRUAL,
    ADAPTIVE = HEARTBEAT__DETECTOR__ADAPTIVE,
    LINK = HEARTBEAT__DETECTOR__LINK,
};

#define MAY(state) (UINT32_C(1) << (state))

static const struct fsm_state states[] = {
    [PEER_UNKNOWN] = {"unknown", MAY(PEER_TRUSTED) | MAY(PEER_SUSPECTED)},
    [PEER_TRUSTED] = {"trusted", MAY(PEER_SUSPECTED) | MAY(PEER_UNKNOWN)},
    [PEER_SUSPECTED] = {"suspected", MAY(PEER_TRUSTED) | MAY(PEER_DEAD) | MAY(PEER_UNKNOWN)},
    [PEER_DEAD] = {"dead", MAY(PEER_TRUSTED) | MAY(PEER_UNKNOWN)},
};

const struct fsm_table peer_machine = {"peer", states, sizeof states / sizeof states[0]};

static uint64_t since(uint64_t then, uint64_t now)
{
    return now > then ? now - then : 0; /* A wall clock may have been set back. */
}

static uint64_t later(uint64_t at, uint64_t by)
{
    return by > UINT64_MAX - at ? UINT64_MAX : at + by;
}

static bool suspected_by(const struct peer *p, unsigned detector)
{
    return (p->suspected_by >> detector & 1) != 0;
}

/* When the silence that the detectors judge began. */
static uint64_t silent_from(const struct peer *p)
{
    return p->last_beat ? p->last_at : p->since;
}

/* A peer that was never heard gives no detector anything to judge by: one patience for all. */
static void find_limits(struct peer *p, const struct rules *rules)
{
    if (p->last_beat == 0) {
        for (unsigned d = 0; d < PEER_DETECTORS; d++)
            p->limits[d] = later(p->since, rules->dead_after_ns);
        return;
    }
    p->limits[FIXED] = fixed_deadline(&p->fixed);
    p->limits[PHI] = phi_deadline(&p->phi, rules->phi_quantile);
    p->limits[ADAPTIVE] = adaptive_deadline(&p->adaptive);
}

static void begin_detectors(struct peer *p, uint32_t *storage, const struct rules *rules)
{
    fixed_init(&p->fixed, rules->timeout_ns);
    phi_init(&p->phi, storage, rules->window, p->interval_ns, rules->min_deviation_ns);
    adaptive_init(&p->adaptive, storage + rules->window, rules->window, p->interval_ns,
                  rules->margin_ns);
}

void peer_init(struct peer *p, node_id id, uint32_t *storage, const struct rules *rules,
               uint64_t now)
{
    *p = (struct peer){.id = id, .since = now, .interval_ns = rules->interval_ns};
    begin_detectors(p, storage, rules);
    find_limits(p, rules);
}

/* The last beat stays known: silence goes on from there. */
static void feed(struct peer *p)
{
    fixed_beat(&p->fixed, p->last_at);
    phi_beat(&p->phi, p->last_at);
    (void)adaptive_beat(&p->adaptive, p->last_beat, p->last_at);
}

void peer_rules(struct peer *p, uint32_t *storage, const struct rules *rules)
{
    begin_detectors(p, storage, rules);
    if (p->last_beat)
        feed(p);
    find_limits(p, rules);
}

void peer_forget(struct peer *p, struct out *out)
{
    if (p->state != PEER_UNKNOWN)
        fsm_move(&p->state, PEER_UNKNOWN, &peer_machine, p->id, out);
}

static double level(const struct peer *p, unsigned detector, uint64_t now)
{
    if (detector == LINK)
        return suspected_by(p, LINK) ? 1 : 0;
    if (detector == PHI)
        return phi_level(&p->phi, now);
    uint64_t allowed = since(silent_from(p), p->limits[detector]);
    return (double)since(silent_from(p), now) / (double)(allowed ? allowed : 1);
}

/* What the detector knew at `now`, before it changed its mind. */
static Heartbeat__Opinion describe(const struct peer *p, unsigned detector, uint64_t now)
{
    Heartbeat__Opinion o = HEARTBEAT__OPINION__INIT;
    o.peer = p->id;
    o.detector = (Heartbeat__Detector)detector;
    o.silent_ns = since(silent_from(p), now);
    o.last_beat = p->last_beat;
    o.level = level(p, detector, now);
    o.expected_ns = p->interval_ns;
    if (detector == PHI) {
        o.expected_ns = (uint64_t)phi_mean_ns(&p->phi);
        o.deviation_ns = (uint64_t)phi_deviation_ns(&p->phi);
    } else if (detector == ADAPTIVE && p->last_beat) {
        o.expected_ns = since(p->last_at, adaptive_expected(&p->adaptive));
        o.deviation_ns = (uint64_t)adaptive_deviation_ns(&p->adaptive);
    }
    if (detector != LINK)
        o.limit_ns = since(silent_from(p), p->limits[detector]);
    return o;
}

static void opine(struct peer *p, Heartbeat__Opinion *o, bool suspected,
                  Heartbeat__Evidence evidence, struct out *out)
{
    uint8_t bit = (uint8_t)(1u << o->detector);
    p->suspected_by = (uint8_t)(suspected ? p->suspected_by | bit : p->suspected_by & ~bit);
    o->suspected = suspected;
    o->evidence = evidence;
    out_trace(out, &o->base);
}

/* The state follows the chosen detector, and over TCP a broken link whatever the detector says. */
static void settle(struct peer *p, const struct rules *rules, uint64_t now, struct out *out)
{
    bool suspected = suspected_by(p, rules->detector) || (rules->links && suspected_by(p, LINK));
    bool held = p->state == PEER_SUSPECTED || p->state == PEER_DEAD;
    if (suspected && !held) {
        p->suspected_at = now;
        fsm_move(&p->state, PEER_SUSPECTED, &peer_machine, p->id, out);
    } else if (!suspected && (held || (p->state == PEER_UNKNOWN && p->last_beat))) {
        fsm_move(&p->state, PEER_TRUSTED, &peer_machine, p->id, out);
    }
    if (p->state == PEER_SUSPECTED && now >= later(p->suspected_at, rules->dead_after_ns))
        fsm_move(&p->state, PEER_DEAD, &peer_machine, p->id, out);
}

static void forget_life(struct peer *p, const struct rules *rules, uint32_t boot, struct out *out)
{
    if (p->boot) {
        Heartbeat__Rebirth t = HEARTBEAT__REBIRTH__INIT;
        t.peer = p->id;
        t.boot = boot;
        t.former_boot = p->boot;
        t.former_beat = p->last_beat;
        out_trace(out, &t.base);
    }
    p->boot = boot;
    p->last_beat = 0;
    begin_detectors(p, p->phi.gaps.samples, rules);
}

static void trace_gap(const struct peer *p, const Heartbeat__Beat *beat, uint64_t now,
                      struct out *out)
{
    Heartbeat__Gap t = HEARTBEAT__GAP__INIT;
    t.peer = p->id;
    t.number = beat->number;
    t.gap_ns = p->last_beat ? since(p->last_at, now) : 0;
    t.missed = p->last_beat ? beat->number - p->last_beat - 1 : 0;
    out_detail(out, &t.base);
}

void peer_beat(struct peer *p, const struct rules *rules, uint32_t boot,
               const Heartbeat__Beat *beat, uint64_t now, struct out *out)
{
    if (boot < p->boot || (boot == p->boot && beat->number <= p->last_beat))
        return;                                    /* Overtaken by a newer one, or a double. */
    Heartbeat__Opinion before[PEER_DETECTORS + 1]; /* Of those that are about to be proven wrong. */
    for (unsigned d = 0; d <= PEER_DETECTORS; d++)
        if (suspected_by(p, d))
            before[d] = describe(p, d, now);
    if (boot != p->boot)
        forget_life(p, rules, boot, out);
    trace_gap(p, beat, now, out);
    if (beat->interval_ns != p->interval_ns) {
        /* Gaps of another rhythm say nothing about this one. */
        p->interval_ns = beat->interval_ns;
        begin_detectors(p, p->phi.gaps.samples, rules);
    }
    p->last_beat = beat->number;
    p->last_at = now;
    feed(p);
    find_limits(p, rules);
    for (unsigned d = 0; d < PEER_DETECTORS; d++) {
        /* The adaptive one may find that the beat after this one is overdue as well. */
        bool suspected = now >= p->limits[d];
        if (suspected == suspected_by(p, d))
            continue;
        if (suspected)
            before[d] = describe(p, d, now);
        opine(p, &before[d], suspected, HEARTBEAT__EVIDENCE__BEAT, out);
    }
    if (suspected_by(p, LINK))
        opine(p, &before[LINK], false, HEARTBEAT__EVIDENCE__BEAT, out);
    settle(p, rules, now, out);
}

void peer_link_down(struct peer *p, const struct rules *rules, enum link_reason reason,
                    uint64_t now, struct out *out)
{
    static const Heartbeat__Evidence evidence[] = {
        [LINK_REFUSED] = HEARTBEAT__EVIDENCE__REFUSED,
        [LINK_RESET] = HEARTBEAT__EVIDENCE__RESET,
        [LINK_CLOSED] = HEARTBEAT__EVIDENCE__CLOSED,
    };
    bool gone = reason == LINK_REFUSED || reason == LINK_RESET || reason == LINK_CLOSED;
    /* A peer that was never heard may not have begun yet; a silent link is what detectors judge. */
    if (!gone || p->last_beat == 0 || suspected_by(p, LINK))
        return;
    Heartbeat__Opinion o = describe(p, LINK, now);
    o.level = 1;
    opine(p, &o, true, evidence[reason], out);
    settle(p, rules, now, out);
}

void peer_expire(struct peer *p, const struct rules *rules, uint64_t now, struct out *out)
{
    for (unsigned d = 0; d < PEER_DETECTORS; d++) {
        bool suspected = now >= p->limits[d];
        if (suspected == suspected_by(p, d))
            continue;
        Heartbeat__Opinion o = describe(p, d, now);
        opine(p, &o, suspected, HEARTBEAT__EVIDENCE__SILENCE, out);
    }
    settle(p, rules, now, out);
}

uint64_t peer_next(const struct peer *p, const struct rules *rules)
{
    uint64_t next = UINT64_MAX;
    for (unsigned d = 0; d < PEER_DETECTORS; d++)
        if (!suspected_by(p, d) && p->limits[d] < next)
            next = p->limits[d];
    if (p->state == PEER_SUSPECTED && later(p->suspected_at, rules->dead_after_ns) < next)
        next = later(p->suspected_at, rules->dead_after_ns);
    return next;
}

static void view_gaps(const struct peer *p, uint32_t most, Heartbeat__PeerView *v, struct out *out)
{
    const struct window *gaps = &p->phi.gaps;
    uint32_t n = gaps->n < most ? gaps->n : most;
    v->gaps_us = out_alloc(out, n * sizeof v->gaps_us[0]);
    if (!v->gaps_us)
        return;
    v->n_gaps_us = n;
    for (uint32_t i = 0; i < n; i++)
        v->gaps_us[i] = window_at(gaps, gaps->n - n + i);
}

void peer_view(const struct peer *p, uint64_t now, uint32_t gaps_max, Heartbeat__PeerView *v,
               struct out *out)
{
    heartbeat__peer_view__init(v);
    v->peer = p->id;
    v->state = p->state;
    v->boot = p->boot;
    v->last_beat = p->last_beat;
    v->last_at_ns = p->last_at;
    v->mean_ns = (uint64_t)phi_mean_ns(&p->phi);
    v->deviation_ns = (uint64_t)phi_deviation_ns(&p->phi);
    v->phi = phi_level(&p->phi, now);
    v->fixed_limit_ns = since(silent_from(p), p->limits[FIXED]);
    v->phi_limit_ns = since(silent_from(p), p->limits[PHI]);
    v->adaptive_limit_ns = since(silent_from(p), p->limits[ADAPTIVE]);
    v->suspected_by = p->suspected_by;
    view_gaps(p, gaps_max, v, out);
}

void peer_check(const struct peer *p, const struct rules *rules)
{
    window_check(&p->phi.gaps);
    window_check(&p->adaptive.offsets);
    CHECK(p->state <= PEER_DEAD);
    CHECK((p->last_beat > 0) == p->fixed.heard);
    CHECK(p->adaptive.newest == p->last_beat);
    if (p->state == PEER_TRUSTED)
        CHECK(p->last_beat > 0);
    if (rules->links && p->state == PEER_TRUSTED)
        CHECK(!suspected_by(p, LINK));
}
