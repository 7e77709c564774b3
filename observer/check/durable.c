#include "check/durable.h"

#include "base/check.h"
#include "base/must.h"
#include "cluster/units.h"
#include "history.pb-c.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct durable_check *durable_check_new(struct check *c)
{
    struct durable_check *h = must_alloc(1, sizeof *h);
    h->check = c;
    words_init(&h->keys);
    datatype_init(&h->values, true);
    return h;
}

void durable_check_free(struct durable_check *h)
{
    for (uint32_t i = 0; i < h->n; i++)
        store_free(&h->stores[i]);
    free(h->stores);
    words_free(&h->keys);
    datatype_free(&h->values);
    free(h);
}

static struct store *store_of(struct durable_check *h, uint32_t node)
{
    if (node > h->n) {
        uint32_t n = h->check->n > node ? h->check->n : node;
        h->stores = realloc(h->stores, n * sizeof *h->stores);
        CHECK(h->stores);
        memset(h->stores + h->n, 0, (n - h->n) * sizeof *h->stores);
        h->n = n;
    }
    return &h->stores[node - 1];
}

/* The first life that we see of a store begins empty, if it is its first. */
static void begin_life(struct durable_check *h, const struct entry *e)
{
    const struct subject *s = check_subject(h->check, e->node);
    struct store *store = store_of(h, e->node);
    const Orrery__Instance *served = NULL;
    for (size_t i = 0; i < s->start->n_instances; i++)
        if (s->start->instances[i]->n_logs)
            served = s->start->instances[i];
    const char *sync = instance_setting(served, "sync");
    bool promises = !sync || strcmp(sync, "never") != 0;
    bool first = store->boot == 0;
    store->promises = promises;
    store->boot = e->boot;
    if ((first && e->boot != 1) || !promises) {
        store->promises = false;
        store_forget(store);
    }
}

static enum op_kind kind_of_op(const char *f)
{
    static const struct {
        const char *name;
        enum op_kind kind;
    } names[] = {{"get", OP_GET},   {"set", OP_SET},     {"del", OP_DEL},
                 {"incr", OP_INCR}, {"length", OP_LOOK}, {"exists", OP_LOOK}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(f, names[i].name) == 0)
            return names[i].kind;
    return OP_OTHER;
}

static struct bytes bytes_in(ProtobufCBinaryData b)
{
    return bytes_of(b.data, b.len);
}

/* It touches keys that it does not name. */
static bool untold(const History__Invoke *m)
{
    for (size_t i = 0; i < m->n_ops; i++)
        if (strcmp(m->ops[i]->f, "flush") == 0)
            return true;
    return m->partial;
}

static void take_invoke(struct durable_check *h, const struct entry *e)
{
    struct bytes body = trace_body(e->head.payload);
    History__Invoke *m = history__invoke__unpack(NULL, body.len, body.base);
    if (!m)
        return;
    struct store *s = store_of(h, e->node);
    h->seen = true;
    if (untold(m)) {
        store_forget(s);
        history__invoke__free_unpacked(m, NULL);
        return;
    }
    if (s->n_steps == s->cap_steps) {
        s->cap_steps = s->cap_steps ? 2 * s->cap_steps : 64;
        s->steps = realloc(s->steps, s->cap_steps * sizeof *s->steps);
        CHECK(s->steps);
    }
    struct step *step = &s->steps[s->n_steps++];
    *step = (struct step){
        .client = m->client,
        .request = m->request,
        .ordinal = e->ordinal,
        .n = (uint32_t)m->n_ops,
        .ops = calloc(m->n_ops ? m->n_ops : 1, sizeof(struct op)),
    };
    CHECK(step->ops);
    for (size_t i = 0; i < m->n_ops; i++) {
        const History__Op *op = m->ops[i];
        step->ops[i] = (struct op){
            .kind = kind_of_op(op->f),
            .key = words_add(&h->keys, bytes_in(op->key)),
            .by = op->number,
        };
        if (step->ops[i].kind == OP_SET)
            step->ops[i].value = words_add(&h->values.words, bytes_in(op->value));
        (void)store_cell(s, step->ops[i].key);
    }
    history__invoke__free_unpacked(m, NULL);
}

static void print_value(const struct durable_check *h, uint32_t value, char *into, size_t size)
{
    if (value == VALUE_ABSENT) {
        (void)snprintf(into, size, "nothing");
        return;
    }
    if (value == VALUE_ANY) {
        (void)snprintf(into, size, "anything");
        return;
    }
    char text[28];
    text_clean(text, sizeof text, h->values.words.all[value]);
    (void)snprintf(into, size, "'%s'", text);
}

