#include "ml/backpropagation/trainer.h"

#include "base/check.h"

#include <math.h>
#include <string.h>

enum { STREAM_POINTS = 1, STREAM_WEIGHTS };

/* The example that the cursor has come to. */
static void take_up(struct trainer *t)
{
    t->index = trainer_index(t, t->step, t->place);
    data_inputs(&t->data, t->index, t->net.outputs[0]);
    t->phase = BACKPROPAGATION__PHASE__FORWARD;
    t->layer = 1;
    t->next = 0;
}

static void clear_batch(struct trainer *t)
{
    t->loss = 0;
    t->right = 0;
    memset(t->flat, 0, sizeof t->flat);
}

void trainer_tune(struct trainer *t, const Backpropagation__Settings *s)
{
    uint32_t cut = s->cut < t->net.n_layers ? s->cut : t->net.n_layers;
    bool anew = t->step && (t->batch != s->batch || t->cut != cut);
    t->rate = s->rate;
    t->batch = s->batch;
    t->cut = cut;
    if (anew) { /* A batch is of one kind. */
        memset(t->net.sums, 0, sizeof t->net.sums);
        clear_batch(t);
        t->place = 0;
        take_up(t);
    }
    if (t->optimizer.kind != s->optimizer)
        memset(&t->optimizer, 0, sizeof t->optimizer);
    t->optimizer.kind = s->optimizer;
}

bool trainer_differs(const Backpropagation__Settings *a, const Backpropagation__Settings *b)
{
    return a->data != b->data || a->points != b->points || a->activation != b->activation ||
           a->noise < b->noise || a->noise > b->noise || a->seed != b->seed ||
           strcmp(a->hidden, b->hidden) != 0;
}

static bool has_flaw(const Backpropagation__Settings *s, Backpropagation__Flaw flaw)
{
    for (size_t i = 0; i < s->n_flaws; i++)
        if (s->flaws[i] == flaw)
            return true;
    return false;
}

void trainer_init(struct trainer *t, const Backpropagation__Settings *s, uint64_t seed)
{
    uint32_t hidden[NET_LAYERS_MAX];
    int n_hidden = net_hidden(s->hidden, hidden);
    CHECK(n_hidden >= 0); /* The settings were accepted. */
    struct random points = random_split(s->seed ? s->seed : seed, STREAM_POINTS);
    struct random weights = random_split(s->seed ? s->seed : seed, STREAM_WEIGHTS);
    bool written = s->data == BACKPROPAGATION__DATA__DIGITS;
    uint32_t n = written && s->points > DATA_DIGITS ? DATA_DIGITS : s->points;
    data_make(&t->data, s->data, n, s->noise, &points);
    net_shape(&t->net, t->data.inputs, hidden, (uint32_t)n_hidden, written ? 10 : 1, s->activation);
    if (!has_flaw(s, BACKPROPAGATION__FLAW__ZERO_INIT))
        net_draw(&t->net, &weights);
    t->net.wrong_transpose = has_flaw(s, BACKPROPAGATION__FLAW__WRONG_TRANSPOSE);
    t->never_cleared = has_flaw(s, BACKPROPAGATION__FLAW__NEVER_CLEARED);
    trainer_tune(t, s);
    t->step = 1;
    take_up(t);
}

uint32_t trainer_index(const struct trainer *t, uint64_t step, uint32_t place)
{
    return (uint32_t)(((step - 1) * t->batch + place) % t->data.n);
}

uint32_t trainer_left(const struct trainer *t)
{
    bool products = t->phase == BACKPROPAGATION__PHASE__FORWARD ||
                    t->phase == BACKPROPAGATION__PHASE__GRADIENT ||
                    t->phase == BACKPROPAGATION__PHASE__BACK;
    return products ? net_products(&t->net, t->layer) - t->next : 1;
}

static void next_phase(struct trainer *t, Backpropagation__Phase phase, uint32_t layer)
{
    t->phase = phase;
    t->layer = layer;
    t->next = 0;
}

/* The example is through; or with the last of the batch the weights are next. */
static void end_example(struct trainer *t)
{
    for (uint32_t l = 1; l <= t->net.n_layers; l++)
        t->flat[l] += net_flat(&t->net, l);
    if (++t->place < t->batch)
        take_up(t);
    else
        next_phase(t, BACKPROPAGATION__PHASE__UPDATE, t->net.n_layers);
}

static void loss(struct trainer *t)
{
    bool right;
    double l = net_loss(&t->net, t->data.labels[t->index], &right);
    t->loss += l;
    t->right += right;
    t->broken = t->broken || !isfinite(l);
    if (t->cut >= t->net.n_layers)
        end_example(t);
    else
        next_phase(t, BACKPROPAGATION__PHASE__GRADIENT, t->net.n_layers);
}

void trainer_mean(struct trainer *t)
{
    for (uint32_t i = 0; i < t->net.n_weights; i++)
        t->gradient[i] = t->net.sums[i] / t->batch;
}

static void close_batch(struct trainer *t)
{
    t->last_loss = t->loss / t->batch;
    t->last_accuracy = (double)t->right / t->batch;
    for (uint32_t l = 1; l <= t->net.n_layers; l++)
        t->saturated[l] = (double)t->flat[l] / (t->batch * t->net.sizes[l]);
    clear_batch(t);
}

