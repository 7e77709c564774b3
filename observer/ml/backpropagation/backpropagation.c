#include "ml/backpropagation/backpropagation.h"

#include "base/check.h"
#include "ml/backpropagation/tell.h"
#include "schema_backpropagation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HAND_MAX = 250,      /* Products that one order may ask for: effects are bounded. */
    FINE_BURST_MAX = 32, /* Grains of a tick, finer than a step. */
    BURST_MAX = 2000,
    BATCH_MAX = 64,
    HIDDEN_TEXT_MAX = 32,
};

struct module {
    Backpropagation__Settings settings; /* Its text is `hidden`. */
    char hidden[HIDDEN_TEXT_MAX];
    Backpropagation__Flaw flaws[8];
    uint64_t seed;
    bool started;
    nsec next_tick;
    uint32_t untold; /* Steps since the last that was told. */
    bool told_broken;
    struct trainer trainer;
    struct net scratch;
};

static void module_defaults(ProtobufCMessage *settings)
{
    static char hidden[] = "4,4";
    Backpropagation__Settings *s = (Backpropagation__Settings *)settings;
    s->data = BACKPROPAGATION__DATA__MOONS;
    s->points = 200;
    s->noise = 0.1;
    s->hidden = hidden;
    s->rate = 0.3;
    s->batch = 16;
    s->grain = BACKPROPAGATION__GRAIN__STEP;
    s->every_ms = 50;
    s->burst = 1;
    s->check_every = 20;
}

static bool within(const char *name, double value, double least, double most, char *why,
                   size_t size)
{
    if (value >= least && value <= most)
        return true;
    (void)snprintf(why, size, "%s goes from %g to %g", name, least, most);
    return false;
}

static bool module_accept(const ProtobufCMessage *settings, char *why, size_t size)
{
    const Backpropagation__Settings *s = (const Backpropagation__Settings *)settings;
    uint32_t sizes[NET_LAYERS_MAX];
    if (strlen(s->hidden) >= HIDDEN_TEXT_MAX || net_hidden(s->hidden, sizes) < 0) {
        (void)snprintf(why, size,
                       "hidden lists the units of at most %d layers, 1 to %d each: \"4,4\"",
                       NET_LAYERS_MAX - 1, NET_HIDDEN_MAX);
        return false;
    }
    return within("points", s->points, 2, DATA_POINTS_MAX, why, size) &&
           within("noise", s->noise, 0, 2, why, size) &&
           within("rate", s->rate, 0, 1000, why, size) &&
           within("batch", s->batch, 1, BATCH_MAX, why, size) &&
           within("cut", s->cut, 0, NET_LAYERS_MAX, why, size) &&
           within("every_ms", s->every_ms, 1, 60000, why, size) &&
           within("burst", s->burst, 1, BURST_MAX, why, size) &&
           within("check_every", s->check_every, 1, 100000, why, size);
}

/* Settings live only until they change: what is kept is ours. */
static void keep(struct module *m, const Backpropagation__Settings *s)
{
    m->settings = *s;
    CHECK(strlen(s->hidden) < sizeof m->hidden);
    memcpy(m->hidden, s->hidden, strlen(s->hidden) + 1);
    m->settings.hidden = m->hidden;
    CHECK(s->n_flaws <= sizeof m->flaws / sizeof m->flaws[0]);
    if (s->n_flaws)
        memcpy(m->flaws, s->flaws, s->n_flaws * sizeof m->flaws[0]);
    m->settings.flaws = m->flaws;
}

static void module_init(void *core, const struct core_config *config)
{
    struct module *m = core;
    keep(m, (const Backpropagation__Settings *)config->settings);
    m->next_tick = NSEC_NEVER;
}

static void make_network(struct module *m, struct out *out)
{
    memset(&m->trainer, 0, sizeof m->trainer);
    m->untold = 0;
    m->told_broken = false;
    trainer_init(&m->trainer, &m->settings, m->seed);
    tell_network(&m->trainer, m->settings.seed ? m->settings.seed : m->seed, out);
}

