/* What training tells: each event from the trainer's state at that moment. */
#ifndef ORRERY_ML_BACKPROPAGATION_TELL_H
#define ORRERY_ML_BACKPROPAGATION_TELL_H

#include "core/core.h"
#include "ml/backpropagation/trainer.h"

enum { TELL_WEIGHTS_MAX = 400 }; /* Of a Step. */

void tell_network(const struct trainer *t, uint64_t seed, struct out *out);
void tell_example(const struct trainer *t, struct out *out);
/* Of the product that comes next, after it has been taken. */
void tell_multiply(const struct trainer *t, Backpropagation__Phase phase, uint32_t layer,
                   uint32_t k, struct out *out);
/* A phase is over: what it left in its layer. */
void tell_phase(const struct trainer *t, Backpropagation__Phase phase, uint32_t layer,
                struct out *out);
void tell_loss(const struct trainer *t, double loss, bool right, struct out *out);
void tell_batch(struct trainer *t, struct net *scratch, struct out *out); /* Before its update. */
void tell_step(const struct trainer *t, uint32_t untold, struct out *out);
void tell_broken(const struct trainer *t, struct out *out);
/* The weight from unit `from` (0: the bias) to unit `to` of a layer, both from 1. */
void tell_nudge(const struct trainer *t, struct net *scratch, uint32_t layer, uint32_t to,
                uint32_t from, struct out *out);
void tell_view(const struct trainer *t, uint64_t seed, struct out *out);

#endif
