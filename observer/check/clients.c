/* The histories of a run's clients, taken at the client ports of all its nodes.
 *
 * Where the nodes share one store, it is judged as the run goes on whether they are linearizable:
 * a bounded number of steps for each event, so that nobody who looks waits for it. Where each node
 * has a store of its own, the order in which it executes is known, and more can be said: see
 * durable.h. On demand the whole history is kept instead, of either, to be judged or written. */
#include "check/inner.h"

#include "base/check.h"
#include "base/must.h"
#include "check/consistency.h"
#include "check/linear.h"
#include "history.pb-c.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROWS_LIVE_MAX = 1 << 8, /* Configurations: what one event costs hangs on them. */
    STEPS_LIVE = 200,
    STEPS_END = 2000000,
    SLICES_END = 200, /* Of a judge of whole histories. */
    SMALLEST_STEPS_LIVE = 20000,
};

/* Whose fate is not told by then is unknown; if it is told later, that is not used. */
static const uint64_t patience_ns = 10 * NS_PER_S;

struct asked {
    uint32_t node;
    uint32_t boot;
    uint64_t client;
    uint64_t request;
    uint64_t at_ns;
    struct operation *operation;
};

struct clients_check {
    struct check *check;
    struct history history;
    struct linear linear;
    bool whole; /* It is kept, and judged at the end; */
    bool all;   /* or of every store kept, and left to whoever asked. */
    bool begun; /* A node that serves has started. */
    bool stopped;
    char why[160];       /* It was. */
    struct asked *asked; /* In the order of their invocations. */
    uint32_t n;
    uint32_t cap;
};

struct clients_check *clients_check_new(struct check *c)
{
    struct clients_check *cs = must_alloc(1, sizeof *cs);
    cs->check = c;
    history_init(&cs->history, true);
    linear_init(&cs->linear, &cs->history, true);
    cs->linear.rows_max = ROWS_LIVE_MAX;
    return cs;
}

void clients_check_free(struct clients_check *cs)
{
    linear_free(&cs->linear);
    history_free(&cs->history);
    free(cs->asked);
    free(cs);
}

void clients_check_keep(struct clients_check *cs, bool all)
{
    CHECK(!cs->begun);
    cs->whole = true;
    cs->all = all;
}

struct history *clients_check_history(struct clients_check *cs, char *why, size_t why_size)
{
    CHECK(cs->all);
    if (!cs->stopped && cs->history.operations.n)
        return &cs->history;
    (void)snprintf(why, why_size, "%s",
                   cs->stopped ? cs->why : "no client asked its nodes for anything");
    return NULL;
}

enum store_kind subject_store(const struct subject *s, uint32_t instance)
{
    for (size_t i = 0; s->start && i < s->start->n_instances; i++) {
        const Orrery__Instance *x = s->start->instances[i];
        if (x->number == instance && strcmp(x->protocol, "kv") == 0)
            return STORE_OWN;
        if (x->number == instance && strcmp(x->protocol, "raft") == 0)
            return STORE_SHARED;
    }
    return STORE_NONE;
}

static bool serves(const struct subject *s)
{
    for (size_t i = 0; s->start && i < s->start->n_instances; i++)
        if (subject_store(s, s->start->instances[i]->number) != STORE_NONE)
            return true;
    return false;
}

__attribute__((format(printf, 2, 3))) static void stop(struct clients_check *cs, const char *format,
                                                       ...)
{
    va_list args;
    if (cs->stopped)
        return;
    cs->stopped = true;
    va_start(args, format);
    (void)vsnprintf(cs->why, sizeof cs->why, format, args);
    va_end(args);
}

/* --- what was asked --- */

static const struct {
    const char *f;
    enum action_kind kind;
} names[] = {{"get", ACTION_READ},      {"set", ACTION_WRITE},     {"del", ACTION_DELETE},
             {"incr", ACTION_ADD},      {"append", ACTION_APPEND}, {"length", ACTION_LENGTH},
             {"exists", ACTION_EXISTS}, {"cas", ACTION_CAS},       {"expire", ACTION_EXPIRE}};
enum { NAMES = sizeof names / sizeof names[0] };

static struct bytes bytes_in(ProtobufCBinaryData b)
{
    return bytes_of(b.data, b.len);
}

static uint32_t key_word(struct clients_check *cs, uint32_t node, bool own, struct bytes key)
{
    struct buf name = {0};
    if (own)
        buf_printf(&name, "n%u/", node);
    buf_append(&name, key);
    uint32_t word = words_add(&cs->history.keys, buf_bytes(&name));
    buf_free(&name);
    return word;
}

/* False: it does what no model here knows. */
static bool take_action(struct clients_check *cs, uint32_t node, bool own, const History__Op *op,
                        struct action *a)
{
    size_t i = 0;
    while (i < NAMES && strcmp(names[i].f, op->f) != 0)
        i++;
    if (i == NAMES)
        return false;
    *a = (struct action){
        .kind = names[i].kind, .key = key_word(cs, node, own, bytes_in(op->key)), .by = op->number};
    struct words *values = &cs->history.datatype.words;
    if (a->kind == ACTION_WRITE || a->kind == ACTION_APPEND || a->kind == ACTION_CAS)
        a->value = words_add(values, bytes_in(op->value));
    if (a->kind == ACTION_CAS && !op->absent)
        a->expected = words_add(values, bytes_in(op->expected));
    return true;
}

