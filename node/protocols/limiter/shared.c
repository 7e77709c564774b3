/* One limit kept by several gateways, as a sliding-window counter.
 *
 * Exact: each key has an owner, and whoever gets a request asks it; one process decides, so nothing
 * can come between reading the count and raising it. Local: each counts what it admitted, judges by
 * the sum with what the others told last, and is as wrong as that is old. */
#include "limiter_impl.h"

#include "base/check.h"
#include "base/crc32c.h"

#include <string.h>

enum { COUNTS_MAX = 64 }; /* Keys told in one message. */

static node_id owner_of(const struct rules *r, struct bytes key)
{
    return r->sharers[crc32c(0, key.base, key.len) % r->n_sharers];
}

static Limiter__Counter pack_counter(const struct sliding_counter *c)
{
    Limiter__Counter m = LIMITER__COUNTER__INIT;
    m.number = c->number;
    m.previous = c->previous;
    m.current = c->current;
    return m;
}

/* Counts above the limit say no more than the limit itself, and would not fit the sums. */
static struct sliding_counter read_counter(const Limiter__Counter *m, const struct limit_rule *r)
{
    struct sliding_counter c = {.number = m ? m->number : 0};
    if (m) {
        c.previous = m->previous < r->count ? m->previous : (uint32_t)r->count;
        c.current = m->current < r->count ? m->current : (uint32_t)r->count;
    }
    return c;
}

static bool read_rule(const Limiter__Rule *m, const struct limit_rule *base, struct limit_rule *r)
{
    if (!m)
        return false;
    *r = *base;
    r->count = m->count;
    r->period_ns = m->period_ns;
    r->burst = m->burst;
    r->queue = m->queue;
    r->meter = m->meter;
    return limit_rule_ok(r);
}

static struct entry *entry_of(struct limiter_node *n, struct bytes key, const struct limit_rule *r)
{
    return keys_obtain(n, key, r, LIMITER_SLIDING_COUNTER);
}

static struct told telling(const struct limiter_node *n, struct bytes key,
                           const struct limit_rule *rule)
{
    size_t counters = n->rules.share == LIMITER__SHARE__LOCAL ? n->rules.n_sharers : 1;
    return (struct told){
        .key = key,
        .rule = rule,
        .algorithm = LIMITER_SLIDING_COUNTER,
        .share = n->rules.share,
        .state_bytes = (uint32_t)(counters * sizeof(struct sliding_counter)),
    };
}

/* A verdict that no algorithm gave. */
static void without_rule(struct limiter_node *n, const struct request *r, struct told *t,
                         Limiter__Reason reason, struct out *out)
{
    bool open = reason == LIMITER__REASON__OWNER_SILENT && n->rules.fail_open;
    t->verdict = (struct limit_verdict){.outcome = open ? LIMIT_ADMITTED : LIMIT_REFUSED};
    t->verdict.retry_ns = open ? 0 : n->rules.ask_timeout_ns;
    t->reason = reason;
    gateway_tell(n, r, t, out);
    gateway_answer(n, r, t->rule, &t->verdict, out);
}

/* --- local --- */

static void local_request(struct limiter_node *n, const struct request *r, struct bytes key,
                          const struct limit_rule *rule, struct out *out)
{
    struct told t = telling(n, key, rule);
    struct entry *e = entry_of(n, key, rule);
    if (!e) {
        without_rule(n, r, &t, LIMITER__REASON__NO_ROOM, out);
        return;
    }
    struct limiter sum = e->limiter;
    sliding_counter_roll(&sum.counter, rule, n->now);
    for (uint32_t i = 0; e->others && i < n->rules.n_sharers; i++)
        sliding_counter_add(&sum.counter, &e->others[i], rule);
    t.verdict = limiter_decide(&sum, rule, n->now, r->quantity);
    if (t.verdict.outcome == LIMIT_ADMITTED) {
        bool fits = sliding_counter_take(&e->limiter.counter, rule, n->now, r->quantity);
        CHECK(fits); /* Its own count is at most the sum. */
        e->changed = true;
    }
    e->told[t.verdict.outcome]++;
    gateway_tell(n, r, &t, out);
    gateway_answer(n, r, rule, &t.verdict, out);
}

