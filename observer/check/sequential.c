/* Sequential consistency: one order of all operations that keeps each client's. A state of the
 * search is how far each client is, and every value; each is looked at once. It is not local: keys
 * are first taken apart, since one that is refuted refutes the whole, and then all together. */
#include "check/consistency.h"

#include "base/must.h"
#include "check/configurations.h"
#include "check/smallest.h"

#include <stdlib.h>
#include <string.h>

enum {
    STEPS_BETWEEN = 4096,
    SMALLEST_STEPS = 300000,
    SMALLEST_STEPS_ONCE = 5000, /* Of these, for each try. */
    WORDS_MAX = 1 << 26,
};

struct client {
    struct operation **all;
    uint32_t n;
};

struct search {
    struct history *history;
    const uint32_t *base; /* By key. */
    struct client *clients;
    uint32_t n_clients;
    uint32_t *place; /* By key, behind the clients in a row. */
    uint32_t *keys;
    uint32_t n_keys;
    struct configurations seen;
    uint32_t *todo; /* Rows of `seen`; the newest is next. */
    uint32_t n_todo;
    uint32_t cap_todo;
    uint32_t *row;
    uint32_t *tried;
};

enum found { FOUND_NONE, FOUND_ORDER, FOUND_GIVEN_UP };

static int by_client(const void *a, const void *b)
{
    const struct operation *x = *(struct operation *const *)a;
    const struct operation *y = *(struct operation *const *)b;
    if (x->client != y->client)
        return x->client < y->client ? -1 : 1;
    return x->invoked < y->invoked ? -1 : x->invoked > y->invoked;
}

/* `all` is put in order, and lent. */
static void search_init(struct search *s, struct history *h, const uint32_t *base,
                        struct operation **all, uint32_t n)
{
    *s = (struct search){.history = h, .base = base};
    qsort(all, n, sizeof(struct operation *), by_client);
    s->clients = must_alloc(n, sizeof *s->clients);
    s->place = must_alloc(h->keys.n, sizeof *s->place);
    s->keys = must_alloc(h->keys.n, sizeof *s->keys);
    bool *there = must_alloc(h->keys.n, sizeof *there);
    for (uint32_t i = 0; i < n; i++) {
        if (i == 0 || all[i]->client != all[i - 1]->client)
            s->clients[s->n_clients++].all = all + i;
        s->clients[s->n_clients - 1].n++;
        for (uint32_t k = 0; k < all[i]->n; k++) {
            uint32_t key = all[i]->actions[k].key;
            if (there[key])
                continue;
            there[key] = true;
            s->place[key] = s->n_keys;
            s->keys[s->n_keys++] = key;
        }
    }
    free(there);
    uint32_t width = s->n_clients + s->n_keys;
    configurations_clear(&s->seen, width);
    s->row = must_alloc(width, sizeof *s->row);
    s->tried = must_alloc(s->n_keys, sizeof *s->tried);
}

static void search_free(struct search *s)
{
    free(s->clients);
    free(s->place);
    free(s->keys);
    free(s->todo);
    free(s->row);
    free(s->tried);
    configurations_free(&s->seen);
}

static struct operation *next_of(const struct search *s, const uint32_t *row, uint32_t client)
{
    const struct client *c = &s->clients[client];
    return row[client] < c->n ? c->all[row[client]] : NULL;
}

/* Happens without changing anything; or never happened, and would have changed nothing. */
static bool slips_by(struct search *s, const uint32_t *row, const struct operation *o)
{
    if (o->fate == FATE_DROPPED || (o->fate == FATE_UNKNOWN && o->stays))
        return true;
    if (!o->stays)
        return false;
    memcpy(s->tried, row + s->n_clients, s->n_keys * sizeof *row);
    return datatype_apply(&s->history->datatype, o, s->tried, s->place) &&
           memcmp(s->tried, row + s->n_clients, s->n_keys * sizeof *row) == 0;
}

/* Lets pass what can; then remembers the row, unless it is known. False: there are too many. */
static bool add_row(struct search *s)
{
    uint32_t before = s->seen.n;
    for (uint32_t c = 0; c < s->n_clients; c++) {
        struct operation *o;
        while ((o = next_of(s, s->row, c)) && slips_by(s, s->row, o))
            s->row[c]++;
    }
    if ((uint64_t)(before + 1) * s->seen.width > WORDS_MAX || !configurations_add(&s->seen, s->row))
        return false;
    if (s->seen.n == before)
        return true;
    if (s->n_todo == s->cap_todo) {
        uint32_t cap = s->cap_todo ? 2 * s->cap_todo : 64;
        s->todo = must_grow(s->todo, s->cap_todo, cap, sizeof *s->todo);
        s->cap_todo = cap;
    }
    s->todo[s->n_todo++] = before;
    return true;
}

static bool is_done(const struct search *s, const uint32_t *row)
{
    for (uint32_t c = 0; c < s->n_clients; c++)
        for (uint32_t i = row[c]; i < s->clients[c].n; i++)
            if (s->clients[c].all[i]->fate == FATE_OK)
                return false;
    return true;
}