static void settle(struct clients_check *cs, uint32_t i, enum fate fate)
{
    struct operation *o = cs->asked[i].operation;
    o->fate = fate;
    operation_settle(o);
    cs->n--;
    memmove(cs->asked + i, cs->asked + i + 1, (cs->n - i) * sizeof *cs->asked);
}

static void remember(struct clients_check *cs, const struct entry *e, const History__Invoke *m,
                     struct operation *o)
{
    char name[64];
    int n = snprintf(name, sizeof name, "n%u.%u:%" PRIu64, e->node, e->boot, m->client);
    o->client = words_add(&cs->history.clients, bytes_of(name, (size_t)n));
    o->invoked = o->invoke_event = e->ordinal;
    o->invoke_ns = e->head.mono_ns;
    if (cs->n == cs->cap) {
        uint32_t cap = cs->cap ? 2 * cs->cap : 64;
        cs->asked = must_grow(cs->asked, cs->cap, cap, sizeof *cs->asked);
        cs->cap = cap;
    }
    cs->asked[cs->n++] = (struct asked){e->node, e->boot, m->client, m->request, cs->check->now, o};
    if (cs->whole)
        operations_add(&cs->history.operations, o);
    else
        linear_invoke(&cs->linear, o);
}

static void take_invoke(struct clients_check *cs, const struct entry *e, bool own)
{
    struct bytes body = trace_body(e->head.payload);
    History__Invoke *m = history__invoke__unpack(NULL, body.len, body.base);
    if (!m)
        return;
    struct operation *o = operation_new((uint32_t)m->n_ops);
    bool known = !m->partial && m->n_ops > 0;
    for (size_t i = 0; known && i < m->n_ops; i++)
        known = take_action(cs, e->node, own, m->ops[i], &o->actions[i]);
    if (known) {
        remember(cs, e, m, o);
    } else {
        free(o);
        stop(cs, "an operation (e%" PRIu64 ") is not told in full", e->ordinal);
    }
    history__invoke__free_unpacked(m, NULL);
}

/* --- what became of it --- */

static void take_result(struct clients_check *cs, const History__Op *op, struct action *a)
{
    a->refused = op->failed;
    if (a->refused)
        return;
    a->told = a->kind != ACTION_WRITE && a->kind != ACTION_EXPIRE;
    a->number = op->number;
    if (a->kind == ACTION_READ)
        a->value =
            op->absent ? VALUE_ABSENT : words_add(&cs->history.datatype.words, bytes_in(op->value));
}

static void take_complete(struct clients_check *cs, const struct entry *e)
{
    struct bytes body = trace_body(e->head.payload);
    History__Complete *m = history__complete__unpack(NULL, body.len, body.base);
    if (!m)
        return;
    uint32_t i = 0;
    while (i < cs->n && (cs->asked[i].node != e->node || cs->asked[i].client != m->client ||
                         cs->asked[i].request != m->request || cs->asked[i].boot != e->boot))
        i++;
    struct operation *o = i < cs->n ? cs->asked[i].operation : NULL;
    if (o) {
        bool known = m->outcome != HISTORY__OUTCOME__INFO;
        o->completed = known ? e->ordinal : NEVER;
        o->complete_event = e->ordinal;
        o->complete_ns = e->head.mono_ns;
    }
    if (o && m->outcome == HISTORY__OUTCOME__OK && m->n_ops == o->n) {
        for (uint32_t k = 0; k < o->n; k++)
            take_result(cs, m->ops[k], &o->actions[k]);
        settle(cs, i, FATE_OK);
        if (!cs->whole)
            linear_complete(&cs->linear, o);
    } else if (o) {
        settle(cs, i, m->outcome == HISTORY__OUTCOME__FAIL ? FATE_DROPPED : FATE_UNKNOWN);
    }
    history__complete__free_unpacked(m, NULL);
}

/* Who ended, or began anew, answers no more. */
static void end_life(struct clients_check *cs, uint32_t node, uint32_t boot)
{
    for (uint32_t i = cs->n; i-- > 0;)
        if (cs->asked[i].node == node && cs->asked[i].boot < boot)
            settle(cs, i, FATE_UNKNOWN);
}

static void take_exit(struct clients_check *cs, const struct entry *e)
{
    Orrery__Exit *m = orrery__exit__unpack(NULL, e->head.payload.len, e->head.payload.base);
    if (m && m->boot < UINT32_MAX)
        end_life(cs, m->node, m->boot + 1);
    if (m)
        orrery__exit__free_unpacked(m, NULL);
}

