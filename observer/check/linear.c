#include "check/linear.h"

#include "base/check.h"
#include "base/must.h"

#include <stdlib.h>
#include <string.h>

/* At least so much past is kept: a counter-example that begins earlier is easier to follow. */
enum { PAST_MIN = 32 };

void linear_init(struct linear *l, struct history *h, bool owns)
{
    *l = (struct linear){
        .history = h, .owns = owns, .rows_max = CONFIGURATIONS_MAX, .progress = PROGRESS_DONE};
}

static void forget_operation(const struct linear *l, struct operation *o)
{
    if (l->owns)
        free(o);
}

static void free_part(struct linear *l, struct part *p)
{
    for (uint32_t i = 0; i < p->past.n; i++)
        forget_operation(l, p->past.all[i]);
    free(p->past.all);
    frontier_free(&p->frontier);
    free(p);
}

void linear_free(struct linear *l)
{
    for (; l->first != l->last; l->first++) {
        struct linear_event *e = &l->queue[l->first & (l->cap - 1)];
        if (!e->completes)
            forget_operation(l, e->operation);
    }
    for (uint32_t key = 0; key < l->n_keys; key++) {
        struct part *p = l->part[key];
        for (uint32_t i = 0; p && i < p->frontier.n_keys; i++)
            l->part[p->frontier.keys[i]] = NULL;
        if (p)
            free_part(l, p);
    }
    free(l->part);
    free(l->place);
    free(l->base);
    free(l->marked);
    operations_free(&l->copies);
    free(l->queue);
    *l = (struct linear){0};
}

static void push(struct linear *l, struct operation *o, bool completes)
{
    CHECK(o->n > 0);
    if (l->last - l->first == l->cap) {
        uint64_t cap = l->cap ? 2 * l->cap : 64;
        struct linear_event *queue = must_alloc(cap, sizeof *queue);
        for (uint64_t i = l->first; i != l->last; i++)
            queue[i & (cap - 1)] = l->queue[i & (l->cap - 1)];
        free(l->queue);
        l->queue = queue;
        l->cap = cap;
    }
    l->queue[l->last++ & (l->cap - 1)] = (struct linear_event){o, completes};
}

void linear_invoke(struct linear *l, struct operation *o)
{
    push(l, o, false);
}

void linear_complete(struct linear *l, struct operation *o)
{
    CHECK(o->fate == FATE_OK);
    push(l, o, true);
}

/* --- parts --- */

/* The frontiers look into the places. */
static void point_places(struct linear *l)
{
    for (uint32_t key = 0; key < l->n_keys; key++)
        if (l->part[key])
            l->part[key]->frontier.place = l->place;
}

static struct part *new_part(struct linear *l, uint32_t key, uint32_t value)
{
    struct part *p = must_alloc(1, sizeof *p);
    frontier_init(&p->frontier, &l->history->datatype, l->place);
    frontier_add_key(&p->frontier, key, value);
    p->frontier.rows_max = l->rows_max;
    l->part[key] = p;
    l->place[key] = 0;
    l->base[key] = l->marked[key] = value;
    return p;
}

uint32_t linear_base(const struct linear *l, uint32_t key)
{
    return key < l->n_keys && l->part[key] ? l->base[key] : l->history->initial;
}

static struct part *part_of(struct linear *l, uint32_t key)
{
    if (key >= l->n_keys) {
        uint32_t n = key + 1 > 2 * l->n_keys ? key + 1 : 2 * l->n_keys;
        l->part = must_grow(l->part, l->n_keys, n, sizeof(struct part *));
        l->place = must_grow(l->place, l->n_keys, n, sizeof *l->place);
        l->base = must_grow(l->base, l->n_keys, n, sizeof *l->base);
        l->marked = must_grow(l->marked, l->n_keys, n, sizeof *l->marked);
        l->n_keys = n;
        point_places(l);
    }
    return l->part[key] ? l->part[key] : new_part(l, key, l->history->initial);
}

static enum progress join(struct linear *l, struct part *p, struct part *other)
{
    uint32_t up = p->frontier.n_keys;
    uint32_t n = other->frontier.n_keys;
    uint32_t *keys = must_alloc(n, sizeof *keys);
    memcpy(keys, other->frontier.keys, n * sizeof *keys);
    enum progress progress = frontier_join(&p->frontier, &other->frontier);
    if (progress == PROGRESS_DONE) {
        for (uint32_t i = 0; i < n; i++) {
            l->part[keys[i]] = p;
            l->place[keys[i]] += up;
        }
        for (uint32_t i = 0; i < other->past.n; i++)
            operations_add(&p->past, other->past.all[i]);
        p->marked = 0;
        free(other->past.all);
        free(other);
    }
    free(keys);
    return progress;
}

