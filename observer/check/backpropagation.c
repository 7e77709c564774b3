/* Whether a network learns as it should, judged from its Batch events alone: the weights, the
 * examples and the gradient that the step was made of. The gradient is compared with finite
 * differences of the loss, and the loss is computed here once more, by code that shares nothing
 * with the module's. */
#include "check/inner.h"

#include "backpropagation.pb-c.h"
#include "base/check.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef Backpropagation__Batch batch;

enum { LAYERS_MAX = 8, UNITS_MAX = 64, EXAMPLES_MAX = 64 };
/* Products that one event may cost: of a large network only every so manieth weight is looked at,
 * another share of them each time. */
static const double work_max = 3e6;

struct learner {    /* A node. */
    uint64_t seen;  /* Batches of this life. */
    uint64_t first; /* Ordinal of the first of this network. */
    uint64_t first_step;
};

struct learning_check {
    struct check *check;
    struct learner *learners; /* By node - 1. */
    uint32_t n;
};

struct learning_check *learning_check_new(struct check *c)
{
    struct learning_check *l = calloc(1, sizeof *l);
    CHECK(l);
    l->check = c;
    return l;
}

void learning_check_free(struct learning_check *l)
{
    free(l->learners);
    free(l);
}

static struct learner *learner_of(struct learning_check *l, uint32_t node)
{
    if (node > l->n) {
        l->learners = realloc(l->learners, node * sizeof *l->learners);
        CHECK(l->learners);
        memset(l->learners + l->n, 0, (node - l->n) * sizeof *l->learners);
        l->n = node;
    }
    return &l->learners[node - 1];
}

/* Events may be anybody's: only what fits together is computed with. */
static bool sound(const batch *b)
{
    size_t weights = 0;
    if (b->n_sizes < 2 || b->n_sizes > LAYERS_MAX + 1 || b->n_labels < 1 ||
        b->n_labels > EXAMPLES_MAX)
        return false;
    for (size_t l = 0; l < b->n_sizes; l++) {
        if (b->sizes[l] < 1 || b->sizes[l] > UNITS_MAX)
            return false;
        weights += l ? (size_t)b->sizes[l] * (b->sizes[l - 1] + 1) : 0;
    }
    uint32_t classes = b->sizes[b->n_sizes - 1] > 1 ? b->sizes[b->n_sizes - 1] : 2;
    for (size_t i = 0; i < b->n_labels; i++)
        if (b->labels[i] >= classes)
            return false;
    for (size_t i = 0; i < b->n_weights; i++)
        if (!isfinite(b->weights[i]))
            return false;
    return b->n_weights == weights && b->n_gradient == weights &&
           b->n_inputs == b->n_labels * b->sizes[0];
}

static double bend(Backpropagation__Activation f, double sum)
{
    switch (f) {
    case BACKPROPAGATION__ACTIVATION__TANH:
        return tanh(sum);
    case BACKPROPAGATION__ACTIVATION__SIGMOID:
        return 1 / (1 + exp(-sum));
    case BACKPROPAGATION__ACTIVATION__RELU:
        return fmax(sum, 0);
    default:
        return sum;
    }
}

/* -ln of the share that the right class is given, from the sums of the last layer. */
static double surprise(const double *sums, uint32_t n, uint32_t label)
{
    double all[UNITS_MAX] = {0}, largest, total = 0;
    uint32_t classes = n > 1 ? n : 2;
    if (n == 1) /* A sigmoid is a softmax against a sum that is always 0. */
        all[1] = sums[0];
    else
        memcpy(all, sums, n * sizeof *sums);
    largest = all[0];
    for (uint32_t i = 1; i < classes; i++)
        largest = fmax(largest, all[i]);
    for (uint32_t i = 0; i < classes; i++)
        total += exp(all[i] - largest);
    return largest + log(total) - all[label];
}

/* Mean loss of the batch with these weights. `bent` is a print of which rectifiers were open: where
 * it changes between two weights, the loss has a corner between them. */