static void send_counts(struct limiter_node *n, Limiter__Put **puts, size_t n_puts, struct out *out)
{
    node_id to[SHARERS_MAX];
    uint32_t n_to = 0;
    for (uint32_t i = 0; i < n->rules.n_sharers; i++)
        if (n->rules.sharers[i] != n->self)
            to[n_to++] = n->rules.sharers[i];
    if (n_puts == 0 || n_to == 0)
        return;
    Limiter__Counts counts = LIMITER__COUNTS__INIT;
    counts.keys = puts;
    counts.n_keys = n_puts;
    Limiter__Message m = LIMITER__MESSAGE__INIT;
    m.kind_case = LIMITER__MESSAGE__KIND_COUNTS;
    m.counts = &counts;
    out_send_many(out, to, n_to, TRANSPORT_STREAM, &m.base);
}

static void exchange(struct limiter_node *n, struct out *out)
{
    Limiter__Put put[COUNTS_MAX], *puts[COUNTS_MAX];
    Limiter__Rule rule[COUNTS_MAX];
    Limiter__Counter counter[COUNTS_MAX];
    size_t n_puts = 0;
    /* What changed was asked for lately, and lies at the front. More than fit wait for the next. */
    uint32_t tries = 4 * COUNTS_MAX;
    for (struct entry *e = n->keys.newest; e && n_puts < COUNTS_MAX && tries > 0;
         e = e->older, tries--) {
        if (!e->changed)
            continue;
        e->changed = false;
        limiter__put__init(&put[n_puts]);
        rule[n_puts] = gateway_rule(&e->rule);
        counter[n_puts] = pack_counter(&e->limiter.counter);
        put[n_puts].key.data = e->key;
        put[n_puts].key.len = e->key_len;
        put[n_puts].rule = &rule[n_puts];
        put[n_puts].counter = &counter[n_puts];
        puts[n_puts] = &put[n_puts];
        n_puts++;
    }
    send_counts(n, puts, n_puts, out);
}

static void on_counts(struct limiter_node *n, node_id from, const Limiter__Counts *m)
{
    uint32_t whose = 0;
    while (whose < n->rules.n_sharers && n->rules.sharers[whose] != from)
        whose++;
    if (whose == n->rules.n_sharers || n->rules.share != LIMITER__SHARE__LOCAL)
        return; /* Settings reach nodes at different times. */
    for (size_t i = 0; i < m->n_keys; i++) {
        const Limiter__Put *p = m->keys[i];
        struct limit_rule rule;
        struct entry *e = read_rule(p->rule, &n->rules.rule, &rule)
                              ? entry_of(n, bytes_of(p->key.data, p->key.len), &rule)
                              : NULL;
        if (e && !e->others)
            e->others = memory_alloc(n->memory, SHARERS_MAX * sizeof *e->others);
        if (e && e->others)
            e->others[whose] = read_counter(p->counter, &rule);
    }
}

/* --- exact --- */

/* As the owner, for itself or for the gateway that asks. */
static struct limit_verdict own(struct limiter_node *n, const struct request *r, struct bytes key,
                                const struct limit_rule *rule, struct out *out)
{
    struct told t = telling(n, key, rule);
    struct entry *e = entry_of(n, key, rule);
    if (e) {
        t.verdict = limiter_decide(&e->limiter, rule, n->now, r->quantity);
        e->told[t.verdict.outcome]++;
    } else {
        t.verdict = (struct limit_verdict){.outcome = LIMIT_REFUSED, .retry_ns = NSEC_PER_S};
        t.reason = LIMITER__REASON__NO_ROOM;
    }
    gateway_tell(n, r, &t, out);
    return t.verdict;
}

