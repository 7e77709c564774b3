/* The traffic: steady, in bursts, or both; every request goes to all gateways alike, and to one of
 * those that share a limit, in turn. */
#include "limiter_impl.h"

#include "base/check.h"
#include "codec/resp.h"

/* Before a boundary two fifths of the window pass without a request, behind it a fiftieth: what is
 * meant to come before it does so on a busy machine, too. */
enum { BEFORE_PERCENT = 40, BEHIND_PERCENT = 2 };

static bool steady(const struct rules *r)
{
    return r->shape == LIMITER__SHAPE__STEADY || r->shape == LIMITER__SHAPE__UNEVEN ||
           r->shape == LIMITER__SHAPE__TENANTS;
}

static bool bursts(const struct rules *r)
{
    return r->shape == LIMITER__SHAPE__BURSTS || r->shape == LIMITER__SHAPE__BOUNDARY ||
           r->shape == LIMITER__SHAPE__TENANTS;
}

static nsec gap(const struct rules *r, struct out *out)
{
    nsec mean = (nsec)((double)NSEC_PER_S / r->load);
    if (r->shape == LIMITER__SHAPE__UNEVEN)
        return 1 + out_random(out, 2 * mean);
    return mean > 0 ? mean : 1;
}

void traffic_plan(struct limiter_node *n, struct out *out)
{
    struct traffic *t = &n->traffic;
    const struct rules *r = &n->rules;
    bool makes = r->role == LIMITER__ROLE__TRAFFIC;
    t->steady_at = makes && steady(r) ? n->now + gap(r, out) : NSEC_NEVER;
    t->volley_at = makes && bursts(r) ? n->now + r->every_ns : NSEC_NEVER;
    if (!makes)
        t->n = 0;
}

static uint32_t receivers(const struct limiter_node *n, node_id to[MEMBERS_MAX])
{
    const struct rules *r = &n->rules;
    uint32_t n_to = 0, n_pool = 0;
    for (uint32_t i = 0; i < n->n_members; i++) {
        node_id id = n->members[i];
        bool pool = r->n_sharers > 0 && id >= r->sharers[0];
        n_pool += pool;
        if (id != n->self && !pool)
            to[n_to++] = id;
    }
    if (n_pool > 0) {
        node_id turn = r->sharers[n->traffic.sent % r->n_sharers];
        if (turn != n->self)
            to[n_to++] = turn;
    }
    return n_to;
}

static void send(struct limiter_node *n, uint8_t tenant, struct out *out)
{
    node_id to[MEMBERS_MAX];
    Limiter__Request q = LIMITER__REQUEST__INIT;
    uint32_t n_to = receivers(n, to);
    q.number = ++n->traffic.sent;
    q.key.data = &tenant;
    q.key.len = 1;
    q.quantity = 1;
    Limiter__Message m = LIMITER__MESSAGE__INIT;
    m.kind_case = LIMITER__MESSAGE__KIND_REQUEST;
    m.request = &q;
    if (n_to > 0)
        out_send_many(out, to, n_to, TRANSPORT_STREAM, &m.base);
}

static void begin(struct limiter_node *n, struct volley *v, struct out *out)
{
    Limiter__Volley m = LIMITER__VOLLEY__INIT;
    m.key.data = &v->tenant;
    m.key.len = 1;
    m.requests = v->left;
    m.first = n->traffic.sent + 1;
    m.gap_ns = v->gap;
    m.boundary_ns = v->boundary;
    v->begun = true;
    out_trace(out, &m.base);
}

static void add(struct limiter_node *n, struct volley v)
{
    if (n->traffic.n < VOLLEYS_MAX && v.left > 0)
        n->traffic.volleys[n->traffic.n++] = v;
}

static void add_burst(struct limiter_node *n, uint32_t requests, uint8_t tenant)
{
    add(n,
        (struct volley){.at = n->now, .gap = n->rules.gap_ns, .left = requests, .tenant = tenant});
}