/* Which events are missing, nobody knows: an operation's may be among them. */
static void take_hole(struct clients_check *cs, const struct entry *e)
{
    Orrery__Hole *m = orrery__hole__unpack(NULL, e->head.payload.len, e->head.payload.base);
    const struct subject *s = m ? check_subject(cs->check, m->node) : NULL;
    if (s && (!s->start || serves(s)))
        stop(cs, "events of n%u are missing", m->node);
    if (m)
        orrery__hole__free_unpacked(m, NULL);
}

/* What was there before we looked, nobody says. */
static void take_start(struct clients_check *cs, const struct entry *e)
{
    end_life(cs, e->node, e->boot);
    if (!serves(check_subject(cs->check, e->node)))
        return;
    if (!cs->begun && e->boot != 1)
        cs->history.initial = VALUE_ANY;
    cs->begun = true;
}

/* --- the judge --- */

static void refute(struct clients_check *cs, const struct operations *least)
{
    struct buf text = {0};
    uint64_t events[FINDING_EVENTS_MAX];
    uint32_t n = 0;
    for (uint32_t i = 0; i < least->n; i++) {
        const struct operation *o = least->all[i];
        if (n < FINDING_EVENTS_MAX)
            events[n++] = o->fate == FATE_OK ? o->complete_event : o->invoke_event;
        buf_printf(&text, i ? "; " : "");
        history_print_operation(&cs->history, o, &text);
    }
    finding_refute(check_find(cs->check, "history", "linearizable"), events, n,
                   "no order of these %u explains what was answered: %.*s", least->n, (int)text.len,
                   (const char *)text.base);
    buf_free(&text);
}

static void judge(struct clients_check *cs, uint64_t steps)
{
    if (cs->linear.refuted)
        return;
    if (cs->n && cs->check->now - cs->asked[0].at_ns > patience_ns)
        settle(cs, 0, FATE_UNKNOWN);
    if (linear_run(&cs->linear, &steps) == PROGRESS_REFUTED) {
        struct operations least;
        free(linear_smallest(&cs->linear, SMALLEST_STEPS_LIVE, &least));
        refute(cs, &least);
        operations_free(&least);
    } else if (cs->linear.progress == PROGRESS_TOO_MANY)
        stop(cs, "what was asked at once can have happened in too many orders");
}

static void take_trace(struct clients_check *cs, const struct entry *e, enum kind kind)
{
    enum store_kind store = subject_store(check_subject(cs->check, e->node), e->head.instance);
    if (store == STORE_NONE || (store == STORE_OWN && !cs->all))
        return;
    if (kind == KIND_HISTORY_INVOKE)
        take_invoke(cs, e, store == STORE_OWN);
    else
        take_complete(cs, e);
    if (!cs->whole)
        judge(cs, STEPS_LIVE);
}

void clients_check_entry(struct clients_check *cs, const struct entry *e, enum kind kind)
{
    if (cs->stopped)
        return;
    if (kind == KIND_HISTORY_INVOKE || kind == KIND_HISTORY_COMPLETE)
        take_trace(cs, e, kind);
    else if (e->node == 0 && e->head.body == ORRERY__EVENT__BODY_EXIT)
        take_exit(cs, e);
    else if (e->node == 0 && e->head.body == ORRERY__EVENT__BODY_HOLE)
        take_hole(cs, e);
    else if (e->node != 0 && e->head.body == ORRERY__EVENT__BODY_START)
        take_start(cs, e);
}

static bool slices_end(void *ctx)
{
    uint32_t *slices = ctx;
    if (*slices == 0)
        return true;
    --*slices;
    return false;
}

static uint64_t judge_whole(struct clients_check *cs)
{
    struct judgement j;
    uint32_t slices = SLICES_END;
    const struct patience patience = {slices_end, &slices};
    consistency_judge(&cs->history, CONSISTENCY_LINEARIZABLE, &patience, &j);
    if (j.verdict == VERDICT_REFUTED)
        refute(cs, &j.example);
    else if (j.verdict == VERDICT_UNKNOWN)
        stop(cs, "%s", j.sentence);
    judgement_free(&j);
    return cs->history.operations.n;
}

static uint64_t judge_rest(struct clients_check *cs)
{
    judge(cs, STEPS_END);
    if (!cs->stopped && cs->linear.progress == PROGRESS_MORE)
        stop(cs, "the search was given up: it has too many orders to try");
    return cs->linear.judged;
}

void clients_check_end(struct clients_check *cs)
{
    while (cs->n)
        settle(cs, cs->n - 1, FATE_UNKNOWN);
    bool any = cs->linear.last || cs->history.operations.n;
    if (cs->all || (!any && !cs->stopped))
        return;
    struct finding *f = check_find(cs->check, "history", "linearizable");
    if (!cs->stopped)
        f->judged = cs->whole ? judge_whole(cs) : judge_rest(cs);
    if (cs->stopped)
        finding_unknown(f, "%s", cs->why);
    finding_proven(f,
                   "each of %" PRIu64 " operations can have happened at a point between its "
                   "invocation and its completion",
                   f->judged);
}
