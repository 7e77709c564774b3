#include "ml/backpropagation/net.h"

#include "base/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int net_hidden(const char *text, uint32_t sizes[NET_LAYERS_MAX])
{
    int n = 0;
    for (const char *at = text; *at;) {
        char *end;
        unsigned long units = strtoul(at, &end, 10);
        if (end == at || units < 1 || units > NET_HIDDEN_MAX || n == NET_LAYERS_MAX - 1)
            return -1;
        sizes[n++] = (uint32_t)units;
        if (*end && (*end != ',' || !end[1]))
            return -1;
        at = *end ? end + 1 : end;
    }
    return n;
}

void net_shape(struct net *n, uint32_t inputs, const uint32_t *hidden, uint32_t n_hidden,
               uint32_t outputs, Backpropagation__Activation activation)
{
    CHECK(n_hidden < NET_LAYERS_MAX && inputs <= NET_UNITS_MAX && outputs <= NET_UNITS_MAX);
    memset(n, 0, sizeof *n);
    n->activation = activation;
    n->n_layers = n_hidden + 1;
    n->sizes[0] = inputs;
    for (uint32_t l = 0; l < n_hidden; l++)
        n->sizes[l + 1] = hidden[l];
    n->sizes[n->n_layers] = outputs;
    for (uint32_t l = 1; l <= n->n_layers; l++) {
        n->offsets[l] = n->n_weights;
        n->n_weights += n->sizes[l] * (n->sizes[l - 1] + 1);
    }
    CHECK(n->n_weights <= NET_WEIGHTS_MAX);
}

void net_draw(struct net *n, struct random *random)
{
    for (uint32_t l = 1; l <= n->n_layers; l++) {
        double bound = sqrt(6.0 / (n->sizes[l - 1] + n->sizes[l]));
        double *w = n->weights + n->offsets[l];
        for (uint32_t k = 0; k < net_products(n, l); k++)
            w[k] = (2 * random_unit(random) - 1) * bound;
    }
}

uint32_t net_products(const struct net *n, uint32_t layer)
{
    return n->sizes[layer] * n->sizes[layer - 1];
}

uint32_t net_weight(const struct net *n, uint32_t layer, uint32_t to, uint32_t from)
{
    uint32_t in = n->sizes[layer - 1];
    return n->offsets[layer] + (from < in ? to * in + from : n->sizes[layer] * in + to);
}

static double sigmoid(double z)
{
    return 1 / (1 + exp(-z));
}

static double activate(Backpropagation__Activation f, double z)
{
    switch (f) {
    case BACKPROPAGATION__ACTIVATION__TANH:
        return tanh(z);
    case BACKPROPAGATION__ACTIVATION__SIGMOID:
        return sigmoid(z);
    case BACKPROPAGATION__ACTIVATION__RELU:
        return z > 0 ? z : 0;
    default:
        return z;
    }
}

/* Of z, said by what came out of it. */
static double slope(Backpropagation__Activation f, double out)
{
    switch (f) {
    case BACKPROPAGATION__ACTIVATION__TANH:
        return 1 - out * out;
    case BACKPROPAGATION__ACTIVATION__SIGMOID:
        return out * (1 - out);
    case BACKPROPAGATION__ACTIVATION__RELU:
        return out > 0 ? 1 : 0;
    default:
        return 1;
    }
}

/* The largest is taken out first, so that no power is too large. */
static void softmax(const double *z, double *out, uint32_t n)
{
    double largest = z[0], sum = 0;
    for (uint32_t i = 1; i < n; i++)
        largest = z[i] > largest ? z[i] : largest;
    for (uint32_t i = 0; i < n; i++)
        sum += out[i] = exp(z[i] - largest);
    for (uint32_t i = 0; i < n; i++)
        out[i] /= sum;
}

/* Products come in rows of `length`: where the row of k ends, or the portion does. */
static uint32_t row_end(uint32_t k, uint32_t length, uint32_t end)
{
    uint32_t next = (k / length + 1) * length;
    return next < end ? next : end;
}

void net_forward(struct net *n, uint32_t layer, uint32_t begin, uint32_t end)
{
    uint32_t in = n->sizes[layer - 1], units = n->sizes[layer];
    const double *w = n->weights + n->offsets[layer], *x = n->outputs[layer - 1];
    bool last = layer == n->n_layers;
    for (uint32_t k = begin, stop; k < end; k = stop) {
        uint32_t to = k / in, row = to * in;
        double sum = k == row ? w[units * in + to] : n->z[layer][to];
        stop = row_end(k, in, end);
        for (uint32_t i = k; i < stop; i++)
            sum += w[i] * x[i - row];
        n->z[layer][to] = sum;
        if (stop == row + in)
            n->outputs[layer][to] = last ? sigmoid(sum) : activate(n->activation, sum);
    }
    if (last && units > 1 && end == units * in)
        softmax(n->z[layer], n->outputs[layer], units);
}