static double loss_of(const batch *b, const double *weights, uint64_t *bent)
{
    double total = 0;
    *bent = 0;
    for (size_t e = 0; e < b->n_labels; e++) {
        double room[2][UNITS_MAX];
        const double *w = weights;
        memcpy(room[0], b->inputs + e * b->sizes[0], b->sizes[0] * sizeof(double));
        for (size_t l = 1; l < b->n_sizes; l++) {
            const double *below = room[(l - 1) % 2];
            double *above = room[l % 2];
            uint32_t in = b->sizes[l - 1], units = b->sizes[l];
            for (uint32_t u = 0; u < units; u++) {
                double sum = 0;
                for (uint32_t i = 0; i < in; i++)
                    sum += w[u * in + i] * below[i];
                sum += w[units * in + u];
                *bent = *bent * 31 + (sum > 0);
                above[u] = l + 1 < b->n_sizes ? bend(b->activation, sum) : sum;
            }
            w += units * (in + 1);
        }
        total += surprise(room[(b->n_sizes - 1) % 2], b->sizes[b->n_sizes - 1], b->labels[e]);
    }
    return total / (double)b->n_labels;
}

enum compared { SAME, DIFFERENT, CORNER };

/* One weight, pushed both ways. A loss that bends sharply wants a small push, a large loss a larger
 * one; any that agrees will do, since none agrees by chance. */
static enum compared compare(const batch *b, double *weights, size_t i, double *slope)
{
    static const double pushes[] = {1e-5, 1e-6, 1e-7};
    bool relu = b->activation == BACKPROPAGATION__ACTIVATION__RELU;
    enum compared result = CORNER;
    double own = weights[i], g = b->gradient[i];
    for (size_t k = 0; k < sizeof pushes / sizeof pushes[0] && result != SAME; k++) {
        uint64_t less, more;
        weights[i] = own + pushes[k];
        double above = loss_of(b, weights, &more);
        weights[i] = own - pushes[k];
        double below = loss_of(b, weights, &less);
        weights[i] = own;
        if (relu && less != more)
            continue;
        double s = (above - below) / (2 * pushes[k]);
        double allowed = 1e-6 * (1 + fabs(g)) + 1e-14 * (1 + above) / pushes[k];
        *slope = result == CORNER ? s : *slope;
        result = fabs(s - g) <= allowed ? SAME : DIFFERENT;
        if (result == SAME)
            *slope = s;
    }
    return result;
}

static size_t layer_of(const batch *b, size_t weight)
{
    size_t l = 1, end = 0;
    for (; l < b->n_sizes; l++) {
        end += (size_t)b->sizes[l] * (b->sizes[l - 1] + 1);
        if (weight < end)
            break;
    }
    return l;
}

static void judge_gradient(struct learning_check *l, const batch *b, uint64_t turn,
                           const struct entry *e)
{
    struct finding *f = check_find(l->check, "backpropagation", "gradient");
    double *weights = malloc(b->n_weights * sizeof *weights);
    CHECK(weights);
    memcpy(weights, b->weights, b->n_weights * sizeof *weights);
    double cost = 2.0 * (double)b->n_weights * (double)b->n_weights * (double)b->n_labels;
    size_t stride = cost > work_max ? (size_t)ceil(cost / work_max) : 1;
    for (size_t i = turn % stride; i < b->n_weights; i += stride) {
        double slope = 0;
        if (layer_of(b, i) <= b->cut)
            continue; /* The user broke the chain above it. */
        enum compared how = compare(b, weights, i, &slope);
        f->judged += how != CORNER;
        if (how == DIFFERENT)
            finding_refute(f, (uint64_t[]){e->ordinal}, 1,
                           "n%u, step %" PRIu64 ": weight %zu, in layer %zu, has the gradient %.6g;"
                           " the loss says %.6g",
                           e->node, b->step, i + 1, layer_of(b, i), b->gradient[i], slope);
    }
    free(weights);
}

