/* The faults of one direction of one link, as a pure rule that runtime and simulator share:
 * what becomes of a message that is sent now. */
#ifndef ORRERY_CORE_LINK_H
#define ORRERY_CORE_LINK_H

#include "core/core.h"
#include "event.pb-c.h"

struct link_faults {
    bool cut;
    nsec delay;
    nsec jitter; /* Standard deviation of a normal distribution, cut at zero. */
    double loss; /* 0 to 1 */
    double duplicate;
    double reorder;     /* Share that leaves without its delay, overtaking others. */
    uint64_t bandwidth; /* Bytes a second; 0 unlimited. */
    nsec busy_until;    /* Where the last byte of the previous message ends. */
    nsec last_at;       /* Streams stay in order: never before this one. */
};

enum { LINK_COPIES_MAX = 2 };
#define LINK_BACKLOG_MAX NSEC_PER_S
#define LINK_RETRANSMIT  (200 * NSEC_PER_MS)

struct link_verdict {
    bool dropped; /* With its reason: */
    Orrery__DropReason reason;
    uint32_t copies;          /* 0 when dropped, 2 when duplicated. */
    nsec at[LINK_COPIES_MAX]; /* When each copy leaves; `now` when nothing holds it. */
};

/* On a stream nothing is lost, doubled or overtaken (TCP would mend it): loss becomes a delay of
 * one retransmission time-out, 200 ms; a cut holds back silently: no drop and no copies, the caller
 * queues. A datagram that would wait longer than LINK_BACKLOG_MAX for the bandwidth is dropped
 * (DROP_QUEUE). */
struct link_verdict link_decide(struct link_faults *l, enum transport t, size_t size, nsec now,
                                struct random *random);

/* Overlays the fields that are set in `f`. */
void link_apply(struct link_faults *l, const Orrery__LinkFault *f);
/* Nothing to do: the fast path. On a stream only behind what is still held back. */
bool link_clean(const struct link_faults *l);

#endif
