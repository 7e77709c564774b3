/* Whole histories: told to the judge, and made smaller. */
#include "check/linear.h"

#include "base/check.h"
#include "base/must.h"
#include "check/foresight.h"
#include "check/smallest.h"

#include <stdlib.h>
#include <string.h>

struct told {
    uint64_t at;
    struct operation *operation;
    bool completes;
};

static int by_time(const void *a, const void *b)
{
    const struct told *x = a;
    const struct told *y = b;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return x->completes < y->completes ? -1 : x->completes > y->completes;
}

/* Histories mostly count their moments: then each has a place of its own, and none is compared.
 * False when it is not so. */
static bool place(struct told *told, uint32_t n)
{
    uint64_t room = 4 * (uint64_t)n + 16;
    uint32_t *at = must_alloc(room, sizeof *at);
    bool apart = true;
    for (uint32_t i = 0; i < n && apart; i++) {
        apart = told[i].at < room && at[told[i].at] == 0;
        if (apart)
            at[told[i].at] = i + 1;
    }
    struct told *placed = apart ? must_alloc(n, sizeof *placed) : NULL;
    uint32_t k = 0;
    for (uint64_t i = 0; apart && i < room; i++)
        if (at[i])
            placed[k++] = told[at[i] - 1];
    if (apart && n > 0)
        memcpy(told, placed, n * sizeof *told);
    free(placed);
    free(at);
    return apart;
}

/* Invocations and completions in the order of time; to be freed. */
static struct told *in_order(struct operation *const *all, uint32_t n, uint32_t *n_told)
{
    struct told *told = must_alloc(2 * (size_t)n, sizeof *told);
    *n_told = 0;
    for (uint32_t i = 0; i < n; i++) {
        told[(*n_told)++] = (struct told){all[i]->invoked, all[i], false};
        if (all[i]->fate == FATE_OK)
            told[(*n_told)++] = (struct told){all[i]->completed, all[i], true};
    }
    if (!place(told, *n_told))
        qsort(told, *n_told, sizeof *told, by_time);
    return told;
}

static bool is_of_queue(const struct history *h)
{
    for (uint32_t i = 0; i < h->operations.n; i++)
        if (h->operations.all[i]->actions[0].kind == ACTION_ENQUEUE)
            return true;
    return false;
}

/* When each value leaves its queue: of those that are there once, if it is known. */
static void look_ahead(struct history *h)
{
    struct datatype *m = &h->datatype;
    uint32_t n = m->words.n;
    uint32_t *put = must_alloc(n, sizeof *put);
    bool told = true;
    free(m->taken);
    m->taken = must_alloc(n, sizeof *m->taken);
    m->n_taken = n;
    for (uint32_t i = 0; i < n; i++)
        m->taken[i] = (struct datatype_taken){NEVER, NEVER};
    for (uint32_t i = 0; i < h->operations.n; i++) {
        const struct operation *o = h->operations.all[i];
        const struct action *a = &o->actions[0];
        if (a->kind == ACTION_ENQUEUE && o->fate != FATE_DROPPED)
            put[a->value]++;
        if (a->kind != ACTION_DEQUEUE)
            continue;
        told &= a->told || o->fate == FATE_DROPPED;
        if (a->told && o->fate == FATE_OK)
            m->taken[a->value] = (struct datatype_taken){o->invoked, o->completed};
    }
    for (uint32_t i = 0; i < n; i++)
        if (put[i] != 1 || (!told && m->taken[i].from == NEVER))
            m->taken[i] = (struct datatype_taken){0, NEVER};
    free(put);
}

void linear_tell(struct linear *l)
{
    struct history *h = l->history;
    uint32_t n;
    if (is_of_queue(h))
        look_ahead(h);
    struct operations told;
    foresee(h, &told, &l->copies);
    struct told *all = in_order(told.all, told.n, &n);
    for (uint32_t i = 0; i < n; i++)
        if (all[i].completes)
            linear_complete(l, all[i].operation);
        else
            linear_invoke(l, all[i].operation);
    free(all);
    free(told.all);
}

/* Of few operations all keys are taken together. */
struct play {
    struct frontier frontier;
    uint32_t *place; /* By key. */
    struct told *told;
    uint32_t n;
};