/* The next of a client happens; or, when nobody knows whether it did, does not. */
static bool go_on(struct search *s, uint32_t from, uint32_t client)
{
    size_t size = s->seen.width * sizeof *s->row;
    memcpy(s->row, configurations_row(&s->seen, from), size);
    const struct operation *o = next_of(s, s->row, client);
    s->row[client]++;
    if (o->fate == FATE_UNKNOWN && !add_row(s))
        return false;
    memcpy(s->row, configurations_row(&s->seen, from), size);
    s->row[client]++;
    return !datatype_apply(&s->history->datatype, o, s->row + s->n_clients, s->place) || add_row(s);
}

/* The client whose next was invoked last goes first: what is added last is looked at next. */
static bool go_on_by_all(struct search *s, uint32_t from)
{
    uint64_t bound = NEVER;
    for (uint32_t i = 0; i < s->n_clients; i++) {
        const struct operation *latest = NULL;
        uint32_t client = 0;
        for (uint32_t c = 0; c < s->n_clients; c++) {
            const struct operation *o = next_of(s, configurations_row(&s->seen, from), c);
            if (o && o->invoked < bound && (!latest || o->invoked > latest->invoked)) {
                latest = o;
                client = c;
            }
        }
        if (!latest)
            return true;
        bound = latest->invoked;
        if (!go_on(s, from, client))
            return false;
    }
    return true;
}

static enum found find_order(struct search *s, const struct patience *patience, uint64_t *steps)
{
    memset(s->row, 0, s->seen.width * sizeof *s->row);
    for (uint32_t k = 0; k < s->n_keys; k++)
        s->row[s->n_clients + k] = s->base[s->keys[k]];
    if (!add_row(s))
        return FOUND_GIVEN_UP;
    for (uint64_t i = 1; s->n_todo; i++) {
        uint32_t at = s->todo[--s->n_todo];
        if (is_done(s, configurations_row(&s->seen, at)))
            return FOUND_ORDER;
        if (*steps == 0 ||
            (i % STEPS_BETWEEN == 0 && patience && patience->ends && patience->ends(patience->ctx)))
            return FOUND_GIVEN_UP;
        --*steps;
        if (!go_on_by_all(s, at))
            return FOUND_GIVEN_UP;
    }
    return FOUND_NONE;
}

static enum found find_for(struct history *h, const uint32_t *base, struct operation *const *all,
                           uint32_t n, const struct patience *patience, uint64_t *steps)
{
    struct search s;
    struct operation **ours = must_alloc(n, sizeof(struct operation *));
    if (n > 0)
        memcpy(ours, all, n * sizeof(struct operation *));
    search_init(&s, h, base, ours, n);
    enum found found = find_order(&s, patience, steps);
    search_free(&s);
    free(ours);
    return found;
}

static bool refuted_by(struct history *h, const uint32_t *base, struct operation *const *all,
                       uint32_t n, uint64_t *steps)
{
    uint64_t once = *steps < SMALLEST_STEPS_ONCE ? *steps : SMALLEST_STEPS_ONCE;
    uint64_t left = once;
    enum found found = find_for(h, base, all, n, NULL, &left);
    *steps -= once - left;
    return found == FOUND_NONE;
}

/* --- keys that are tied together --- */

static uint32_t root(uint32_t *of, uint32_t key)
{
    while (of[key] != key)
        key = of[key] = of[of[key]];
    return key;
}

static uint32_t *tie_keys(const struct history *h)
{
    uint32_t *of = must_alloc(h->keys.n, sizeof *of);
    for (uint32_t key = 0; key < h->keys.n; key++)
        of[key] = key;
    for (uint32_t i = 0; i < h->operations.n; i++) {
        const struct operation *o = h->operations.all[i];
        for (uint32_t k = 1; k < o->n; k++)
            of[root(of, o->actions[k].key)] = root(of, o->actions[0].key);
    }
    return of;
}

/* Operations by the root of their keys. To be freed, each list and all. */
static struct operations *by_root(const struct history *h)
{
    struct operations *parts = must_alloc(h->keys.n, sizeof *parts);
    uint32_t *of = tie_keys(h);
    for (uint32_t i = 0; i < h->operations.n; i++) {
        struct operation *o = h->operations.all[i];
        operations_add(&parts[root(of, o->actions[0].key)], o);
    }
    free(of);
    return parts;
}

bool sequential_judge(struct history *h, const struct patience *patience, bool *refuted,
                      struct operations *example)
{
    uint32_t *base = must_alloc(h->keys.n, sizeof *base);
    struct operations *parts = by_root(h);
    const struct operations *judged = &h->operations;
    enum found found = FOUND_ORDER;
    uint64_t steps = UINT64_MAX;
    for (uint32_t key = 0; key < h->keys.n; key++)
        base[key] = h->initial;
    for (uint32_t key = 1; key < h->keys.n && found != FOUND_NONE; key++) {
        judged = &parts[key];
        enum found one = find_for(h, base, judged->all, judged->n, patience, &steps);
        found = one == FOUND_ORDER ? found : one;
    }
    if (found == FOUND_ORDER && judged->n < h->operations.n) {
        judged = &h->operations;
        found = find_for(h, base, judged->all, judged->n, patience, &steps);
    }
    *refuted = found == FOUND_NONE;
    if (*refuted)
        smallest_find(h, base, judged, refuted_by, SMALLEST_STEPS, example);
    for (uint32_t key = 0; key < h->keys.n; key++)
        free(parts[key].all);
    free(parts);
    free(base);
    return found != FOUND_GIVEN_UP;
}
