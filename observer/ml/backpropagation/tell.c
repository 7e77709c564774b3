#include "ml/backpropagation/tell.h"

#include "base/check.h"

#include <math.h>
#include <string.h>

static const double nudge_by = 1e-5;

/* protobuf-c's lists are not const; packing only reads them. */
static double *list(const double *from)
{
    return (double *)(uintptr_t)from;
}

static void *lend(struct out *out, size_t size)
{
    void *p = out_alloc(out, size ? size : 1);
    CHECK(p);
    return p;
}

static uint32_t *sizes(const struct net *n)
{
    return (uint32_t *)(uintptr_t)n->sizes;
}

static void fill_network(Backpropagation__Network *m, const struct trainer *t, uint64_t seed,
                         struct out *out)
{
    const struct data *d = &t->data;
    bool plane = d->inputs == 2;
    m->seed = seed;
    m->data = d->kind;
    m->activation = t->net.activation;
    m->n_sizes = t->net.n_layers + 1;
    m->sizes = sizes(&t->net);
    m->n_weights = t->net.n_weights;
    m->weights = list(t->net.weights);
    m->n_labels = plane ? d->n : 0;
    m->labels = (uint32_t *)(uintptr_t)d->labels;
    m->n_points = 2 * m->n_labels;
    m->points = lend(out, m->n_points * sizeof(double));
    for (uint32_t i = 0; i < m->n_labels; i++) {
        m->points[2 * i] = d->xy[i][0];
        m->points[2 * i + 1] = d->xy[i][1];
    }
}

void tell_network(const struct trainer *t, uint64_t seed, struct out *out)
{
    Backpropagation__Network m = BACKPROPAGATION__NETWORK__INIT;
    fill_network(&m, t, seed, out);
    out_trace(out, &m.base);
}

void tell_example(const struct trainer *t, struct out *out)
{
    Backpropagation__Example m = BACKPROPAGATION__EXAMPLE__INIT;
    m.step = t->step;
    m.place = t->place;
    m.index = t->index;
    m.label = t->data.labels[t->index];
    m.n_inputs = t->net.sizes[0];
    m.inputs = list(t->net.outputs[0]);
    out_trace(out, &m.base);
}

void tell_multiply(const struct trainer *t, Backpropagation__Phase phase, uint32_t layer,
                   uint32_t k, struct out *out)
{
    struct product p = net_product(&t->net, phase, layer, k);
    Backpropagation__Multiply m = BACKPROPAGATION__MULTIPLY__INIT;
    m.step = t->step;
    m.layer = layer;
    m.phase = phase;
    m.to = p.to + 1;
    m.from = p.from + 1;
    m.a = p.a;
    m.b = p.b;
    m.product = p.a * p.b;
    m.sum = p.sum;
    out_trace(out, &m.base);
}

void tell_phase(const struct trainer *t, Backpropagation__Phase phase, uint32_t layer,
                struct out *out)
{
    const struct net *n = &t->net;
    Backpropagation__Layer m = BACKPROPAGATION__LAYER__INIT;
    uint32_t at = phase == BACKPROPAGATION__PHASE__BACK ? layer - 1 : layer;
    m.step = t->step;
    m.layer = at;
    m.phase = phase;
    m.n_values = n->sizes[at];
    if (phase == BACKPROPAGATION__PHASE__FORWARD) {
        m.values = list(n->outputs[at]);
        m.n_sums = n->sizes[at];
        m.sums = list(n->z[at]);
    } else {
        m.values = list(n->blame[at]);
        m.n_sums = phase == BACKPROPAGATION__PHASE__GRADIENT && n->n_weights <= TELL_WEIGHTS_MAX
                       ? net_products(n, at) + n->sizes[at]
                       : 0;
        m.sums = list(n->sums + n->offsets[at]);
    }
    out_trace(out, &m.base);
}

void tell_loss(const struct trainer *t, double loss, bool right, struct out *out)
{
    uint32_t last = t->net.n_layers;
    Backpropagation__Loss m = BACKPROPAGATION__LOSS__INIT;
    m.step = t->step;
    m.label = t->data.labels[t->index];
    m.loss = loss;
    m.right = right;
    m.n_outputs = t->net.sizes[last];
    m.outputs = list(t->net.outputs[last]);
    out_trace(out, &m.base);
}

void tell_batch(struct trainer *t, struct net *scratch, struct out *out)
{
    const struct net *n = &t->net;
    uint32_t in = n->sizes[0];
    Backpropagation__Batch m = BACKPROPAGATION__BATCH__INIT;
    trainer_mean(t);
    m.step = t->step;
    m.n_sizes = n->n_layers + 1;
    m.sizes = sizes(n);
    m.activation = n->activation;
    m.cut = t->cut;
    m.n_weights = m.n_gradient = n->n_weights;
    m.weights = list(n->weights);
    m.gradient = list(t->gradient);
    m.n_labels = t->batch;
    m.labels = lend(out, t->batch * sizeof *m.labels);
    m.n_inputs = (size_t)in * t->batch;
    m.inputs = lend(out, m.n_inputs * sizeof *m.inputs);
    for (uint32_t p = 0; p < t->batch; p++) {
        uint32_t i = trainer_index(t, t->step, p);
        m.labels[p] = t->data.labels[i];
        data_inputs(&t->data, i, m.inputs + (size_t)p * in);
    }
    m.loss = t->loss / t->batch;
    m.set_loss = trainer_set_loss(t, scratch, &m.set_accuracy);
    out_trace(out, &m.base);
}