/* One phase, or up to `most` products of it; what is finer than a step is told. */
static void one_phase(struct module *m, Backpropagation__Grain grain, bool by_hand, struct out *out)
{
    struct trainer *t = &m->trainer;
    Backpropagation__Phase phase = t->phase;
    uint32_t layer = t->layer, next = t->next;
    bool fine = grain != BACKPROPAGATION__GRAIN__STEP;
    if (fine && phase == BACKPROPAGATION__PHASE__FORWARD && layer == 1 && next == 0)
        tell_example(t, out);
    if (phase == BACKPROPAGATION__PHASE__UPDATE &&
        (by_hand || (t->step - 1) % m->settings.check_every == 0))
        tell_batch(t, &m->scratch, out);
    double before = t->loss;
    uint32_t right = t->right;
    bool over = trainer_go(t, grain == BACKPROPAGATION__GRAIN__MULTIPLY ? 1 : UINT32_MAX);
    if (grain == BACKPROPAGATION__GRAIN__MULTIPLY && phase != BACKPROPAGATION__PHASE__LOSS &&
        phase != BACKPROPAGATION__PHASE__UPDATE)
        tell_multiply(t, phase, layer, next, out);
    if (fine && over && phase == BACKPROPAGATION__PHASE__LOSS)
        tell_loss(t, t->loss - before, t->right > right, out);
    else if (fine && over && phase != BACKPROPAGATION__PHASE__UPDATE)
        tell_phase(t, phase, layer, out);
}

/* Whether a grain ends where the cursor is now. */
static bool grain_over(const struct trainer *t, Backpropagation__Grain grain, uint64_t step,
                       uint32_t place)
{
    switch (grain) {
    case BACKPROPAGATION__GRAIN__EXAMPLE: /* The update goes with the last of the batch. */
        return t->step != step || (t->place != place && t->phase != BACKPROPAGATION__PHASE__UPDATE);
    case BACKPROPAGATION__GRAIN__STEP:
        return t->step != step;
    default:
        return true;
    }
}

static void go(struct module *m, Backpropagation__Grain grain, uint32_t count, bool by_hand,
               struct out *out)
{
    struct trainer *t = &m->trainer;
    for (uint32_t i = 0; i < count && !t->broken; i++) {
        uint64_t step = t->step;
        uint32_t place = t->place;
        do
            one_phase(m, grain, by_hand, out);
        while (!t->broken && !grain_over(t, grain, step, place));
        if (t->step == step)
            continue;
        bool last = i + 1 == count || grain != BACKPROPAGATION__GRAIN__STEP || t->broken;
        if (last)
            tell_step(t, m->untold, out);
        m->untold = last ? 0 : m->untold + 1;
    }
    if (t->broken && !m->told_broken) {
        m->told_broken = true;
        tell_broken(t, out);
    }
}

static nsec every(const struct module *m)
{
    return m->settings.every_ms * NSEC_PER_MS;
}

static void tick(struct module *m, nsec now, struct out *out)
{
    const Backpropagation__Settings *s = &m->settings;
    bool fine = s->grain != BACKPROPAGATION__GRAIN__STEP;
    go(m, s->grain, fine && s->burst > FINE_BURST_MAX ? FINE_BURST_MAX : s->burst, false, out);
    m->next_tick = m->trainer.broken ? NSEC_NEVER : now + every(m);
}

static void take_settings(struct module *m, const Backpropagation__Settings *s, nsec now,
                          struct out *out)
{
    bool other = trainer_differs(&m->settings, s);
    keep(m, s);
    if (other)
        make_network(m, out);
    else
        trainer_tune(&m->trainer, &m->settings);
    m->next_tick = m->trainer.broken ? NSEC_NEVER : now + every(m);
}

