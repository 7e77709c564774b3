/* A gateway: a request comes, is judged, and is passed on, delayed or refused. */
#include "limiter_impl.h"

#include "base/check.h"

#include <string.h>

Limiter__Rule gateway_rule(const struct limit_rule *r)
{
    Limiter__Rule m = LIMITER__RULE__INIT;
    m.count = r->count;
    m.period_ns = r->period_ns;
    m.burst = r->burst;
    m.queue = r->queue;
    m.meter = r->meter;
    return m;
}

void gateway_tell(struct limiter_node *n, const struct request *r, const struct told *t,
                  struct out *out)
{
    Limiter__Rule rule = gateway_rule(t->rule);
    Limiter__Decision m = LIMITER__DECISION__INIT;
    m.number = r->number;
    m.client = r->client;
    m.key.data = (uint8_t *)(uintptr_t)t->key.base;
    m.key.len = t->key.len;
    m.outcome = (Limiter__Outcome)t->verdict.outcome;
    m.algorithm = (Limiter__Algorithm)t->algorithm;
    m.rule = &rule;
    m.quantity = r->quantity;
    m.at_ns = n->now;
    m.level_milli = t->verdict.level_milli;
    m.remaining = t->verdict.remaining;
    m.wait_ns = t->verdict.wait_ns;
    m.retry_after_ns = t->verdict.retry_ns;
    m.reset_after_ns = t->verdict.reset_ns;
    m.state_bytes = t->state_bytes;
    m.share = t->share;
    m.gateway = r->gateway;
    m.owner = t->owner;
    m.reason = t->reason;
    out_trace(out, &m.base);
}

static void answer(const struct request *r, const struct limit_verdict *v, nsec waited,
                   struct out *out)
{
    Limiter__Answer a = LIMITER__ANSWER__INIT;
    a.number = r->number;
    a.outcome = (Limiter__Outcome)v->outcome;
    a.retry_after_ns = v->retry_ns;
    a.waited_ns = waited;
    Limiter__Message m = LIMITER__MESSAGE__INIT;
    m.kind_case = LIMITER__MESSAGE__KIND_ANSWER;
    m.answer = &a;
    out_send(out, r->from, TRANSPORT_STREAM, &m.base);
}

void gateway_answer(struct limiter_node *n, const struct request *r, const struct limit_rule *rule,
                    const struct limit_verdict *v, struct out *out)
{
    if (r->from == NODE_NONE)
        client_verdict(r, rule, n->rules.algorithm, v, out);
    else
        answer(r, v, n->now - r->since, out);
}

static void find_release(struct limiter_node *n)
{
    n->release_at = NSEC_NEVER;
    for (struct entry *e = n->waiting; e; e = e->next_waiting) {
        nsec at =
            n->now + limiter_leave_wait(&e->limiter, &e->rule, n->now, e->first->request.quantity);
        n->release_at = at < n->release_at ? at : n->release_at;
    }
}

static bool delay(struct limiter_node *n, struct entry *e, const struct request *r)
{
    struct waiting *w = memory_alloc(n->memory, sizeof *w);
    if (!w)
        return false;
    w->request = *r;
    if (e->last)
        e->last->next = w;
    else
        e->first = w;
    e->last = w;
    if (e->first == w) {
        e->next_waiting = n->waiting;
        n->waiting = e;
        find_release(n);
    }
    return true;
}

static void refuse(struct limiter_node *n, const struct request *r, struct told *t, struct out *out)
{
    t->verdict = (struct limit_verdict){.outcome = LIMIT_REFUSED, .retry_ns = NSEC_PER_S};
    t->reason = LIMITER__REASON__NO_ROOM;
    gateway_tell(n, r, t, out);
    gateway_answer(n, r, t->rule, &t->verdict, out);
}

void gateway_request(struct limiter_node *n, const struct request *r, struct bytes key,
                     const struct limit_rule *rule, struct out *out)
{
    if (rules_shares(&n->rules)) {
        shared_request(n, r, key, rule, out);
        return;
    }
    enum limiter_kind kind = n->rules.algorithm;
    struct told t = {.key = key, .rule = rule, .algorithm = kind};
    t.state_bytes = (uint32_t)limiter_bytes(kind, rule);
    struct entry *e = keys_obtain(n, key, rule, kind);
    /* Memory for one that waits is had before it is told that it may. */
    if (!e || n->memory->limit - n->memory->used < sizeof(struct waiting) + KEY_MAX) {
        refuse(n, r, &t, out);
        return;
    }
    t.verdict = limiter_decide(&e->limiter, rule, n->now, r->quantity);
    e->told[t.verdict.outcome]++;
    gateway_tell(n, r, &t, out);
    if (t.verdict.outcome != LIMIT_DELAYED) {
        gateway_answer(n, r, rule, &t.verdict, out);
        return;
    }
    bool kept = delay(n, e, r);
    CHECK(kept);
}

static void pass_on(struct limiter_node *n, struct entry *e, struct out *out)
{
    struct waiting *w = e->first;
    const struct request *r = &w->request;
    e->first = w->next;
    if (!e->first)
        e->last = NULL;
    Limiter__Rule rule = gateway_rule(&e->rule);
    Limiter__Release m = LIMITER__RELEASE__INIT;
    m.number = r->number;
    m.client = r->client;
    m.key.data = e->key;
    m.key.len = e->key_len;
    m.algorithm = (Limiter__Algorithm)e->limiter.kind;
    m.rule = &rule;
    m.quantity = r->quantity;
    m.at_ns = n->now;
    m.waited_ns = n->now - r->since;
    m.waiting = limiter_waiting(&e->limiter);
    out_trace(out, &m.base);
    struct limit_verdict v = limiter_decide(&e->limiter, &e->rule, n->now, 0);
    v.outcome = LIMIT_ADMITTED;
    gateway_answer(n, r, &e->rule, &v, out);
    memory_free(n->memory, w);
}

void gateway_release(struct limiter_node *n, struct out *out)
{
    if (n->now < n->release_at)
        return;
    uint32_t left = STEP_MAX;
    for (struct entry **at = &n->waiting; *at;) {
        struct entry *e = *at;
        while (left > 0 && e->first &&
               limiter_leave(&e->limiter, &e->rule, n->now, e->first->request.quantity)) {
            pass_on(n, e, out);
            left--;
        }
        if (e->first)
            at = &e->next_waiting;
        else
            *at = e->next_waiting;
    }
    find_release(n);
}
