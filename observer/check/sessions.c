/* The guarantees of sessions. The versions of a key that were written once are the nodes of a
 * graph; what is known of their order, and what a guarantee demands, are its edges: the guarantee
 * is refuted by a circle that one of its demands is part of. */
#include "check/consistency.h"

#include "base/hash.h"
#include "base/must.h"

#include <stdlib.h>
#include <string.h>

enum edge_kind {
    EDGE_KNOWN, /* By one that read the older and wrote the newer at once; nothing was first. */
    EDGE_OWN,   /* A client's writes, one after another. */
    EDGE_DEMAND,
};

struct edge {
    enum edge_kind kind;
    uint32_t from, to;              /* Versions. */
    const struct operation *why[2]; /* What it follows from; the second may be NULL. */
    uint32_t next;                  /* Of the same `from`, + 1. */
};

struct version {
    uint32_t key;
    uint32_t value;
    uint32_t written; /* How often. */
    uint32_t edges;   /* The first, + 1. */
    uint32_t came_by; /* The edge by which a walk came here, + 1. */
};

struct graph {
    const struct history *history;
    struct version *versions;
    uint32_t n;
    uint32_t *table; /* Open addressing; index + 1. */
    uint32_t cap;
    struct edge *edges;
    uint32_t n_edges;
    uint32_t cap_edges;
    uint64_t demands;
};

/* What a client did last to a key. */
struct last {
    uint64_t client;
    uint32_t read, wrote; /* Versions + 1. */
    const struct operation *reader, *writer;
};

static uint32_t *slot_of(const struct graph *g, uint32_t key, uint32_t value)
{
    for (uint32_t at = hash_pair(key, value);; at++) {
        uint32_t *s = &g->table[at & (g->cap - 1)];
        if (!*s || (g->versions[*s - 1].key == key && g->versions[*s - 1].value == value))
            return s;
    }
}

static uint32_t version_of(struct graph *g, uint32_t key, uint32_t value)
{
    uint32_t *s = slot_of(g, key, value);
    if (!*s) {
        g->versions[g->n++] = (struct version){.key = key, .value = value};
        *s = g->n;
    }
    return *s - 1;
}

static void add_edge(struct graph *g, enum edge_kind kind, uint32_t from, uint32_t to,
                     const struct operation *a, const struct operation *b)
{
    if (from == to || g->versions[from].written > 1 || g->versions[to].written > 1)
        return; /* Who reads such a value has read one of several versions. */
    if (g->n_edges == g->cap_edges) {
        uint32_t cap = g->cap_edges ? 2 * g->cap_edges : 256;
        g->edges = must_grow(g->edges, g->cap_edges, cap, sizeof *g->edges);
        g->cap_edges = cap;
    }
    g->edges[g->n_edges++] = (struct edge){kind, from, to, {a, b}, g->versions[from].edges};
    g->versions[from].edges = g->n_edges;
}

/* The value that an action read or wrote, where that can be told. */
static bool reads(const struct action *a, uint32_t *value)
{

    *value = a->kind == ACTION_CAS ? a->expected : a->value;
    return a->told && !a->refused &&
           (a->kind == ACTION_READ || (a->kind == ACTION_CAS && a->number));
}

static bool writes(struct datatype *m, const struct action *a, uint32_t *value)
{
    *value = a->value;
    if (a->refused)
        return false;
    if (a->kind == ACTION_ADD && a->told) {
        *value = datatype_number(m, a->number);
        return true;
    }
    if (a->kind == ACTION_DELETE)
        *value = VALUE_ABSENT;
    return a->kind == ACTION_WRITE || a->kind == ACTION_DELETE ||
           (a->kind == ACTION_CAS && !(a->told && !a->number));
}

/* Appends, ends in time and untold sums leave values that nobody told: keys with them are not
 * judged. */
static bool obscure(const struct action *a)
{
    return a->kind == ACTION_APPEND || a->kind == ACTION_ENQUEUE || a->kind == ACTION_DEQUEUE ||
           a->kind == ACTION_EXPIRE || (a->kind == ACTION_ADD && !a->told);
}

static void count_versions(struct graph *g, struct datatype *m, bool *is_obscure)
{
    const struct operations *l = &g->history->operations;
    for (uint32_t i = 0; i < l->n; i++)
        for (uint32_t k = 0; l->all[i]->fate != FATE_DROPPED && k < l->all[i]->n; k++) {
            const struct action *a = &l->all[i]->actions[k];
            uint32_t value;
            is_obscure[a->key] |= obscure(a);
            if (writes(m, a, &value))
                g->versions[version_of(g, a->key, value)].written++;
            if (reads(a, &value))
                (void)version_of(g, a->key, value);
        }
    for (uint32_t i = 0; i < g->n; i++) /* What was there at first counts as written. */
        g->versions[i].written += g->versions[i].value == g->history->initial;
}