static uint32_t word_number(const struct input *in, uint32_t i, uint32_t otherwise)
{
    char text[12];
    if (i >= in->order.n || in->order.words[i].len >= sizeof text)
        return otherwise;
    memcpy(text, in->order.words[i].base, in->order.words[i].len);
    text[in->order.words[i].len] = 0;
    char *end;
    unsigned long v = strtoul(text, &end, 10);
    return end == text || *end || v > UINT32_MAX ? otherwise : (uint32_t)v;
}

static void nudge(struct module *m, const struct input *in, struct out *out)
{
    const struct net *n = &m->trainer.net;
    uint32_t layer = word_number(in, 0, 1), to = word_number(in, 1, 1);
    uint32_t from = word_number(in, 2, 1);
    /* What names no weight is not worth an event; the order itself is one. */
    if (layer >= 1 && layer <= n->n_layers && to >= 1 && to <= n->sizes[layer] &&
        from <= n->sizes[layer - 1])
        tell_nudge(&m->trainer, &m->scratch, layer, to, from, out);
}

static const char *const orders[] = {"multiply", "phase", "example", "step", "nudge", NULL};

static void take_order(struct module *m, const struct input *in, struct out *out)
{
    for (uint32_t i = 0; orders[i]; i++) {
        if (!bytes_equal(in->order.verb, bytes_str(orders[i])))
            continue;
        Backpropagation__Grain grain = (Backpropagation__Grain)i;
        uint32_t most = grain == BACKPROPAGATION__GRAIN__MULTIPLY ? HAND_MAX
                        : grain == BACKPROPAGATION__GRAIN__STEP   ? BURST_MAX
                                                                  : FINE_BURST_MAX;
        uint32_t count = word_number(in, 0, 1);
        if (grain > BACKPROPAGATION__GRAIN__STEP)
            nudge(m, in, out);
        else
            go(m, grain, count < most ? count : most, count == 1, out);
    }
}

static void module_step(void *core, const struct input *in, struct out *out)
{
    struct module *m = core;
    switch (in->kind) {
    case INPUT_START:
        m->started = true;
        m->seed = 1 + out_random(out, UINT32_MAX);
        make_network(m, out);
        m->next_tick = in->now + every(m);
        break;
    case INPUT_WAKE:
        tick(m, in->now, out);
        break;
    case INPUT_SETTINGS:
        take_settings(m, (const Backpropagation__Settings *)in->settings, in->now, out);
        break;
    case INPUT_ORDER:
        take_order(m, in, out);
        break;
    default:
        break; /* It has no peers, disk or clients. */
    }
}

static nsec module_deadline(const void *core)
{
    return ((const struct module *)core)->next_tick;
}

static void module_view(const void *core, struct out *out)
{
    const struct module *m = core;
    if (m->started)
        tell_view(&m->trainer, m->settings.seed ? m->settings.seed : m->seed, out);
}

static void module_check(const void *core)
{
    const struct trainer *t = &((const struct module *)core)->trainer;
    if (!((const struct module *)core)->started)
        return;
    CHECK(t->layer >= 1 && t->layer <= t->net.n_layers);
    CHECK(t->index < t->data.n);
    CHECK(t->place <= t->batch);
}

static const ProtobufCMessageDescriptor *const traces[] = {
    &backpropagation__network__descriptor, &backpropagation__multiply__descriptor,
    &backpropagation__example__descriptor, &backpropagation__layer__descriptor,
    &backpropagation__loss__descriptor,    &backpropagation__step__descriptor,
    &backpropagation__nudge__descriptor,   &backpropagation__batch__descriptor,
    &backpropagation__broken__descriptor,  NULL,
};

const struct core_ops backpropagation_ops = {
    .name = "backpropagation",
    .summary = "a small network that learns: values forward, gradients back",
    .usual_nodes = 1,
    .size = sizeof(struct module),
    .settings = &backpropagation__settings__descriptor,
    .view_type = &backpropagation__view__descriptor,
    .traces = traces,
    .orders = orders,
    .schema = schema_backpropagation,
    .defaults = module_defaults,
    .accept = module_accept,
    .init = module_init,
    .step = module_step,
    .deadline = module_deadline,
    .view = module_view,
    .check = module_check,
};
