#include "sim/inner.h"

#include "base/check.h"
#include "base/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What simulated wall clocks count from: 2025-01-01, so that times look like times. */
static const int64_t wall_epoch_ns = INT64_C(1735689600000000000);
static const nsec watermark_step = 10 * NSEC_PER_MS;
static const size_t pool_sizes[4] = {64, 256, 1600, 8192};

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
        h = malloc(sizeof *h + (c < 4 ? pool_sizes[c] : len));
        CHECK(h);
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

struct world *world_new(const struct world_options *options, const struct cluster_sink *sink,
                        void *sink_ctx, char *why, size_t why_size)
{
    uint32_t nodes = groups_nodes(options->groups, options->n_groups);
    if (nodes < 1 || nodes > WORLD_NODES_MAX) {
        snprintf(why, why_size, "a simulated cluster has 1 to %d nodes", WORLD_NODES_MAX);
        return NULL;
    }
    struct world *w = must_alloc(1, sizeof *w);
    w->options = *options;
    w->sink = *sink;
    w->sink_ctx = sink_ctx;
    w->pace = 1;
    struct random secret = concern_random(w, CONCERN_SECRET, 0);
    for (size_t i = 0; i < sizeof w->secret; i++)
        w->secret[i] = (uint8_t)random_below(&secret, 256);
    if (!roles_init(w, why, why_size)) {
        world_free(w);
        return NULL;
    }
    clients_init(w);
    for (uint32_t i = 1; i <= nodes; i++)
        node_add(w, groups_of(&w->groups, i));
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
    roles_free(w);
    free(w->nodes);
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
        .group = w->groups.all[n->group].name,
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
