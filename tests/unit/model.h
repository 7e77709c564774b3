/* A model of processes that pass messages, for tests of the timeline: its events, packed, with what
 * truly caused what. Times may lie: each node's clock is off by its own amount. */
#ifndef ORRERY_TESTS_MODEL_H
#define ORRERY_TESTS_MODEL_H

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/random.h"
#include "event.pb-c.h"
#include "timeline/timeline.h"

struct model_event {
    uint32_t node;
    uint32_t boot;
    uint64_t seq;
    uint64_t mono_ns;
    size_t cause; /* Index of the send + 1, for a receive or drop; 0 none. */
    uint32_t body;
    struct buf packed;
    bool lost; /* Never reached the observer: it did not fit its ring. */
};

struct model {
    struct model_event *all; /* In an order that is causal. */
    size_t n, cap;
    uint32_t nodes;
};

static inline void model_pack(struct model_event *e, Orrery__Event *event)
{
    event->seq = e->seq;
    event->mono_ns = e->mono_ns;
    event->wall_ns = (int64_t)e->mono_ns;
    event->lamport = e->seq;
    e->body = (uint32_t)event->body_case;
    size_t n = orrery__event__get_packed_size(event);
    buf_clear(&e->packed);
    orrery__event__pack(event, buf_extend(&e->packed, n));
}

static inline struct model_event *model_add(struct model *m, uint32_t node, uint32_t boot,
                                            uint64_t seq, uint64_t mono_ns)
{
    if (m->n == m->cap) {
        m->cap = m->cap ? m->cap * 2 : 256;
        m->all = (struct model_event *)realloc(m->all, m->cap * sizeof *m->all);
        CHECK(m->all);
    }
    m->all[m->n] = (struct model_event){.node = node, .boot = boot, .seq = seq, .mono_ns = mono_ns};
    return &m->all[m->n++];
}

static inline void model_free(struct model *m)
{
    for (size_t i = 0; i < m->n; i++)
        buf_free(&m->all[i].packed);
    free(m->all);
    *m = (struct model){0};
}

struct model_options {
    uint32_t nodes;
    size_t steps;
    uint64_t skew_ns; /* Clocks are off by up to this much. */
    uint64_t tick_ns; /* A step takes up to this long; 0: everything at the same instant. */
    double lose;      /* Share of events that never reach the observer. */
};

static inline void model_send(struct model *m, struct model_event *e, uint32_t to, uint32_t nodes)
{
    (void)m;
    uint32_t list[2] = {to, to % nodes + 1};
    Orrery__Send send = ORRERY__SEND__INIT;
    Orrery__Event event = ORRERY__EVENT__INIT;
    uint8_t body[4] = {0x0a, 2, 8, (uint8_t)(e->seq & 0x7f)}; /* heartbeat.Message: a beat. */
    send.n_to = 2;
    send.to = list;
    send.body.data = body;
    send.body.len = sizeof body;
    send.size = sizeof body;
    event.instance = 1;
    event.body_case = ORRERY__EVENT__BODY_SEND;
    event.send = &send;
    model_pack(e, &event);
}

static inline void model_take(const struct model *m, struct model_event *e, size_t sent, bool drop)
{
    const struct model_event *s = &m->all[sent];
    Orrery__Receive receive = ORRERY__RECEIVE__INIT;
    Orrery__Drop dropped = ORRERY__DROP__INIT;
    Orrery__Event event = ORRERY__EVENT__INIT;
    event.instance = 1;
    e->cause = sent + 1;
    if (drop) {
        dropped.reason = ORRERY__DROP_REASON__DROP_LOSS;
        dropped.from = s->node;
        dropped.to = e->node;
        dropped.boot = s->boot;
        dropped.event = s->seq;
        event.body_case = ORRERY__EVENT__BODY_DROP;
        event.drop = &dropped;
    } else {
        receive.from = s->node;
        receive.boot = s->boot;
        receive.event = s->seq;
        event.body_case = ORRERY__EVENT__BODY_RECEIVE;
        event.receive = &receive;
    }
    model_pack(e, &event);
}