static void add_known(struct graph *g, struct datatype *m, const struct operation *o,
                      const struct action *a)
{
    uint32_t to;
    if (!writes(m, a, &to))
        return;
    to = version_of(g, a->key, to);
    if (g->history->initial == VALUE_ABSENT)
        add_edge(g, EDGE_KNOWN, version_of(g, a->key, VALUE_ABSENT), to, o, NULL);
    if (a->kind == ACTION_CAS && o->fate == FATE_OK)
        add_edge(g, EDGE_KNOWN, version_of(g, a->key, a->expected), to, o, NULL);
    int64_t before;
    if (a->kind == ACTION_ADD && !__builtin_sub_overflow(a->number, a->by, &before))
        add_edge(g, EDGE_KNOWN, version_of(g, a->key, datatype_number(m, before)), to, o, NULL);
}

/* What the guarantee demands of what a client does next to a key. */
static void demand(struct graph *g, enum consistency c, struct last *last,
                   const struct operation *o, const struct action *a, struct datatype *m)
{
    uint32_t value;
    bool after_read = c == CONSISTENCY_MONOTONIC_READS || c == CONSISTENCY_WRITES_FOLLOW_READS;
    bool of_read = c == CONSISTENCY_MONOTONIC_READS || c == CONSISTENCY_READ_YOUR_WRITES;
    uint32_t from = after_read ? last->read : last->wrote;
    const struct operation *why = after_read ? last->reader : last->writer;
    enum edge_kind kind = c == CONSISTENCY_MONOTONIC_WRITES ? EDGE_OWN : EDGE_DEMAND;
    bool read = reads(a, &value);
    if (read && of_read && from) {
        add_edge(g, kind, from - 1, version_of(g, a->key, value), why, o);
        g->demands++;
    }
    if (read) {
        last->read = version_of(g, a->key, value) + 1;
        last->reader = o;
    }
    if (!writes(m, a, &value))
        return;
    uint32_t to = version_of(g, a->key, value);
    if (!of_read && from) {
        add_edge(g, kind, from - 1, to, why, o);
        g->demands++;
    }
    if (c != CONSISTENCY_MONOTONIC_WRITES && last->wrote)
        add_edge(g, EDGE_OWN, last->wrote - 1, to, last->writer, o);
    last->wrote = to + 1;
    last->writer = o;
}

struct doing {
    const struct operation *operation;
    const struct action *action;
};

static int by_client_and_key(const void *a, const void *b)
{
    const struct doing *x = a;
    const struct doing *y = b;
    if (x->operation->client != y->operation->client)
        return x->operation->client < y->operation->client ? -1 : 1;
    if (x->action->key != y->action->key)
        return x->action->key < y->action->key ? -1 : 1;
    if (x->operation->invoked != y->operation->invoked)
        return x->operation->invoked < y->operation->invoked ? -1 : 1;
    return x->action < y->action ? -1 : x->action > y->action;
}

/* All that is known to have been done. */
static struct doing *doings(const struct history *h, const bool *is_obscure, uint32_t *n)
{
    size_t room = 0;
    for (uint32_t i = 0; i < h->operations.n; i++)
        room += h->operations.all[i]->n;
    struct doing *all = must_alloc(room, sizeof *all);
    *n = 0;
    for (uint32_t i = 0; i < h->operations.n; i++) {
        const struct operation *o = h->operations.all[i];
        for (uint32_t k = 0; o->fate == FATE_OK && k < o->n; k++)
            if (!is_obscure[o->actions[k].key])
                all[(*n)++] = (struct doing){o, &o->actions[k]};
    }
    qsort(all, *n, sizeof *all, by_client_and_key);
    return all;
}

static void draw(struct graph *g, enum consistency c, struct datatype *m)
{
    const struct history *h = g->history;
    bool *is_obscure = must_alloc(h->keys.n, sizeof *is_obscure);
    count_versions(g, m, is_obscure);
    uint32_t n;
    struct doing *all = doings(h, is_obscure, &n);
    struct last last = {0};
    for (uint32_t i = 0; i < n; i++) {
        const struct operation *o = all[i].operation;
        if (i == 0 || o->client != all[i - 1].operation->client ||
            all[i].action->key != all[i - 1].action->key)
            last = (struct last){.client = o->client};
        add_known(g, m, o, all[i].action);
        demand(g, c, &last, o, all[i].action, m);
    }
    free(all);
    free(is_obscure);
}