double net_loss(struct net *n, uint32_t label, bool *right)
{
    uint32_t l = n->n_layers, units = n->sizes[l];
    const double *z = n->z[l], *out = n->outputs[l];
    double *blame = n->blame[l];
    if (units == 1) { /* -ln of what the right class was given, so that nothing overflows. */
        double toward = label ? z[0] : -z[0];
        blame[0] = out[0] - (label ? 1 : 0);
        *right = toward > 0;
        return toward > 0 ? log1p(exp(-toward)) : log1p(exp(toward)) - toward;
    }
    uint32_t best = 0;
    double sum = 0;
    for (uint32_t i = 0; i < units; i++) {
        best = z[i] > z[best] ? i : best;
        blame[i] = out[i] - (i == label ? 1 : 0);
    }
    for (uint32_t i = 0; i < units; i++)
        sum += exp(z[i] - z[best]);
    *right = best == label;
    return log(sum) + z[best] - z[label];
}

void net_gradient(struct net *n, uint32_t layer, uint32_t begin, uint32_t end)
{
    uint32_t in = n->sizes[layer - 1], units = n->sizes[layer];
    const double *x = n->outputs[layer - 1];
    double *sums = n->sums + n->offsets[layer];
    for (uint32_t k = begin, stop; k < end; k = stop) {
        uint32_t to = k / in, row = to * in;
        double blame = n->blame[layer][to];
        stop = row_end(k, in, end);
        for (uint32_t i = k; i < stop; i++)
            sums[i] += blame * x[i - row];
        if (stop == row + in)
            sums[units * in + to] += blame;
    }
}

/* The weight that carries blame from unit `to` of the layer down to unit `from` of the one below.
 * It is the one that carried the value up; whoever forgets to transpose takes another. */
static uint32_t way_back(const struct net *n, uint32_t layer, uint32_t to, uint32_t from)
{
    uint32_t in = n->sizes[layer - 1], units = n->sizes[layer];
    return n->wrong_transpose ? (from % units) * in + to % in : to * in + from;
}

void net_back(struct net *n, uint32_t layer, uint32_t begin, uint32_t end)
{
    uint32_t units = n->sizes[layer];
    const double *w = n->weights + n->offsets[layer], *above = n->blame[layer];
    double *blame = n->blame[layer - 1];
    for (uint32_t k = begin, stop; k < end; k = stop) {
        uint32_t from = k / units, row = from * units;
        double sum = k == row ? 0 : blame[from];
        stop = row_end(k, units, end);
        for (uint32_t i = k; i < stop; i++)
            sum += w[way_back(n, layer, i - row, from)] * above[i - row];
        blame[from] = sum;
        if (stop == row + units)
            blame[from] *= slope(n->activation, n->outputs[layer - 1][from]);
    }
}

struct product net_product(const struct net *n, Backpropagation__Phase phase, uint32_t layer,
                           uint32_t k)
{
    uint32_t in = n->sizes[layer - 1], units = n->sizes[layer];
    const double *w = n->weights + n->offsets[layer];
    struct product p = {k / in, k % in, 0, 0, 0};
    if (phase == BACKPROPAGATION__PHASE__FORWARD) {
        p.a = w[k];
        p.b = n->outputs[layer - 1][p.from];
        p.sum = n->z[layer][p.to];
    } else if (phase == BACKPROPAGATION__PHASE__GRADIENT) {
        p.a = n->blame[layer][p.to];
        p.b = n->outputs[layer - 1][p.from];
        p.sum = n->sums[n->offsets[layer] + k];
    } else {
        p.from = k / units;
        p.to = k % units;
        p.a = w[way_back(n, layer, p.to, p.from)];
        p.b = n->blame[layer][p.to];
        p.sum = n->blame[layer - 1][p.from];
    }
    return p;
}

double net_try(struct net *n, const double *inputs, uint32_t label, bool *right)
{
    memcpy(n->outputs[0], inputs, n->sizes[0] * sizeof *inputs);
    for (uint32_t l = 1; l <= n->n_layers; l++)
        net_forward(n, l, 0, net_products(n, l));
    return net_loss(n, label, right);
}

void net_learn(struct net *n, uint32_t cut)
{
    for (uint32_t l = n->n_layers; l > cut; l--) {
        net_gradient(n, l, 0, net_products(n, l));
        if (l > cut + 1)
            net_back(n, l, 0, net_products(n, l));
    }
}

uint32_t net_flat(const struct net *n, uint32_t layer)
{
    uint32_t flat = 0;
    bool last = layer == n->n_layers;
    for (uint32_t i = 0; i < n->sizes[layer]; i++) {
        double out = n->outputs[layer][i];
        Backpropagation__Activation f = last ? BACKPROPAGATION__ACTIVATION__SIGMOID : n->activation;
        flat += slope(f, out) < 0.02;
    }
    return flat;
}
