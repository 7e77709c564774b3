#include "ml/backpropagation/data.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

static double spread(struct random *random, double noise)
{
    return noise > 0 ? random_normal(random, 0, noise) : 0;
}

/* A point of class `c`, at the share `t` of its shape. */
static void place(Backpropagation__Data kind, uint32_t c, double t, double xy[2])
{
    double angle = t * pi;
    switch (kind) {
    case BACKPROPAGATION__DATA__MOONS:
        xy[0] = c ? 0.5 - cos(angle) : cos(angle) - 0.5;
        xy[1] = c ? 0.25 - sin(angle) : sin(angle) - 0.25;
        break;
    case BACKPROPAGATION__DATA__CIRCLES:
        xy[0] = (c ? 0.4 : 1) * cos(2 * angle);
        xy[1] = (c ? 0.4 : 1) * sin(2 * angle);
        break;
    case BACKPROPAGATION__DATA__SPIRALS:
        angle = t * 3 * pi + (c ? pi : 0);
        xy[0] = (0.1 + t) * cos(angle);
        xy[1] = (0.1 + t) * sin(angle);
        break;
    default: { /* XOR: two opposite corners each. */
        double x = t < 0.5 ? -0.6 : 0.6;
        xy[0] = x;
        xy[1] = c ? x : -x;
    }
    }
}

static void swap(struct data *d, uint32_t a, uint32_t b)
{
    uint32_t label = d->labels[a], at = d->order[a];
    d->labels[a] = d->labels[b];
    d->labels[b] = label;
    d->order[a] = d->order[b];
    d->order[b] = at;
    for (int k = 0; k < 2; k++) {
        double x = d->xy[a][k];
        d->xy[a][k] = d->xy[b][k];
        d->xy[b][k] = x;
    }
}

void data_make(struct data *d, Backpropagation__Data kind, uint32_t n, double noise,
               struct random *random)
{
    bool written = kind == BACKPROPAGATION__DATA__DIGITS;
    d->kind = kind;
    d->n = n;
    d->inputs = written ? DATA_PIXELS : 2;
    d->classes = written ? 10 : 2;
    for (uint32_t i = 0; i < n; i++) {
        d->order[i] = i;
        d->labels[i] = written ? (uint32_t)(digits[i][DATA_PIXELS] - '0') : i % 2;
        if (written)
            continue;
        place(kind, i % 2, ((double)(i / 2) + 0.5) / (((double)n + 1) / 2), d->xy[i]);
        d->xy[i][0] += spread(random, noise);
        d->xy[i][1] += spread(random, noise);
    }
    for (uint32_t i = n; i > 1; i--) /* Fisher and Yates. */
        swap(d, i - 1, (uint32_t)random_below(random, i));
}

void data_inputs(const struct data *d, uint32_t i, double *into)
{
    if (d->kind != BACKPROPAGATION__DATA__DIGITS) {
        into[0] = d->xy[i][0];
        into[1] = d->xy[i][1];
        return;
    }
    for (uint32_t k = 0; k < DATA_PIXELS; k++)
        into[k] = (double)(digits[d->order[i]][k] - 'a') / 16;
}