/* Breadth first; leaves came_by. */
static bool walk(struct graph *g, uint32_t from, uint32_t to)
{
    uint32_t *todo = must_alloc(g->n, sizeof *todo);
    uint32_t n = 0;
    bool found = from == to;
    for (uint32_t i = 0; i < g->n; i++)
        g->versions[i].came_by = 0;
    todo[n++] = from;
    for (uint32_t i = 0; i < n && !found; i++)
        for (uint32_t e = g->versions[todo[i]].edges; e && !found; e = g->edges[e - 1].next) {
            uint32_t next = g->edges[e - 1].to;
            if (g->versions[next].came_by || next == from)
                continue;
            g->versions[next].came_by = e;
            todo[n++] = next;
            found = next == to;
        }
    free(todo);
    return found;
}

/* Versions that are on no circle, nor between two: after this only the others have edges out. */
static void peel(const struct graph *g, bool *gone)
{
    uint32_t *in = must_alloc(g->n, sizeof *in);
    uint32_t *todo = must_alloc(g->n, sizeof *todo);
    uint32_t n = 0;
    for (uint32_t e = 0; e < g->n_edges; e++)
        in[g->edges[e].to]++;
    for (uint32_t i = 0; i < g->n; i++)
        if (in[i] == 0)
            todo[n++] = i;
    for (uint32_t i = 0; i < n; i++) {
        gone[todo[i]] = true;
        for (uint32_t e = g->versions[todo[i]].edges; e; e = g->edges[e - 1].next)
            if (--in[g->edges[e - 1].to] == 0)
                todo[n++] = g->edges[e - 1].to;
    }
    free(todo);
    free(in);
}

static void add_why(const struct edge *e, struct operations *into)
{
    for (int i = 0; i < 2 && e->why[i]; i++) {
        bool known = false;
        for (uint32_t k = 0; k < into->n; k++)
            known |= into->all[k]->invoked == e->why[i]->invoked;
        if (known)
            continue;
        const struct operation *o = e->why[i];
        struct operation *copy = operation_new(o->n);
        memcpy(copy, o, sizeof *o + o->n * sizeof o->actions[0]);
        operations_add(into, copy);
    }
}

static int by_invocation(const void *a, const void *b)
{
    const struct operation *x = *(struct operation *const *)a;
    const struct operation *y = *(struct operation *const *)b;
    return x->invoked < y->invoked ? -1 : x->invoked > y->invoked;
}

/* The operations behind a circle that a demand is part of. */
static void find_circle(struct graph *g, enum edge_kind of, struct operations *example)
{
    bool *gone = must_alloc(g->n, sizeof *gone);
    peel(g, gone);
    for (uint32_t i = 0; i < g->n_edges && example->n == 0; i++) {
        const struct edge *e = &g->edges[i];
        if (e->kind != of || gone[e->from] || gone[e->to] || !walk(g, e->to, e->from))
            continue;
        add_why(e, example);
        for (uint32_t v = e->from; v != e->to; v = g->edges[g->versions[v].came_by - 1].from)
            add_why(&g->edges[g->versions[v].came_by - 1], example);
    }
    if (example->n)
        qsort(example->all, example->n, sizeof(struct operation *), by_invocation);
    free(gone);
}

/* At most so many versions: what an action reads, writes, compares with, adds to; and nothing. */
static uint32_t versions_max(const struct history *h)
{
    size_t n = 16;
    for (uint32_t i = 0; i < h->operations.n; i++)
        n += 5 * (size_t)h->operations.all[i]->n;
    return (uint32_t)n;
}

uint64_t sessions_judge(struct history *h, enum consistency c, struct operations *example)
{
    struct graph g = {.history = h};
    uint32_t n = versions_max(h);
    g.versions = must_alloc(n, sizeof *g.versions);
    for (g.cap = 64; g.cap < 2 * n;)
        g.cap *= 2;
    g.table = must_alloc(g.cap, sizeof *g.table);
    draw(&g, c, &h->datatype);
    find_circle(&g, c == CONSISTENCY_MONOTONIC_WRITES ? EDGE_OWN : EDGE_DEMAND, example);
    uint64_t demands = g.demands;
    free(g.versions);
    free(g.table);
    free(g.edges);
    return demands;
}