/* Those before end ahead of a boundary, those behind begin after it. A whole window passes until
 * then, so that counters may have forgotten what was. */
static void add_at_boundary(struct limiter_node *n, uint32_t before, uint32_t behind,
                            uint8_t tenant)
{
    nsec window = n->rules.rule.period_ns;
    nsec takes = before * n->rules.gap_ns + window * BEFORE_PERCENT / 100;
    nsec boundary = ((n->now + takes) / window + 2) * window;
    struct volley v = {.at = boundary - takes,
                       .gap = n->rules.gap_ns,
                       .left = before,
                       .tenant = tenant,
                       .boundary = boundary};
    add(n, v);
    v.at = boundary + window * BEHIND_PERCENT / 100;
    v.left = behind;
    add(n, v);
}

static void fire(struct limiter_node *n)
{
    const struct rules *r = &n->rules;
    uint8_t tenant = r->shape == LIMITER__SHAPE__TENANTS ? 'b' : 'a';
    if (r->shape == LIMITER__SHAPE__BOUNDARY)
        add_at_boundary(n, r->volley / 2, r->volley - r->volley / 2, tenant);
    else
        add_burst(n, r->volley, tenant);
}

static uint32_t go_on(struct limiter_node *n, struct volley *v, uint32_t most, struct out *out)
{
    uint32_t sent = 0;
    while (v->left > 0 && v->at <= n->now && sent < most) {
        if (!v->begun)
            begin(n, v, out);
        send(n, v->tenant, out);
        v->left--;
        v->at += v->gap;
        sent++;
    }
    return sent;
}

/* Whoever was stopped does not make up for what it slept through: the traffic goes on from now. */
void traffic_wake(struct limiter_node *n, struct out *out)
{
    struct traffic *t = &n->traffic;
    uint32_t left = STEP_MAX;
    if (n->now >= t->steady_at) {
        send(n, 'a', out);
        nsec late = n->now - t->steady_at, next = gap(&n->rules, out);
        t->steady_at = late < next ? t->steady_at + next : n->now + next;
    }
    if (n->now >= t->volley_at) {
        fire(n);
        t->volley_at = n->now + n->rules.every_ns;
    }
    for (uint32_t i = 0; i < t->n && left > 0;) {
        left -= go_on(n, &t->volleys[i], left, out);
        if (t->volleys[i].left > 0)
            i++;
        else
            t->volleys[i] = t->volleys[--t->n];
    }
}

/* "burst [N [KEY]]" at once, "straddle [N [KEY]]" half before and half behind a window's boundary,
 * "behind [N [KEY]]" all behind one. KEY is one letter: a. */
void traffic_order(struct limiter_node *n, const struct input *in, struct out *out)
{
    int64_t requests = n->rules.volley;
    uint8_t tenant = 'a';
    if (n->rules.role != LIMITER__ROLE__TRAFFIC)
        return;
    if (in->order.n > 0 && (!resp_number(in->order.words[0], &requests) || requests < 1))
        return;
    if (in->order.n > 1 && in->order.words[1].len == 1)
        tenant = in->order.words[1].base[0];
    requests = requests < VOLLEY_MAX ? requests : VOLLEY_MAX;
    uint32_t all = (uint32_t)requests;
    if (resp_word_is(in->order.verb, "straddle"))
        add_at_boundary(n, all / 2, all - all / 2, tenant);
    else if (resp_word_is(in->order.verb, "behind"))
        add_at_boundary(n, 0, all, tenant);
    else
        add_burst(n, all, tenant);
    traffic_wake(n, out);
}

nsec traffic_deadline(const struct limiter_node *n)
{
    const struct traffic *t = &n->traffic;
    nsec at = t->steady_at < t->volley_at ? t->steady_at : t->volley_at;
    for (uint32_t i = 0; i < t->n; i++)
        at = t->volleys[i].at < at ? t->volleys[i].at : at;
    return at;
}
