#include "ml/backpropagation/optimizer.h"

#include <math.h>

static const double momentum = 0.9;
static const double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8; /* Kingma, Ba 2015, algorithm 1. */

void optimizer_update(struct optimizer *o, double rate, double *weights, const double *gradient,
                      uint32_t n, double *added)
{
    o->updates++;
    /* Both means begin at zero, and are too small by these factors at first. */
    double lack1 = 1 - pow(beta1, (double)o->updates);
    double lack2 = 1 - pow(beta2, (double)o->updates);
    for (uint32_t i = 0; i < n; i++) {
        double g = gradient[i];
        switch (o->kind) {
        case BACKPROPAGATION__OPTIMIZER__MOMENTUM:
            o->first[i] = momentum * o->first[i] + g;
            added[i] = -rate * o->first[i];
            break;
        case BACKPROPAGATION__OPTIMIZER__ADAM:
            o->first[i] = beta1 * o->first[i] + (1 - beta1) * g;
            o->second[i] = beta2 * o->second[i] + (1 - beta2) * g * g;
            added[i] = -rate * (o->first[i] / lack1) / (sqrt(o->second[i] / lack2) + epsilon);
            break;
        default:
            added[i] = -rate * g;
        }
        weights[i] += added[i];
    }
}