static void play_init(struct play *p, struct history *h, const uint32_t *base,
                      struct operation *const *all, uint32_t n)
{
    bool *there = must_alloc(h->keys.n, sizeof *there);
    p->place = must_alloc(h->keys.n, sizeof *p->place);
    p->told = in_order(all, n, &p->n);
    frontier_init(&p->frontier, &h->datatype, p->place);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < all[i]->n; k++) {
            uint32_t key = all[i]->actions[k].key;
            if (there[key])
                continue;
            there[key] = true;
            p->place[key] = p->frontier.n_keys;
            frontier_add_key(&p->frontier, key, base[key]);
        }
    free(there);
}

static void play_free(struct play *p)
{
    frontier_free(&p->frontier);
    free(p->told);
    free(p->place);
}

static enum progress play_one(struct play *p, uint32_t i, uint64_t *steps)
{
    if (!p->told[i].completes)
        return frontier_invoke(&p->frontier, p->told[i].operation);
    frontier_complete(&p->frontier, p->told[i].operation);
    return frontier_work(&p->frontier, steps);
}

static bool refuted(struct history *h, const uint32_t *base, struct operation *const *all,
                    uint32_t n, uint64_t *steps)
{
    struct play p;
    enum progress progress = PROGRESS_DONE;
    play_init(&p, h, base, all, n);
    for (uint32_t i = 0; i < p.n && progress == PROGRESS_DONE; i++)
        progress = play_one(&p, i, steps);
    play_free(&p);
    return progress == PROGRESS_REFUTED;
}

/* When nothing is open and the state is known, what was before is told by the state alone. Cuts
 * off what was before the last such moment but `keep`; false when there are not so many. */
static bool cut(struct linear *l, const struct operations *past, uint32_t keep, uint64_t *steps,
                struct operations *into, uint32_t *base)
{
    struct play p;
    enum progress progress = PROGRESS_DONE;
    uint32_t *quiet = must_alloc(2 * (size_t)past->n, sizeof *quiet);
    uint32_t n = 0;
    play_init(&p, l->history, base, past->all, past->n);
    for (uint32_t i = 0; i < p.n && progress == PROGRESS_DONE; i++) {
        progress = play_one(&p, i, steps);
        if (progress == PROGRESS_DONE && p.told[i].completes && frontier_quiet(&p.frontier))
            quiet[n++] = i + 1;
    }
    play_free(&p);
    bool can = progress == PROGRESS_REFUTED && n > keep;
    uint32_t at = can ? quiet[n - 1 - keep] : 0;
    free(quiet);
    if (!can)
        return false;
    play_init(&p, l->history, base, past->all, past->n);
    for (uint32_t i = 0; i < at; i++)
        (void)play_one(&p, i, steps);
    into->n = 0;
    for (uint32_t i = 0; i < 32 * p.frontier.mask_words; i++)
        if (p.frontier.slots[i].operation)
            operations_add(into, (struct operation *)(uintptr_t)p.frontier.slots[i].operation);
    for (uint32_t i = at; i < p.n; i++)
        if (!p.told[i].completes)
            operations_add(into, p.told[i].operation);
    for (uint32_t i = 0; i < p.frontier.n_keys; i++)
        base[p.frontier.keys[i]] = frontier_value(&p.frontier, p.frontier.keys[i]);
    play_free(&p);
    return true;
}

/* Who looks ahead refutes by what is not past yet. */
static const struct operations *rests_on(struct linear *l)
{
    struct history *h = l->history;
    if (h->datatype.n_taken == 0)
        return &l->part[l->refuted->actions[0].key]->past;
    h->datatype.n_taken = 0; /* Of less, the future is another. */
    for (uint32_t key = 0; key < l->n_keys; key++)
        l->base[key] = h->initial;
    return &h->operations;
}

uint32_t *linear_smallest(struct linear *l, uint64_t steps, struct operations *into)
{
    struct history *h = l->history;
    CHECK(l->refuted);
    const struct operations *past = rests_on(l);
    struct operations rest = {0};
    uint32_t *base = must_alloc(h->keys.n, sizeof *base);
    *into = (struct operations){0};
    for (uint32_t keep = 0; into->n < 2; keep++) { /* One alone shows too little. */
        for (uint32_t key = 0; key < h->keys.n; key++)
            base[key] = linear_base(l, key);
        bool less = steps > 0 && cut(l, past, keep, &steps, &rest, base);
        operations_free(into);
        smallest_find(h, base, less ? &rest : past, refuted, steps, into);
        if (!less)
            break;
    }
    free(rest.all);
    return base;
}
