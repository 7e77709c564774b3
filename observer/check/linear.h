/* Linearizability, judged as a history is told: is there a point between each invocation and its
 * completion at which it can have happened, so that the store did what its model does? Keys that no
 * operation ties together are judged apart (Herlihy and Wing: linearizability is local); those that
 * one ties are joined until nothing is open among them.
 *
 * An operation is judged once the fate of all that were invoked before it is known. */
#ifndef ORRERY_CHECK_LINEAR_H
#define ORRERY_CHECK_LINEAR_H

#include "check/frontier.h"
#include "check/history.h"

struct part { /* Keys that are judged together. */
    struct frontier frontier;
    struct operations past; /* What its configurations rest on, given linear.base. */
    uint32_t marked;        /* So many of these may go at the next quiet moment. */
};

struct linear_event {
    struct operation *operation;
    bool completes;
};

struct linear {
    struct history *history;  /* Its model, keys and initial value. */
    struct operations copies; /* Of those that were foreseen. */
    bool owns;                /* Operations are freed once nothing rests on them. */
    uint32_t rows_max;        /* Of each part (frontier.h). Set it before anything is told. */
    struct part **part;       /* By key; NULL: not seen yet. */
    uint32_t *place;          /* By key, in its part. */
    uint32_t *base;           /* By key: its value before the past of its part; */
    uint32_t *marked;         /* that before what is not marked. */
    uint32_t n_keys;
    struct linear_event *queue;
    uint64_t first, last, cap; /* Of the queue: a ring, cap a power of two. */
    struct part *busy;         /* A completion is being explained there. */
    enum progress progress;
    const struct operation *refuted; /* Nothing explains its completion. */
    uint64_t judged;
};

void linear_init(struct linear *l, struct history *h, bool owns);
void linear_free(struct linear *l);

/* In the order of real time. */
void linear_invoke(struct linear *l, struct operation *o);
void linear_complete(struct linear *l, struct operation *o); /* Its fate is FATE_OK. */
/* Goes on as far as fates are known, for at most so many steps. */
enum progress linear_run(struct linear *l, uint64_t *steps);
/* All of its history; then linear_run(). */
void linear_tell(struct linear *l);

/* The smallest counter-example (smallest.h), once it is refuted: of what came since the state was
 * last known. Returns that state, by key; to be freed. */
uint32_t *linear_smallest(struct linear *l, uint64_t steps, struct operations *into);
uint32_t linear_base(const struct linear *l, uint32_t key); /* Before all that is remembered. */

#endif