static void update(struct trainer *t)
{
    struct net *n = &t->net;
    trainer_mean(t);
    optimizer_update(&t->optimizer, t->rate, n->weights, t->gradient, n->n_weights, t->added);
    /* Layers below a cut are not learnt, whatever the optimizer remembers. */
    uint32_t below = t->cut ? n->offsets[t->cut] + net_products(n, t->cut) + n->sizes[t->cut] : 0;
    for (uint32_t i = 0; i < below; i++) {
        n->weights[i] -= t->added[i];
        t->added[i] = 0;
    }
    if (!t->never_cleared)
        memset(n->sums, 0, sizeof n->sums);
    for (uint32_t i = 0; i < n->n_weights; i++)
        t->broken = t->broken || !isfinite(n->weights[i]);
    close_batch(t);
    t->step++;
    t->place = 0;
    take_up(t);
}

static void after(struct trainer *t)
{
    switch (t->phase) {
    case BACKPROPAGATION__PHASE__FORWARD:
        if (t->layer < t->net.n_layers)
            next_phase(t, BACKPROPAGATION__PHASE__FORWARD, t->layer + 1);
        else
            next_phase(t, BACKPROPAGATION__PHASE__LOSS, t->layer);
        break;
    case BACKPROPAGATION__PHASE__GRADIENT:
        if (t->layer > t->cut + 1)
            next_phase(t, BACKPROPAGATION__PHASE__BACK, t->layer);
        else
            end_example(t);
        break;
    default:
        next_phase(t, BACKPROPAGATION__PHASE__GRADIENT, t->layer - 1);
    }
}

bool trainer_go(struct trainer *t, uint32_t most)
{
    uint32_t left = trainer_left(t), end = t->next + (most < left ? most : left);
    if (t->broken)
        return true;
    switch (t->phase) {
    case BACKPROPAGATION__PHASE__FORWARD:
        net_forward(&t->net, t->layer, t->next, end);
        break;
    case BACKPROPAGATION__PHASE__GRADIENT:
        net_gradient(&t->net, t->layer, t->next, end);
        break;
    case BACKPROPAGATION__PHASE__BACK:
        net_back(&t->net, t->layer, t->next, end);
        break;
    case BACKPROPAGATION__PHASE__LOSS:
        loss(t);
        return true;
    default:
        update(t);
        return true;
    }
    t->next = end;
    if (most < left)
        return false;
    after(t);
    return true;
}

double trainer_set_loss(const struct trainer *t, struct net *scratch, double *accuracy)
{
    double inputs[NET_UNITS_MAX], sum = 0;
    uint32_t hits = 0;
    *scratch = t->net;
    for (uint32_t i = 0; i < t->data.n; i++) {
        bool right;
        data_inputs(&t->data, i, inputs);
        sum += net_try(scratch, inputs, t->data.labels[i], &right);
        hits += right;
    }
    *accuracy = (double)hits / t->data.n;
    return sum / t->data.n;
}

/* Values of the layers, one after the other, as a view tells them. */
static void take_values(struct net *n, const double *from)
{
    for (uint32_t l = 1; l <= n->n_layers; l++)
        for (uint32_t i = 0; i < n->sizes[l]; i++) {
            n->z[l][i] = *from++;
            n->outputs[l][i] = *from++;
            n->blame[l][i] = *from++;
        }
}

static size_t count_values(const struct net *n)
{
    size_t count = 0;
    for (uint32_t l = 1; l <= n->n_layers; l++)
        count += 3 * (size_t)n->sizes[l];
    return count;
}

bool trainer_restore(struct trainer *t, const Backpropagation__Settings *s, uint64_t seed,
                     const Backpropagation__View *v)
{
    memset(t, 0, sizeof *t);
    trainer_init(t, s, seed);
    struct net *n = &t->net;
    if (!v->network || v->network->n_weights != n->n_weights || v->n_sums != n->n_weights ||
        v->n_first != n->n_weights || v->n_second != n->n_weights ||
        v->n_gradient != n->n_weights || v->n_values != count_values(n) ||
        v->n_flat != n->n_layers || v->layer < 1 || v->layer > n->n_layers || v->place > t->batch)
        return false;
    size_t size = n->n_weights * sizeof(double);
    memcpy(n->weights, v->network->weights, size);
    memcpy(n->sums, v->sums, size);
    memcpy(t->optimizer.first, v->first, size);
    memcpy(t->optimizer.second, v->second, size);
    memcpy(t->gradient, v->gradient, size);
    take_values(n, v->values);
    for (uint32_t l = 1; l <= n->n_layers; l++)
        t->flat[l] = v->flat[l - 1];
    t->optimizer.updates = v->updates;
    t->step = v->step;
    t->phase = v->phase;
    t->layer = v->layer;
    t->next = v->next;
    t->place = v->place;
    t->loss = v->loss;
    t->right = v->right;
    t->broken = v->broken;
    t->last_loss = v->last_loss;
    t->index = v->index % t->data.n;
    data_inputs(&t->data, t->index, n->outputs[0]);
    return true;
}