/* A read that no state explains. */
static void refute(struct durable_check *h, uint32_t node, const struct step *step, uint32_t at,
                   uint32_t value, uint64_t ordinal)
{
    struct store *s = store_of(h, node);
    uint32_t key = step->ops[at].key;
    const struct cell *c = store_cell(s, key);
    char read[40];
    char there[40];
    char name[40];
    bool older = s->crashed && c->boot != s->boot;
    text_clean(name, sizeof name, h->keys.all[key]);
    print_value(h, value, read, sizeof read);
    print_value(h, c->value, there, sizeof there);
    struct finding *f = check_find(h->check, "history", older ? "durability" : "reads");
    uint64_t events[] = {c->ordinal, older ? s->crashed : 0, step->ordinal, ordinal};
    if (s->holes) {
        finding_unknown(f, "events of n%u are missing, and it read %s under %s", node, read, name);
    } else if (c->open) {
        finding_refute(f, events, 4,
                       "n%u read %s under %s: no prefix of what was attempted before its crash, "
                       "with all that was acknowledged, explains this and what else was read",
                       node, read, name);
    } else {
        finding_refute(f, events, 4, "n%u read %s under %s, where %s %s", node, read, name, there,
                       older ? "was acknowledged before its crash" : "must be");
    }
    store_forget(s);
}

static void verify(struct durable_check *h, uint32_t node, uint32_t i, const History__Complete *m,
                   uint64_t ordinal)
{
    struct store *s = store_of(h, node);
    const struct step *step = &s->steps[i];
    struct finding *f = check_find(h->check, "history", "reads");
    for (uint32_t o = 0; o < step->n && o < m->n_ops; o++) {
        const History__Op *op = m->ops[o];
        if (op->failed)
            step->ops[o].kind = OP_LOOK;
        uint32_t value = VALUE_ABSENT;
        if (step->ops[o].kind == OP_GET) {
            if (!op->absent)
                value = words_add(&h->values.words, bytes_in(op->value));
        } else if (step->ops[o].kind == OP_INCR) {
            value = datatype_number(&h->values, op->number);
        } else {
            continue;
        }
        f->judged++;
        if (!store_read(h, s, i, o, value)) {
            refute(h, node, step, o, value, ordinal);
            return;
        }
    }
}

static struct step *step_of(struct store *s, uint64_t client, uint64_t request, uint32_t *i)
{
    for (*i = 0; *i < s->n_steps; (*i)++)
        if (s->steps[*i].client == client && s->steps[*i].request == request)
            return &s->steps[*i];
    return NULL;
}

static void take_complete(struct durable_check *h, const struct entry *e)
{
    struct bytes body = trace_body(e->head.payload);
    History__Complete *m = history__complete__unpack(NULL, body.len, body.base);
    struct store *s = store_of(h, e->node);
    uint32_t i;
    struct step *step = m ? step_of(s, m->client, m->request, &i) : NULL;
    if (step && m->outcome == HISTORY__OUTCOME__FAIL)
        step->nothing = true;
    if (step && m->outcome != HISTORY__OUTCOME__INFO) {
        if (m->outcome == HISTORY__OUTCOME__OK)
            verify(h, e->node, i, m, e->ordinal);
        store_settle(h, s, i + 1, e->ordinal); /* It was answered: it is durable, and all before. */
    }
    if (m)
        history__complete__free_unpacked(m, NULL);
}

static void take_exit(struct durable_check *h, const struct entry *e)
{
    Orrery__Exit *m = orrery__exit__unpack(NULL, e->head.payload.len, e->head.payload.base);
    if (m && m->node >= 1 && m->node <= h->n) {
        struct store *s = store_of(h, m->node);
        s->crashed = e->ordinal;
        s->holes = s->holes || check_subject(h->check, m->node)->holes != 0;
        store_crash(h, s);
        h->crashes++;
    }
    if (m)
        orrery__exit__free_unpacked(m, NULL);
}

void durable_check_entry(struct durable_check *h, const struct entry *e, enum kind kind)
{
    bool told = kind == KIND_HISTORY_INVOKE || kind == KIND_HISTORY_COMPLETE;
    if (told && subject_store(check_subject(h->check, e->node), e->head.instance) != STORE_OWN)
        return;
    if (kind == KIND_HISTORY_INVOKE)
        take_invoke(h, e);
    else if (kind == KIND_HISTORY_COMPLETE)
        take_complete(h, e);
    else if (e->head.body == ORRERY__EVENT__BODY_EXIT && e->node == 0 && h->seen)
        take_exit(h, e);
    else if (e->head.body == ORRERY__EVENT__BODY_START && e->node != 0 &&
             check_subject(h->check, e->node)->start)
        begin_life(h, e);
    else if (e->head.body == ORRERY__EVENT__BODY_HOLE && e->node == 0)
        for (uint32_t i = 0; i < h->n; i++)
            if (check_subject(h->check, i + 1)->holes) {
                h->stores[i].holes = true;
                store_forget(&h->stores[i]);
            }
}

void durable_check_end(struct durable_check *h)
{
    if (!h->seen)
        return;
    struct finding *reads = check_find(h->check, "history", "reads");
    struct finding *durability = check_find(h->check, "history", "durability");
    for (uint32_t i = 0; i < h->n; i++)
        if (h->stores[i].holes) {
            finding_unknown(reads, "events of n%u are missing", i + 1);
            finding_unknown(durability, "events of n%u are missing", i + 1);
        }
    durability->judged += h->crashes;
    finding_proven(reads, "each of %" PRIu64 " reads found what the writes before it had left",
                   reads->judged);
    finding_proven(durability,
                   "after each of %" PRIu64 " ends all that had been acknowledged was there, and "
                   "nothing that had not been attempted",
                   h->crashes);
}