static void judge_loss(struct learning_check *l, const batch *b, const struct entry *e)
{
    struct finding *f = check_find(l->check, "backpropagation", "loss");
    uint64_t bent;
    double loss = loss_of(b, b->weights, &bent);
    f->judged++;
    if (fabs(loss - b->loss) > 1e-9 * (1 + loss))
        finding_refute(f, (uint64_t[]){e->ordinal}, 1,
                       "n%u, step %" PRIu64 ": the loss is told as %.9g, and is %.9g", e->node,
                       b->step, b->loss, loss);
}

/* Whether all units of a layer weigh what comes in alike, and are weighed alike above. */
static bool alike(const batch *b, size_t layer)
{
    const double *w = b->weights;
    for (size_t l = 1; l < layer; l++)
        w += (size_t)b->sizes[l] * (b->sizes[l - 1] + 1);
    uint32_t in = b->sizes[layer - 1], units = b->sizes[layer], out = b->sizes[layer + 1];
    const double *above = w + (size_t)units * (in + 1);
    bool same = true;
    for (uint32_t u = 1; same && u < units; u++) {
        same = memcmp(w, w + (size_t)u * in, in * sizeof *w) == 0 &&
               memcmp(w + (size_t)units * in, w + (size_t)units * in + u, sizeof *w) == 0;
        for (uint32_t o = 0; same && o < out; o++)
            same = memcmp(above + (size_t)o * units, above + (size_t)o * units + u, sizeof *w) == 0;
    }
    return same;
}

static void judge_symmetry(struct learning_check *l, const batch *b, const struct learner *who,
                           const struct entry *e)
{
    struct finding *f = check_find(l->check, "backpropagation", "symmetry");
    for (size_t layer = 1; layer + 1 < b->n_sizes; layer++) {
        if (b->sizes[layer] < 2 || b->step <= who->first_step)
            continue;
        f->judged++;
        if (alike(b, layer))
            finding_refute(f, (uint64_t[]){who->first, e->ordinal}, 2,
                           "n%u: after %" PRIu64 " steps the %u units of layer %zu still have the "
                           "very same weights: they learn as one",
                           e->node, b->step - 1, b->sizes[layer], layer);
    }
}

static void judge(struct learning_check *l, const batch *b, const struct entry *e)
{
    struct learner *who = learner_of(l, e->node);
    if (!who->seen || b->step <= who->first_step) { /* Or a network was made anew. */
        who->first = e->ordinal;
        who->first_step = b->step;
    }
    judge_gradient(l, b, who->seen++, e);
    judge_loss(l, b, e);
    judge_symmetry(l, b, who, e);
}

void learning_check_entry(struct learning_check *l, const struct entry *e, enum kind kind)
{
    if (e->node && e->head.body == ORRERY__EVENT__BODY_START &&
        subject_instance(check_subject(l->check, e->node), "backpropagation")) {
        *learner_of(l, e->node) = (struct learner){0};
        (void)check_find(l->check, "backpropagation", "gradient");
        (void)check_find(l->check, "backpropagation", "loss");
        (void)check_find(l->check, "backpropagation", "symmetry");
    }
    if (kind != KIND_BACKPROPAGATION_BATCH)
        return;
    struct bytes body = trace_body(e->head.payload);
    batch *b = backpropagation__batch__unpack(NULL, body.len, body.base);
    if (b && sound(b))
        judge(l, b, e);
    if (b)
        backpropagation__batch__free_unpacked(b, NULL);
}

void learning_check_end(struct learning_check *l)
{
    if (!l->n)
        return;
    finding_proven(check_find(l->check, "backpropagation", "gradient"),
                   "every gradient that was looked at equals its finite difference");
    finding_proven(check_find(l->check, "backpropagation", "loss"),
                   "every loss is that of its weights and examples");
    finding_proven(check_find(l->check, "backpropagation", "symmetry"),
                   "the units of every hidden layer became different ones");
}