static void send_ask(const struct limiter_node *n, const struct ask *ask, node_id owner,
                     struct out *out)
{
    Limiter__Rule rule = gateway_rule(&ask->rule);
    Limiter__Ask a = LIMITER__ASK__INIT;
    a.id = ask->id;
    a.key.data = (uint8_t *)(uintptr_t)ask->key;
    a.key.len = ask->key_len;
    a.rule = &rule;
    a.quantity = ask->request.quantity;
    a.number = ask->request.number;
    a.read = n->rules.race;
    Limiter__Message m = LIMITER__MESSAGE__INIT;
    m.kind_case = LIMITER__MESSAGE__KIND_ASK;
    m.ask = &a;
    out_send(out, owner, TRANSPORT_STREAM, &m.base);
}

static void exact_request(struct limiter_node *n, const struct request *r, struct bytes key,
                          const struct limit_rule *rule, struct out *out)
{
    node_id owner = owner_of(&n->rules, key);
    if (owner == n->self) {
        struct limit_verdict v = own(n, r, key, rule, out);
        gateway_answer(n, r, rule, &v, out);
        return;
    }
    if (n->n_asks == ASKS_MAX || key.len > KEY_MAX) {
        struct told t = telling(n, key, rule);
        t.owner = owner;
        without_rule(n, r, &t, LIMITER__REASON__NO_ROOM, out);
        return;
    }
    struct ask *ask = &n->asks[n->n_asks++];
    *ask = (struct ask){.id = ++n->next_ask,
                        .until = n->now + n->rules.ask_timeout_ns,
                        .request = *r,
                        .rule = *rule,
                        .key_len = (uint32_t)key.len};
    if (key.len > 0)
        memcpy(ask->key, key.base, key.len);
    send_ask(n, ask, owner, out);
}

void shared_request(struct limiter_node *n, const struct request *r, struct bytes key,
                    const struct limit_rule *rule, struct out *out)
{
    if (n->rules.share == LIMITER__SHARE__LOCAL)
        local_request(n, r, key, rule, out);
    else
        exact_request(n, r, key, rule, out);
}

static void send_grant(node_id to, uint64_t id, const struct limit_verdict *v,
                       const struct sliding_counter *c, struct out *out)
{
    Limiter__Grant g = LIMITER__GRANT__INIT;
    Limiter__Counter counter;
    g.id = id;
    g.outcome = (Limiter__Outcome)v->outcome;
    g.remaining = v->remaining;
    g.retry_after_ns = v->retry_ns;
    g.reset_after_ns = v->reset_ns;
    if (c) {
        counter = pack_counter(c);
        g.counter = &counter;
    }
    Limiter__Message m = LIMITER__MESSAGE__INIT;
    m.kind_case = LIMITER__MESSAGE__KIND_GRANT;
    m.grant = &g;
    out_send(out, to, TRANSPORT_STREAM, &m.base);
}

static void on_ask(struct limiter_node *n, const struct input *in, const Limiter__Ask *m,
                   struct out *out)
{
    struct limit_rule rule;
    struct bytes key = bytes_of(m->key.data, m->key.len);
    if (!read_rule(m->rule, &n->rules.rule, &rule) || key.len > KEY_MAX ||
        m->quantity > QUANTITY_MAX) {
        out_violation(out, in->message.from, "asks for what no rule allows", in->message.body);
        return;
    }
    if (m->read) {
        struct entry *e = entry_of(n, key, &rule);
        struct limit_verdict none = {.outcome = LIMIT_REFUSED};
        if (e)
            sliding_counter_roll(&e->limiter.counter, &rule, n->now);
        send_grant(in->message.from, m->id, &none, e ? &e->limiter.counter : NULL, out);
        return;
    }
    struct request r = {
        .number = m->number, .quantity = m->quantity, .since = n->now, .gateway = in->message.from};
    struct limit_verdict v = own(n, &r, key, &rule, out);
    send_grant(in->message.from, m->id, &v, NULL, out);
}

