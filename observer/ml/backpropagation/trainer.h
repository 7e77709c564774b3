/* Training as a machine with one cursor: which example of the batch, which phase, which layer,
 * which product comes next. Whoever steps it product by product, phase by phase or a thousand steps
 * at once comes by the same weights, to the bit. */
#ifndef ORRERY_ML_BACKPROPAGATION_TRAINER_H
#define ORRERY_ML_BACKPROPAGATION_TRAINER_H

#include "ml/backpropagation/data.h"
#include "ml/backpropagation/net.h"
#include "ml/backpropagation/optimizer.h"

struct trainer {
    struct data data;
    struct net net;
    struct optimizer optimizer;
    double rate;
    uint32_t batch;
    uint32_t cut;
    bool never_cleared;

    /* The cursor: what comes next. */
    uint64_t step; /* Under way, from 1. */
    uint32_t place;
    Backpropagation__Phase phase;
    uint32_t layer;
    uint32_t next;
    bool broken; /* A number left the range of numbers. */

    uint32_t index;                    /* In the set, of the example under way. */
    double loss;                       /* Of the batch, summed so far; */
    uint32_t right;                    /* how many it got right, */
    uint32_t flat[NET_LAYERS_MAX + 1]; /* and outputs at which the activation is flat. */

    /* Of the newest step: */
    double gradient[NET_WEIGHTS_MAX]; /* the mean of its batch, */
    double added[NET_WEIGHTS_MAX];    /* what it changed, */
    double last_loss;
    double last_accuracy;
    double saturated[NET_LAYERS_MAX + 1]; /* and the share of outputs that were flat. */
};

/* `t` is zeroed; what the settings say of data, layers, weights and flaws. */
void trainer_init(struct trainer *t, const Backpropagation__Settings *s, uint64_t seed);
/* Those of them that may change in the middle of a run: rate, batch, cut, optimizer. */
void trainer_tune(struct trainer *t, const Backpropagation__Settings *s);
/* Whether these ask for another network or other data than those do. */
bool trainer_differs(const Backpropagation__Settings *a, const Backpropagation__Settings *b);

/* Up to `most` products of this phase, and what follows once it is over. Returns whether it is. */
bool trainer_go(struct trainer *t, uint32_t most);
uint32_t trainer_left(const struct trainer *t); /* Products of this phase to come. */

/* The mean of the batch so far, into t->gradient: what an update is made of. */
void trainer_mean(struct trainer *t);
/* Which example of the set a place of a step's batch takes. */
uint32_t trainer_index(const struct trainer *t, uint64_t step, uint32_t place);
/* Of the whole set, with the weights as they are; `scratch` is for the work. */
double trainer_set_loss(const struct trainer *t, struct net *scratch, double *accuracy);

/* From a view on: the settings of the same life, with what was changed by then. False: it is none
 * of such a network. */
bool trainer_restore(struct trainer *t, const Backpropagation__Settings *s, uint64_t seed,
                     const Backpropagation__View *v);

#endif