/* Whether something that may still happen ties keys together. */
static bool tied(const struct part *p)
{
    for (uint32_t i = 0; i < 32 * p->frontier.mask_words; i++)
        if (p->frontier.slots[i].operation && p->frontier.slots[i].operation->n > 1)
            return true;
    return false;
}

static bool is_open(const struct frontier *f, const struct operation *o)
{
    for (uint32_t i = 0; i < 32 * f->mask_words; i++)
        if (f->slots[i].operation == o)
            return true;
    return false;
}

/* What was marked when all was quiet last is forgotten, and what came since is marked. What may
 * still happen stays. */
static void forget_marked(struct linear *l, struct part *p)
{
    struct frontier *f = &p->frontier;
    struct operations past = p->past;
    struct operations open = {0};
    p->past = (struct operations){0};
    for (uint32_t i = 0; i < past.n; i++) {
        if (i < p->marked)
            forget_operation(l, past.all[i]);
        else
            operations_add(is_open(f, past.all[i]) ? &open : &p->past, past.all[i]);
    }
    p->marked = p->past.n;
    for (uint32_t i = 0; i < open.n; i++)
        operations_add(&p->past, open.all[i]);
    for (uint32_t i = 0; i < f->n_keys; i++) {
        l->base[f->keys[i]] = l->marked[f->keys[i]];
        l->marked[f->keys[i]] = frontier_value(f, f->keys[i]);
    }
    free(past.all);
    free(open.all);
}

/* Nothing ties the keys together any more, and the state is known: they go their own ways. */
static void part_keys(struct linear *l, struct part *p)
{
    struct frontier *f = &p->frontier;
    for (uint32_t i = 0; i < f->n_keys; i++)
        new_part(l, f->keys[i], frontier_value(f, f->keys[i]))->frontier.cut = f->cut;
    for (uint32_t i = 0; i < p->past.n; i++) {
        struct operation *o = p->past.all[i];
        if (!is_open(f, o)) {
            forget_operation(l, o);
            continue;
        }
        struct part *to = l->part[o->actions[0].key];
        operations_add(&to->past, o);
        CHECK(frontier_invoke(&to->frontier, o) == PROGRESS_DONE);
    }
    p->past.n = 0;
    free_part(l, p);
}

static void rest(struct linear *l, struct part *p)
{
    if (p->frontier.n_keys > 1 && !tied(p))
        part_keys(l, p);
    else if (p->past.n - p->marked >= PAST_MIN + 2 * p->frontier.n_open)
        forget_marked(l, p);
}

/* --- events --- */

static enum progress invoke(struct linear *l, struct operation *o)
{
    enum progress progress = PROGRESS_DONE;
    struct part *p = part_of(l, o->actions[0].key);
    for (uint32_t i = 1; i < o->n && progress == PROGRESS_DONE; i++) {
        struct part *other = part_of(l, o->actions[i].key);
        if (other != p)
            progress = join(l, p, other);
    }
    operations_add(&p->past, o);
    return progress == PROGRESS_DONE ? frontier_invoke(&p->frontier, o) : progress;
}

/* A completion, begun or gone on with. */
static enum progress complete(struct linear *l, struct operation *o, uint64_t *steps)
{
    if (!l->busy) {
        l->busy = l->part[o->actions[0].key];
        frontier_complete(&l->busy->frontier, o);
    }
    struct part *p = l->busy;
    enum progress progress = frontier_work(&p->frontier, steps);
    if (progress == PROGRESS_MORE)
        return progress;
    l->busy = NULL;
    l->judged++;
    if (progress == PROGRESS_REFUTED)
        l->refuted = o;
    else if (progress == PROGRESS_DONE && frontier_quiet(&p->frontier))
        rest(l, p);
    return progress;
}

enum progress linear_run(struct linear *l, uint64_t *steps)
{
    if (l->progress == PROGRESS_REFUTED || l->progress == PROGRESS_TOO_MANY)
        return l->progress;
    l->progress = PROGRESS_DONE;
    while (l->first != l->last) {
        struct linear_event e = l->queue[l->first & (l->cap - 1)];
        if (e.operation->fate == FATE_OPEN)
            break;
        if (*steps == 0) {
            l->progress = PROGRESS_MORE;
            break;
        }
        --*steps;
        bool judged = e.operation->fate != FATE_DROPPED && e.operation->n > 0;
        if (judged && e.completes)
            l->progress = complete(l, e.operation, steps);
        else if (judged)
            l->progress = invoke(l, e.operation);
        if (l->progress == PROGRESS_MORE)
            break;
        l->first++;
        if (!judged && !e.completes && e.operation->fate == FATE_DROPPED)
            forget_operation(l, e.operation);
        if (l->progress != PROGRESS_DONE)
            break;
    }
    return l->progress;
}
