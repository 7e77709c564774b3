/* What there is to learn: shapes in the plane, made from a seed, and handwritten digits. */
#ifndef ORRERY_ML_BACKPROPAGATION_DATA_H
#define ORRERY_ML_BACKPROPAGATION_DATA_H

#include "backpropagation.pb-c.h"
#include "base/random.h"

enum { DATA_POINTS_MAX = 1024, DATA_DIGITS = 400, DATA_PIXELS = 64 };

struct data {
    Backpropagation__Data kind;
    uint32_t n;
    uint32_t inputs;
    uint32_t classes; /* 2: one output will do */
    double xy[DATA_POINTS_MAX][2];
    uint32_t labels[DATA_POINTS_MAX];
    uint32_t order[DATA_POINTS_MAX]; /* In which the digits are taken. */
};

/* Both classes alike often, in an order drawn by the seed. Of the digits at most DATA_DIGITS. */
void data_make(struct data *d, Backpropagation__Data kind, uint32_t n, double noise,
               struct random *random);
void data_inputs(const struct data *d, uint32_t i, double *into); /* d->inputs of them */

/* digits.c: ink of each pixel, 'a' (none) to 'q' (16), and the digit behind them. */
extern const char digits[DATA_DIGITS][DATA_PIXELS + 2];

#endif
