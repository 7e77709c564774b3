/* Measures of rate limiters, from the verdicts that gateways traced. */
#include "check/measure_inner.h"

#include "base/check.h"
#include "check/inner.h"
#include "cluster/units.h"
#include "limiter.pb-c.h"

#include <inttypes.h>
#include <stdlib.h>

struct passed {
    uint64_t at_ns;
    uint64_t n;
    uint64_t ordinal;
};

/* To be freed; NULL: it is none. */
static Limiter__Decision *decision_of(const struct taking *t, const struct entry *e)
{
    if (!taking_trace_is(t, e, "limiter.Decision"))
        return NULL;
    struct bytes body = trace_body(e->head.payload);
    return limiter__decision__unpack(NULL, body.len, body.base);
}

static bool volley_of(struct taking *t, const char *name, Limiter__Volley **volley)
{
    struct entry e;
    if (!taking_named(t, name, &e))
        return false;
    struct bytes body = trace_body(e.head.payload);
    *volley = taking_trace_is(t, &e, "limiter.Volley")
                  ? limiter__volley__unpack(NULL, body.len, body.base)
                  : NULL;
    if (!*volley)
        taking_unknown(t, "'%.60s' is no burst of requests", name);
    else
        taking_shows(t, e.ordinal);
    return *volley != NULL;
}

static bool of_volley(const Limiter__Decision *d, const Limiter__Volley *v)
{
    return d->client == 0 && d->number >= v->first && d->number - v->first < v->requests;
}

/* --- requests of a burst that passed without waiting --- */

void measure_at_once(struct taking *t)
{
    Limiter__Volley *v;
    struct entry e;
    uint32_t on = 0;
    uint64_t n = 0, judged = 0, last = 0;
    if (!node_parse(t->args[1], &on) || !volley_of(t, t->args[0], &v))
        return;
    for (uint64_t at = taking_first(t); taking_step(t, &at, &e);) {
        Limiter__Decision *d = e.node == on ? decision_of(t, &e) : NULL;
        if (d && of_volley(d, v)) {
            judged++;
            n += d->outcome == LIMITER__OUTCOME__ADMITTED;
            last = d->outcome == LIMITER__OUTCOME__ADMITTED ? e.ordinal : last;
        }
        if (d)
            limiter__decision__free_unpacked(d, NULL);
    }
    taking_shows(t, last);
    if (judged < v->requests)
        taking_unknown(t, "n%u judged %" PRIu64 " of %u requests so far", on, judged, v->requests);
    else
        taking_is(t, (double)n, "n%u let %" PRIu64 " of %u requests pass at once", on, n,
                  v->requests);
    limiter__volley__free_unpacked(v, NULL);
}

/* --- the most that passed within one window's length --- */

struct passes {
    struct passed *all;
    size_t n;
    size_t cap;
    uint64_t period_ns;
    uint64_t limit;
};

static void add(struct passes *p, uint64_t at_ns, uint64_t n, uint64_t ordinal,
                const Limiter__Rule *rule)
{
    if (p->n == p->cap) {
        p->cap = p->cap ? 2 * p->cap : 64;
        p->all = realloc(p->all, p->cap * sizeof *p->all);
        CHECK(p->all);
    }
    p->all[p->n++] = (struct passed){at_ns, n, ordinal};
    if (rule) {
        p->period_ns = rule->period_ns;
        p->limit = rule->count;
    }
}

static void take_pass(const struct taking *t, const struct entry *e, struct passes *p)
{
    Limiter__Decision *d = decision_of(t, e);
    if (d && d->outcome == LIMITER__OUTCOME__ADMITTED)
        add(p, d->at_ns, d->quantity, e->ordinal, d->rule);
    if (d)
        limiter__decision__free_unpacked(d, NULL);
    if (d || !taking_trace_is(t, e, "limiter.Release"))
        return;
    struct bytes body = trace_body(e->head.payload);
    Limiter__Release *r = limiter__release__unpack(NULL, body.len, body.base);
    if (r) {
        add(p, r->at_ns, r->quantity, e->ordinal, r->rule);
        limiter__release__free_unpacked(r, NULL);
    }
}