static double mean_square_root(const double *v, uint32_t n)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += v[i] * v[i];
    return sqrt(sum / n);
}

void tell_step(const struct trainer *t, uint32_t untold, struct out *out)
{
    const struct net *n = &t->net;
    Backpropagation__Step m = BACKPROPAGATION__STEP__INIT;
    Backpropagation__LayerHealth health[NET_LAYERS_MAX], *layers[NET_LAYERS_MAX];
    m.step = t->step - 1; /* The one that has just been made. */
    m.loss = t->last_loss;
    m.accuracy = t->last_accuracy;
    m.untold = untold;
    m.n_layers = n->n_layers;
    m.layers = layers;
    for (uint32_t l = 1; l <= n->n_layers; l++) {
        Backpropagation__LayerHealth *h = layers[l - 1] = &health[l - 1];
        uint32_t from = n->offsets[l], count = net_products(n, l) + n->sizes[l];
        backpropagation__layer_health__init(h);
        h->gradient = mean_square_root(t->gradient + from, count);
        h->update = mean_square_root(t->added + from, count);
        h->weight = mean_square_root(n->weights + from, count);
        h->saturated = t->saturated[l];
    }
    double last = health[n->n_layers - 1].gradient;
    m.fade = last > 0 ? health[0].gradient / last : 0;
    m.n_weights = m.n_gradient = n->n_weights <= TELL_WEIGHTS_MAX ? n->n_weights : 0;
    m.weights = list(n->weights);
    m.gradient = lend(out, m.n_gradient * sizeof *m.gradient);
    for (uint32_t i = 0; i < m.n_gradient; i++)
        m.gradient[i] = (float)t->gradient[i];
    out_trace(out, &m.base);
}

void tell_broken(const struct trainer *t, struct out *out)
{
    Backpropagation__Broken m = BACKPROPAGATION__BROKEN__INIT;
    m.step = t->step;
    m.layer = t->layer;
    m.loss = t->last_loss;
    out_trace(out, &m.base);
}

/* Mean loss of the batch under way. */
static double batch_loss(const struct trainer *t, struct net *n, bool learn)
{
    double inputs[NET_UNITS_MAX], sum = 0;
    for (uint32_t p = 0; p < t->batch; p++) {
        uint32_t i = trainer_index(t, t->step, p);
        bool right;
        data_inputs(&t->data, i, inputs);
        sum += net_try(n, inputs, t->data.labels[i], &right);
        if (learn)
            net_learn(n, t->cut);
    }
    return sum / t->batch;
}

void tell_nudge(const struct trainer *t, struct net *scratch, uint32_t layer, uint32_t to,
                uint32_t from, struct out *out)
{
    Backpropagation__Nudge m = BACKPROPAGATION__NUDGE__INIT;
    *scratch = t->net;
    memset(scratch->sums, 0, sizeof scratch->sums);
    uint32_t w = net_weight(scratch, layer, to - 1, from ? from - 1 : scratch->sizes[layer - 1]);
    (void)batch_loss(t, scratch, true);
    m.step = t->step;
    m.layer = layer;
    m.to = to;
    m.from = from;
    m.weight = t->net.weights[w];
    m.by = nudge_by;
    m.gradient = scratch->sums[w] / t->batch;
    scratch->weights[w] = m.weight - nudge_by;
    m.loss_less = batch_loss(t, scratch, false);
    scratch->weights[w] = m.weight + nudge_by;
    m.loss_more = batch_loss(t, scratch, false);
    m.slope = (m.loss_more - m.loss_less) / (2 * nudge_by);
    out_trace(out, &m.base);
}

static void fill_values(Backpropagation__View *m, const struct net *n, struct out *out)
{
    m->values = lend(out, (size_t)n->n_layers * NET_UNITS_MAX * 3 * sizeof(double));
    for (uint32_t l = 1; l <= n->n_layers; l++)
        for (uint32_t i = 0; i < n->sizes[l]; i++) {
            m->values[m->n_values++] = n->z[l][i];
            m->values[m->n_values++] = n->outputs[l][i];
            m->values[m->n_values++] = n->blame[l][i];
        }
}

void tell_view(const struct trainer *t, uint64_t seed, struct out *out)
{
    Backpropagation__View m = BACKPROPAGATION__VIEW__INIT;
    Backpropagation__Network network = BACKPROPAGATION__NETWORK__INIT;
    fill_network(&network, t, seed, out);
    m.network = &network;
    m.step = t->step;
    m.place = t->place;
    m.phase = t->phase;
    m.layer = t->layer;
    m.next = t->next;
    m.index = t->index;
    fill_values(&m, &t->net, out);
    m.n_sums = m.n_gradient = m.n_first = m.n_second = t->net.n_weights;
    m.sums = list(t->net.sums);
    m.gradient = list(t->gradient);
    m.first = list(t->optimizer.first);
    m.second = list(t->optimizer.second);
    m.updates = t->optimizer.updates;
    m.loss = t->loss;
    m.right = t->right;
    m.n_flat = t->net.n_layers;
    m.flat = (uint32_t *)(uintptr_t)(t->flat + 1);
    m.broken = t->broken;
    m.rate = t->rate;
    m.cut = t->cut;
    m.last_loss = t->last_loss;
    out_view(out, &m.base);
}
