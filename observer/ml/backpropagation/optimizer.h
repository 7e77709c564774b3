/* What a gradient does to the weights. */
#ifndef ORRERY_ML_BACKPROPAGATION_OPTIMIZER_H
#define ORRERY_ML_BACKPROPAGATION_OPTIMIZER_H

#include "ml/backpropagation/net.h"

struct optimizer {
    Backpropagation__Optimizer kind;
    uint64_t updates;
    double first[NET_WEIGHTS_MAX];  /* Velocity; Adam's mean of the gradient, */
    double second[NET_WEIGHTS_MAX]; /* and of its square. */
};

/* SGD: w -= rate g. Momentum 0.9: v = 0.9 v + g, w -= rate v. Adam with the paper's constants.
 * `added` gets what each weight was changed by. */
void optimizer_update(struct optimizer *o, double rate, double *weights, const double *gradient,
                      uint32_t n, double *added);

#endif