static int by_time(const void *a, const void *b)
{
    const struct passed *x = a, *y = b;
    return x->at_ns == y->at_ns ? (x->ordinal > y->ordinal) - (x->ordinal < y->ordinal)
                                : (x->at_ns > y->at_ns) - (x->at_ns < y->at_ns);
}

static bool among(const struct node_list *list, uint32_t node)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->nodes[i] == node || list->nodes[i] == 0)
            return true;
    return false;
}

void measure_worst_window(struct taking *t)
{
    struct passes p = {0};
    struct node_list on;
    struct entry e;
    if (!node_list_parse(t->args[0], &on))
        return;
    for (uint64_t at = taking_first(t); taking_step(t, &at, &e);)
        if (e.node && among(&on, e.node))
            take_pass(t, &e, &p);
    node_list_free(&on);
    if (p.n == 0) {
        taking_unknown(t, "%.60s let nothing pass", t->args[0]);
        return;
    }
    qsort(p.all, p.n, sizeof *p.all, by_time);
    uint64_t sum = 0, worst = 0;
    size_t first = 0, from = 0, to = 0;
    for (size_t i = 0; i < p.n; i++) {
        sum += p.all[i].n;
        while (p.all[i].at_ns - p.all[first].at_ns >= p.period_ns && first < i)
            sum -= p.all[first++].n;
        if (sum > worst) {
            worst = sum;
            from = first;
            to = i;
        }
    }
    taking_shows(t, p.all[from].ordinal);
    taking_shows(t, p.all[to].ordinal);
    taking_is(t, (double)worst,
              "%.60s let %" PRIu64 " pass within %.0f ms, with a limit of %" PRIu64, t->args[0],
              worst, (double)(p.all[to].at_ns - p.all[from].at_ns) / 1e6, p.limit);
    free(p.all);
}

/* --- who first lets one pass again, of those that refused --- */

enum { NODES_MAX = 256 };

struct again {
    const Limiter__Volley *volley;
    bool refused[NODES_MAX]; /* A request of the burst, by node. */
};

static bool passes_again(struct again *a, const Limiter__Decision *d, uint32_t node)
{
    if (node >= NODES_MAX || d->client != 0)
        return false;
    if (of_volley(d, a->volley))
        a->refused[node] |= d->outcome == LIMITER__OUTCOME__REFUSED;
    return a->refused[node] && d->outcome == LIMITER__OUTCOME__ADMITTED &&
           d->number >= a->volley->first + a->volley->requests;
}

void measure_first_admitted(struct taking *t)
{
    static const char *const names[] = {"token bucket", "leaky bucket", "fixed window",
                                        "sliding log", "sliding counter"};
    Limiter__Volley *v;
    struct entry begun, e;
    bool found = false;
    if (!volley_of(t, t->args[0], &v))
        return;
    (void)taking_named(t, t->args[0], &begun);
    uint64_t began = begun.head.mono_ns;
    struct again again = {.volley = v};
    for (uint64_t at = begun.ordinal; !found && taking_step(t, &at, &e);) {
        Limiter__Decision *d = e.node ? decision_of(t, &e) : NULL;
        found = d && passes_again(&again, d, e.node);
        if (found) {
            double ms = ((double)e.head.mono_ns - (double)began) / 1e6;
            taking_shows(t, e.ordinal);
            taking_is(t, e.node, "n%u, the %s, was the first to let one pass again, %.0f ms later",
                      e.node, (unsigned)d->algorithm < 5 ? names[d->algorithm] : "gateway", ms);
        }
        if (d)
            limiter__decision__free_unpacked(d, NULL);
    }
    if (!found)
        taking_unknown(t, "nobody has let a request pass since");
    limiter__volley__free_unpacked(v, NULL);
}
