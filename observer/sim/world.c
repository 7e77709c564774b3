#include "sim/inner.h"

#include "base/check.h"
#include "core/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What simulated wall clocks count from: 2025-01-01, so that times look like times. */
static const int64_t wall_epoch_ns = INT64_C(1735689600000000000);
static const nsec watermark_step = 10 * NSEC_PER_MS;
static const size_t pool_sizes[4] = {64, 256, 1600, 8192};

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

struct random concern_random(const struct world *w, enum concern concern, uint64_t which)
{
    return random_split(w->options.seed, (uint64_t)concern << 56 | which);
}

void happenings_push(struct happenings *q, struct happening *h)
{
    h->next = NULL;
    if (q->last)
        q->last->next = h;
    else
        q->first = h;
    q->last = h;
    q->n++;
}

struct happening *happenings_pop(struct happenings *q)
{
    struct happening *h = q->first;
    if (!h)
        return NULL;
    q->first = h->next;
    if (!q->first)
        q->last = NULL;
    q->n--;
    h->next = NULL;
    return h;
}

void happenings_clear(struct world *w, struct happenings *q)
{
    for (struct happening *h; (h = happenings_pop(q));)
        happening_free(w, h);
}

struct happening *happening_new(struct world *w, void (*run)(struct world *, struct happening *),
                                size_t len)
{
    uint8_t c = 0;
    while (c < 4 && pool_sizes[c] < len)
        c++;
    struct happening *h;
    if (c < 4 && w->pool[c]) {
        h = w->pool[c];
        w->pool[c] = h->next;
    } else {
        h = must(malloc(sizeof *h + (c < 4 ? pool_sizes[c] : len)));
    }
    memset(h, 0, sizeof *h);
    h->run = run;
    h->len = (uint32_t)len;
    h->size_class = c;
    return h;
}

void happening_free(struct world *w, struct happening *h)
{
    if (h->size_class >= 4) {
        free(h);
        return;
    }
    h->next = w->pool[h->size_class];
    w->pool[h->size_class] = h;
}

void happening_at(struct world *w, nsec at, struct happening *h)
{
    heap_push(&w->heap, at < w->now ? w->now : at, h);
}

void world_defaults(struct world_options *o)
{
    *o = (struct world_options){
        .nodes = 3,
        .seed = 1,
        .latency = 100 * 1000,
        .latency_spread = 20 * 1000,
        .write_ns = 20 * 1000,
        .sync_ns = 500 * 1000,
        .sync_spread = 300 * 1000,
        .boot_ns = 5 * NSEC_PER_MS,
        .clients = 2,
        .pipeline = 4,
        .keys = 16,
        .value_max = 64,
        .think_ns = 100 * NSEC_PER_MS,
    };
}

/* Copies the instances, whose KEY=VALUE become pairs. */
static bool copy_instances(struct world *w, char *why, size_t why_size)
{
    const struct world_options *o = &w->options;
    size_t pairs = 0;
    for (size_t i = 0; i < o->n_instances; i++)
        pairs += o->instances[i].n_settings;
    w->instances = must(calloc(o->n_instances ? o->n_instances : 1, sizeof *w->instances));
    w->settings = must(calloc(pairs ? pairs : 1, sizeof *w->settings));
    w->setting_pointers = must(calloc(pairs ? pairs : 1, sizeof *w->setting_pointers));
    size_t at = 0;
    for (size_t i = 0; i < o->n_instances; i++) {
        const struct cluster_instance *from = &o->instances[i];
        struct host_instance *into = &w->instances[i];
        into->number = (uint32_t)i + 1;
        into->ops = registry_find(from->protocol);
        if (!into->ops) {
            snprintf(why, why_size, "there is no protocol called %s", from->protocol);
            return false;
        }
        into->settings = w->setting_pointers + at;
        into->n_settings = from->n_settings;
        for (size_t k = 0; k < from->n_settings; k++, at++) {
            char *text = must(strdup(from->settings[k]));
            char *equals = strchr(text, '=');
            orrery__key_value__init(&w->settings[at]);
            w->settings[at].key = text;
            w->setting_pointers[at] = &w->settings[at];
            w->n_settings++;
            if (!equals) {
                snprintf(why, why_size, "a setting is KEY=VALUE, not %s", from->settings[k]);
                return false;
            }
            *equals = 0;
            w->settings[at].value = equals + 1;
        }
        char **flaws = must(calloc(from->n_flaws ? from->n_flaws : 1, sizeof *flaws));
        for (size_t k = 0; k < from->n_flaws; k++)
            flaws[k] = must(strdup(from->flaws[k]));
        into->flaws = (const char *const *)flaws;
        into->n_flaws = from->n_flaws;
    }
    return true;
}

static void free_instances(struct world *w)
{
    for (size_t i = 0; w->instances && i < w->options.n_instances; i++) {
        for (size_t k = 0; k < w->instances[i].n_flaws; k++)
            free((void *)(uintptr_t)w->instances[i].flaws[k]);
        free((void *)(uintptr_t)w->instances[i].flaws);
    }
    for (size_t k = 0; k < w->n_settings; k++)
        free(w->settings[k].key);
    free(w->instances);
    free(w->settings);
    free(w->setting_pointers);
}