static inline void model_wake(struct model_event *e)
{
    Orrery__Wake wake = ORRERY__WAKE__INIT;
    Orrery__Event event = ORRERY__EVENT__INIT;
    event.instance = 1;
    event.body_case = ORRERY__EVENT__BODY_WAKE;
    event.wake = &wake;
    model_pack(e, &event);
}

/* Each step one node does one thing; boots now and then. */
static inline struct model model_run(struct random *r, const struct model_options *o)
{
    struct model m = {.nodes = o->nodes};
    uint64_t *seq = (uint64_t *)calloc(o->nodes + 1, sizeof *seq);
    uint64_t *skew = (uint64_t *)calloc(o->nodes + 1, sizeof *skew);
    uint32_t *boot = (uint32_t *)calloc(o->nodes + 1, sizeof *boot);
    size_t *sends = (size_t *)calloc(o->steps, sizeof *sends);
    size_t n_sends = 0;
    uint64_t now = 1000000;
    CHECK(seq && skew && boot && sends);
    for (uint32_t i = 1; i <= o->nodes; i++) {
        skew[i] = o->skew_ns ? random_below(r, o->skew_ns) : 0;
        boot[i] = 1;
    }
    for (size_t i = 0; i < o->steps; i++) {
        uint32_t node = 1 + (uint32_t)random_below(r, o->nodes);
        now += o->tick_ns ? random_below(r, o->tick_ns) : 0;
        if (random_chance(r, 0.002)) {
            boot[node]++;
            seq[node] = 0;
        }
        struct model_event *e = model_add(&m, node, boot[node], ++seq[node], now + skew[node]);
        double dice = random_unit(r);
        if (dice < 0.4) {
            model_send(&m, e, 1 + (uint32_t)random_below(r, o->nodes), o->nodes);
            sends[n_sends++] = i;
        } else if (dice < 0.8 && n_sends > 0) {
            size_t back = random_below(r, n_sends < 50 ? n_sends : 50);
            model_take(&m, e, sends[n_sends - 1 - back], random_chance(r, 0.1));
        } else {
            model_wake(e);
        }
        e->lost = random_chance(r, o->lose);
    }
    free(seq);
    free(skew);
    free(boot);
    free(sends);
    return m;
}

/* What came out: for each event of the model its ordinal, 0 none. */
struct outcome {
    uint64_t *ordinals;
    uint64_t *causes;
    size_t doubles;
    size_t strangers; /* Entries that are no event of the model. */
    size_t holes;     /* Events that hole events speak of. */
};

static inline const char *outcome_judge(const struct model *m, const struct outcome *o)
{
    if (o->doubles > 0)
        return "an event came out twice";
    if (o->strangers > 0)
        return "an event came out that never went in";
    for (size_t i = 0; i < m->n; i++) {
        const struct model_event *e = &m->all[i];
        if (!e->lost != (o->ordinals[i] != 0))
            return "an event was lost";
        if (e->lost || !e->cause || m->all[e->cause - 1].lost)
            continue;
        if (o->ordinals[e->cause - 1] > o->ordinals[i])
            return "a receive came before its send";
        if (o->causes[i] != o->ordinals[e->cause - 1])
            return "a receive does not name its send";
    }
    return NULL;
}

/* Programme order: of two events of one life, the earlier one came out earlier. */
static inline const char *outcome_judge_lives(const struct model *m, const struct outcome *o)
{
    for (size_t i = 0; i < m->n; i++)
        for (size_t k = i + 1; k < m->n && k < i + 400; k++)
            if (m->all[i].node == m->all[k].node && m->all[i].boot == m->all[k].boot &&
                o->ordinals[i] && o->ordinals[k]) {
                if (o->ordinals[i] > o->ordinals[k])
                    return "a life came out in another order";
                break;
            }
    return NULL;
}

#endif
