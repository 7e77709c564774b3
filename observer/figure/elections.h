/* The measurement behind `orrery figure raft`: leaders crash again and again, and each time it is
 * measured how long the others take to elect another one (Ongaro, Ousterhout 2014, 9.3; Ongaro's
 * dissertation, 9.4).
 *
 * Five servers, and a sixth that has no vote. In each trial two of the four followers are cut off
 * right when the leader has sent heartbeats to all at once, and the leader is told to write one
 * entry more, which these two lack then: they are not eligible. It crashes at a time drawn
 * uniformly from one heartbeat interval. The downtime lies between two events: its exit, and
 * Elected. */
#ifndef ORRERY_FIGURE_ELECTIONS_H
#define ORRERY_FIGURE_ELECTIONS_H

#include <stddef.h>
#include <stdint.h>

enum {
    ELECTION_MIN_MS = 150,
    HEARTBEAT_MS = ELECTION_MIN_MS / 2,
    /* Until the last of four has answered, with its sync, that makes a broadcast of: */
    LINK_DELAY_US = 4700,
    LINK_JITTER_US = 3000,
    BROADCAST_MS = 15,
};

struct elections {
    uint32_t max_ms;     /* Time-outs are drawn from ELECTION_MIN_MS to this. */
    uint32_t trials;     /* How many are to be made. */
    uint32_t give_up_ms; /* A trial that takes longer is given up, and counts as this long. */
    uint32_t beside;     /* Real clusters that make them side by side. */
    uint32_t n;          /* How many were made, and */
    double *took_ms;     /* how long each took; [trials], the caller's. */
};

/* On simulated time. */
void elections_simulate(struct elections *e, uint64_t seed);

/* With real processes, all of them side by side. 0, or negative and a sentence. */
int elections_real(struct elections *all, size_t n, char *why, size_t why_size);

#endif