/* Settings and flaws that no host takes are refused at once, not at the first spawn. */
static bool try_host(const struct world *w, char *why, size_t why_size)
{
    node_id self = 1;
    struct host_config config = {
        .self = 1,
        .name = "n1",
        .boot = 1,
        .members = &self,
        .n_members = 1,
        .instances = w->instances,
        .n_instances = (uint32_t)w->options.n_instances,
        .level = w->options.level,
    };
    struct host *h = host_new(&config, &node_io, NULL, why, why_size);
    if (!h)
        return false;
    host_free(h);
    return true;
}

struct world *world_new(const struct world_options *options, const struct cluster_sink *sink,
                        void *sink_ctx, char *why, size_t why_size)
{
    CHECK(options->n_instances > 0 && options->n_instances <= INSTANCES_MAX);
    if (options->nodes < 1 || options->nodes > WORLD_NODES_MAX) {
        snprintf(why, why_size, "a simulated cluster has 1 to %d nodes", WORLD_NODES_MAX);
        return NULL;
    }
    struct world *w = must(calloc(1, sizeof *w));
    w->options = *options;
    w->sink = *sink;
    w->sink_ctx = sink_ctx;
    w->pace = 1;
    struct random secret = concern_random(w, CONCERN_SECRET, 0);
    for (size_t i = 0; i < sizeof w->secret; i++)
        w->secret[i] = (uint8_t)random_below(&secret, 256);
    if (!copy_instances(w, why, why_size) || !try_host(w, why, why_size)) {
        world_free(w);
        return NULL;
    }
    w->options.instances = NULL;
    clients_init(w);
    for (uint32_t i = 0; i < options->nodes; i++)
        node_add(w);
    for (uint32_t i = 0; i < w->n_nodes; i++)
        node_spawn(w->nodes[i], 0);
    return w;
}

void world_free(struct world *w)
{
    for (uint32_t i = 0; i < w->n_nodes; i++)
        node_free(w->nodes[i]);
    for (struct heap_item item; heap_pop(&w->heap, &item);)
        happening_free(w, item.what);
    happenings_clear(w, &w->held);
    heap_free(&w->heap);
    clients_free(w);
    for (int c = 0; c < 4; c++)
        for (struct happening *h; (h = w->pool[c]);) {
            w->pool[c] = h->next;
            free(h);
        }
    free_instances(w);
    free(w->nodes);
    free(w->members);
    faults_free(&w->faults);
    free(w);
}

/* An input of a paused node waits in its inbox; a socket's buffer has an end, and what is past it
 * the kernel drops without a word. */
static void dispatch(struct world *w, struct happening *h)
{
    struct sim_node *n = world_find(w, h->node);
    if (n && h->boot && (n->boot != h->boot || !n->host)) {
        happening_free(w, h);
        return;
    }
    if (n && h->stalls && n->paused) {
        if (h->datagram && n->inbox.n >= INBOX_MAX)
            happening_free(w, h);
        else
            happenings_push(&n->inbox, h);
        return;
    }
    h->run(w, h);
    happening_free(w, h);
}

static void tell_watermark(struct world *w)
{
    w->watermark = w->now;
    if (w->sink.watermark)
        w->sink.watermark(w->sink_ctx, w->now);
}

void world_run(struct world *w, nsec until)
{
    if (w->pace <= 0)
        until = w->now;
    for (const struct heap_item *top; (top = heap_peek(&w->heap)) && top->key <= until;) {
        struct heap_item item;
        heap_pop(&w->heap, &item);
        CHECK(item.key >= w->now);
        /* All that is older has been told; what happens now may still cause more now. */
        if (item.key >= w->watermark + watermark_step)
            tell_watermark(w);
        w->now = item.key;
        dispatch(w, item.what);
    }
    if (until > w->now)
        w->now = until;
    tell_watermark(w);
}

void world_inbox(struct world *w, struct sim_node *n)
{
    struct happenings waiting = n->inbox;
    n->inbox = (struct happenings){0};
    for (struct happening *h; (h = happenings_pop(&waiting));)
        dispatch(w, h);
}

nsec world_now(const struct world *w)
{
    return w->now;
}

int64_t world_wall(const struct world *w)
{
    return wall_epoch_ns + (int64_t)w->now;
}

double world_pace(const struct world *w)
{
    return w->pace;
}

uint32_t world_nodes(const struct world *w)
{
    return w->n_nodes;
}

uint64_t world_events(const struct world *w)
{
    return w->events;
}

struct sim_node *world_find(const struct world *w, uint32_t node)
{
    return node >= 1 && node <= w->n_nodes ? w->nodes[node - 1] : NULL;
}

bool world_node(const struct world *w, uint32_t node, struct cluster_node *into)
{
    const struct sim_node *n = world_find(w, node);
    if (!n)
        return false;
    *into = (struct cluster_node){
        .node = n->id,
        .state = n->state,
        .boot = n->boot,
        .words = n->words,
    };
    memcpy(into->name, n->name, sizeof into->name);
    return true;
}

uint64_t world_outside(struct world *w, Orrery__Event *event)
{
    event->mono_ns = w->now;
    event->wall_ns = world_wall(w);
    w->events++;
    return w->sink.outside ? w->sink.outside(w->sink_ctx, event) : 0;
}
