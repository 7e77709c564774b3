/* One watched peer: what each detector holds of it, and the state that follows.
 *
 * Times are nanoseconds of the clock that silence is measured on: cluster time, or under a flaw the
 * wall clock. Opinions and moves are emitted as they change. */
#ifndef ORRERY_HEARTBEAT_PEER_H
#define ORRERY_HEARTBEAT_PEER_H

#include "core/fsm.h"
#include "modules/adaptive.h"
#include "modules/fixed.h"
#include "modules/phi.h"
#include "protocols/heartbeat/rules.h"

enum peer_state { PEER_UNKNOWN, PEER_TRUSTED, PEER_SUSPECTED, PEER_DEAD };

extern const struct fsm_table peer_machine;

enum {
    PEER_DETECTORS = 3,   /* Those that judge silence: the first of Heartbeat__Detector. */
    PEER_EFFECTS_MAX = 8, /* Emitted by one call at most. */
};

struct peer {
    node_id id;
    uint32_t boot; /* Its life that we heard last; 0 never. */
    uint8_t state;
    uint8_t suspected_by;  /* Bit d: detector d. */
    uint64_t since;        /* Watched since. */
    uint64_t suspected_at; /* While suspected or dead. */
    uint64_t last_beat;    /* Number; 0 in a life not heard yet. */
    uint64_t last_at;
    uint64_t interval_ns;            /* As the peer announced it, or ours until then. */
    uint64_t limits[PEER_DETECTORS]; /* When silence becomes suspicious to each. */
    struct fixed fixed;
    struct phi phi;
    struct adaptive adaptive;
};

/* Storage for 2 * rules->window samples is borrowed. */
void peer_init(struct peer *p, node_id id, uint32_t *storage, const struct rules *rules,
               uint64_t now);
/* New rules: what was learnt of its gaps is forgotten. Opinions change at the next peer_expire().
 */
void peer_rules(struct peer *p, uint32_t *storage, const struct rules *rules);
void peer_forget(struct peer *p, struct out *out); /* No longer watched. */

void peer_beat(struct peer *p, const struct rules *rules, uint32_t boot,
               const Heartbeat__Beat *beat, uint64_t now, struct out *out);
/* A link to the peer is gone, and why. */
void peer_link_down(struct peer *p, const struct rules *rules, enum link_reason reason,
                    uint64_t now, struct out *out);
/* Lets every limit that was reached by `now` take effect. */
void peer_expire(struct peer *p, const struct rules *rules, uint64_t now, struct out *out);

/* When peer_expire() next has something to do; UINT64_MAX never. */
uint64_t peer_next(const struct peer *p, const struct rules *rules);

/* Fills `v`; at most gaps_max gaps, in the step's arena. */
void peer_view(const struct peer *p, uint64_t now, uint32_t gaps_max, Heartbeat__PeerView *v,
               struct out *out);
void peer_check(const struct peer *p, const struct rules *rules);

#endif