/* The flaw: what was read is judged here, and written back; whoever read it meanwhile does too. */
static void race(struct limiter_node *n, const struct ask *ask, node_id owner,
                 const Limiter__Counter *read, struct out *out)
{
    struct told t = telling(n, bytes_of(ask->key, ask->key_len), &ask->rule);
    t.owner = owner;
    struct limiter copy;
    limiter_init(&copy, LIMITER_SLIDING_COUNTER, &ask->rule, n->now, NULL);
    copy.counter = read_counter(read, &ask->rule);
    t.verdict = limiter_decide(&copy, &ask->rule, n->now, ask->request.quantity);
    gateway_tell(n, &ask->request, &t, out);
    gateway_answer(n, &ask->request, &ask->rule, &t.verdict, out);
    if (t.verdict.outcome != LIMIT_ADMITTED)
        return;
    Limiter__Rule rule = gateway_rule(&ask->rule);
    Limiter__Counter counter = pack_counter(&copy.counter);
    Limiter__Put put = LIMITER__PUT__INIT;
    put.key.data = (uint8_t *)(uintptr_t)ask->key;
    put.key.len = ask->key_len;
    put.rule = &rule;
    put.counter = &counter;
    Limiter__Message m = LIMITER__MESSAGE__INIT;
    m.kind_case = LIMITER__MESSAGE__KIND_PUT;
    m.put = &put;
    out_send(out, owner, TRANSPORT_STREAM, &m.base);
}

static void on_put(struct limiter_node *n, const Limiter__Put *m)
{
    struct limit_rule rule;
    if (!n->rules.race || !read_rule(m->rule, &n->rules.rule, &rule))
        return;
    struct entry *e = entry_of(n, bytes_of(m->key.data, m->key.len), &rule);
    if (e)
        e->limiter.counter = read_counter(m->counter, &rule);
}

static void on_grant(struct limiter_node *n, node_id from, const Limiter__Grant *m, struct out *out)
{
    uint32_t i = 0;
    while (i < n->n_asks && n->asks[i].id != m->id)
        i++;
    if (i == n->n_asks)
        return; /* Too late: it was answered without. */
    const struct ask *ask = &n->asks[i];
    if (m->counter) {
        race(n, ask, from, m->counter, out);
    } else {
        const struct limit_verdict v = {
            .outcome = m->outcome == LIMITER__OUTCOME__ADMITTED ? LIMIT_ADMITTED : LIMIT_REFUSED,
            .remaining = m->remaining,
            .retry_ns = m->retry_after_ns,
            .reset_ns = m->reset_after_ns};
        gateway_answer(n, &ask->request, &ask->rule, &v, out);
    }
    n->asks[i] = n->asks[--n->n_asks];
}

void shared_message(struct limiter_node *n, const struct input *in, const Limiter__Message *m,
                    struct out *out)
{
    switch (m->kind_case) {
    case LIMITER__MESSAGE__KIND_ASK:
        on_ask(n, in, m->ask, out);
        break;
    case LIMITER__MESSAGE__KIND_GRANT:
        on_grant(n, in->message.from, m->grant, out);
        break;
    case LIMITER__MESSAGE__KIND_PUT:
        on_put(n, m->put);
        break;
    default:
        on_counts(n, in->message.from, m->counts);
        break;
    }
}

void shared_wake(struct limiter_node *n, struct out *out)
{
    uint32_t left = STEP_MAX;
    for (uint32_t i = 0; i < n->n_asks && left > 0;) {
        struct ask ask = n->asks[i];
        if (ask.until > n->now) {
            i++;
            continue;
        }
        n->asks[i] = n->asks[--n->n_asks];
        struct told t = telling(n, bytes_of(ask.key, ask.key_len), &ask.rule);
        t.owner = owner_of(&n->rules, t.key);
        without_rule(n, &ask.request, &t, LIMITER__REASON__OWNER_SILENT, out);
        left--;
    }
    if (rules_shares(&n->rules) && n->rules.share == LIMITER__SHARE__LOCAL &&
        n->now >= n->exchange_at) {
        exchange(n, out);
        n->exchange_at = n->now + n->rules.exchange_ns;
    }
}

nsec shared_deadline(const struct limiter_node *n)
{
    nsec at = NSEC_NEVER;
    if (rules_shares(&n->rules) && n->rules.share == LIMITER__SHARE__LOCAL)
        at = n->exchange_at;
    for (uint32_t i = 0; i < n->n_asks; i++)
        at = n->asks[i].until < at ? n->asks[i].until : at;
    return at;
}
