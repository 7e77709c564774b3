/* A network of fully connected layers, and backpropagation through it (Rumelhart, Hinton, Williams
 * 1986), one product at a time or all at once.
 *
 * Every sum is taken in one fixed order, whatever the size of the portions in which it is asked
 * for: so any way through a run gives the same bits. A layer's block of weights is row by row, a
 * row for each of its units, and behind the rows the biases. */
#ifndef ORRERY_ML_BACKPROPAGATION_NET_H
#define ORRERY_ML_BACKPROPAGATION_NET_H

#include "backpropagation.pb-c.h"
#include "base/random.h"

#include <stddef.h>

enum { NET_LAYERS_MAX = 8, NET_UNITS_MAX = 64, NET_HIDDEN_MAX = 32, NET_WEIGHTS_MAX = 9216 };

struct net {
    uint32_t n_layers;                  /* Without the inputs. */
    uint32_t sizes[NET_LAYERS_MAX + 1]; /* [0]: inputs */
    uint32_t offsets[NET_LAYERS_MAX + 1];
    uint32_t n_weights;
    Backpropagation__Activation activation;
    bool wrong_transpose;
    double weights[NET_WEIGHTS_MAX];
    double sums[NET_WEIGHTS_MAX]; /* dL/dw, of all examples since they were cleared. */
    /* Of the example under way; [0] of `outputs` are the inputs. */
    double outputs[NET_LAYERS_MAX + 1][NET_UNITS_MAX];
    double blame[NET_LAYERS_MAX + 1][NET_UNITS_MAX]; /* dL/dz, z the sum before the activation. */
    double z[NET_LAYERS_MAX + 1][NET_UNITS_MAX];
};

/* Sizes of the hidden layers as text: "4,4". Returns how many, or -1: no such list, or too much. */
int net_hidden(const char *text, uint32_t sizes[NET_LAYERS_MAX]);
/* One output is a sigmoid, several are a softmax; both with the cross-entropy. Weights are zero. */
void net_shape(struct net *n, uint32_t inputs, const uint32_t *hidden, uint32_t n_hidden,
               uint32_t outputs, Backpropagation__Activation activation);
void net_draw(struct net *n, struct random *random); /* Glorot, Bengio 2010, uniform; biases 0. */

/* Index of a weight, or with from == sizes[layer - 1] of the bias; units count from 0. */
uint32_t net_weight(const struct net *n, uint32_t layer, uint32_t to, uint32_t from);
uint32_t net_products(const struct net *n, uint32_t layer); /* Of a pass through a layer. */

/* What product k of a pass is made of. */
struct product {
    uint32_t to;
    uint32_t from;
    double a;
    double b;
    double sum; /* That it went into, so far. */
};

/* Products from `begin` to before `end`, and what follows when a sum is complete. Forward and
 * gradient go unit by unit of the layer, back by those of the layer below. */
void net_forward(struct net *n, uint32_t layer, uint32_t begin, uint32_t end);
double net_loss(struct net *n, uint32_t label, bool *right); /* And the blame of the last layer. */
void net_gradient(struct net *n, uint32_t layer, uint32_t begin, uint32_t end);
void net_back(struct net *n, uint32_t layer, uint32_t begin, uint32_t end); /* To layer - 1. */
struct product net_product(const struct net *n, Backpropagation__Phase phase, uint32_t layer,
                           uint32_t k);

/* An example whole: forward, loss. */
double net_try(struct net *n, const double *inputs, uint32_t label, bool *right);
/* And back, into sums, down to but without layer `cut`. */
void net_learn(struct net *n, uint32_t cut);

/* Outputs of the layer at which its activation is flat. */
uint32_t net_flat(const struct net *n, uint32_t layer);

#endif
