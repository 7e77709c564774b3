/* What the files of the heartbeat checker share. */
#ifndef ORRERY_CHECK_HEARTBEAT_INNER_H
#define ORRERY_CHECK_HEARTBEAT_INNER_H

#include "check/heartbeat.h"
#include "check/inner.h"
#include "heartbeat.pb-c.h"

enum { RING_MAX = 256 };
/* Of schedulers, and of messages under way. */
#define SLACK_NS (500 * NS_PER_MS)

struct beat {
    uint64_t at;
    uint64_t number;
};

/* One node's view of another. */
struct pair {
    bool suspected;
    uint64_t since;        /* When that began, and */
    uint64_t suspected_by; /* the move that said so. */
    bool heard;            /* In this life. */
    uint64_t last_beat;    /* Ordinal of the newest beat's event; 0: none that was told. */
    struct beat *beats;    /* A ring of the newest RING_MAX. */
    uint32_t n_beats;      /* Ever, since the last rebirth. */
    bool dirty;            /* A fault is in force on the path from it to us. */
    uint64_t dirty_at;     /* Since when it is so, or is so no more. */
    uint64_t due;          /* It must be suspected by then; 0: nothing is due. */
    uint8_t opinions;      /* Bit d: detector d suspects. */
    uint8_t known;         /* Bit d: it did so already when the node crashed. */
    uint64_t opinion_at[HEARTBEAT_DETECTORS];
};

struct rules {
    bool told;
    uint32_t machine; /* Index of "peer" among the instance's machines. */
    uint32_t bad;     /* Bit s: state s is a suspicion. */
    uint32_t instance;
    uint64_t interval_ns;
    uint64_t timeout_ns;
    uint64_t margin_ns;
    uint64_t min_deviation_ns;
    uint64_t dead_after_ns;
    double phi;
    uint32_t window;
    uint32_t neighbours;
    bool ring;
    bool tcp;
    int detector;
};

struct watcher {
    struct rules rules;
    struct pair *pairs; /* By peer - 1. */
    uint32_t n;
    uint64_t sent_at;    /* Its newest beat. */
    uint64_t held_up_at; /* It beat late: the machine was busy elsewhere. */
};

struct heartbeat_check {
    struct check *check;
    struct watcher *watchers; /* By node - 1. */
    uint32_t n;
    uint64_t next_due;
    bool seen;
    struct heartbeat_measure measures[HEARTBEAT_DETECTORS];
};

/* heartbeat_state.c: who watches whom, by which rules. */
struct watcher *heartbeat_watcher(struct heartbeat_check *h, uint32_t node);
/* NULL for a peer that cannot be: events may be hostile. */
struct pair *heartbeat_pair(struct heartbeat_check *h, uint32_t node, uint32_t peer);
/* What the node said that it was told; the rest is what heartbeat does by default. */
void heartbeat_read_rules(struct rules *r, const Orrery__Instance *i);
bool heartbeat_watches(struct heartbeat_check *h, uint32_t node, uint32_t peer);

/* heartbeat_judge.c */
/* i < n_beats: 0 is the newest. */
const struct beat *heartbeat_beat_ago(const struct pair *p, uint32_t i);
/* `peer` is dead and `node` ought to find out, from now on. */
void heartbeat_expect(struct heartbeat_check *h, uint32_t node, uint32_t peer);
void heartbeat_judge_due(struct heartbeat_check *h);
/* Since when two living nodes and the path from peer to node have been undisturbed. NS_NEVER: they
 * are not. */
uint64_t heartbeat_quiet_since(struct heartbeat_check *h, uint32_t node, uint32_t peer);
void heartbeat_judge_suspicion(struct heartbeat_check *h, uint32_t node, uint32_t peer,
                               uint64_t ordinal);
void heartbeat_judge_agreement(struct heartbeat_check *h);
void heartbeat_measure_opinion(struct heartbeat_check *h, uint32_t node,
                               const Heartbeat__Opinion *o);
/* A node that crashed comes back, or all ends: the suspicions that lasted until then count. */
void heartbeat_measure_crash(struct heartbeat_check *h, uint32_t node, uint32_t peer);

#endif
